//! What a long fetch tells whoever watches.

/// Receives the progress of a fetch; the binary draws a bar, tests and libraries stay silent.
pub trait FetchProgress {
    /// Something of so many bytes (if known) begins.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many bytes more have come.
    fn advance(&self, bytes: u64);
    /// What began last has ended, well or not.
    fn end(&self);
    /// A sentence worth showing, such as which source failed and which is tried next.
    fn note(&self, text: &str);
}

/// Progress that nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl FetchProgress for NoProgress {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {}
    fn note(&self, _text: &str) {}
}
