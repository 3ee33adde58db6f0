//! IDX files (MNIST and relatives), of which only a part is read. Packed ones (.gz) are unpacked on the way.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// An IDX file of bytes: two zeros, 8 for "bytes", the number of dimensions, each dimension as a big-endian u32, the elements.
pub struct Idx {
    path: PathBuf,
    file: Packing,
    /// Its dimensions: the first is the number of items.
    pub sizes: Vec<usize>,
}

enum Packing {
    Plain(BufReader<File>),
    Gzip(GzDecoder<BufReader<File>>),
}

impl Idx {
    /// Opens the file with this name, with a dash or a dot before `idx`, packed or not, and reads its header.
    pub fn open(dir: &Path, stem: &str, dimensions: u8) -> Result<Self, String> {
        let names = ["-", "."].map(|dash| format!("{stem}{dash}idx{dimensions}-ubyte"));
        let paths =
            ["", ".gz"].iter().flat_map(|end| names.iter().map(move |name| dir.join(format!("{name}{end}"))));
        let path = paths.into_iter().find(|path| path.exists());
        let path = path.ok_or_else(|| format!("{}: no file {} or {}", dir.display(), names[0], names[1]))?;
        let opened = Self::read_header(&path, dimensions);
        opened.map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn read_header(path: &Path, dimensions: u8) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let is_packed = path.extension().is_some_and(|end| end == "gz");
        let file = BufReader::new(file);
        let mut file = if is_packed { Packing::Gzip(GzDecoder::new(file)) } else { Packing::Plain(file) };
        let mut header = vec![0; 4 + 4 * usize::from(dimensions)];
        file.reader().read_exact(&mut header).map_err(|error| format!("no whole header: {error}"))?;
        let magic = [0, 0, 8, dimensions];
        if header[..4] != magic {
            return Err(format!("begins with bytes {:02x?}, expected {magic:02x?}", &header[..4]));
        }
        let sizes: Vec<_> =
            header[4..].chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
        let expected = header.len() as u128 + sizes.iter().map(|&size| u128::from(size)).product::<u128>();
        if !is_packed && u128::from(length) != expected {
            return Err(format!("{length} bytes, expected {expected} as the header says {sizes:?}"));
        }
        Ok(Self { path: path.into(), file, sizes: sizes.into_iter().map(|size| size as usize).collect() })
    }

    /// How many bytes an item has.
    fn item(&self) -> usize {
        self.sizes[1..].iter().product()
    }

    /// The bytes of these items.
    pub fn read(mut self, items: Range<usize>) -> Result<Vec<u8>, String> {
        let item = self.item();
        let mut bytes = vec![0; items.len() * item];
        let rest = (self.sizes[0].saturating_sub(items.end) * item) as u64;
        let read = self.file.read((items.start * item) as u64, &mut bytes, rest);
        read.map_err(|error| format!("{}: {error}", self.path.display()))?;
        Ok(bytes)
    }
}

impl Packing {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Packing::Plain(file) => file,
            Packing::Gzip(file) => file,
        }
    }

    /// Leaves out `skip` bytes and reads the next ones. Of a packed file all has to be unpacked; its checksum is behind the rest.
    fn read(&mut self, skip: u64, bytes: &mut [u8], rest: u64) -> io::Result<()> {
        match self {
            Packing::Plain(file) => {
                file.seek(SeekFrom::Current(skip as i64))?;
                file.read_exact(bytes)
            }
            Packing::Gzip(file) => {
                io::copy(&mut file.by_ref().take(skip), &mut io::sink())?;
                file.read_exact(bytes)?;
                let after = io::copy(file, &mut io::sink())?;
                if after == rest { Ok(()) } else { Err(io::Error::other("not as long as its header says")) }
            }
        }
    }
}
