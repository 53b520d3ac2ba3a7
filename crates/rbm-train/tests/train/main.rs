//! Training against exact enumeration, automatic differentiation and itself.

mod common;
mod estimators;
mod golden;
mod resume_bits;
mod together;
mod training;
