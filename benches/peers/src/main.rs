mod agree;
mod memory;
mod ours;
mod peers;
mod problem;
mod worker;
#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
fn main()->anyhow::Result<()>{ let a:Vec<String>=std::env::args().collect(); worker::serve(&a[1],1) }
