//! A machine by its definition, `p(v, h) = exp(-E(v, h)) / Z`, with all joint states written out.
//!
//! Nothing here is a function of `rbm_model::exact`: results of that module are held against these.

use rbm_model::Parameters;
use rbm_ops::scalar::log_sum_exp;

/// The most units of both layers whose joint states are written out: 2^22 of them, 32 MB.
pub(super) const MOST_UNITS: usize = 22;

/// A state of a layer by its number: bit `i` is unit `i`.
pub(super) fn state(number: usize, units: usize) -> Vec<f64> {
    (0..units).map(|unit| (number >> unit & 1) as f64).collect()
}

/// All states of a layer in the order of their numbers, `[2^units, units]`.
pub(super) fn states(units: usize) -> Vec<f64> {
    (0..1 << units).flat_map(|number| state(number, units)).collect()
}

/// `E(v, h) = -sum_ji h_j W_ji v_i - sum_i a_i v_i - sum_j b_j h_j`, term by term.
pub(super) fn energy(parameters: &Parameters, visible: &[f64], hidden: &[f64]) -> f64 {
    let mut energy = 0.0;
    for (row, &h) in parameters.weights().chunks_exact(visible.len()).zip(hidden) {
        for (&weight, &v) in row.iter().zip(visible) {
            energy -= h * weight * v;
        }
    }
    for (bias, v) in parameters.visible_bias().iter().zip(visible) {
        energy -= bias * v;
    }
    for (bias, h) in parameters.hidden_bias().iter().zip(hidden) {
        energy -= bias * h;
    }
    energy
}

/// `ln sum_h exp(-E(v, h))` of one visible state, by the sum over all hidden states, each energy evaluated anew.
/// `hidden_states` are all of them, as [`states`] gives them.
pub(super) fn log_weight(parameters: &Parameters, visible: &[f64], hidden_states: &[f64]) -> f64 {
    let of_states = hidden_states.chunks_exact(parameters.hidden());
    let exponents: Vec<f64> = of_states.map(|hidden| -energy(parameters, visible, hidden)).collect();
    log_sum_exp(&exponents)
}

/// The joint law of both layers.
pub(super) struct Joint {
    visible: usize,
    hidden: usize,
    /// `p(v, h)`, `[2^visible, 2^hidden]`.
    law: Vec<f64>,
}

impl Joint {
    /// Of a machine.
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self::with_lateral(parameters, 0.0)
    }

    /// Of a machine with `-strength v_0 v_1` added to its energy: a connection within the visible layer, which a
    /// *restricted* Boltzmann machine has not.
    pub(super) fn with_lateral(parameters: &Parameters, strength: f64) -> Self {
        let (m, n) = (parameters.visible(), parameters.hidden());
        let (visible, hidden) = (states(m), states(n));
        let mut law = Vec::with_capacity(1 << (m + n));
        for v in visible.chunks_exact(m) {
            let lateral = if m > 1 { strength * v[0] * v[1] } else { 0.0 };
            law.extend(hidden.chunks_exact(n).map(|h| lateral - energy(parameters, v, h)));
        }
        let largest = law.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        law.iter_mut().for_each(|exponent| *exponent = (*exponent - largest).exp());
        let total: f64 = law.iter().sum();
        law.iter_mut().for_each(|p| *p /= total);
        Self { visible: m, hidden: n, law }
    }

    /// `p(v)`, `[2^visible]`.
    pub(super) fn visible_law(&self) -> Vec<f64> {
        self.law.chunks_exact(1 << self.hidden).map(|row| row.iter().sum()).collect()
    }

    /// `p(h | v)` of one visible state, `[2^hidden]`: its row of the joint law over the row's sum.
    pub(super) fn hidden_given(&self, visible: usize) -> Vec<f64> {
        normalised(self.law[visible << self.hidden..][..1 << self.hidden].to_vec())
    }

    /// `p(v | h)` of one hidden state, `[2^visible]`.
    pub(super) fn visible_given(&self, hidden: usize) -> Vec<f64> {
        normalised((0..1 << self.visible).map(|visible| self.law[visible << self.hidden | hidden]).collect())
    }

    /// The Gibbs kernel `T(v' | v) = sum_h p(v' | h) p(h | v)`, `[2^visible, 2^visible]`, row by row of `v`.
    pub(super) fn kernel(&self) -> Vec<f64> {
        let states = 1 << self.visible;
        let back: Vec<Vec<f64>> = (0..1 << self.hidden).map(|hidden| self.visible_given(hidden)).collect();
        let mut kernel = vec![0.0; states * states];
        for (visible, row) in kernel.chunks_exact_mut(states).enumerate() {
            for (forth, back) in self.hidden_given(visible).into_iter().zip(&back) {
                row.iter_mut().zip(back).for_each(|(sum, back)| *sum += forth * back);
            }
        }
        kernel
    }

    /// Expectations of `h_j v_i` `[hidden, visible]`, `v_i` and `h_j`, one after the other, where the visible layer has
    /// `law` and the hidden layer follows it.
    pub(super) fn statistics_under(&self, law: &[f64]) -> Vec<f64> {
        let (m, n) = (self.visible, self.hidden);
        let mut sums = vec![0.0; m * n + m + n];
        for (number, &p) in law.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let v = state(number, m);
            for (hidden, conditional) in self.hidden_given(number).into_iter().enumerate() {
                let (h, p) = (state(hidden, n), p * conditional);
                let products = h.iter().flat_map(|h| v.iter().map(move |v| h * v));
                let all = products.chain(v.iter().copied()).chain(h.iter().copied());
                sums.iter_mut().zip(all).for_each(|(sum, statistic)| *sum += p * statistic);
            }
        }
        sums
    }
}

/// Probability that each unit is on, `[units]`, under a law over all states of a layer.
pub(super) fn means(law: &[f64], units: usize) -> Vec<f64> {
    let on =
        |unit: usize| law.iter().enumerate().filter(move |(state, _)| state >> unit & 1 == 1).map(|(_, p)| p).sum();
    (0..units).map(on).collect()
}

/// How far a law over all states of a layer is from the product of its units' own laws, at the state where it is
/// farthest.
pub(super) fn factorisation_error(law: &[f64], units: usize) -> f64 {
    let means = means(law, units);
    let product = |state: usize| -> f64 {
        means.iter().enumerate().map(|(unit, &on)| if state >> unit & 1 == 1 { on } else { 1.0 - on }).product()
    };
    law.iter().enumerate().map(|(state, p)| (p - product(state)).abs()).fold(0.0, f64::max)
}

fn normalised(mut law: Vec<f64>) -> Vec<f64> {
    let total: f64 = law.iter().sum();
    law.iter_mut().for_each(|p| *p /= total);
    law
}
