//! The operations as a burn backend extension.

use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;
use rbm_random::Draw;

/// Elementwise operations that burn lacks or computes too coarsely, on tensors of f32 or f64.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "wgpu"),
)]
pub trait ElementwiseOps: Backend {
    /// See [`sigmoid`].
    fn stable_sigmoid(x: FloatTensor<Self>) -> FloatTensor<Self> {
        crate::host::sigmoid::<Self>(x)
    }

    /// See [`softplus`].
    fn stable_softplus(x: FloatTensor<Self>) -> FloatTensor<Self> {
        crate::host::softplus::<Self>(x)
    }

    /// See [`sigmoid_bernoulli`].
    fn sigmoid_bernoulli(logits: FloatTensor<Self>, at: Draw) -> FloatTensor<Self> {
        crate::host::sigmoid_bernoulli::<Self>(logits, at)
    }

    /// See [`bernoulli`].
    fn bernoulli(probabilities: FloatTensor<Self>, at: Draw) -> FloatTensor<Self> {
        crate::host::bernoulli::<Self>(probabilities, at)
    }
}

#[cfg(feature = "flex")]
impl ElementwiseOps for burn::backend::Flex {}
#[cfg(feature = "ndarray")]
impl ElementwiseOps for burn_ndarray::NdArray {}

/// `1 / (1 + exp(-x))` in the tensor's own width (burn's own goes through f32), in place where the tensor is unique.
pub fn sigmoid(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as ElementwiseOps>::stable_sigmoid(x.into_dispatch()))
}

/// `log(1 + exp(x))` in the tensor's own width without a cut-off (burn's own turns linear above 20).
pub fn softplus(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as ElementwiseOps>::stable_softplus(x.into_dispatch()))
}

/// States that are 1 with probability `sigmoid(logits)`, else 0; `[rows, units]`, in place where the tensor is unique.
///
/// Row `r` and unit `i` take the uniform number `at.at_row(at.row + r).uniform(i)`, on every device.
pub fn sigmoid_bernoulli(logits: Tensor<2>, at: Draw) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as ElementwiseOps>::sigmoid_bernoulli(logits.into_dispatch(), at))
}

/// States that are 1 with the given probability, else 0; a number below 0 counts as 0, one above 1 as 1.
///
/// Uniform numbers as in [`sigmoid_bernoulli`].
pub fn bernoulli(probabilities: Tensor<2>, at: Draw) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as ElementwiseOps>::bernoulli(probabilities.into_dispatch(), at))
}
