//! The state of a training in a file, from which any number of ranks can go on.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// All that the steps to come depend on, and what has been measured so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The recipe and a digest of all images: what must not change.
    pub setup: String,
    /// The parameters.
    pub theta: Vec<f32>,
    /// The last step's change of the parameters.
    pub velocity: Vec<f32>,
    /// The loss of each step so far.
    pub losses: Vec<f32>,
    /// After each epoch so far.
    pub tests: Vec<Test>,
}

/// How well the test images are read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Their mean loss.
    pub loss: f32,
    /// The share that is read right.
    pub right: f32,
}

/// What a file of this kind and version begins with.
const MAGIC: &[u8] = b"handgrad-mpi 1\n";

impl State {
    /// The bytes of the file: what they are, the state, and a digest of both.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(postcard::to_stdvec(self).map_err(|error| error.to_string())?);
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// The state in the bytes of a file, if they are whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("no checkpoint of this version")?;
        let (state, digest) = rest.split_last_chunk().ok_or("cut off")?;
        if xxh3_64(&bytes[..bytes.len() - digest.len()]) != u64::from_le_bytes(*digest) {
            return Err("damaged: its digest does not fit".into());
        }
        postcard::from_bytes(state).map_err(|error| error.to_string())
    }

    /// Writes a new file and then gives it the name of the old one: at any moment one of them is there and whole.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let new = path.with_added_extension("new");
        let bytes = self.encode()?;
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            // The new name itself is on the disk when its folder is.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

/// The bytes of a checkpoint.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{State, Test};

    #[test]
    fn files_come_back_and_damage_is_noticed() {
        let state = State {
            setup: "seed 1".into(),
            theta: vec![1.0, f32::NAN, -0.0],
            velocity: vec![0.1],
            losses: vec![2.0],
            tests: vec![Test { loss: 0.5, right: 0.75 }],
        };
        let bytes = state.encode().unwrap();
        assert_eq!(State::decode(&bytes).unwrap().encode().unwrap(), bytes);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert!(State::decode(&damaged).is_err(), "byte {at} changed");
            assert!(State::decode(&bytes[..at]).is_err(), "cut off at {at}");
        }
    }
}
