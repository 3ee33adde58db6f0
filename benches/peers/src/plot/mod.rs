//! The pictures.

mod curves;
mod lead;

pub use curves::{densities, growth};
pub use lead::lead;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

fn fill(root: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
    root.fill(&WHITE).map_err(drawing)
}

// The errors of the drawing library borrow from the path.
fn drawing(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the picture: {error}")
}
