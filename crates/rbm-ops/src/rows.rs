//! The loops over one row of values, compiled for AVX2 and AVX-512 too and chosen at run time.
//!
//! Same bits on each: no fused multiply-add, and every element stands for itself.

use multiversion::multiversion;
use rbm_random::{Draw, uniform_f32};

use crate::exponential::{exp_f32, sigmoid_f32};

/// Philox blocks computed together, and the units they serve.
const BLOCKS: usize = 16;
const UNITS: usize = 4 * BLOCKS;

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(crate) fn sigmoid(values: &mut [f32]) {
    for x in values {
        *x = sigmoid_f32(*x);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(crate) fn softplus(values: &mut [f32]) {
    for x in values {
        *x = x.max(0.0) + exp_f32(-x.abs()).ln_1p();
    }
}

/// States of one row that are 1 with probability `sigmoid(value)`, in place of the values: as
/// [`crate::sigmoid_bernoulli`] on a host backend has them.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(crate) fn sigmoid_bernoulli(values: &mut [f32], at: Draw) {
    for (block, part) in values.chunks_mut(UNITS).enumerate() {
        let u = uniforms(at, block);
        for i in 0..part.len().min(UNITS) {
            part[i] = state(u[i] < sigmoid_f32(part[i]));
        }
    }
}

/// States that are 1 with probability `value`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(crate) fn bernoulli(values: &mut [f32], at: Draw) {
    for (block, part) in values.chunks_mut(UNITS).enumerate() {
        let u = uniforms(at, block);
        for i in 0..part.len().min(UNITS) {
            part[i] = state(u[i] < part[i]);
        }
    }
}

/// States that are 1 with probability `p(value)`, from the same uniform numbers as in f32.
pub(crate) fn states_f64(values: &mut [f64], at: Draw, p: impl Fn(f64) -> f64) {
    for (block, part) in values.chunks_mut(UNITS).enumerate() {
        let u = uniforms(at, block);
        for (x, u) in part.iter_mut().zip(u) {
            *x = f64::from(u8::from(f64::from(u) < p(*x)));
        }
    }
}

#[inline(always)]
fn state(on: bool) -> f32 {
    if on { 1.0 } else { 0.0 }
}

/// The uniform numbers of units `64 block .. 64 (block + 1)`.
#[inline(always)]
fn uniforms(at: Draw, block: usize) -> [f32; UNITS] {
    let words = at.words_of_blocks::<BLOCKS>((block * BLOCKS) as u32);
    let mut u = [0.0; UNITS];
    for word in 0..4 {
        for block in 0..BLOCKS {
            u[4 * block + word] = uniform_f32(words[word][block]);
        }
    }
    u
}
