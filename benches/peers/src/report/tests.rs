use super::*;
use crate::agree::Agreement;
use crate::problem::SHAPES;
use crate::run::Peak;

fn timed(peer: &'static str, threads: usize, ms: f64) -> Row {
    let time = Quartiles { lower: 0.9e-3 * ms, median: 1e-3 * ms, upper: 1.1e-3 * ms };
    let found = Agreement { worst: 1e-7, at: "dW1", bar: 1e-5 };
    row(peer, threads, Outcome::Timed(time, found))
}

fn row(peer: &'static str, threads: usize, outcome: Outcome) -> Row {
    Row { element: Type::F32, shape: SHAPES[3], threads, peer, outcome }
}

fn ours() -> &'static str {
    peers::all()[0].name
}

fn results() -> Results {
    let wrong = Agreement { worst: 0.5, at: "db2", bar: 1e-5 };
    Results {
        rows: vec![
            timed("numpy", 1, 4.0),
            timed(ours(), 1, 1.0),
            timed("jax", 1, 2.0),
            // Faster, but on two threads, so no measure for one.
            timed("jax", 2, 0.1),
            row("candle", 1, Outcome::Disagrees(wrong)),
            row("burn", 1, Outcome::Failed("out of luck".to_owned())),
        ],
        peaks: vec![Peak { element: Type::F32, threads: 1, samples: vec![50e9, 100e9, 80e9] }],
        versions: vec![("numpy", "numpy 9".to_owned())],
        missing: vec![("scikit-learn", "not installed".to_owned())],
    }
}

#[test]
fn ratio_is_to_the_fastest_other_peer_of_the_group() {
    let results = results();
    let ratio = |at: usize| results.ratio_to_best(&results.rows[at]);
    assert_eq!([ratio(0), ratio(1), ratio(2), ratio(3)], [Some(2.0), Some(0.5), Some(1.0), Some(1.0)]);
    assert_eq!([ratio(4), ratio(5)], [None, None]);
}

#[test]
fn share_of_peak_is_flops_by_time_by_best_rate() {
    let results = results();
    // 4·128·784·128 + 6·128·128·10 operations in 1 ms, of 100e9 a second.
    let share = results.share_of_peak(&results.rows[1]).unwrap();
    assert!((share - (51_380_224.0 + 983_040.0) / 1e-3 / 100e9).abs() < 1e-12, "{share}");
    assert_eq!(results.share_of_peak(&results.rows[3]), None);
}

#[test]
fn markdown_has_every_peer_and_why_it_has_no_time() {
    let text = markdown(&results(), &["Date: today".to_owned()], 5);
    let line = |start: &str| text.lines().find(|line| line.contains(start)).unwrap_or("");
    assert_eq!(
        line(&format!("| {} |", ours())),
        format!("| 784,128,10,128 | 1 | {} | 1.00 | 0.900 – 1.10 | 52.4 % | 0.50 | 1e-7 |", ours())
    );
    assert_eq!(line("| jax |"), "| | | jax | 2.00 | 1.80 – 2.20 | 26.2 % | 1.00 | 1e-7 |");
    assert_eq!(line("candle"), "| | | candle | – | disagrees in db2, at most 1e-5 | – | – | 5e-1 |");
    assert_eq!(line("burn"), "| | | burn | – | out of luck | – | – | – |");
    assert_eq!(line("scikit-learn"), "- scikit-learn: missing, not installed");
    assert!(line("Peak f32, threads: 1").contains("100.0 GFLOP/s"));
    assert!(line("Date").starts_with("- Date: today"));
}

#[test]
fn milliseconds_keep_three_digits() {
    let texts = [1.5e-6, 2.0e-3, 0.0123, 1.2345].map(milliseconds);
    assert_eq!(texts, ["0.00150", "2.00", "12.3", "1234"]);
}

#[test]
fn csv_is_in_milliseconds_and_complete() {
    let path = std::env::temp_dir().join(format!("peers-report-{}", std::process::id()));
    write_csv(&results(), &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let at = |name: &str| text.lines().next().unwrap().split(',').position(|head| head == name).unwrap();
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!((&rows[1][at("ms_median")], &rows[1][at("ratio_to_best_peer")]), ("1", "0.5"));
    assert_eq!((&rows[4][at("status")], &rows[4][at("ms_median")]), ("disagrees in db2", ""));
    assert_eq!(&rows[5][at("status")], "failed: out of luck");
}
