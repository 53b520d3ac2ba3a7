//! The operations as one CubeCL kernel, for GPU devices.

use burn::backend::tensor::FloatTensor;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::{CubeBackend, kernel::into_contiguous, tensor::CubeTensor};
use rbm_random::{Draw, M0, M1, ROUNDS, Stream, W0, W1};

use crate::extension::ElementwiseOps;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Sigmoid,
    Softplus,
    SigmoidBernoulli,
    Bernoulli,
}

/// One unit of the device computes one Philox block: four neighbouring values of one row.
#[cube(launch)]
fn elementwise_kernel<F: Float>(
    input: &Tensor<F>,
    output: &mut Tensor<F>,
    units: u32,
    blocks_per_row: u32,
    key_low: u32,
    key_high: u32,
    step: u32,
    stream: u32,
    first_row: u32,
    #[comptime] kind: Kind,
    #[define(F)] _dtype: ElemType,
) {
    let position = ABSOLUTE_POS as u32;
    let row = position / blocks_per_row;
    let block = position % blocks_per_row;
    let base = row * units + block * 4u32;
    if base as usize >= output.len() {
        terminate!();
    }

    let mut c0 = block;
    let mut c1 = row + first_row;
    let mut c2 = step;
    let mut c3 = stream;
    let mut k0 = key_low;
    let mut k1 = key_high;
    #[unroll]
    for _ in 0..ROUNDS {
        let hi0 = u32::mul_hi(M0, c0);
        let lo0 = M0 * c0;
        let hi1 = u32::mul_hi(M1, c2);
        let lo1 = M1 * c2;
        c0 = hi1 ^ c1 ^ k0;
        c1 = lo1;
        c2 = hi0 ^ c3 ^ k1;
        c3 = lo0;
        k0 += W0;
        k1 += W1;
    }
    let mut words = Array::<u32>::new(4usize);
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;

    #[unroll]
    for lane in 0..4u32 {
        if block * 4u32 + lane < units {
            let i = (base + lane) as usize;
            let x = f32::cast_from(input[i]);
            let e = f32::exp(-f32::abs(x));
            let p = select(x >= 0.0f32, 1.0f32, e) / (1.0f32 + e);
            let u = f32::min((f32::cast_from(words[lane as usize] >> 8u32) + 0.5f32) * 5.9604645e-8f32, 0.99999994f32);
            output[i] = match comptime!(kind) {
                Kind::Sigmoid => F::cast_from(p),
                Kind::Softplus => F::cast_from(f32::max(x, 0.0f32) + f32::log1p(e)),
                Kind::SigmoidBernoulli => F::cast_from(u < p),
                Kind::Bernoulli => F::cast_from(u < x),
            };
        }
    }
}

fn launch(kind: Kind, input: CubeTensor, at: Draw) -> CubeTensor {
    let input = into_contiguous(input);
    let client = input.client.clone();
    let dtype = input.dtype;
    let shape = input.meta.shape().clone();
    let units = shape.last().copied().unwrap_or(1);
    let blocks_per_row = units.div_ceil(4);
    let blocks = shape.num_elements() / units * blocks_per_row;
    let dim = CubeDim::new(&client, blocks);
    let count = calculate_cube_count_elemwise(&client, blocks, dim);

    let in_place = input.can_mut() && input.is_nonoverlapping(); // asked before the handle is cloned
    let output = if in_place {
        input.clone()
    } else {
        empty_device_contiguous_dtype(client.clone(), input.device.clone(), shape, dtype)
    };
    let output_arg = if in_place { input.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    let ([key_low, key_high], [step, stream]) = (at.key(), at.step_words());
    elementwise_kernel::launch(
        &client,
        count,
        dim,
        input.into_tensor_arg(),
        output_arg,
        units as u32,
        blocks_per_row as u32,
        key_low,
        key_high,
        step,
        stream,
        at.row,
        kind,
        burn::backend::cubecl::dtype_to_storage_type(dtype),
    );
    output
}

/// Where an operation that draws nothing says it draws.
const NOWHERE: Draw = Draw { seed: 0, stream: Stream::Initialization, step: 0, row: 0 };

impl ElementwiseOps for CubeBackend {
    fn stable_sigmoid(x: FloatTensor<Self>) -> FloatTensor<Self> {
        launch(Kind::Sigmoid, x, NOWHERE)
    }

    fn stable_softplus(x: FloatTensor<Self>) -> FloatTensor<Self> {
        launch(Kind::Softplus, x, NOWHERE)
    }

    fn sigmoid_bernoulli(logits: FloatTensor<Self>, at: Draw) -> FloatTensor<Self> {
        launch(Kind::SigmoidBernoulli, logits, at)
    }

    fn bernoulli(probabilities: FloatTensor<Self>, at: Draw) -> FloatTensor<Self> {
        launch(Kind::Bernoulli, probabilities, at)
    }
}
