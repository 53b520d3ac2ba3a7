//! From numbers in a row to tiles, and back.

use super::tile::{Tile, UNITS, swapped};

/// One for each unit of a tile that there is; the same as bits.
pub(super) fn mask(tile: usize, units: usize) -> (Tile, u16) {
    let mut mask = Tile::default();
    let count = UNITS.min(units - tile * UNITS);
    (0..count).for_each(|unit| mask.0[swapped(unit)] = 1.0);
    (mask, (u32::from(u16::MAX) >> (UNITS - count)) as u16)
}

/// Rows from one hidden tile to the next in transposed weights: an odd number of tiles, since with an even one rows would
/// compete for the same lines of a cache.
pub(super) fn stride(visible: usize) -> usize {
    (visible.div_ceil(UNITS) | 1) * UNITS
}

pub(super) fn to_tiles(values: &[f32]) -> Vec<Tile> {
    let mut tiles = vec![Tile::default(); values.len().div_ceil(UNITS)];
    values.iter().enumerate().for_each(|(unit, &value)| tiles[unit / UNITS].0[swapped(unit % UNITS)] = value);
    tiles
}

pub(super) fn from_tiles(tiles: &[Tile], units: usize) -> Vec<f32> {
    (0..units).map(|unit| tiles[unit / UNITS].0[swapped(unit % UNITS)]).collect()
}

pub(super) fn weights_to_tiles(weights: &[f32], visible: usize, hidden: usize) -> Vec<Tile> {
    let size = visible.next_multiple_of(UNITS);
    let mut tiles = vec![Tile::default(); hidden.div_ceil(UNITS) * size];
    for (row, values) in weights.chunks_exact(visible).enumerate() {
        let tile = &mut tiles[row / UNITS * size..][..visible];
        tile.iter_mut().zip(values).for_each(|(tile, &value)| tile.0[swapped(row % UNITS)] = value);
    }
    tiles
}

/// Weights `[hidden, visible]`, row by row, as a row of 16 numbers for each hidden unit, hidden tile and visible tile.
pub(super) fn transposed_tiles(weights: &[f32], visible: usize, hidden: usize) -> Vec<Tile> {
    let mut tiles = vec![Tile::default(); hidden.div_ceil(UNITS) * stride(visible)];
    for (row, values) in weights.chunks_exact(visible).enumerate() {
        for (tile, values) in values.chunks(UNITS).enumerate() {
            let to = &mut tiles[row / UNITS * stride(visible) + tile * UNITS + row % UNITS];
            values.iter().enumerate().for_each(|(unit, &value)| to.0[swapped(unit)] = value);
        }
    }
    tiles
}

pub(super) fn weights_from_tiles(tiles: &[Tile], visible: usize, hidden: usize) -> Vec<f32> {
    let size = visible.next_multiple_of(UNITS);
    let mut weights = Vec::with_capacity(hidden * visible);
    for row in 0..hidden {
        let tile = &tiles[row / UNITS * size..][..visible];
        weights.extend(tile.iter().map(|tile| tile.0[swapped(row % UNITS)]));
    }
    weights
}
