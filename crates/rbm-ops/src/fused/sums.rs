//! Products of states with a matrix, without a multiplication: sums of the rows that the ones choose.
//!
//! Two ways, both with a fixed order of additions that depends on the states alone: by lists of ones, which costs a row
//! addition for each one, and by tables of the sums of every subset of four rows (Arlazarov, Dinic, Kronrod and
//! Faradzhev 1970), which costs a quarter of a row addition for each unit, whatever its state.

use std::ops::Range;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::share::each;
use super::tile::{Bits, Tile, UNITS};
use crate::isa::Isa;

/// Input tiles whose rows stay in the nearest cache (24 kB) while every list takes its sums of them.
const TILES_OF_A_CHUNK: usize = 25;
/// Rows whose lists are made by one task, and words below which one task makes them all.
const ROWS_OF_A_PART: usize = 64;
const WORDS_ALONE: usize = 2_000;
/// Sums of a list that advance side by side, to hide the latency of an addition.
const SUMS: usize = 4;
/// Units of a table, and the subsets of so many rows.
const GROUP: usize = 4;
const SUBSETS: usize = 1 << GROUP;
/// Groups of an input tile.
const GROUPS: usize = UNITS / GROUP;
/// Input tiles whose tables (4 kB each) are made at a time.
const TILES_OF_TABLES: usize = 2;
/// What listing the ones of a row's word of a tile costs, and for each matrix a one, a list, a word by tables, and the
/// tables of a tile, in half cycles (measured, docs/decisions.md).
const OF_LISTING: usize = 20;
const OF_A_ONE: usize = 3;
const OF_A_LIST: usize = 36;
const OF_A_WORD: usize = 11;
const OF_TABLES: usize = 320;

/// The ones of each byte, ascending; what lies beyond them is scratch.
static ONES: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut at) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][at] = bit as u8;
                at += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// A matrix of one row of 16 numbers for each input: the rows of an input tile lie together, tiles `stride` rows apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) rows: &'a [Tile],
    pub(super) stride: usize,
}

/// Which rows each state takes, for matrices of one stride.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    stride: usize,
    by_lists: bool,
    parts: Vec<Lists>,
}

/// The lists of [`ROWS_OF_A_PART`] rows.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// Where each list begins, `[chunks, rows]`, and the end.
    starts: Vec<u32>,
    /// Places of rows, counted from the first of the chunk.
    places: Vec<u32>,
}

impl Plan {
    /// Chooses the way for these states, whose sums are taken of `uses` matrices, and lists their ones if it is by
    /// lists.
    pub(super) fn make(&mut self, states: &Bits, stride: usize, uses: usize) {
        self.stride = stride;
        let words = states.words.len();
        let lists = states.rows * states.tiles().div_ceil(TILES_OF_A_CHUNK);
        let by_lists = words * OF_LISTING + uses * (states.ones() * OF_A_ONE + lists * OF_A_LIST);
        let by_tables = uses * (words * OF_A_WORD + states.tiles() * OF_TABLES);
        self.by_lists = by_lists <= by_tables;
        if self.by_lists {
            self.parts.resize_with(states.rows.div_ceil(ROWS_OF_A_PART), Lists::default);
            let make = |(part, lists): (usize, &mut Lists)| {
                let first = part * ROWS_OF_A_PART;
                lists.make(states, first..states.rows.min(first + ROWS_OF_A_PART), stride);
            };
            each(states.words.len() < WORDS_ALONE, self.parts.par_iter_mut().enumerate(), make);
        }
    }
}

impl Lists {
    fn make(&mut self, states: &Bits, rows: Range<usize>, stride: usize) {
        self.starts.clear();
        self.starts.push(0);
        let mut filled = 0;
        for first in (0..states.tiles()).step_by(TILES_OF_A_CHUNK) {
            let tiles = first..states.tiles().min(first + TILES_OF_A_CHUNK);
            for row in rows.clone() {
                let room = filled + UNITS * (tiles.len() + 1);
                if self.places.len() < room {
                    self.places.resize(2 * room, 0);
                }
                let words = tiles.clone().map(|tile| states.words[tile * states.rows + row]);
                let taken = Isa::current().run(ListOnes { words, stride, places: &mut self.places[filled..room] });
                filled += taken;
                self.starts.push(filled as u32);
            }
        }
    }
}

struct ListOnes<'a, W> {
    words: W,
    stride: usize,
    places: &'a mut [u32],
}

impl<W: Iterator<Item = u16>> NullaryFnOnce for ListOnes<'_, W> {
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        let mut filled = 0;
        for (tile, word) in self.words.enumerate() {
            for (half, byte) in word.to_le_bytes().into_iter().enumerate() {
                let from = (tile * self.stride + 8 * half) as u32;
                let to = self.places[filled..].first_chunk_mut::<8>().expect("room for a tile more than there are");
                let ones = &ONES[byte as usize];
                for at in 0..8 {
                    to[at] = from + u32::from(ones[at]);
                }
                filled += byte.count_ones() as usize;
            }
        }
        filled
    }
}

/// What becomes of a row's sum.
pub(super) trait Sink {
    /// Takes the sum of a row; rows come in order.
    fn put(&mut self, row: usize, sum: [f32; UNITS]);
}

/// Keeps the sums.
pub(super) struct Keep<'a>(pub(super) &'a mut [Tile]);

impl Sink for Keep<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, sum: [f32; UNITS]) {
        self.0[row].0 = sum;
    }
}

/// For each row of states the sum of the rows of the matrix that its ones choose, kept.
pub(super) fn keep(states: &Bits, plan: &Plan, matrix: Rows<'_>, sums: &mut [Tile]) {
    if plan.by_lists && states.tiles() <= TILES_OF_A_CHUNK {
        by_one_chunk(states, plan, matrix, &mut Keep(sums));
    } else {
        sums.fill(Tile::default());
        add(states, plan, matrix, sums);
    }
}

/// For each row of states the sum of the rows of the matrix that its ones choose, handed to `sink`.
pub(super) fn hand(states: &Bits, plan: &Plan, matrix: Rows<'_>, sums: &mut [Tile], sink: &mut (impl Sink + Send)) {
    if plan.by_lists && states.tiles() <= TILES_OF_A_CHUNK {
        return by_one_chunk(states, plan, matrix, sink);
    }
    sums.fill(Tile::default());
    add(states, plan, matrix, sums);
    Isa::current().run(Hand { sums, sink });
}

fn by_one_chunk(states: &Bits, plan: &Plan, matrix: Rows<'_>, sink: &mut impl Sink) {
    debug_assert_eq!(plan.stride, matrix.stride, "the plan was made for another matrix");
    debug_assert_eq!(plan.parts.len(), states.rows.div_ceil(ROWS_OF_A_PART));
    for (part, lists) in plan.parts.iter().enumerate() {
        let (first, places) = (part * ROWS_OF_A_PART, &lists.places);
        Isa::current().run(SumLists { first, starts: &lists.starts, places, matrix: matrix.rows, sink });
    }
}

fn add(states: &Bits, plan: &Plan, matrix: Rows<'_>, sums: &mut [Tile]) {
    debug_assert_eq!(plan.stride, matrix.stride, "the plan was made for another matrix");
    let isa = Isa::current();
    if plan.by_lists {
        for chunk in 0..states.tiles().div_ceil(TILES_OF_A_CHUNK) {
            let matrix = &matrix.rows[chunk * TILES_OF_A_CHUNK * matrix.stride..];
            for (lists, sums) in plan.parts.iter().zip(sums.chunks_mut(ROWS_OF_A_PART)) {
                let starts = &lists.starts[chunk * sums.len()..][..sums.len() + 1];
                isa.run(AddLists { starts, places: &lists.places, matrix, sums });
            }
        }
        return;
    }
    let mut tables = [[[Tile([0.0; UNITS]); SUBSETS]; GROUPS]; TILES_OF_TABLES];
    let mut used = 0;
    let mut tiles = [0; TILES_OF_TABLES];
    for tile in 0..states.tiles() {
        // A tile that no row has a one in is left out: the sums are the same bits.
        if states.tile(tile).iter().fold(0, |any, word| any | word) != 0 {
            let (rows, _) = matrix.rows[tile * matrix.stride..].split_first_chunk::<UNITS>().expect("whole tiles");
            isa.run(MakeTables { rows, tables: &mut tables[used] });
            tiles[used] = tile;
            used += 1;
        }
        if used == TILES_OF_TABLES {
            isa.run(AddTables { states: tiles.map(|tile| states.tile(tile)), tables: &tables, sums });
            used = 0;
        }
    }
    for at in 0..used {
        isa.run(AddTables { states: [states.tile(tiles[at])], tables: std::array::from_ref(&tables[at]), sums });
    }
}

struct Hand<'a, S> {
    sums: &'a [Tile],
    sink: &'a mut S,
}

impl<S: Sink> NullaryFnOnce for Hand<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.sums.iter().enumerate().for_each(|(row, sum)| self.sink.put(row, sum.0));
    }
}

struct SumLists<'a, S> {
    first: usize,
    starts: &'a [u32],
    places: &'a [u32],
    matrix: &'a [Tile],
    sink: &'a mut S,
}

impl<S: Sink> NullaryFnOnce for SumLists<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in 0..self.starts.len() - 1 {
            let list = &self.places[self.starts[row] as usize..self.starts[row + 1] as usize];
            self.sink.put(self.first + row, sum_of(self.matrix, list));
        }
    }
}

struct AddLists<'a> {
    starts: &'a [u32],
    places: &'a [u32],
    matrix: &'a [Tile],
    sums: &'a mut [Tile],
}

impl NullaryFnOnce for AddLists<'_> {
    type Output = ();

    #[expect(clippy::needless_range_loop, reason = "the plain loops that compilers vectorise")]
    #[inline(always)]
    fn call(self) {
        for (row, total) in self.sums.iter_mut().enumerate() {
            let list = &self.places[self.starts[row] as usize..self.starts[row + 1] as usize];
            let sum = sum_of(self.matrix, list);
            for unit in 0..UNITS {
                total.0[unit] += sum[unit];
            }
        }
    }
}

/// The sum of the rows at these places.
#[inline(always)]
fn sum_of(matrix: &[Tile], places: &[u32]) -> [f32; UNITS] {
    let mut sums = [[0.0_f32; UNITS]; SUMS];
    let (groups, rest) = places.as_chunks::<SUMS>();
    for group in groups {
        for at in 0..SUMS {
            let row = &matrix[group[at] as usize].0;
            for unit in 0..UNITS {
                sums[at][unit] += row[unit];
            }
        }
    }
    for &place in rest {
        let row = &matrix[place as usize].0;
        for unit in 0..UNITS {
            sums[0][unit] += row[unit];
        }
    }
    let mut sum = [0.0; UNITS];
    for unit in 0..UNITS {
        sum[unit] = (sums[0][unit] + sums[1][unit]) + (sums[2][unit] + sums[3][unit]);
    }
    sum
}

struct MakeTables<'a> {
    rows: &'a [Tile; UNITS],
    tables: &'a mut [[Tile; SUBSETS]; GROUPS],
}

impl NullaryFnOnce for MakeTables<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for group in 0..GROUPS {
            let table = &mut self.tables[group];
            for subset in 1..SUBSETS {
                let lowest = subset.trailing_zeros() as usize;
                let (rest, row) = (table[subset & (subset - 1)].0, &self.rows[GROUP * group + lowest].0);
                for unit in 0..UNITS {
                    table[subset].0[unit] = rest[unit] + row[unit];
                }
            }
        }
    }
}

struct AddTables<'a, const TILES: usize> {
    states: [&'a [u16]; TILES],
    tables: &'a [[[Tile; SUBSETS]; GROUPS]; TILES],
    sums: &'a mut [Tile],
}

impl<const TILES: usize> NullaryFnOnce for AddTables<'_, TILES> {
    type Output = ();

    #[expect(clippy::needless_range_loop, reason = "the plain loops that compilers vectorise")]
    #[inline(always)]
    fn call(self) {
        let rows = self.sums.len().min(self.states[0].len());
        let states = self.states.map(|states| &states[..rows]);
        for (row, total) in self.sums[..rows].iter_mut().enumerate() {
            let mut sum = total.0;
            for tile in 0..TILES {
                let state = states[tile][row] as usize;
                for group in 0..GROUPS {
                    let chosen = &self.tables[tile][group][state >> (GROUP * group) & (SUBSETS - 1)].0;
                    for unit in 0..UNITS {
                        sum[unit] += chosen[unit];
                    }
                }
            }
            total.0 = sum;
        }
    }
}
