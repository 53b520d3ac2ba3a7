//! What came of a claim, in one word.

/// What came of a claim, or of one test of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictWord {
    /// It holds.
    Confirmed,
    /// It does not hold.
    Refuted,
    /// It holds here and does not there.
    Partly,
    /// The measurements do not say.
    #[default]
    Undecided,
}

impl VerdictWord {
    /// Every word, in the order of summaries.
    pub(super) const ALL: [Self; 4] = [Self::Confirmed, Self::Refuted, Self::Partly, Self::Undecided];

    /// The word that stands in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Partly => "partly",
            Self::Undecided => "undecided",
        }
    }

    /// A sign beside the word, told from the others without colour.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Confirmed => "✓",
            Self::Refuted => "✗",
            Self::Partly => "◐",
            Self::Undecided => "?",
        }
    }
}
