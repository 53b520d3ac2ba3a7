//! Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// Multiplier of the first counter word (Salmon et al. 2011, table 2).
pub const M0: u32 = 0xD251_1F53;
/// Multiplier of the third counter word.
pub const M1: u32 = 0xCD9E_8D57;
/// Weyl increment of the first key word: the golden ratio.
pub const W0: u32 = 0x9E37_79B9;
/// Weyl increment of the second key word: the square root of 3, less 1.
pub const W1: u32 = 0xBB67_AE85;
/// Rounds of the recommended variant.
pub const ROUNDS: u32 = 10;

/// Blocks for `L` counters at once, word by word (`counter[word][lane]`), so that compilers vectorise the lanes.
///
/// A word lies in the low half of 64 bits, whatever the high half holds: vector units multiply just these halves.
#[inline(always)]
pub fn philox_lanes<const L: usize>(counter: [[u32; L]; 4], key: [u32; 2]) -> [[u32; L]; 4] {
    let mut c = counter.map(|word| word.map(u64::from));
    let mut k = key;
    for _ in 0..ROUNDS {
        let (k0, k1) = (u64::from(k[0]), u64::from(k[1]));
        #[expect(clippy::needless_range_loop, reason = "four iterators in step are not always inlined: 3 times slower")]
        for lane in 0..L {
            let p0 = u64::from(M0) * (c[0][lane] & LOW);
            let p1 = u64::from(M1) * (c[2][lane] & LOW);
            c[0][lane] = (p1 >> 32) ^ c[1][lane] ^ k0;
            c[1][lane] = p1;
            c[2][lane] = (p0 >> 32) ^ c[3][lane] ^ k1;
            c[3][lane] = p0;
        }
        k = [k[0].wrapping_add(W0), k[1].wrapping_add(W1)];
    }
    c.map(|word| word.map(|word| word as u32))
}

/// The low half of 64 bits.
const LOW: u64 = 0xffff_ffff;

/// One block: four 32-bit words for one 128-bit counter and one 64-bit key, lowest word first.
#[inline]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    philox_lanes(counter.map(|word| [word]), key).map(|[word]| word)
}
