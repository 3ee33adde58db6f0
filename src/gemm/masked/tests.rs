//! Products without zeros against those with all terms, on every instruction set: the same bits. And when they are chosen.

mod case;
mod decisions;
mod layouts;
mod nonfinite;
mod zeros;
