//! Products without zeros against those with all terms, on every instruction set: the same bits.

mod case;
mod layouts;
mod nonfinite;
mod zeros;
