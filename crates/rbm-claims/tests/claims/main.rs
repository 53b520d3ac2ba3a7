//! From measurements to verdicts, without computing any: selections, statistics, rules, mistakes in `experiment.toml`,
//! stored results, and the experiments that the program carries.

mod common;
mod embedded;
mod figure;
mod mistakes;
mod readme;
mod select;
mod statistic;
mod store;
mod verdict;
