//! The images: the digits of this repository, or IDX files. A rank reads the examples of its own shards, and no others.

use std::ops::Range;
use std::path::PathBuf;

use digits::data::{CLASSES, Images};
use handgrad::shards::Shards;
use xxhash_rust::xxh3::Xxh3;

use crate::idx::Idx;

/// Where images come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The 1797 digits of 8 x 8 pixels: every fifth one is to be judged by.
    Digits,
    /// The four files of MNIST or a relative, in a folder.
    Idx(PathBuf),
}

/// What images are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To be judged by.
    Test,
}

/// Images as they lie in a file.
struct Raw {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

/// The images of some shards next to one another.
pub struct Share {
    /// How all images are cut into shards.
    pub shards: Shards,
    /// Which shards these are of.
    pub own: Range<usize>,
    /// The images of those.
    pub images: Images,
    /// The number of the first of them.
    first: usize,
    /// A digest of each shard's images.
    pub digests: Vec<u64>,
}

impl Share {
    /// Reads rank's share of the images, cut into `count` shards.
    pub fn read(
        source: &Source,
        part: Part,
        count: usize,
        rank: usize,
        ranks: usize,
    ) -> Result<Self, String> {
        let text = |error: handgrad::Error| error.to_string();
        let (mut cut, mut owned, mut range) = (None, 0..0, 0..0);
        let (raw, size, most) = source.read(part, |n| {
            let shards = Shards::new(n, count).map_err(text)?;
            owned = shards.owned(rank, ranks).map_err(text)?;
            if let Some(last) = owned.clone().next_back() {
                range = shards.range(owned.start).map_err(text)?.start..shards.range(last).map_err(text)?.end;
            }
            cut = Some(shards);
            Ok(range.clone())
        })?;
        let shards = cut.ok_or("no images")?;
        let images = Images {
            pixels: raw.pixels.iter().map(|&pixel| f32::from(pixel) / f32::from(most)).collect(),
            labels: raw.labels.clone(),
            size,
        };
        let mut share = Self { shards, own: owned, images, first: range.start, digests: Vec::new() };
        for shard in share.own.clone() {
            share.digests.push(raw.digest(share.places(shard).map_err(text)?));
        }
        Ok(share)
    }

    /// Where a shard's images are among the images of this share.
    pub fn places(&self, shard: usize) -> Result<Range<usize>, handgrad::Error> {
        let range = self.shards.range(shard)?;
        Ok(range.start - self.first..range.end - self.first)
    }

    /// What all ranks must have in common: the number of images and of pixels, and a digest of shard 0, which each rank
    /// reads to that end.
    pub fn describe(&self, source: &Source, part: Part) -> Result<String, String> {
        let first = Share::read(source, part, self.shards.count(), 0, self.shards.count())?;
        let (n, (rows, cols), digest) = (self.shards.examples(), self.images.size, first.digests[0]);
        Ok(format!("{n} images of {rows} x {cols}, the first of them with digest {digest:016x}"))
    }
}

impl Raw {
    fn digest(&self, images: Range<usize>) -> u64 {
        let pixels = self.pixels.len() / self.labels.len().max(1);
        let mut hash = Xxh3::new();
        hash.update(&self.pixels[images.start * pixels..images.end * pixels]);
        hash.update(&self.labels[images]);
        hash.digest()
    }
}

impl Source {
    /// Reads the images that `pick` chooses of n; with the (rows, columns) of each, and the number that stands for ink.
    fn read(
        &self,
        part: Part,
        pick: impl FnOnce(usize) -> Result<Range<usize>, String>,
    ) -> Result<(Raw, (usize, usize), u8), String> {
        match self {
            Source::Digits => Ok((digits(part, pick)?, (8, 8), 16)),
            Source::Idx(dir) => {
                let name = if part == Part::Train { "train" } else { "t10k" };
                let images = Idx::open(dir, &format!("{name}-images"), 3)?;
                let labels = Idx::open(dir, &format!("{name}-labels"), 1)?;
                let (n, size) = (images.sizes[0], (images.sizes[1], images.sizes[2]));
                if labels.sizes[0] != n {
                    return Err(format!("{}: {n} images, but {} labels", dir.display(), labels.sizes[0]));
                }
                let range = pick(n)?;
                let raw = Raw { pixels: images.read(range.clone())?, labels: labels.read(range.clone())? };
                match raw.labels.iter().position(|&label| usize::from(label) >= CLASSES) {
                    Some(at) => Err(format!(
                        "{}: label {} of {name} is {}, expected one below {CLASSES}",
                        dir.display(),
                        range.start + at,
                        raw.labels[at]
                    )),
                    None => Ok((raw, size, 255)),
                }
            }
        }
    }
}

fn digits(part: Part, pick: impl FnOnce(usize) -> Result<Range<usize>, String>) -> Result<Raw, String> {
    let rows = || {
        let all = include_str!("../../data/digits.csv").lines().enumerate();
        all.filter(move |(i, _)| (i % 5 == 4) == (part == Part::Test)).map(|(_, row)| row)
    };
    let range = pick(rows().count())?;
    let mut raw = Raw { pixels: Vec::new(), labels: Vec::new() };
    for row in rows().skip(range.start).take(range.len()) {
        let numbers: Result<Vec<u8>, _> = row.split(',').map(str::parse).collect();
        let numbers = numbers.map_err(|error| format!("digits.csv: {error}"))?;
        let (&label, pixels) = numbers.split_last().ok_or("digits.csv has an empty line")?;
        raw.pixels.extend(pixels);
        raw.labels.push(label);
    }
    Ok(raw)
}
