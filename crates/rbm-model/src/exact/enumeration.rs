//! Walking through all states of one layer in Gray-code order, one flip at a time.

use std::borrow::Cow;

use rayon::prelude::*;

use super::{LAYER_LIMIT, LIMIT, TABLE_LIMIT};
use crate::{Error, Parameters};

/// Rounding errors of the running products are wiped out every so many states; the least length of a segment.
const REFRESH: usize = 1 << 10;
/// Rounding errors of running sums are wiped out every so many states: next to the logarithms this costs little.
const REFRESH_SUMS: usize = 1 << 4;
/// Up to so many evaluations of a softplus (a millisecond or two) a walk keeps activations: exact to the last bits.
const LEAST_WORK: usize = 1 << 16;
/// Segments that are summed apart, and then in order, whatever the threads: enough for 64 threads.
const MOST_SEGMENTS: usize = 64;
/// Above this bound on an activation the running product `exp(activation)` could leave the range of f64 (`exp(709)`).
const LARGEST_EXPONENT: f64 = 600.0;
/// Running products that advance side by side: enough to hide the latency of a multiplication in any vector width.
const LANES: usize = 16;

/// One layer of a machine whose states are enumerated, and the other layer, summed in closed form.
pub(super) struct Enumeration<'a> {
    /// Oriented: the enumerated layer is its hidden layer.
    machine: Cow<'a, Parameters>,
    form: Form,
}

/// What a walk keeps of the other layer.
enum Form {
    /// `exp(activation)`: a flip multiplies by a factor from one of these tables, `[enumerated, padded other]`.
    Exponential { on: Vec<f64>, off: Vec<f64>, group: usize },
    /// The activation itself: a flip adds or subtracts weights.
    Logarithmic,
}

/// What is computed for the states of the enumerated layer, which decides how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Sums over states: nothing is kept of one.
    Sum,
    /// A table over all states, to draw from.
    Sample,
    /// The law of a whole layer.
    Law,
}

impl Purpose {
    /// Refuses a layer with too many units.
    pub(super) fn check(self, units: usize) -> Result<(), Error> {
        let (limit, wanted, instead) = match self {
            Self::Sum => (LIMIT, "summed over", "beyond that log Z, moments and gradients are estimated by chains"),
            Self::Sample => (
                TABLE_LIMIT,
                "sampled from a table",
                "beyond that samples come from Gibbs chains of many steps, and are nearly independent at best",
            ),
            Self::Law => (
                LAYER_LIMIT,
                "held as the law of a layer (256 MB)",
                "the moments of a machine with at most 32 units in its smaller layer are exact, in minutes at most",
            ),
        };
        if units > limit { Err(Error::TooLarge { units, limit, wanted, instead }) } else { Ok(()) }
    }
}

impl<'a> Enumeration<'a> {
    /// Enumerates the smaller layer.
    pub(super) fn of_smaller(parameters: &'a Parameters, purpose: Purpose) -> Result<Self, Error> {
        if parameters.hidden() <= parameters.visible() {
            purpose.check(parameters.hidden())?;
            Ok(Self::new(Cow::Borrowed(parameters)))
        } else {
            Self::of_visible(parameters, purpose)
        }
    }

    /// Enumerates the visible layer.
    pub(super) fn of_visible(parameters: &'a Parameters, purpose: Purpose) -> Result<Self, Error> {
        purpose.check(parameters.visible())?;
        Ok(Self::new(Cow::Owned(parameters.transposed())))
    }

    fn new(machine: Cow<'a, Parameters>) -> Self {
        let form = Form::of(&machine);
        Self { machine, form }
    }

    /// Number of enumerated units.
    pub(super) fn enumerated(&self) -> usize {
        self.machine.hidden()
    }

    /// Number of units of the other layer.
    pub(super) fn other(&self) -> usize {
        self.machine.visible()
    }

    /// Number of states of the enumerated layer.
    pub(super) fn states(&self) -> usize {
        1 << self.enumerated()
    }

    /// Number of segments, a power of two; each is a run of consecutive positions.
    pub(super) fn segments(&self) -> usize {
        (self.states() / REFRESH).clamp(1, MOST_SEGMENTS)
    }

    /// Number of states in a segment, a power of two.
    pub(super) fn segment_len(&self) -> usize {
        self.states() / self.segments()
    }

    /// Runs `work` on each segment, in parallel where there are several, and returns the answers in order.
    pub(super) fn map_segments<T: Send>(&self, work: impl Fn(Walk<'_>) -> T + Sync) -> Vec<T> {
        let run = |segment| work(Walk::new(self, segment));
        match self.segments() {
            1 => vec![run(0)],
            segments => (0..segments).into_par_iter().map(run).collect(),
        }
    }

    /// Fills `[states, width]`, indexed by state, with what `work` writes for each state.
    pub(super) fn tabulate(&self, width: usize, work: impl Fn(&mut Walk<'_>, &mut [f64]) + Sync) -> Vec<f64> {
        let mut table = vec![0.0; self.states() * width];
        let len = self.segment_len();
        let fill = |(chunk, out): (usize, &mut [f64])| {
            // The states of a segment are a contiguous range too, the one whose high bits are the segment's Gray code.
            let mut walk = Walk::new(self, gray_inverse(chunk));
            loop {
                let state = walk.state() % len;
                work(&mut walk, &mut out[state * width..][..width]);
                if !walk.advance() {
                    break;
                }
            }
        };
        match self.segments() {
            1 => fill((0, &mut table)),
            _ => table.par_chunks_mut(len * width).enumerate().for_each(fill),
        }
        table
    }
}

impl Form {
    fn of(machine: &Parameters) -> Self {
        let bound = (0..machine.visible())
            .map(|i| {
                let weights: f64 = (0..machine.hidden()).map(|j| machine.weights_of(j)[i].abs()).sum();
                machine.visible_bias()[i].abs() + weights
            })
            .fold(0.0, f64::max);
        if bound > LARGEST_EXPONENT || (machine.visible() << machine.hidden()) <= LEAST_WORK {
            return Self::Logarithmic;
        }
        let padded = machine.visible().next_multiple_of(LANES);
        let table = |sign: f64| {
            let mut table = vec![1.0; machine.hidden() * padded];
            for (j, row) in table.chunks_exact_mut(padded).enumerate() {
                for (factor, &weight) in row.iter_mut().zip(machine.weights_of(j)) {
                    *factor = (sign * weight).exp();
                }
            }
            table
        };
        // A factor `1 + exp(x)` is at most `exp(bound + ln 2)`; so many of them stay below `exp(700)`.
        let group = (700.0 / (bound + 1.0)) as usize;
        Self::Exponential { on: table(1.0), off: table(-1.0), group: group.max(1) }
    }

    /// Every how many states a walk starts afresh.
    fn refresh(&self) -> usize {
        match self {
            Self::Exponential { .. } => REFRESH,
            Self::Logarithmic => REFRESH_SUMS,
        }
    }

    /// What a flip of a unit multiplies the other layer by; `None` where a walk keeps activations.
    fn factors(&self, unit: usize, on: bool, padded: usize) -> Option<&[f64]> {
        match self {
            Self::Exponential { on: up, off: down, .. } => {
                let table = if on { up } else { down };
                Some(&table[unit * padded..][..padded])
            }
            Self::Logarithmic => None,
        }
    }
}

/// Where a walk through one segment stands.
pub(super) struct Walk<'a> {
    enumeration: &'a Enumeration<'a>,
    position: usize,
    end: usize,
    /// `bias . state` of the enumerated layer.
    bias: f64,
    /// Of the other layer, padded: `exp(activation)` or the activation.
    other: Vec<f64>,
    /// The unit whose flip `other` still lacks, and whether it goes on: what comes next applies it in the same pass.
    pending: Option<(usize, bool)>,
}

impl<'a> Walk<'a> {
    fn new(enumeration: &'a Enumeration<'a>, segment: usize) -> Self {
        let len = enumeration.segment_len();
        let padded = enumeration.other().next_multiple_of(LANES);
        let mut walk = Self {
            enumeration,
            position: segment * len,
            end: (segment + 1) * len,
            bias: 0.0,
            other: vec![0.0; padded],
            pending: None,
        };
        walk.refresh();
        walk
    }

    /// Where the walk stands in the Gray code.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The state it stands on: bit `j` is unit `j`.
    pub(super) fn state(&self) -> usize {
        self.position ^ (self.position >> 1)
    }

    /// Goes to the next state; false at the segment's end.
    pub(super) fn advance(&mut self) -> bool {
        if self.position + 1 == self.end {
            return false;
        }
        self.settle();
        self.position += 1;
        if self.position.is_multiple_of(self.enumeration.form.refresh()) {
            self.refresh();
            return true;
        }
        let flipped = self.position.trailing_zeros() as usize;
        let on = self.state() >> flipped & 1 == 1;
        let bias = self.enumeration.machine.hidden_bias()[flipped];
        self.bias += if on { bias } else { -bias };
        self.pending = Some((flipped, on));
        true
    }

    /// Applies the pending flip.
    fn settle(&mut self) {
        let Some((unit, on)) = self.pending.take() else { return };
        match self.enumeration.form.factors(unit, on, self.other.len()) {
            Some(factors) => multiply(&mut self.other, factors),
            None => {
                let sign = if on { 1.0 } else { -1.0 };
                for (x, &weight) in self.other.iter_mut().zip(self.enumeration.machine.weights_of(unit)) {
                    *x += sign * weight;
                }
            }
        }
    }

    /// Log of the state's unnormalised probability, `bias . state + sum_i softplus(activation_i)`.
    pub(super) fn log_weight(&mut self) -> LogWeight {
        match &self.enumeration.form {
            Form::Exponential { group, .. } => {
                let padded = self.other.len();
                let pending = self.pending.take();
                let soft = match pending.and_then(|(unit, on)| self.enumeration.form.factors(unit, on, padded)) {
                    Some(factors) => multiply_and_log_product(&mut self.other, factors, *group),
                    None => log_product(&self.other, *group),
                };
                LogWeight { linear: self.bias, soft }
            }
            Form::Logarithmic => {
                self.settle();
                LogWeight::of(self.bias, &self.other[..self.enumeration.other()])
            }
        }
    }

    /// Means of the other layer given the state, `[other]`.
    pub(super) fn means(&mut self, out: &mut [f64]) {
        self.settle();
        match &self.enumeration.form {
            Form::Exponential { .. } => odds_to_means(&self.other, out),
            Form::Logarithmic => {
                for (mean, &x) in out.iter_mut().zip(&self.other) {
                    *mean = rbm_ops::scalar::sigmoid(x);
                }
            }
        }
    }

    /// Computes everything from the parameters.
    fn refresh(&mut self) {
        let machine = &self.enumeration.machine;
        let state = self.state();
        self.bias = 0.0;
        let activations = &mut self.other[..machine.visible()];
        activations.copy_from_slice(machine.visible_bias());
        for j in (0..machine.hidden()).filter(|j| state >> j & 1 == 1) {
            self.bias += machine.hidden_bias()[j];
            for (x, &weight) in activations.iter_mut().zip(machine.weights_of(j)) {
                *x += weight;
            }
        }
        if matches!(self.enumeration.form, Form::Exponential { .. }) {
            for x in activations {
                *x = x.exp();
            }
        }
    }
}

/// A log weight in two parts, so that the difference of two large ones keeps its digits: `softplus(x) = max(x, 0) +
/// ln(1 + exp(-|x|))`, whose second part is at most ln 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogWeight {
    /// The bias and the positive activations.
    pub(super) linear: f64,
    /// All else, with the rounding errors of `linear`.
    pub(super) soft: f64,
}

impl LogWeight {
    /// Of nothing at all.
    pub(super) const ZERO: Self = Self { linear: f64::NEG_INFINITY, soft: 0.0 };

    fn of(bias: f64, activations: &[f64]) -> Self {
        let (mut linear, mut soft) = (bias, 0.0);
        for &x in activations {
            if x > 0.0 {
                // The sum's rounding error, exactly (Knuth's two-sum).
                let sum = linear + x;
                let back = sum - linear;
                soft += (linear - (sum - back)) + (x - back);
                linear = sum;
            }
            soft += (-x.abs()).exp().ln_1p();
        }
        Self { linear, soft }
    }

    /// Log of the ratio of two weights.
    #[inline]
    pub(super) fn minus(self, other: Self) -> f64 {
        (self.linear - other.linear) + (self.soft - other.soft)
    }

    /// The log weight as one number.
    pub(super) fn value(self) -> f64 {
        self.linear + self.soft
    }
}

/// The place of a code in the Gray-code order.
fn gray_inverse(code: usize) -> usize {
    let mut position = code;
    let mut shift = 1;
    while shift < usize::BITS {
        position ^= position >> shift;
        shift *= 2;
    }
    position
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn multiply(values: &mut [f64], factors: &[f64]) {
    for (x, factor) in values.iter_mut().zip(factors) {
        *x *= factor;
    }
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn odds_to_means(odds: &[f64], means: &mut [f64]) {
    for (mean, x) in means.iter_mut().zip(odds) {
        *mean = x / (1.0 + x);
    }
}

/// `sum ln(1 + x)`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn log_product(values: &[f64], group: usize) -> f64 {
    let mut product = Product::ONE;
    for block in values.chunks(LANES.saturating_mul(group)) {
        for row in block.as_chunks::<LANES>().0 {
            product.multiply(row);
        }
        product.split_exponents();
    }
    product.ln()
}

/// `x <- x factor`, then `sum ln(1 + x)`, in one pass: half the loads of two.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn multiply_and_log_product(values: &mut [f64], factors: &[f64], group: usize) -> f64 {
    let mut product = Product::ONE;
    let block = LANES.saturating_mul(group);
    for (values, factors) in values.chunks_mut(block).zip(factors.chunks(block)) {
        for (row, factors) in values.as_chunks_mut::<LANES>().0.iter_mut().zip(factors.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                row[lane] *= factors[lane];
            }
            product.multiply(row);
        }
        product.split_exponents();
    }
    product.ln()
}

/// A product of numbers of at least 1 beyond the range of f64: running products side by side, each with an exponent.
struct Product {
    products: [f64; LANES],
    exponents: [u64; LANES],
}

impl Product {
    const ONE: Self = Self { products: [1.0; LANES], exponents: [0; LANES] };

    /// Multiplies by `1 + x`.
    #[inline(always)]
    fn multiply(&mut self, row: &[f64; LANES]) {
        for (product, x) in self.products.iter_mut().zip(row) {
            *product *= 1.0 + x;
        }
    }

    /// Leaves running products in `[1, 2)`. Each is finite and at least 1, so its exponent is that of a normal number.
    #[inline(always)]
    fn split_exponents(&mut self) {
        const SHIFT: u32 = f64::MANTISSA_DIGITS - 1;
        const MANTISSA: u64 = (1 << SHIFT) - 1;
        const ONE: u64 = 1.0_f64.to_bits();
        for (product, exponent) in self.products.iter_mut().zip(&mut self.exponents) {
            let bits = product.to_bits();
            *exponent += (bits - ONE) >> SHIFT;
            *product = f64::from_bits(bits & MANTISSA | ONE);
        }
    }

    #[inline(always)]
    fn ln(&self) -> f64 {
        let product: f64 = self.products.iter().product();
        let exponent: u64 = self.exponents.iter().sum();
        product.ln() + exponent as f64 * std::f64::consts::LN_2
    }
}
