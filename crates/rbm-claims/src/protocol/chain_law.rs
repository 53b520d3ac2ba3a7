//! The law of a Gibbs chain along its steps, from the kernel by its definition.

use rbm_model::Parameters;

use super::definition::Joint;

/// The law of chains that all start at one visible state, and the kernel that carries it on.
#[derive(Clone)]
pub(super) struct ChainLaw {
    /// `T(v' | v)`, `[2^visible, 2^visible]`, row by row of `v`.
    kernel: Vec<f64>,
    law: Vec<f64>,
    next: Vec<f64>,
}

impl ChainLaw {
    /// Chains at the visible state of a number, before their first step.
    pub(super) fn new(machine: &Parameters, start: usize) -> Self {
        let mut law = vec![0.0; 1 << machine.visible()];
        law[start] = 1.0;
        Self { kernel: Joint::new(machine).kernel(), next: law.clone(), law }
    }

    /// One step.
    pub(super) fn step(&mut self) {
        self.next.fill(0.0);
        for (&p, row) in self.law.iter().zip(self.kernel.chunks_exact(self.next.len())) {
            self.next.iter_mut().zip(row).for_each(|(sum, t)| *sum += p * t);
        }
        std::mem::swap(&mut self.law, &mut self.next);
    }

    /// The law after the steps taken, `[2^visible]`.
    pub(super) fn law(&self) -> &[f64] {
        &self.law
    }
}
