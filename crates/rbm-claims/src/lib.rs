//! Claims, the experiments that test them, and verdicts.
//!
//! An [`Experiment`] is a folder with an `experiment.toml`: a claim, the sweeps and the computations (*protocols*) that
//! give its [`Measurement`]s, and tests with thresholds, to be stated before the first result. [`decide`] reads the
//! measurements and says `confirmed`, `refuted`, `partly` or `undecided`, with an interval over seeds.

mod check;
mod claim;
mod embedded;
mod error;
mod experiment;
mod figure;
mod measurement;
mod page;
pub mod protocol;
mod readme;
mod record;
mod select;
mod statistic;
mod store;
mod verdict;

pub use claim::{Claim, Found, PlannedSweep, Unavailable, all_cells};
pub use embedded::{choose, embedded, read_folder};
pub use error::Error;
pub use experiment::{
    Basis, Budget, Experiment, Group, IntervalMethod, Profile, ProtocolSpec, Region, Role, Settings, Statement,
    SweepSpec, Test,
};
pub use figure::{FigureKind, FigureSpec, ReferenceSpec};
pub use measurement::{Label, Labels, Measurement};
pub use page::{Shown, claim_of_figure, page, verdict_table};
pub use readme::{claim_block, with_block};
pub use record::{ClaimRecord, TestRecord};
pub use select::{At, Condition, Over, Select};
pub use statistic::Statistic;
pub use store::{ClaimsFolder, Cost, Stored};
pub use verdict::{ClaimOutcome, TestOutcome, Verdict, decide};
