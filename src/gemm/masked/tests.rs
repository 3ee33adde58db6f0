//! Products without zeros against those with all terms, on every instruction set.
