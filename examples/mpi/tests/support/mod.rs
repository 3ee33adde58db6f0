//! Jobs, run as a user runs them, each with a limit of time.
#![allow(dead_code, reason = "every test file uses its own part of it")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub const TRAIN: &str = env!("CARGO_BIN_EXE_handgrad-mpi");

/// Longer than any of these jobs takes on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(120);

/// One job at a time: more of them would only wait for one another.
static TURN: Mutex<()> = Mutex::new(());

pub struct Job {
    mpirun: Child,
    dir: TempDir,
    start: Instant,
    _turn: MutexGuard<'static, ()>,
}

pub struct Ended {
    pub is_success: bool,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

/// Starts a job in which so many ranks run the program with these arguments, and so many others with those.
pub fn start(program: &str, parts: &[(usize, &[&str])]) -> Job {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = TempDir::new().unwrap();
    let file = |name: &str| File::create(dir.path().join(name)).unwrap();
    let mut command = Command::new("mpirun");
    command.args(["--oversubscribe", "--bind-to", "none", "--mca", "btl", "self,vader"]);
    for (k, (ranks, args)) in parts.iter().enumerate() {
        command.args(&[":"][..usize::from(k > 0)]).arg("-n").arg(ranks.to_string()).arg(program).args(*args);
    }
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    let mpirun = command.stdout(file("out")).stderr(file("err")).spawn().expect("mpirun starts");
    Job { mpirun, dir, start: Instant::now(), _turn: turn }
}

/// Runs a job to its end.
pub fn run(program: &str, parts: &[(usize, &[&str])]) -> Ended {
    start(program, parts).end()
}

/// Runs a training with these options to its end, which must be a good one, and returns the last checkpoint: all losses, and all
/// parameters.
pub fn train(dir: &Path, ranks: usize, args: &[&str]) -> Vec<u8> {
    let path = dir.join(format!("by-{ranks}"));
    let ended = run(TRAIN, &[(ranks, &[args, &["--checkpoint", path.to_str().unwrap()]].concat())]);
    assert!(ended.is_success, "{ranks} ranks: {}{}", ended.out, ended.err);
    fs::read(path).unwrap()
}

impl Job {
    /// Waits until it has ended, but not longer than the limit.
    pub fn end(mut self) -> Ended {
        let status = loop {
            match self.mpirun.try_wait().unwrap() {
                Some(status) => break status,
                None if self.start.elapsed() > LIMIT => {
                    self.mpirun.kill().unwrap();
                    self.mpirun.wait().unwrap();
                    panic!("the job hangs: {}{}", self.text("out"), self.text("err"));
                }
                None => sleep(Duration::from_millis(20)),
            }
        };
        let (out, err) = (self.text("out"), self.text("err"));
        Ended { is_success: status.success(), out, err, took: self.start.elapsed() }
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.path().join(name)).unwrap()).into_owned()
    }

    /// Sends a signal to the last rank, once this file is there.
    pub fn signal_when(&self, path: &Path, signal: &str) {
        while !path.exists() {
            assert!(self.start.elapsed() < LIMIT, "no {}: {}", path.display(), self.text("err"));
            sleep(Duration::from_millis(5));
        }
        let rank = *self.ranks().last().expect("mpirun has processes");
        assert!(Command::new("kill").args([signal, &rank.to_string()]).status().unwrap().success());
    }

    /// The processes that mpirun has started.
    fn ranks(&self) -> Vec<u32> {
        let mut ranks = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // "id (name) state parent ..."
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            if parent == Some(&self.mpirun.id().to_string()) {
                ranks.push(id);
            }
        }
        ranks.sort_unstable();
        ranks
    }
}

impl Ended {
    /// Asserts that the job failed with one message of the program's, which says this.
    #[track_caller]
    pub fn assert_error(&self, expected: &str) {
        assert!(!self.is_success, "{}", self.out);
        let own: Vec<_> = self.err.lines().filter(|line| line.starts_with("error")).collect();
        assert!(
            own.len() == 1 && own[0].contains(expected),
            "expected one with {expected}, got {}",
            self.err
        );
    }
}

/// What is in the four IDX files.
pub struct Files {
    pub pixels: Vec<u8>,
    pub labels: Vec<u8>,
}

impl Files {
    /// 60 images of 3 x 3 pixels, each kind of which is easy to tell from others.
    pub fn new() -> Self {
        let labels: Vec<u8> = (0..60).map(|i| i * 3 % 5).collect();
        let image = |&label: &u8| (0..9).map(move |pixel| if pixel == label { 255 } else { 13 * pixel });
        Self { pixels: labels.iter().flat_map(image).collect(), labels }
    }

    /// Writes them to a folder of this name; to learn from and to be judged by are the same images.
    pub fn write(&self, dir: &TempDir, name: &str) -> PathBuf {
        let dir = dir.path().join(name);
        fs::create_dir(&dir).unwrap();
        let n = self.labels.len() as u8;
        let images = [&[0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 3, 0, 0, 0, 3], &self.pixels[..]].concat();
        let labels = [&[0, 0, 8, 1, 0, 0, 0, n], &self.labels[..]].concat();
        for part in ["train", "t10k"] {
            fs::write(dir.join(format!("{part}-images-idx3-ubyte")), &images).unwrap();
            fs::write(dir.join(format!("{part}-labels-idx1-ubyte")), &labels).unwrap();
        }
        dir
    }
}

/// Packs a file as gzip does.
pub fn pack(path: &Path) -> PathBuf {
    let packed = path.with_added_extension("gz");
    let mut encoder = flate2::write::GzEncoder::new(File::create(&packed).unwrap(), Default::default());
    std::io::Write::write_all(&mut encoder, &fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(path).unwrap();
    packed
}
