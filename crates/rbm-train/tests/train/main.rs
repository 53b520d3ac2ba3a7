//! Training against exact enumeration, automatic differentiation and itself.

mod centred;
mod common;
mod estimators;
mod golden;
mod resume_bits;
mod tempering;
mod together;
mod training;
