//! Promise: losses of all steps and all parameters have the same bits on any number of ranks and threads.

mod support;

use std::fs;

use handgrad_mpi::checkpoint::State;
use handgrad_mpi::data::{Part, Share, Source};
use handgrad_mpi::second_order::{Net, SHARDS};
use support::{Files, pack, run, train};
use tempfile::TempDir;

#[test]
fn training_has_the_same_bits_on_any_number_of_ranks_and_threads() {
    let dir = TempDir::new().unwrap();
    let args = ["--epochs", "3"];
    let one = train(dir.path(), 1, &args);
    let state = State::decode(&one).unwrap();
    assert_eq!((state.losses.len(), state.tests.len()), (69, 3));
    assert!(state.losses[68] < 0.5 && state.tests[2].right > 0.9, "{:?}", state.tests);
    for ranks in [2, 3, 4, 7] {
        assert!(train(dir.path(), ranks, &args) == one, "{ranks} ranks");
    }
    assert!(train(dir.path(), 2, &[&args[..], &["--threads", "3"]].concat()) == one, "2 ranks of 3 threads");
}

/// Fewer images than shards in a step, fewer shards than ranks, and files of which each rank reads its part.
#[test]
fn small_shares_of_files_have_the_same_bits_packed_or_not() {
    let dir = TempDir::new().unwrap();
    let plain = Files::new().write(&dir, "plain");
    let packed = Files::new().write(&dir, "packed");
    for part in ["train", "t10k"] {
        pack(&packed.join(format!("{part}-images-idx3-ubyte")));
        pack(&packed.join(format!("{part}-labels-idx1-ubyte")));
    }
    for (shards, batch) in [("3", "10"), ("64", "10")] {
        let args =
            |dir| ["--mnist", dir, "--shards", shards, "--batch", batch, "--epochs", "10", "--hidden", "6"];
        let one = train(dir.path(), 1, &args(plain.to_str().unwrap()));
        let state = State::decode(&one).unwrap();
        assert!(state.losses.len() == 60 && state.tests[9].loss < state.tests[0].loss, "{:?}", state.tests);
        assert!(train(dir.path(), 5, &args(packed.to_str().unwrap())) == one, "{shards} shards");
    }
}

/// The gradient, the product of Gauss-Newton's matrix with a direction, and the loss: as one machine has them in one pass.
#[test]
fn products_of_second_order_have_the_same_bits_and_are_those_of_one_pass_within_rounding() {
    let dir = TempDir::new().unwrap();
    let by = |ranks: usize| {
        let path = dir.path().join(format!("by-{ranks}"));
        let ended = run(env!("CARGO_BIN_EXE_second_order"), &[(ranks, &[path.to_str().unwrap()])]);
        assert!(ended.is_success, "{}", ended.err);
        fs::read(path).unwrap()
    };
    let one = by(1);
    assert!(by(3) == one);

    let share = Share::read(&Source::Digits, Part::Train, SHARDS, 0, 1).unwrap();
    let (net, n) = (Net::new().unwrap(), share.images.len());
    let mut expected = vec![f64::NAN; net.terms()];
    net.write_terms(&share.images.doubles(), &share.images.labels, (0, n as f64), &mut expected).unwrap();
    let got: Vec<_> = one.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(got.len(), expected.len());
    // Sums of products of sums: n, 64, 32 and 10 terms of the size of the largest result or less.
    let largest = expected.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    let bound = (n + 64 + 32 + 10) as f64 * f64::EPSILON * largest;
    let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= bound && largest > 0.1, "off by {worst:e}, bound {bound:e}");
}
