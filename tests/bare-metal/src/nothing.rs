//! No kernels: what is left is the platform's own code.

use crate::digits::Tile;
use crate::platform::{self, print};
use crate::text;

pub struct Memory {
    tile: Tile<32>,
}

impl Memory {
    pub const NEW: Self = Self { tile: Tile::NEW };
}

pub fn run(memory: &mut Memory) -> Result<(), ()> {
    let start = platform::now();
    memory.tile.read(0);
    platform::report("conversion, instructions", platform::since(start), memory.tile.labels.len());
    memory.tile.x.as_flattened().iter().for_each(|&x| text::float(x));
    memory.tile.labels.iter().for_each(|&label| text::decimal(usize::from(label)));
    print("\n");
    Ok(())
}
