//! Parameters in a safetensors file, which PyTorch, JAX and candle read and write, too.
//!
//! ```text
//! cargo run --example safetensors
//! ```

use std::error::Error;

use handgrad::start::{Random, Start};
use handgrad::{Dims, ParamsMut};
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};

/// All blocks, each with its name and shape.
fn save(dims: Dims, theta: &[f32]) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes =
        dims.split(theta)?.map(|block| block.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
    let blocks = dims.blocks().into_iter().zip(&bytes).map(|(block, bytes)| {
        let shape = vec![block.shape().0, block.shape().1];
        Ok((block.name(), TensorView::new(Dtype::F32, shape, bytes)?))
    });
    Ok(serialize(blocks.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?, None)?)
}

/// The dimensions are those of W1 and W2.
fn load(file: &[u8]) -> Result<(Dims, Vec<f32>), Box<dyn Error>> {
    let file = SafeTensors::deserialize(file)?;
    let dims = Dims::new(
        file.tensor("W1")?.shape()[1],
        file.tensor("W1")?.shape()[0],
        file.tensor("W2")?.shape()[0],
    )?;
    let mut theta = vec![0.0; dims.param_len()];
    for (block, values) in dims.blocks().into_iter().zip(dims.split_mut(&mut theta)?) {
        let bytes = file.tensor(block.name())?.data().chunks_exact(4);
        values.iter_mut().zip(bytes).for_each(|(v, b)| *v = f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    }
    Ok((dims, theta))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (dims, mut random) = (Dims::new(64, 32, 10)?, Random::new(1));
    let mut theta = vec![0.0_f32; dims.param_len()];
    Start::HeNormal.fill(&mut ParamsMut::from_flat(dims, &mut theta)?, || random.next_u64());
    let path = std::env::temp_dir().join("handgrad.safetensors");
    std::fs::write(&path, save(dims, &theta)?)?;
    let loaded = load(&std::fs::read(&path)?)?;
    assert_eq!(loaded, (dims, theta));
    println!("{} of a net {dims} came back from {}", loaded.1.len(), path.display());
    Ok(())
}
