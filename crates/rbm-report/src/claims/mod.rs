//! The page of claims: what was claimed, how it was tested, what came out.

mod page;
mod section;
mod verdict;

pub use page::{ClaimsPage, render_claims};
pub use section::{ClaimSection, ClaimsReport, TestRow};
pub use verdict::VerdictWord;
