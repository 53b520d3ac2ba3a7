//! Machines with two modes of equal weight, between which chains cross rarely.

use rbm_model::Parameters;
use rbm_runner::StopFlag;

use super::{
    gibbs::{Settings, chains_at, second_eigenvalue},
    go_on,
};
use crate::{Error, Measurement};

/// A machine whose weights are all `coupling`, with biases that make a state and its complement equally likely.
///
/// Up to a constant `E(v, h) = -w (sum_i v_i - m/2)(sum_j h_j - n/2)`, with `a = -w n / 2` and `b = -w m / 2`:
/// unchanged where all units of both layers are flipped. All units off and all units on are the two modes.
pub(super) fn machine(visible: usize, hidden: usize, coupling: f64) -> Result<Parameters, Error> {
    let half = |units: usize| -0.5 * coupling * units as f64;
    Ok(Parameters::new(vec![coupling; visible * hidden], vec![half(hidden); visible], vec![half(visible); hidden])?)
}

/// Measures, by `coupling`, with all chains started at all units off:
///
/// - `mode-crossings`: per 1,000 steps of a chain, changes of the mode that most units are in; a tie leaves it as it
///   was;
/// - `mode-share-error`: how far the share of chains in the first mode is from its true 1/2 after x steps; ties count
///   half;
/// - `second-eigenvalue`: of the kernel.
pub(super) fn measure(
    settings: &Settings,
    coupling: f64,
    seed: u64,
    stop: &StopFlag,
) -> Result<Vec<Measurement>, Error> {
    let m = settings.visible;
    let machine = machine(m, settings.hidden, coupling)?;
    let mut chains = chains_at(&machine, &vec![0.0; m], settings.mode_chains, seed)?;
    let mut on = vec![false; settings.mode_chains];
    let mut crossings = 0_u64;
    let mut share_on = 0.0;
    for _ in 0..settings.mode_steps {
        go_on(stop)?;
        chains = chains.step();
        share_on = 0.0;
        for (state, on) in chains.visible()?.chunks_exact(m).zip(&mut on) {
            let excess = 2.0 * state.iter().sum::<f32>() - m as f32;
            if excess == 0.0 {
                share_on += 0.5;
                continue;
            }
            crossings += u64::from((excess > 0.0) != *on);
            *on = excess > 0.0;
            share_on += f64::from(u8::from(*on));
        }
    }
    let (chains, steps) = (settings.mode_chains as f64, f64::from(settings.mode_steps));
    let mut found = vec![
        Measurement::new("mode-crossings", 1e3 * crossings as f64 / (chains * steps)),
        Measurement::new("mode-share-error", (share_on / chains - 0.5).abs()).at(steps),
    ];
    found.extend(second_eigenvalue(&machine)?);
    Ok(found.into_iter().map(|one| one.with("coupling", coupling).of_seed(seed)).collect())
}
