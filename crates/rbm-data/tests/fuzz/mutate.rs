//! Files broken at random, as long as one likes: `RBM_FUZZ_SECONDS=600` runs each target for ten minutes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How a file is changed at a place, given as a share of its length.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Flip(f64, u8),
    Set(f64, u8),
    Number(f64, u64, usize, bool),
    Cut(f64),
    Remove(f64, usize),
    Insert(f64, Vec<u8>),
    Repeat(f64, usize),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = 0.0..1.0_f64;
    let telling = prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'-', b',', b'"', b'{', b'\n']);
    let sizes = prop::sample::select(vec![0, 1, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX >> 1, u64::MAX]);
    let one = prop_oneof![
        4 => (place.clone(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        4 => (place.clone(), telling).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        3 => (place.clone(), sizes, prop::sample::select(vec![2_usize, 4, 8]), any::<bool>())
            .prop_map(|(at, number, width, big)| Mutation::Number(at, number, width, big)),
        1 => place.clone().prop_map(Mutation::Cut),
        2 => (place.clone(), 1..40_usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        2 => (place.clone(), vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        1 => (place, 1..200_usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
    ];
    vec(one, 1..6)
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let place = |at: f64, bytes: &[u8]| ((at * bytes.len() as f64) as usize).min(bytes.len().saturating_sub(1));
    if bytes.is_empty() {
        return;
    }
    match mutation {
        Mutation::Flip(at, bit) => {
            let at = place(*at, bytes);
            bytes[at] ^= 1 << bit;
        }
        Mutation::Set(at, byte) => {
            let at = place(*at, bytes);
            bytes[at] = *byte;
        }
        Mutation::Number(at, number, width, big) => {
            let at = place(*at, bytes);
            let little = number.to_le_bytes();
            for (offset, slot) in bytes.iter_mut().skip(at).take(*width).enumerate() {
                *slot = if *big { little[width - 1 - offset] } else { little[offset] };
            }
        }
        Mutation::Cut(at) => {
            let at = place(*at, bytes);
            bytes.truncate(at);
        }
        Mutation::Remove(at, count) => {
            let at = place(*at, bytes);
            let end = (at + count).min(bytes.len());
            bytes.drain(at..end);
        }
        Mutation::Insert(at, more) => {
            let at = place(*at, bytes);
            bytes.splice(at..at, more.iter().copied());
        }
        Mutation::Repeat(at, count) => {
            let at = place(*at, bytes);
            let end = (at + count).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
    }
}

/// What is allocated is counted for the whole process: one target at a time, its set-up included.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands broken copies of the seeds to `read`, which must not panic, nor allocate more than `factor` times the file's size
/// and `floor` bytes. A failure is shrunk to few mutations and shown.
pub(crate) fn fuzz(name: &str, seeds: &[Vec<u8>], factor: usize, floor: usize, read: impl Fn(&[u8])) {
    let seconds = std::env::var("RBM_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.5);
    let first: u64 = std::env::var("RBM_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let strategy = (prop::sample::select(seeds.to_vec()), mutations()).prop_map(|(mut bytes, mutations)| {
        mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
        bytes
    });
    let begun = Instant::now();
    let mut cases = 0;
    for round in first.. {
        let config = Config { cases: 200, failure_persistence: None, max_shrink_iters: 5000, ..Config::default() };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&round.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let result = runner.run(&strategy, |bytes| {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            read(&bytes);
            let taken = MEMORY.peak_usage().saturating_sub(before);
            let allowed = factor * bytes.len() + floor;
            prop_assert!(taken <= allowed, "{taken} bytes for a file of {}: more than {allowed}", bytes.len());
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}, RBM_FUZZ_SEED={round}: {error}");
        }
        cases += 200;
        if begun.elapsed() >= Duration::from_secs_f64(seconds) {
            println!("{name}: {cases} files in {:.1} s", begun.elapsed().as_secs_f64());
            return;
        }
    }
}
