//! Promise: whatever happens to one rank, the job ends soon, with one message and another status than 0, and the last checkpoint
//! is whole. A restart by any number of ranks has the bits of a training that nothing happened to.

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use handgrad_mpi::checkpoint::State;
use support::{Files, Job, TRAIN, pack, run, start, train};
use tempfile::TempDir;

/// A long training by three ranks that writes to this file.
fn long(path: &Path) -> Job {
    let path = path.to_str().unwrap();
    start(TRAIN, &[(3, &["--epochs", "2000", "--every", "3", "--patience", "4", "--checkpoint", path])])
}

#[test]
fn a_killed_rank_ends_the_job_and_the_checkpoint_is_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let job = long(&path);
    job.signal_when(&path, "-KILL");
    let ended = job.end();
    assert!(!ended.is_success && ended.err.contains("signal 9"), "{}", ended.err);
    assert!(State::decode(&fs::read(path).unwrap()).unwrap().losses.len() >= 3);
}

#[test]
fn a_rank_that_stands_still_ends_the_job() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let job = long(&path);
    job.signal_when(&path, "-STOP");
    let ended = job.end();
    assert!(!ended.is_success && ended.err.contains("has waited 4s for"), "{}", ended.err);
    assert!(State::decode(&fs::read(path).unwrap()).unwrap().losses.len() >= 3);
}

/// The interruption is a panic in a step that is not followed by a checkpoint.
#[test]
fn a_restart_with_another_number_of_ranks_has_the_same_bits() {
    let dir = TempDir::new().unwrap();
    let args = ["--epochs", "3", "--batch", "100", "--every", "7"];
    let expected = train(dir.path(), 1, &args);
    let path = dir.path().join("by-2");
    let with = [&args[..], &["--checkpoint", path.to_str().unwrap()]].concat();
    let ended = run(TRAIN, &[(2, &with), (1, &[&with[..], &["--panic-at", "33"]].concat())]);
    ended.assert_error("error on rank 2: panicked at");
    let before = State::decode(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(before.losses.len(), 28);
    assert!(train(dir.path(), 2, &[&args[..], &["--resume"]].concat()) == expected);

    // Nobody goes on from what is no checkpoint, or one of another training.
    let resume = |args: &[&str]| run(TRAIN, &[(2, &[&with, args, &["--resume"]].concat())]);
    resume(&["--seed", "2"]).assert_error("is of another training");
    let mut bytes = expected;
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    resume(&[]).assert_error("damaged");
    fs::remove_file(&path).unwrap();
    resume(&[]).assert_error("cannot read");
}

#[test]
fn ranks_that_differ_or_have_bad_files_do_not_begin() {
    let dir = TempDir::new().unwrap();
    let good = Files::new().write(&dir, "good");
    let begin = |bad: &Path, args: &[&str]| {
        let good = ["--mnist", good.to_str().unwrap(), "--shards", "4"];
        let bad = [&["--mnist", bad.to_str().unwrap(), "--shards", "4"], args].concat();
        let ended = run(TRAIN, &[(1, &good), (1, &bad), (1, &good)]);
        assert!(ended.took < Duration::from_secs(60));
        ended
    };
    assert!(begin(&good, &[]).is_success);
    begin(&good, &["--rate", "0.2"]).assert_error("ranks differ in their recipe");
    begin(&good, &["--portable"]).assert_error("ranks differ in their recipe");
    begin(&good, &["--nonsense"]).assert_error("unexpected argument");
    begin(&dir.path().join("none"), &[]).assert_error("error: rank 1: ");

    let mut other = Files::new();
    other.pixels[0] ^= 1;
    begin(&other.write(&dir, "other"), &[]).assert_error("ranks differ in their images");
    let fewer = Files { pixels: other.pixels[..450].into(), labels: other.labels[..50].into() };
    begin(&fewer.write(&dir, "fewer"), &[]).assert_error("ranks differ in their images");
    let mut wrong = Files::new();
    wrong.labels[20] = 10;
    begin(&wrong.write(&dir, "wrong"), &[]).assert_error("label 20 of train is 10");

    let images = |name: &str| Files::new().write(&dir, name).join("train-images-idx3-ubyte");
    let cut = |path: &Path| fs::write(path, &fs::read(path).unwrap()[..500]).unwrap();
    let short = images("short");
    cut(&short);
    begin(short.parent().unwrap(), &[]).assert_error("500 bytes, expected 556");
    let magic = images("magic");
    fs::write(&magic, "not a file of this kind").unwrap();
    begin(magic.parent().unwrap(), &[]).assert_error("begins with bytes");
    // Behind this rank's share, in the checksum.
    let packed = pack(&images("packed"));
    let mut bytes = fs::read(&packed).unwrap();
    let at = bytes.len() - 8;
    bytes[at] ^= 1;
    fs::write(&packed, bytes).unwrap();
    begin(packed.parent().unwrap(), &[]).assert_error("error: rank 1: ");
}

#[test]
fn a_training_that_diverges_ends() {
    let ended = run(TRAIN, &[(2, &["--rate", "1e30", "--epochs", "2"])]);
    ended.assert_error("the training diverged");
}
