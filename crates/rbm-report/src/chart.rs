//! Charts of values that belong to no sweep, as plain data.

/// One chart: lines over a number, or a dot with its interval for each condition.
///
/// Values that are no numbers, and on a logarithmic axis those not above zero, are left out. Where nothing remains, the
/// chart says "nothing measured".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// The name of its file, without suffix.
    pub stem: String,
    /// What stands above it.
    pub title: String,
    /// What it shows, in words and numbers, to stand below it.
    pub sentence: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// What x is, with its unit; of [`ChartKind::Dots`] what the labels of the rows are.
    pub x_label: String,
    /// What y is, with its unit. Of [`ChartKind::Dots`] this is the horizontal axis; an empty one is
    /// taken from `x_label`.
    pub y_label: String,
    /// Whether each tenfold of x is as wide as the last.
    pub x_log: bool,
    /// Whether each tenfold of y is as high as the last, or of [`ChartKind::Dots`] as wide.
    pub y_log: bool,
    /// The lines, or the rows.
    pub series: Vec<ChartSeries>,
    /// Values to compare with. One so far away that it would press the others together lies on the edge, with its value
    /// in its label.
    pub references: Vec<Reference>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartKind {
    /// y over a numeric x: a line a series, with a band of the intervals where it has many points and whiskers where it
    /// has few. Where several lines have whiskers, they stand a few pixels apart.
    #[default]
    Lines,
    /// A row a series, with its label on the left and its value with interval as dot and whisker: for comparisons of
    /// conditions.
    Dots,
}

/// A line, or a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartSeries {
    /// Its name.
    pub label: String,
    /// Its points, in any order; of [`ChartKind::Dots`] exactly one.
    pub points: Vec<ChartPoint>,
}

/// A value and its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChartPoint {
    /// Where it lies on the axis below; of [`ChartKind::Dots`] it counts for nothing.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The lower end of its interval; minus infinity where that has none.
    pub low: Option<f64>,
    /// The upper end of its interval; infinity where that has none.
    pub high: Option<f64>,
}

/// A value that a dashed line marks: a published figure, a bound, the best possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// The value, on the axis of y.
    pub at: f64,
    /// Its name.
    pub label: String,
}
