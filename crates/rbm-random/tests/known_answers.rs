//! The authors' known answers, and this crate's own values held stable.

use rbm_random::{Draw, Sequence, Stream, philox, philox_lanes, uniform_f32};

/// From the `kat_vectors` file of the authors' Random123 distribution, philox4x32 with 10 rounds.
const KNOWN: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
    ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
    ),
];

#[test]
fn philox_gives_the_authors_answers() {
    for (counter, key, answer) in KNOWN {
        assert_eq!(philox(counter, key), answer);
        assert_eq!(philox_lanes(counter.map(|word| [word; 8]), key), answer.map(|word| [word; 8]));
    }
}

#[test]
fn draws_put_seed_stream_step_row_and_unit_where_the_table_says() {
    let draw = Draw { seed: 0x299f_31d0_a409_3822, stream: Stream::ChainStart, step: 0x13198a2e, row: 0x85a3_08d3 };
    let words = philox([9, 0x85a3_08d3, 0x1319_8a2e, 7], [0xa409_3822, 0x299f_31d0]);
    for lane in 0..4 {
        assert_eq!(draw.uniform(36 + lane), uniform_f32(words[lane as usize]));
    }
    assert_eq!(draw.words_of_blocks::<2>(8).map(|word| word[1]), words);
}

/// Changing one of these is a value-breaking change: raise the numerics version and say so in the changelog.
#[test]
fn values_are_stable() {
    let mut sequence = Sequence::new(42, Stream::Shuffle, 1);
    assert_eq!(sequence.permutation(8), PERMUTATION);
    assert_eq!(sequence.uniform().to_bits(), UNIFORM.to_bits());
    assert!((sequence.normal() - NORMAL).abs() < 1e-15, "libm may differ in the last bit");
}
const PERMUTATION: [u32; 8] = [4, 1, 2, 5, 3, 0, 7, 6];
const UNIFORM: f64 = 0.5122278768053686;
const NORMAL: f64 = 0.09060619585698554;

/// Level: each of the checks below has a two-sided normal bound of 5 standard errors, p = 6e-7; seeds are fixed.
#[test]
fn moments_are_those_of_the_laws() {
    let n = 1_000_000;
    let bound = |sd: f64| 5.0 * sd / f64::from(n).sqrt();
    let mut sequence = Sequence::new(1, Stream::Initialization, 0);
    let (mut sum, mut square) = (0.0, 0.0);
    for _ in 0..n {
        let x = sequence.normal();
        sum += x;
        square += x * x;
    }
    assert!((sum / f64::from(n)).abs() < bound(1.0));
    assert!((square / f64::from(n) - 1.0).abs() < bound(2.0_f64.sqrt())); // Var x^2 = 2
    let mean = (0..n).map(|_| sequence.uniform()).sum::<f64>() / f64::from(n);
    assert!((mean - 0.5).abs() < bound(12.0_f64.sqrt().recip()));
    let mut counts = [0_u32; 7];
    (0..n).for_each(|_| counts[sequence.below(7) as usize] += 1);
    for count in counts {
        assert!((f64::from(count) / f64::from(n) - 1.0 / 7.0).abs() < bound((1.0_f64 / 7.0 * 6.0 / 7.0).sqrt()));
    }
}

#[test]
fn every_permutation_of_three_is_equally_likely() {
    let mut counts = std::collections::BTreeMap::new();
    let draws = 60_000_u32;
    for step in 0..u64::from(draws) {
        *counts.entry(Sequence::new(3, Stream::Shuffle, step).permutation(3)).or_insert(0_u32) += 1;
    }
    let expected = f64::from(draws) / 6.0;
    let chi_squared: f64 = counts.values().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    assert_eq!(counts.len(), 6);
    assert!(chi_squared < 35.9, "5 degrees of freedom, level 1e-6, chi squared {chi_squared}");
}
