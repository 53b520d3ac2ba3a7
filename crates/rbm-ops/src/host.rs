//! Bodies for backends whose tensors live in host memory.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{DType, TensorData, try_read_sync};
use rayon::prelude::*;
use rbm_random::Draw;

use crate::{rows, scalar};

/// Elements a thread takes at once: below it, handing work over costs more than the work.
const GRAIN: usize = 16_384;

pub(crate) fn sigmoid<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    edit::<B>(
        x,
        |values, _| map(values, rows::sigmoid),
        |values, _| map(values, |part| part.iter_mut().for_each(|x| *x = scalar::sigmoid(*x))),
    )
}

pub(crate) fn softplus<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    edit::<B>(
        x,
        |values, _| map(values, rows::softplus),
        |values, _| map(values, |part| part.iter_mut().for_each(|x| *x = scalar::softplus(*x))),
    )
}

pub(crate) fn sigmoid_bernoulli<B: Backend>(logits: FloatTensor<B>, at: Draw) -> FloatTensor<B> {
    edit::<B>(
        logits,
        |values, units| draw(values, units, at, rows::sigmoid_bernoulli),
        |values, units| draw(values, units, at, |row, at| rows::states_f64(row, at, scalar::sigmoid)),
    )
}

pub(crate) fn bernoulli<B: Backend>(probabilities: FloatTensor<B>, at: Draw) -> FloatTensor<B> {
    edit::<B>(
        probabilities,
        |values, units| draw(values, units, at, rows::bernoulli),
        |values, units| draw(values, units, at, |row, at| rows::states_f64(row, at, |p| p)),
    )
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

/// Changes values part by part, over the threads where there are enough.
fn map<T: Send>(values: &mut [T], body: impl Fn(&mut [T]) + Sync) {
    if values.len() <= GRAIN {
        body(values);
    } else {
        values.par_chunks_mut(GRAIN).for_each(&body);
    }
}

/// Changes rows of `units` values, each told where it draws, over the threads where there are enough.
fn draw<T: Send>(values: &mut [T], units: usize, at: Draw, body: impl Fn(&mut [T], Draw) + Sync) {
    let rows_at_once = (GRAIN / units).max(1);
    let part = |(part, values): (usize, &mut [T])| {
        for (row, values) in values.chunks_mut(units).enumerate() {
            body(values, at.at_row(at.row.wrapping_add((part * rows_at_once + row) as u32)));
        }
    };
    if values.len() <= rows_at_once * units {
        part((0, values));
    } else {
        values.par_chunks_mut(rows_at_once * units).enumerate().for_each(part);
    }
}
