//! Training by many processes, on one machine or many, with the same bits for any number of them.
//!
//! `exchange` is the heart: it adds up vectors of shards over all ranks. `train` is the loop that it serves.

pub mod agree;
pub mod checkpoint;
pub mod data;
pub mod exchange;
pub mod faults;
pub mod idx;
pub mod picture;
pub mod second_order;
pub mod train;
