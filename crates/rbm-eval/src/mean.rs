//! Means with their standard errors.

/// A mean over rows and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) value: f64,
    /// `sqrt(sum (x - mean)^2 / (n (n - 1)))`; absent for a single row.
    pub(crate) stderr: Option<f64>,
}

impl Mean {
    /// The mean of one value a row, summed in the order of the rows; `None` without rows.
    pub(crate) fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Option<Self> {
        let count = values.len() as f64;
        if count == 0.0 {
            return None;
        }
        let value = values.clone().sum::<f64>() / count;
        let squares: f64 = values.map(|x| (x - value) * (x - value)).sum();
        Some(Self { value, stderr: (count > 1.0).then(|| (squares / (count * (count - 1.0))).sqrt()) })
    }
}
