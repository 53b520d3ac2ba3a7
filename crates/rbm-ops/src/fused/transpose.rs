//! Weights of a hidden tile, from rows for visible units to rows for hidden ones.

use pulp::NullaryFnOnce;

use super::tile::{Tile, UNITS, swapped};
use crate::isa::Isa;

/// A square of tiles.
type Square = [Tile; UNITS];

/// Copies a hidden tile's weights, a row for each visible unit, to rows for each hidden unit.
pub(super) fn weights(weights: &[Tile], transposed: &mut [Tile]) {
    let (from, _) = weights.as_chunks::<UNITS>();
    let (to, _) = transposed.as_chunks_mut::<UNITS>();
    #[cfg(target_arch = "x86_64")]
    if Isa::current() != Isa::Portable
        && let Some(simd) = pulp::x86::V3::try_new()
    {
        simd.vectorize(x86::Transpose { simd, from, to });
        return;
    }
    Isa::current().run(Transpose { from, to });
}

struct Transpose<'a> {
    from: &'a [Square],
    to: &'a mut [Square],
}

impl NullaryFnOnce for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (from, to) in self.from.iter().zip(self.to) {
            for hidden in 0..UNITS {
                for visible in 0..UNITS {
                    to[swapped(hidden)].0[visible] = from[swapped(visible)].0[hidden];
                }
            }
        }
    }
}

/// Compilers make single loads and stores of a transposition in plain loops; with shuffles it takes a third of the
/// time.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::__m256;

    use pulp::{NullaryFnOnce, cast, x86::V3};

    use super::{Square, UNITS, swapped};

    const HALF: usize = UNITS / 2;

    pub(super) struct Transpose<'a> {
        pub(super) simd: V3,
        pub(super) from: &'a [Square],
        pub(super) to: &'a mut [Square],
    }

    impl NullaryFnOnce for Transpose<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            for (from, to) in self.from.iter().zip(self.to) {
                for visible in [0, HALF] {
                    for hidden in [0, HALF] {
                        let row = |at: usize| -> __m256 {
                            let row = &from[swapped(visible + at)].0;
                            cast::<[f32; HALF], __m256>(std::array::from_fn(|unit| row[hidden + unit]))
                        };
                        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
                        let columns = eight_by_eight(self.simd, rows);
                        for (at, column) in columns.into_iter().enumerate() {
                            let column = cast::<__m256, [f32; HALF]>(column);
                            to[swapped(hidden + at)].0[visible..visible + HALF].copy_from_slice(&column);
                        }
                    }
                }
            }
        }
    }

    /// A square of 8 x 8 numbers with rows and columns exchanged: neighbours, then pairs, then halves.
    #[inline(always)]
    fn eight_by_eight(simd: V3, r: [__m256; 8]) -> [__m256; 8] {
        let avx = simd.avx;
        let low = |a: usize| avx._mm256_unpacklo_ps(r[a], r[a + 1]);
        let high = |a: usize| avx._mm256_unpackhi_ps(r[a], r[a + 1]);
        let n = [low(0), high(0), low(2), high(2), low(4), high(4), low(6), high(6)];
        let first = |a: usize, b: usize| avx._mm256_shuffle_ps::<0b01_00_01_00>(n[a], n[b]);
        let second = |a: usize, b: usize| avx._mm256_shuffle_ps::<0b11_10_11_10>(n[a], n[b]);
        let p = [
            first(0, 2),
            second(0, 2),
            first(1, 3),
            second(1, 3),
            first(4, 6),
            second(4, 6),
            first(5, 7),
            second(5, 7),
        ];
        let left = |a: usize| avx._mm256_permute2f128_ps::<0x20>(p[a], p[a + 4]);
        let right = |a: usize| avx._mm256_permute2f128_ps::<0x31>(p[a], p[a + 4]);
        [left(0), left(1), left(2), left(3), right(0), right(1), right(2), right(3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_the_same_square() {
        let from: Vec<Tile> =
            (0..3 * UNITS).map(|row| Tile(std::array::from_fn(|unit| (100 * row + unit) as f32))).collect();
        let (mut found, mut plain) = (vec![Tile::default(); 3 * UNITS], vec![Tile::default(); 3 * UNITS]);
        weights(&from, &mut found);
        Transpose { from: from.as_chunks().0, to: plain.as_chunks_mut().0 }.call();
        assert_eq!(found, plain);
        // The weight between visible unit 18 and the hidden unit at position 5.
        assert_eq!(plain[UNITS + swapped(5)].0[swapped(2)], 1805.0);
    }
}
