//! The kernels: a Gibbs half-step, the gradient with its update, and the sums of its squares.
//!
//! Each number of a matrix product is summed by one thread in one order of the inputs, whatever the size of the tile.
//! One factor of every term is 0 or 1, so that the term is exact and a fused or a separate addition gives the same
//! bits.
#![expect(
    clippy::collapsible_if,
    reason = "the outer condition is decided when a kernel is built, the inner one when it runs"
)]

use burn_cubecl::cubecl::{self, prelude::*};
use rbm_random::{M0, M1, ROUNDS, W0, W1};

/// Four neighbouring numbers.
type Quad = Vector<f32, Const<4>>;

/// Threads of a workgroup.
pub(super) const THREADS: u32 = 128;
/// Threads along the rows of a tile and along its columns; each has 4 columns, or two times 4.
const THREADS_DOWN: usize = 8;
const THREADS_ACROSS: usize = 16;
/// Inputs that a workgroup holds at a time: the units of one word.
const DEPTH: usize = 32;

/// Words that say what a step of a cell does.
pub(super) const CELL_WORDS: usize = 20;
/// Where a cell's draws of the hidden states stand in them: key, key, step, step, stream, row; the visible ones follow.
pub(super) const HIDDEN_DRAW: usize = 0;
pub(super) const VISIBLE_DRAW: usize = 6;
pub(super) const GIBBS_STEPS: usize = 12;
pub(super) const ACTIVE: usize = 13;
pub(super) const RATE: usize = 14;
pub(super) const MOMENTUM: usize = 15;
pub(super) const DECAY: usize = 16;
pub(super) const STEPS_BEFORE: usize = 17;

/// How much of a product one workgroup computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Rows of a thread, a multiple of 4.
    pub(super) height: usize,
    /// Groups of 4 columns of a thread.
    pub(super) quads: usize,
}

impl Tile {
    pub(super) const fn rows(self) -> usize {
        THREADS_DOWN * self.height
    }

    pub(super) const fn columns(self) -> usize {
        4 * THREADS_ACROSS * self.quads
    }
}

/// Which half-step, and what it leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HalfStep {
    /// From visible to hidden states, or back.
    pub(super) up: bool,
    /// Whether the rows are those that `order` names in a table that the cells share; they are then written side by
    /// side into `gathered` too.
    pub(super) gather: bool,
    /// Whether states are drawn.
    pub(super) sample: bool,
    /// Whether probabilities are kept.
    pub(super) probabilities: bool,
    pub(super) tile: Tile,
}

/// Which of the gradient's variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Update {
    /// Whether there are last updates.
    pub(super) momentum: bool,
    /// Whether the gradient's squares are kept.
    pub(super) squares: bool,
    pub(super) tile: Tile,
}

/// The four words of a block of four units.
#[cube]
fn philox(block: u32, row: u32, step: u32, stream: u32, key_low: u32, key_high: u32) -> Array<u32> {
    let mut c0 = block;
    let mut c1 = row;
    let mut c2 = step;
    let mut c3 = stream;
    let mut k0 = key_low;
    let mut k1 = key_high;
    #[unroll]
    for _ in 0..ROUNDS {
        let hi0 = u32::mul_hi(M0, c0);
        let lo0 = M0 * c0;
        let hi1 = u32::mul_hi(M1, c2);
        let lo1 = M1 * c2;
        c0 = hi1 ^ c1 ^ k0;
        c1 = lo1;
        c2 = hi0 ^ c3 ^ k1;
        c3 = lo0;
        k0 += W0;
        k1 += W1;
    }
    let mut words = Array::<u32>::new(4usize);
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
    words
}

#[cube]
fn sigmoid(x: f32) -> f32 {
    let e = f32::exp(-f32::abs(x));
    select(x >= 0.0f32, 1.0f32, e) / (1.0f32 + e)
}

/// Whether a number is infinite or none, told by its bits: shaders need not honour comparisons of such numbers.
#[cube]
fn is_not_finite(x: f32) -> bool {
    (u32::reinterpret(x) & 0x7f80_0000u32) == 0x7f80_0000u32
}

/// A bit as 0 or 1.
#[cube]
fn bit(word: u32, position: u32) -> f32 {
    f32::cast_from((word >> position) & 1u32)
}

/// A Gibbs half-step of every cell: `[rows, units]` states from `[rows, inputs]` states.
///
/// A workgroup computes `tile.rows() x tile.columns()` activations of cell `CUBE_POS_Z`.
#[cube(launch)]
pub(super) fn half_step_kernel(
    weights: &[f32],
    biases: &[f32],
    states: &[u32],
    order: &[u32],
    cells: &[u32],
    drawn: &mut [u32],
    gathered: &mut [u32],
    probabilities: &mut [Quad],
    flags: &mut [u32],
    visible: u32,
    hidden: u32,
    rows: u32,
    first: u32,
    order_rows: u32,
    probability_rows: u32,
    probability_first: u32,
    gibbs_step: u32,
    advance: u32,
    #[comptime] kind: HalfStep,
) {
    let height = comptime!(kind.tile.height);
    let quads = comptime!(kind.tile.quads);
    let unit_quads = comptime!(THREADS_ACROSS * kind.tile.quads);
    let weight_stride = comptime!(THREADS_ACROSS * kind.tile.quads + 1);
    let state_stride = comptime!(kind.tile.height * THREADS_DOWN / 4 + 1);
    let weight_loads = comptime!(DEPTH * THREADS_ACROSS * kind.tile.quads / THREADS as usize);
    let state_loads = comptime!(DEPTH * kind.tile.height * THREADS_DOWN / 4 / THREADS as usize);

    let cell = CUBE_POS_Z as usize;
    let at = cell * CELL_WORDS;
    let steps = cells[at + GIBBS_STEPS];
    if cells[at + ACTIVE] == 0u32 || gibbs_step >= steps {
        terminate!();
    }
    let visible = visible as usize;
    let hidden = hidden as usize;
    let rows = rows as usize;
    let mut inputs = hidden;
    let mut units = visible;
    let mut bias_at = cell * (visible + hidden);
    if comptime!(kind.up) {
        inputs = visible;
        units = hidden;
        bias_at += visible;
    }
    let words = inputs.div_ceil(32);

    let thread = UNIT_POS as usize;
    let across = thread % THREADS_ACROSS;
    let down = thread / THREADS_ACROSS;
    let unit0 = CUBE_POS_X as usize * comptime!(kind.tile.columns());
    let row0 = CUBE_POS_Y as usize * comptime!(kind.tile.rows());

    let mut weight_tile = Shared::<[Quad]>::new_slice(comptime!(DEPTH * (THREADS_ACROSS * kind.tile.quads + 1)));
    let mut state_tile = Shared::<[Quad]>::new_slice(comptime!(DEPTH * (kind.tile.height * THREADS_DOWN / 4 + 1)));
    let mut nibbles = Shared::<[u32]>::new_slice(comptime!(THREADS as usize * kind.tile.quads));

    // Where this thread's share of a tile of states begins: quad `q` of rows, unit `thread % 32` of each word.
    let lane = (thread % DEPTH) as u32;
    let mut row_at = Array::<usize>::new(comptime!(state_loads * 4));
    #[unroll]
    for j in 0..state_loads {
        #[unroll]
        for c in 0..4usize {
            let in_tile = (thread / DEPTH + j * comptime!(THREADS as usize / DEPTH)) * 4 + c;
            let row = usize::min(row0 + in_tile, rows - 1);
            if comptime!(kind.gather) {
                let at = cell * order_rows as usize + first as usize + row;
                row_at[j * 4 + c] = order[at] as usize * words;
            } else {
                row_at[j * 4 + c] = (cell * rows + row) * words;
            }
        }
    }

    let mut next_weights = Array::<f32>::new(comptime!(weight_loads * 4));
    let mut next_states = Array::<u32>::new(comptime!(state_loads * 4));
    let mut sums = Array::<Quad>::new(comptime!(kind.tile.height * kind.tile.quads));
    #[unroll]
    for i in 0..comptime!(kind.tile.height * kind.tile.quads) {
        sums[i] = Quad::new(0.0f32);
    }

    // One tile ahead: the loads of tile `word` are on their way while tile `word - 1` is worked on.
    for word in 0..words + 1 {
        if word > 0 {
            sync_cube();
            #[unroll]
            for j in 0..weight_loads {
                let i = thread + j * comptime!(THREADS as usize);
                let mut quad = Quad::new(0.0f32);
                #[unroll]
                for c in 0..4usize {
                    let mut input = (word - 1) * DEPTH + i / unit_quads;
                    if comptime!(kind.up) {
                        input = (word - 1) * DEPTH + i % DEPTH;
                    }
                    quad.insert(c, select(input < inputs, next_weights[j * 4 + c], 0.0f32));
                }
                if comptime!(kind.up) {
                    weight_tile[(i % DEPTH) * weight_stride + i / DEPTH] = quad;
                } else {
                    weight_tile[(i / unit_quads) * weight_stride + i % unit_quads] = quad;
                }
            }
            #[unroll]
            for j in 0..state_loads {
                let mut quad = Quad::new(0.0f32);
                #[unroll]
                for c in 0..4usize {
                    quad.insert(c, bit(next_states[j * 4 + c], lane));
                }
                if comptime!(kind.gather) {
                    if CUBE_POS_X == 0 && lane == 0 {
                        #[unroll]
                        for c in 0..4usize {
                            let in_tile = (thread / DEPTH + j * comptime!(THREADS as usize / DEPTH)) * 4 + c;
                            if row0 + in_tile < rows {
                                gathered[(cell * rows + row0 + in_tile) * words + word - 1] = next_states[j * 4 + c];
                            }
                        }
                    }
                }
                state_tile
                    [(thread % DEPTH) * state_stride + thread / DEPTH + j * comptime!(THREADS as usize / DEPTH)] = quad;
            }
            sync_cube();
        }
        if word < words {
            #[unroll]
            for j in 0..weight_loads {
                let i = thread + j * comptime!(THREADS as usize);
                #[unroll]
                for c in 0..4usize {
                    if comptime!(kind.up) {
                        let input = word * DEPTH + i % DEPTH;
                        next_weights[j * 4 + c] =
                            weights[(cell * hidden + unit0 + (i / DEPTH) * 4 + c) * visible + input];
                    } else {
                        let input = word * DEPTH + i / unit_quads;
                        next_weights[j * 4 + c] =
                            weights[(cell * hidden + input) * visible + unit0 + (i % unit_quads) * 4 + c];
                    }
                }
            }
            #[unroll]
            for j in 0..comptime!(state_loads * 4) {
                next_states[j] = states[row_at[j] + word];
            }
        }
        if word > 0 {
            for part in 0..DEPTH / 8 {
                #[unroll]
                for k in 0..8usize {
                    let input = part * 8 + k;
                    #[unroll]
                    for r in 0..comptime!(kind.tile.height / 4) {
                        let state = state_tile[input * state_stride + down * comptime!(kind.tile.height / 4) + r];
                        #[unroll]
                        for q in 0..quads {
                            let weight = weight_tile[input * weight_stride + q * THREADS_ACROSS + across];
                            #[unroll]
                            for c in 0..4usize {
                                let i = comptime!((r * 4 + c) * quads + q);
                                sums[i] = fma(Quad::new(state.extract(c)), weight, sums[i]);
                            }
                        }
                    }
                }
            }
        }
    }

    let mut draw_at = at + VISIBLE_DRAW;
    if comptime!(kind.up) {
        draw_at = at + HIDDEN_DRAW;
    }
    let step_base = cells[draw_at + 2];
    let step = step_base + advance * steps + gibbs_step;
    let mut step_high = cells[draw_at + 3];
    if step < step_base {
        step_high += 1u32;
    }
    let stream = cells[draw_at + 4] + (step_high << 8u32);
    let key_low = cells[draw_at];
    let key_high = cells[draw_at + 1];
    let first_row = cells[draw_at + 5];
    let probability_stride = (units + 4) / 4;
    #[unroll]
    for q in 0..quads {
        let unit = unit0 + (q * THREADS_ACROSS + across) * 4;
        let mut bias = Array::<f32>::new(4usize);
        #[unroll]
        for c in 0..4usize {
            bias[c] = biases[bias_at + unit + c];
        }
        // Four bits for each of the thread's rows.
        let mut nibbles_of_rows = 0u32;
        #[unroll]
        for r in 0..height {
            let row = row0 + down * height + r;
            let sum = sums[comptime!(r * quads + q)];
            let mut all = Quad::new(0.0f32);
            #[unroll]
            for c in 0..4usize {
                all.insert(c, sigmoid(sum.extract(c) + bias[c]));
            }
            if comptime!(kind.probabilities) {
                if row < rows && unit < units {
                    probabilities[(cell * probability_rows as usize + probability_first as usize + row)
                        * probability_stride
                        + unit / 4] = all;
                    #[unroll]
                    for c in 0..4usize {
                        if is_not_finite(all.extract(c)) && unit + c < units && flags[cell] == 0u32 {
                            flags[cell] = cells[at + STEPS_BEFORE] + advance + 1u32;
                        }
                    }
                }
            }
            if comptime!(kind.sample) {
                let random = philox((unit / 4) as u32, row as u32 + first_row, step, stream, key_low, key_high);
                let mut nibble = 0u32;
                #[unroll]
                for c in 0..4usize {
                    let u = f32::min((f32::cast_from(random[c] >> 8u32) + 0.5f32) * 5.9604645e-8f32, 0.99999994f32);
                    let on = select(u < all.extract(c) && unit + c < units, 1u32, 0u32);
                    nibble |= on << comptime!(c as u32);
                }
                nibbles_of_rows |= nibble << comptime!(4 * r as u32);
            }
        }
        if comptime!(kind.sample) {
            nibbles[down * unit_quads + q * THREADS_ACROSS + across] = nibbles_of_rows;
        }
    }
    if comptime!(kind.sample) {
        sync_cube();
        let tile_words = comptime!(2 * kind.tile.quads);
        let unit_words = units.div_ceil(32);
        let mut i = thread;
        while i < comptime!(kind.tile.rows() * 2 * kind.tile.quads) {
            let in_tile = i / tile_words;
            let row = row0 + in_tile;
            let word = unit0 / 32 + i % tile_words;
            if row < rows && word < unit_words {
                let mut value = 0u32;
                #[unroll]
                for n in 0..8usize {
                    let of_rows = nibbles[(in_tile / height) * unit_quads + (i % tile_words) * 8 + n];
                    let nibble = (of_rows >> (4 * (in_tile % height)) as u32) & 15u32;
                    value |= nibble << comptime!(4 * n as u32);
                }
                drawn[(cell * rows + row) * unit_words + word] = value;
            }
            i += comptime!(THREADS as usize);
        }
    }
}

/// The gradient of every cell from hidden probabilities and visible states, and the step along it.
///
/// The statistics are one product of `[hidden + 1, rows + chains]` with `[rows + chains, visible + 1]`, where the last
/// row and the last column are ones: they give the biases' gradients. A workgroup computes `tile.rows()` hidden units
/// by `tile.columns()` visible ones.
#[cube(launch)]
pub(super) fn update_kernel(
    probabilities: &[Quad],
    batch: &[u32],
    chain_states: &[u32],
    cells: &[u32],
    flags: &[u32],
    weights: &mut [f32],
    biases: &mut [f32],
    last_weights: &mut [f32],
    last_biases: &mut [f32],
    squares: &mut [f32],
    visible: u32,
    hidden: u32,
    rows: u32,
    chains: u32,
    chains_over_rows: f32,
    one_over_chains: f32,
    #[comptime] kind: Update,
) {
    let height = comptime!(kind.tile.height);
    let quads = comptime!(kind.tile.quads);
    let hidden_quads = comptime!(kind.tile.height * THREADS_DOWN / 4);
    let hidden_stride = comptime!(kind.tile.height * THREADS_DOWN / 4 + 1);
    let visible_quads = comptime!(THREADS_ACROSS * kind.tile.quads);
    let visible_stride = comptime!(THREADS_ACROSS * kind.tile.quads + 1);
    let hidden_loads = comptime!(DEPTH * kind.tile.height * THREADS_DOWN / 4 / THREADS as usize);
    let visible_loads = comptime!(DEPTH * THREADS_ACROSS * kind.tile.quads / THREADS as usize);

    let cell = CUBE_POS_Z as usize;
    let at = cell * CELL_WORDS;
    if cells[at + ACTIVE] == 0u32 || flags[cell] != 0u32 {
        terminate!();
    }
    let visible = visible as usize;
    let hidden = hidden as usize;
    let rows = rows as usize;
    let chains = chains as usize;
    let words = visible.div_ceil(32);
    let probability_stride = (hidden + 4) / 4;

    let thread = UNIT_POS as usize;
    let across = thread % THREADS_ACROSS;
    let down = thread / THREADS_ACROSS;
    let visible0 = CUBE_POS_X as usize * comptime!(kind.tile.columns());
    let hidden0 = CUBE_POS_Y as usize * comptime!(kind.tile.rows());

    let mut hidden_tile = Shared::<[Quad]>::new_slice(comptime!(DEPTH * (kind.tile.height * THREADS_DOWN / 4 + 1)));
    let mut visible_tile = Shared::<[Quad]>::new_slice(comptime!(DEPTH * (THREADS_ACROSS * kind.tile.quads + 1)));

    let mut next_hidden = Array::<Quad>::new(hidden_loads);
    let mut next_visible = Array::<u32>::new(visible_loads);
    let mut sums = Array::<Quad>::new(comptime!(kind.tile.height * kind.tile.quads));
    #[unroll]
    for i in 0..comptime!(kind.tile.height * kind.tile.quads) {
        sums[i] = Quad::new(0.0f32);
    }

    // Rows of the data and of the chains take turns, so that the sums stay as small as the difference they come to.
    let data_tiles = rows.div_ceil(32);
    let chain_tiles = chains.div_ceil(32);
    let turns = usize::min(data_tiles, chain_tiles);
    let tiles = data_tiles + chain_tiles;
    let mut next_row = 0usize;
    let mut next_rows = 0usize;
    let mut next_factor = 0.0f32;
    for tile in 0..tiles + 1 {
        if tile > 0 {
            sync_cube();
            #[unroll]
            for j in 0..hidden_loads {
                let i = thread + j * comptime!(THREADS as usize);
                let unit = hidden0 + (i % hidden_quads) * 4;
                let mut quad = Quad::new(0.0f32);
                #[unroll]
                for c in 0..4usize {
                    let value = select(unit + c == hidden, 1.0f32, next_hidden[j].extract(c));
                    quad.insert(c, select(next_row + i / hidden_quads < next_rows, value * next_factor, 0.0f32));
                }
                hidden_tile[(i / hidden_quads) * hidden_stride + i % hidden_quads] = quad;
            }
            #[unroll]
            for j in 0..visible_loads {
                let i = thread + j * comptime!(THREADS as usize);
                let unit = visible0 + (i % visible_quads) * 4;
                let mut quad = Quad::new(0.0f32);
                #[unroll]
                for c in 0..4usize {
                    let state = bit(next_visible[j], (unit % 32) as u32 + comptime!(c as u32));
                    quad.insert(c, select(unit + c == visible, 1.0f32, state));
                }
                visible_tile[(i / visible_quads) * visible_stride + i % visible_quads] = quad;
            }
            sync_cube();
        }
        if tile < tiles {
            let mut is_data = data_tiles > chain_tiles;
            let mut tile_row = (tile - usize::min(turns, tile)) * DEPTH;
            if tile < 2 * turns {
                is_data = tile % 2 == 0;
                tile_row = (tile / 2) * DEPTH;
            }
            let phase_rows = select(is_data, rows, chains);
            let phase_first = cell * (rows + chains) + select(is_data, 0usize, rows);
            next_row = tile_row;
            next_rows = phase_rows;
            next_factor = select(is_data, chains_over_rows, -1.0f32);
            #[unroll]
            for j in 0..hidden_loads {
                let i = thread + j * comptime!(THREADS as usize);
                let row = tile_row + i / hidden_quads;
                let unit = hidden0 / 4 + i % hidden_quads;
                next_hidden[j] = probabilities[(phase_first + usize::min(row, phase_rows - 1)) * probability_stride
                    + usize::min(unit, probability_stride - 1)];
            }
            #[unroll]
            for j in 0..visible_loads {
                let i = thread + j * comptime!(THREADS as usize);
                let row = usize::min(tile_row + i / visible_quads, phase_rows - 1);
                let word = usize::min((visible0 + (i % visible_quads) * 4) / 32, words - 1);
                if is_data {
                    next_visible[j] = batch[(cell * rows + row) * words + word];
                } else {
                    next_visible[j] = chain_states[(cell * chains + row) * words + word];
                }
            }
        }
        if tile > 0 {
            for part in 0..DEPTH / 8 {
                #[unroll]
                for k in 0..8usize {
                    let input = part * 8 + k;
                    #[unroll]
                    for r in 0..comptime!(kind.tile.height / 4) {
                        let p = hidden_tile[input * hidden_stride + down * comptime!(kind.tile.height / 4) + r];
                        #[unroll]
                        for q in 0..quads {
                            let state = visible_tile[input * visible_stride + q * THREADS_ACROSS + across];
                            #[unroll]
                            for c in 0..4usize {
                                let i = comptime!((r * 4 + c) * quads + q);
                                sums[i] = fma(Quad::new(p.extract(c)), state, sums[i]);
                            }
                        }
                    }
                }
            }
        }
    }

    let rate = f32::reinterpret(cells[at + RATE]);
    let momentum = f32::reinterpret(cells[at + MOMENTUM]);
    let decay = f32::reinterpret(cells[at + DECAY]);
    #[unroll]
    for r in 0..height {
        let h = hidden0 + down * height + r;
        #[unroll]
        for q in 0..quads {
            let v0 = visible0 + (q * THREADS_ACROSS + across) * 4;
            let sum = sums[comptime!(r * quads + q)];
            let mut square = 0.0f32;
            #[unroll]
            for c in 0..4usize {
                let v = v0 + c;
                let gradient = sum.extract(c) * one_over_chains;
                if h < hidden && v < visible {
                    let i = (cell * hidden + h) * visible + v;
                    let weight = weights[i];
                    let slope = fma(-decay, weight, gradient);
                    let mut moved = weight;
                    if comptime!(kind.momentum) {
                        let last = select(momentum == 0.0f32, 0.0f32, last_weights[i]);
                        moved = fma(momentum, last, weight);
                        last_weights[i] = select(momentum == 0.0f32, 0.0f32, fma(rate, slope, momentum * last));
                    }
                    weights[i] = fma(rate, slope, moved);
                    square = fma(gradient, gradient, square);
                } else if (h < hidden && v == visible) || (h == hidden && v < visible) {
                    let i = cell * (visible + hidden) + select(h == hidden, v, visible + h);
                    let mut moved = biases[i];
                    if comptime!(kind.momentum) {
                        let last = select(momentum == 0.0f32, 0.0f32, last_biases[i]);
                        moved = fma(momentum, last, moved);
                        last_biases[i] = select(momentum == 0.0f32, 0.0f32, fma(rate, gradient, momentum * last));
                    }
                    biases[i] = fma(rate, gradient, moved);
                    square = fma(gradient, gradient, square);
                }
            }
            if comptime!(kind.squares) {
                let square_quads = (visible + 4) / 4;
                if h <= hidden && v0 <= visible {
                    squares[(cell * (hidden + 1) + h) * square_quads + v0 / 4] = square;
                }
            }
        }
    }
}

/// Sums over the last axis: `[lines, width]` to `[lines]`, each in ascending order.
#[cube(launch)]
pub(super) fn sum_lines_kernel(values: &[f32], sums: &mut [f32], width: u32) {
    let line = ABSOLUTE_POS;
    if line >= sums.len() {
        terminate!();
    }
    let mut sum = 0.0f32;
    for i in 0..width as usize {
        sum += values[line * width as usize + i];
    }
    sums[line] = sum;
}
