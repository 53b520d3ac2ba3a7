//! Work shared by threads.

use rayon::iter::plumbing::{Producer, ProducerCallback};
use rayon::prelude::*;

/// Runs a task for each item: on this thread alone, without a look at the others, or on all threads.
pub(super) fn each<I: IndexedParallelIterator>(alone: bool, items: I, work: impl Fn(I::Item) + Sync + Send) {
    if alone || rayon::current_num_threads() == 1 {
        items.with_producer(OneByOne(work));
    } else {
        items.for_each(work);
    }
}

/// Runs `f` on a thread of the pool, unless this is one, or it has but one. Outside the pool each call that shares work
/// would wake the pool and put the caller to sleep; so the whole step pays for that once.
pub(super) fn in_pool<T: Send>(alone: bool, f: impl FnOnce() -> T + Send) -> T {
    if alone || rayon::current_num_threads() == 1 || rayon::current_thread_index().is_some() {
        return f();
    }
    rayon::scope(|_| f())
}

struct OneByOne<W>(W);

impl<T, W: Fn(T)> ProducerCallback<T> for OneByOne<W> {
    type Output = ();

    fn callback<P: Producer<Item = T>>(self, producer: P) {
        producer.into_iter().for_each(self.0);
    }
}
