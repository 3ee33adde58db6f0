//! The images and their labels: the digits that come with this example, or IDX files (MNIST and relatives).

use std::error::Error;
use std::fs;
use std::path::Path;

use fastrand::Rng;
use handgrad::{Batch, MatRef};

/// MNIST and its relatives have as many classes as there are digits.
pub const CLASSES: usize = 10;

/// Labelled images of one size.
pub struct Images {
    /// Pixels from 0 to 1, row by row, image after image.
    pub pixels: Vec<f32>,
    /// What they show, 0 to 9.
    pub labels: Vec<u8>,
    /// (rows, columns) of one image.
    pub size: (usize, usize),
}

impl Images {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of pixels of one image.
    pub fn inputs(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// The pixels as a matrix, one image a row.
    pub fn matrix(&self) -> Result<MatRef<'_, f32>, handgrad::Error> {
        MatRef::new(&self.pixels, self.len(), self.inputs())
    }

    /// The images with their labels.
    pub fn batch(&self) -> Result<Batch<'_, f32, u8>, handgrad::Error> {
        Batch::new(self.matrix()?, &self.labels)
    }

    /// The pixels in f64.
    pub fn doubles(&self) -> Vec<f64> {
        self.pixels.iter().copied().map(f64::from).collect()
    }

    /// Copies some of the images.
    pub fn pick(&self, which: &[usize]) -> Self {
        let image = |&i: &usize| &self.pixels[i * self.inputs()..(i + 1) * self.inputs()];
        Self {
            pixels: which.iter().flat_map(image).copied().collect(),
            labels: which.iter().map(|&i| self.labels[i]).collect(),
            size: self.size,
        }
    }
}

/// The images to learn from, and those to be judged by.
pub struct Data {
    /// To learn from.
    pub train: Images,
    /// To be judged by.
    pub test: Images,
}

/// The digits that come with this example: 1797 images of 8 x 8 pixels, in random order 1437 to learn from and
/// 360 to be judged by.
pub fn digits(rng: &mut Rng) -> Result<Data, Box<dyn Error>> {
    const TRAIN: usize = 1437;
    // In the program itself, so that it runs from any folder.
    let text = include_str!("../../data/digits.csv");
    let mut all = Images { pixels: Vec::new(), labels: Vec::new(), size: (8, 8) };
    for row in csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes()).deserialize() {
        let row: Vec<u8> = row?;
        let (&label, pixels) = row.split_last().ok_or("digits.csv has an empty line")?;
        all.pixels.extend(pixels.iter().map(|&pixel| f32::from(pixel) / 16.0));
        all.labels.push(label);
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    rng.shuffle(&mut order);
    let (train, test) = order.split_at(TRAIN);
    Ok(Data { train: all.pick(train), test: all.pick(test) })
}

/// The four IDX files of MNIST, or of a relative, in a folder.
pub fn idx(dir: &Path) -> Result<Data, Box<dyn Error>> {
    if !dir.is_dir() {
        return Err(format!("{}: not a folder", dir.display()).into());
    }
    let train = idx_pair(dir, "train")?;
    let test = idx_pair(dir, "t10k")?;
    if train.size != test.size {
        let ((rows, cols), (test_rows, test_cols)) = (train.size, test.size);
        return Err(format!(
            "{}: the training images have {rows} x {cols} pixels, but the test images {test_rows} x {test_cols}",
            dir.display()
        )
        .into());
    }
    Ok(Data { train, test })
}

/// The images and the labels of one part, `train` or `t10k`.
fn idx_pair(dir: &Path, part: &str) -> Result<Images, Box<dyn Error>> {
    let images = IdxFile::read(dir, &format!("{part}-images"), 3)?;
    let labels = IdxFile::read(dir, &format!("{part}-labels"), 1)?;
    let (n, rows, cols) = (images.sizes[0], images.sizes[1], images.sizes[2]);
    if labels.sizes[0] != n {
        return Err(format!(
            "{}: {} labels, but {} has {n} images",
            labels.name, labels.sizes[0], images.name
        )
        .into());
    }
    if let Some(at) = labels.elements().iter().position(|&label| usize::from(label) >= CLASSES) {
        let (name, label) = (&labels.name, labels.elements()[at]);
        return Err(format!("{name}: label {at} is {label}, expected 0 to {}", CLASSES - 1).into());
    }
    Ok(Images {
        pixels: images.elements().iter().map(|&pixel| f32::from(pixel) / 255.0).collect(),
        labels: labels.elements().to_vec(),
        size: (rows, cols),
    })
}

/// An IDX file of bytes, checked: the header is two zeros, 8 for "bytes", the number of dimensions, and each
/// dimension as a big-endian u32; the elements follow.
struct IdxFile {
    /// Path, for messages.
    name: String,
    sizes: Vec<usize>,
    bytes: Vec<u8>,
}

impl IdxFile {
    /// Reads the file of that name, with a dash or a dot before `idx`: both are in use.
    fn read(dir: &Path, stem: &str, dimensions: u8) -> Result<Self, Box<dyn Error>> {
        let names = ['-', '.'].map(|dash| format!("{stem}{dash}idx{dimensions}-ubyte"));
        let Some(path) = names.iter().map(|name| dir.join(name)).find(|path| path.exists()) else {
            let packed = names.iter().map(|name| dir.join(format!("{name}.gz"))).find(|path| path.exists());
            return Err(match packed {
                Some(packed) => format!("{}: is compressed, unpack it with gunzip first", packed.display()),
                None => format!("{}: no file {} or {}", dir.display(), names[0], names[1]),
            }
            .into());
        };
        let name = path.display().to_string();
        let bytes = fs::read(&path).map_err(|err| format!("{name}: {err}"))?;
        let sizes = idx_sizes(&bytes, dimensions).map_err(|problem| format!("{name}: {problem}"))?;
        Ok(Self { name, sizes, bytes })
    }

    fn elements(&self) -> &[u8] {
        &self.bytes[4 + 4 * self.sizes.len()..]
    }
}

/// The dimensions in the header of an IDX file, if the file is whole.
fn idx_sizes(bytes: &[u8], dimensions: u8) -> Result<Vec<usize>, String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err("is compressed, unpack it with gunzip first".into());
    }
    let magic = [0, 0, 8, dimensions];
    let header = 4 + 4 * usize::from(dimensions);
    if bytes.len() < header {
        return Err(format!("only {} bytes, expected a header of {header}", bytes.len()));
    }
    if bytes[..4] != magic {
        return Err(format!("begins with bytes {:02x?}, expected {magic:02x?}", &bytes[..4]));
    }
    let sizes = bytes[4..header].chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let sizes: Vec<usize> =
        sizes.map(usize::try_from).collect::<Result<_, _>>().map_err(|err| err.to_string())?;
    if sizes.contains(&0) {
        return Err(format!("the header says {sizes:?}: empty"));
    }
    // Three u32 can exceed a u64.
    let expected = header as u128 + sizes.iter().map(|&size| size as u128).product::<u128>();
    if bytes.len() as u128 != expected {
        return Err(format!("{} bytes, expected {expected} as the header says {sizes:?}", bytes.len()));
    }
    Ok(sizes)
}
