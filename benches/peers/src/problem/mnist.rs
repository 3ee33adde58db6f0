//! MNIST's handwritten digits, from their IDX files.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// The digits to train with.
#[derive(Debug, PartialEq)]
pub struct Mnist {
    /// Pixels of an image, 0 to 255, one image after the other.
    pub pixels: Vec<u8>,
    pub labels: Vec<usize>,
    /// Pixels an image has.
    pub inputs: usize,
    pub classes: usize,
}

impl Mnist {
    /// Reads the two files, gzipped or not.
    ///
    /// # Errors
    ///
    /// If one of them is not there, or not what it should be.
    pub fn read(dir: &Path) -> Result<Self> {
        let (sizes, pixels) = idx(&bytes(dir, IMAGES)?).context(IMAGES)?;
        let (counts, labels) = idx(&bytes(dir, LABELS)?).context(LABELS)?;
        ensure!(sizes.len() == 3 && counts.len() == 1, "{} and {} dimensions", sizes.len(), counts.len());
        ensure!(sizes[0] == counts[0], "{} images, {} labels", sizes[0], counts[0]);
        let labels: Vec<usize> = labels.into_iter().map(usize::from).collect();
        let classes = 10;
        ensure!(labels.iter().all(|&label| label < classes), "a label above 9");
        Ok(Self { pixels, labels, inputs: sizes[1] * sizes[2], classes })
    }

    /// The inputs of one example: pixels / 255.
    pub fn example(&self, at: usize) -> impl Iterator<Item = f32> {
        self.pixels[at * self.inputs..][..self.inputs].iter().map(|&pixel| f32::from(pixel) / 255.0)
    }
}

/// The contents of the file, or of the one of that name with `.gz`.
fn bytes(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let plain = dir.join(name);
    if plain.exists() {
        return fs::read(&plain).with_context(|| format!("{}", plain.display()));
    }
    let path = dir.join(format!("{name}.gz"));
    let file = fs::File::open(&path).with_context(|| format!("neither {} nor .gz", plain.display()))?;
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).with_context(|| format!("{}", path.display()))?;
    Ok(bytes)
}

/// The sizes and the elements of an IDX file of bytes: 0, 0, 8 for bytes, the number of dimensions, each size in four
/// bytes from the highest, then the elements.
fn idx(bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>)> {
    let (head, rest) = bytes.split_first_chunk::<4>().context("too short")?;
    ensure!(head[..3] == [0, 0, 8], "no IDX file of bytes");
    let dimensions = usize::from(head[3]);
    let (sizes, elements) = rest.split_at_checked(4 * dimensions).context("too short")?;
    let sizes = sizes.as_chunks::<4>().0.iter().map(|size| usize::try_from(u32::from_be_bytes(*size)));
    let sizes: Vec<usize> = sizes.collect::<Result<_, _>>()?;
    let count =
        sizes.iter().try_fold(1, |count: usize, &size| count.checked_mul(size)).context("too large")?;
    ensure!(elements.len() == count, "{} elements instead of {count}", elements.len());
    Ok((sizes, elements.to_vec()))
}

#[cfg(test)]
pub mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Two images of 1 × 3 pixels.
    const IMAGE_FILE: [u8; 22] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 255, 51, 1, 2, 3];
    const LABEL_FILE: [u8; 10] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 9];

    #[test]
    fn plain_and_gzipped_files_are_the_same() {
        let dir = std::env::temp_dir().join(format!("peers-mnist-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        assert!(Mnist::read(&dir).is_err());
        let mut packed =
            GzEncoder::new(fs::File::create(dir.join(format!("{IMAGES}.gz"))).unwrap(), Compression::fast());
        packed.write_all(&IMAGE_FILE).unwrap();
        packed.finish().unwrap();
        fs::write(dir.join(LABELS), LABEL_FILE).unwrap();
        let packed = Mnist::read(&dir).unwrap();
        fs::write(dir.join(IMAGES), IMAGE_FILE).unwrap();
        fs::remove_file(dir.join(format!("{IMAGES}.gz"))).unwrap();
        assert_eq!(Mnist::read(&dir).unwrap(), packed);
        fs::remove_dir_all(dir).unwrap();
        assert_eq!((packed.inputs, packed.labels.clone()), (3, vec![7, 9]));
        assert_eq!(packed.example(0).collect::<Vec<_>>(), [0.0, 1.0, 0.2]);
        assert_eq!(packed.pixels[3..], [1, 2, 3]);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        assert!(idx(&IMAGE_FILE).is_ok());
        assert!(idx(&IMAGE_FILE[..21]).is_err() && idx(&IMAGE_FILE[..9]).is_err() && idx(&[0, 0]).is_err());
        let mut floats = IMAGE_FILE;
        floats[2] = 13;
        assert!(idx(&floats).is_err());
    }
}
