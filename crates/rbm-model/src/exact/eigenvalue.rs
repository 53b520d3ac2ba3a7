//! The second eigenvalue of the Gibbs kernel, which rules how fast chains forget their start.

use super::{
    enumeration::{Enumeration, Purpose},
    kernel::Halves,
    log_partition::enumerated_law,
};
use crate::{Error, Parameters};

/// Lanczos steps after which the largest eigenvalue has long settled; also the bound on memory.
const MOST_STEPS: usize = 200;
/// The eigenvalue, which only grows from step to step, has settled when so many steps together add at most `SETTLED`.
const SETTLING_STEPS: usize = 4;
const SETTLED: f64 = 1e-15;
/// An off-diagonal element below this share of the largest eigenvalue, 1, is rounding: the space is exhausted.
const EXHAUSTED: f64 = 1e-14;

/// Second largest eigenvalue of the Gibbs kernel, in `[0, 1]`: the squared second singular value of
/// `sqrt(P(h|v) P(v|h))`.
///
/// The kernel has the same eigenvalues, apart from zeros, on either layer. On the smaller one it is self-adjoint in the
/// inner product weighted by the model's law p: on functions times `sqrt(p)` it is a symmetric matrix. Lanczos' method,
/// orthogonal to `sqrt(p)`, which has eigenvalue 1, finds the largest eigenvalue of the rest.
///
/// # Errors
/// When the machine has more than [`LAYER_LIMIT`](super::LAYER_LIMIT) units in a layer or [`JOINT_LIMIT`](super::JOINT_LIMIT) in
/// both together, or a state's probability is below the range of f64.
pub fn second_eigenvalue(parameters: &Parameters) -> Result<f64, Error> {
    let halves = Halves::new(parameters)?;
    let law = enumerated_law(&Enumeration::of_smaller(parameters, Purpose::Law)?);
    let hidden = parameters.hidden() <= parameters.visible();
    if law.iter().any(|&p| p < f64::MIN_POSITIVE) {
        return Err(Error::Underflow);
    }
    let roots: Vec<f64> = law.iter().map(|p| p.sqrt()).collect();
    let apply = |g: &[f64]| -> Vec<f64> {
        let f: Vec<f64> = g.iter().zip(&roots).map(|(g, root)| g / root).collect();
        let image = if hidden {
            halves.mean_given_hidden(&halves.mean_given_visible(&f))
        } else {
            halves.mean_given_visible(&halves.mean_given_hidden(&f))
        };
        image.iter().zip(&roots).map(|(f, root)| f * root).collect()
    };
    let inner = |f: &[f64], g: &[f64]| -> f64 { f.iter().zip(g).map(|(f, g)| f * g).sum() };

    let mut basis = vec![roots.clone()];
    // Any start that no symmetry makes orthogonal to an eigenfunction will do; it has all states alike, also those that
    // the law all but leaves out.
    let mut next: Vec<f64> = (0..law.len()).map(|state| (1.0 + state as f64 * 0.618_033_988_749_895).sin()).collect();
    let (mut diagonal, mut below, mut found) = (Vec::new(), Vec::new(), vec![0.0]);
    for _ in 0..MOST_STEPS.min(law.len()) {
        // Twice, because one pass leaves rounding errors along the basis.
        for _ in 0..2 {
            for earlier in &basis {
                let share = inner(&next, earlier);
                next.iter_mut().zip(earlier).for_each(|(x, y)| *x -= share * y);
            }
        }
        let norm = inner(&next, &next).sqrt();
        if norm < EXHAUSTED {
            break;
        }
        next.iter_mut().for_each(|x| *x /= norm);
        let image = apply(&next);
        below.push(norm);
        diagonal.push(inner(&image, &next));
        basis.push(std::mem::replace(&mut next, image));
        found.push(largest_eigenvalue(&diagonal, &below[1..]));
        let settled = found.len().checked_sub(1 + SETTLING_STEPS).map(|earlier| found[earlier] + SETTLED);
        if settled.is_some_and(|settled| found[found.len() - 1] <= settled) {
            break;
        }
    }
    Ok(found[found.len() - 1])
}

/// Largest eigenvalue in `[0, 1]` of a symmetric tridiagonal matrix, by bisection on the signs of its Sturm sequence.
fn largest_eigenvalue(diagonal: &[f64], below: &[f64]) -> f64 {
    let exceeds = |bound: f64| {
        let mut pivot = 1.0;
        diagonal.iter().enumerate().any(|(at, &entry)| {
            let coupling = if at == 0 { 0.0 } else { below[at - 1] * below[at - 1] / pivot };
            pivot = bound - entry - coupling;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE;
            }
            pivot < 0.0
        })
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if exceeds(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
