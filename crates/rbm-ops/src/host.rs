//! Bodies for backends whose tensors live in host memory.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{DType, TensorData, try_read_sync};
use rayon::prelude::*;
use rbm_random::{Draw, uniform_f32};

use crate::exponential::{exp_f32, sigmoid_f32};
use crate::scalar;

/// Philox blocks computed together, and the units they serve: enough lanes for two AVX-512 registers.
const BLOCKS: usize = 16;
const UNITS: usize = 4 * BLOCKS;

/// Elements a thread takes at once: below it, handing work over costs more than the work.
const GRAIN: usize = 16_384;

pub(crate) fn sigmoid<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    map::<B>(x, sigmoid_f32, scalar::sigmoid)
}

pub(crate) fn softplus<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    map::<B>(x, |x| x.max(0.0) + exp_f32(-x.abs()).ln_1p(), scalar::softplus)
}

pub(crate) fn sigmoid_bernoulli<B: Backend>(logits: FloatTensor<B>, at: Draw) -> FloatTensor<B> {
    draw::<B>(
        logits,
        at,
        |x, u| f32::from(u8::from(u < sigmoid_f32(x))),
        |x, u| f64::from(u8::from(f64::from(u) < scalar::sigmoid(x))),
    )
}

pub(crate) fn bernoulli<B: Backend>(probabilities: FloatTensor<B>, at: Draw) -> FloatTensor<B> {
    draw::<B>(
        probabilities,
        at,
        |p, u| f32::from(u8::from(u < p)),
        |p, u| f64::from(u8::from(f64::from(u) < p)),
    )
}

fn map<B: Backend>(
    x: FloatTensor<B>,
    f: impl Fn(f32) -> f32 + Sync + Copy,
    g: impl Fn(f64) -> f64 + Sync + Copy,
) -> FloatTensor<B> {
    edit::<B>(
        x,
        |values, _| chunks(values, GRAIN, |_, part| part.iter_mut().for_each(|x| *x = f(*x))),
        |values, _| chunks(values, GRAIN, |_, part| part.iter_mut().for_each(|x| *x = g(*x))),
    )
}

fn draw<B: Backend>(
    x: FloatTensor<B>,
    at: Draw,
    f: impl Fn(f32, f32) -> f32 + Sync + Copy,
    g: impl Fn(f64, f32) -> f64 + Sync + Copy,
) -> FloatTensor<B> {
    edit::<B>(x, |values, units| draw_rows(values, units, at, f), |values, units| draw_rows(values, units, at, g))
}

/// Hands the tensor's memory, in place where it is unique, and its number of columns to the body of its width.
fn edit<B: Backend>(
    x: FloatTensor<B>,
    f: impl FnOnce(&mut [f32], usize),
    g: impl FnOnce(&mut [f64], usize),
) -> FloatTensor<B> {
    let device = x.device();
    let mut data: TensorData = try_read_sync(B::float_into_data(x))
        .expect("a host backend answers at once")
        .expect("a host tensor can be read");
    let units = data.shape().last().copied().unwrap_or(1).max(1);
    match data.dtype() {
        DType::F32 => f(data.as_mut_slice::<f32>().expect("dtype was matched"), units),
        DType::F64 => g(data.as_mut_slice::<f64>().expect("dtype was matched"), units),
        other => panic!("elementwise operations of rbm-ops need f32 or f64, not {other:?}"),
    }
    B::float_from_data(data, &device)
}

/// Runs `body` over parts of `len` values (the last may be shorter), in the widest instruction set the CPU has.
fn chunks<T: Send>(values: &mut [T], len: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    let arch = pulp::Arch::new();
    if values.len() <= len {
        arch.dispatch(
            #[inline(always)]
            || body(0, values),
        );
    } else {
        values.par_chunks_mut(len).enumerate().for_each(|(index, part)| {
            arch.dispatch(
                #[inline(always)]
                || body(index, part),
            );
        });
    }
}

fn draw_rows<T: Copy + Send>(values: &mut [T], units: usize, at: Draw, f: impl Fn(T, f32) -> T + Sync + Copy) {
    let rows_at_once = (GRAIN / units).max(1);
    chunks(
        values,
        rows_at_once * units,
        #[inline(always)]
        |part, values| {
            for (row, values) in values.chunks_mut(units).enumerate() {
                draw_row(values, at.at_row(at.row.wrapping_add((part * rows_at_once + row) as u32)), f);
            }
        },
    );
}

#[inline(always)]
fn draw_row<T: Copy>(values: &mut [T], at: Draw, f: impl Fn(T, f32) -> T + Copy) {
    let mut full = values.chunks_exact_mut(UNITS);
    let mut block = 0;
    for values in &mut full {
        let u = uniforms(at, block);
        for (value, u) in values.iter_mut().zip(u) {
            *value = f(*value, u);
        }
        block += BLOCKS as u32;
    }
    let rest = full.into_remainder();
    if !rest.is_empty() {
        let u = uniforms(at, block);
        for (value, u) in rest.iter_mut().zip(u) {
            *value = f(*value, u);
        }
    }
}

#[inline(always)]
fn uniforms(at: Draw, first_block: u32) -> [f32; UNITS] {
    let words = at.words_of_blocks::<BLOCKS>(first_block);
    let mut u = [0.0; UNITS];
    for block in 0..BLOCKS {
        for word in 0..4 {
            u[4 * block + word] = uniform_f32(words[word][block]);
        }
    }
    u
}
