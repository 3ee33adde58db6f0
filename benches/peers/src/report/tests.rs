use super::*;
use crate::agree::Agreement;
use crate::peers;
use crate::problem::{Kind, SHAPES, Zeros};
use crate::run::Peak;

const TASK: Task = Task { kind: Kind::Random, shape: SHAPES[3] };

fn timed(peer: &'static str, threads: usize, ms: f64) -> Row {
    let time = Quartiles { lower: 0.9e-3 * ms, median: 1e-3 * ms, upper: 1.1e-3 * ms };
    let found = Agreement { worst: 1e-7, at: "dW1", bar: 1e-5 };
    row(peer, threads, Outcome::Timed(time, Some(found)))
}

fn row(peer: &'static str, threads: usize, outcome: Outcome) -> Row {
    Row { element: Type::F32, task: TASK, threads, peer, outcome }
}

/// A row of another problem of the same shape.
fn of(kind: Kind, row: Row) -> Row {
    Row { task: Task { kind, ..TASK }, ..row }
}

fn ours() -> &'static str {
    peers::all()[0].name
}

fn yardstick(ms: f64) -> Row {
    let time = Quartiles { lower: 1e-3 * ms, median: 1e-3 * ms, upper: 1e-3 * ms };
    row("five sgemm", 1, Outcome::Timed(time, None))
}

fn results() -> Results {
    let wrong = Agreement { worst: 0.5, at: "db2", bar: 1e-5 };
    let kinds = [Kind::Random, Kind::Density(5), Kind::Density(20)];
    let traits = kinds.map(|kind| Traits {
        task: Task { kind, ..TASK },
        zeros: Zeros { inputs: 0.25, active: 0.5 },
        loss: 2.5,
    });
    Results {
        problems: traits.into(),
        rows: vec![
            timed("numpy", 1, 4.0),
            timed(ours(), 1, 1.0),
            timed("jax", 1, 2.0),
            // Faster, but on two threads, so no measure for one.
            timed("jax", 2, 0.1),
            row("candle", 1, Outcome::Disagrees(wrong)),
            row("burn", 1, Outcome::Failed("out of luck".to_owned())),
            // Faster than all, but it does less.
            yardstick(0.5),
            of(Kind::Density(5), timed(ours(), 1, 0.25)),
            of(Kind::Density(20), timed("numpy sparse", 1, 0.75)),
            of(Kind::Density(20), timed(ours(), 1, 0.5)),
            of(Kind::Density(5), row("numpy sparse", 1, Outcome::Disagrees(wrong))),
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
    assert_eq!([ratio(4), ratio(5), ratio(6)], [None, None, Some(0.25)]);
    let near =
        |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-12);
    assert!(ratio(7).is_none() && near(ratio(9), 2.0 / 3.0));
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
    let table = text.split("### Dense random inputs, f32").nth(1).unwrap();
    let line = |start: &str| table.lines().find(|line| line.contains(start)).unwrap_or("");
    assert_eq!(
        line(&format!("| {} |", ours())),
        format!("| | | | {} | 1.00 | 0.900 – 1.10 | 52.4 % | 0.50 | 1e-7 |", ours())
    );
    assert_eq!(
        line("sgemm"),
        "| random | 784,128,10,128 | 1 | five sgemm | 0.500 | 0.500 – 0.500 | 104.7 % | 0.25 | – |"
    );
    assert_eq!(line("| jax |"), "| | | | jax | 2.00 | 1.80 – 2.20 | 26.2 % | 1.00 | 1e-7 |");
    assert_eq!(line("candle"), "| | | | candle | – | disagrees in db2, at most 1e-5 | – | – | 5e-1 |");
    assert_eq!(line("burn"), "| | | | burn | – | out of luck | – | – | – |");
    assert_eq!(line("scikit-learn"), "- scikit-learn: missing, not installed");
    assert!(text.contains("Peak f32, threads: 1: 100.0 GFLOP/s") && text.contains("- Date: today\n"));
}

#[test]
fn each_kind_of_problem_has_its_section() {
    let text = markdown(&results(), &[], 5);
    let heads: Vec<_> = text.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(
        heads,
        ["## In short", "## Dense random inputs", "## Random inputs, some of them 0", "## Peers"]
    );
    let about = "- density 20 784,128,10,128: 25.0 % of the inputs not 0, 50.0 % of the hidden units active, loss 2.500\n";
    assert!(text.contains(about), "{text}");
    let short = "| density 20 | 784,128,10,128 | f32 | 1 | 0.500 | – | numpy sparse | 0.750 | 1.50 | – |\n";
    assert!(text.contains(short), "{text}");
}

/// Products of the Hessian, and what they are measured by.
fn products() -> Results {
    let rows = [
        (ours::PRODUCTS[0].0, 3.0),
        (ours::PRODUCTS[1].0, 2.0),
        (ours::GRADIENT, 1.5),
        ("jax jvp of grad", 6.0),
        ("torch double backward", 4.5),
        // With several directions at once, so no measure for one.
        ("jax vmap 4 at once", 2.5),
    ];
    let rows = rows.map(|(peer, ms)| of(Kind::Hessian, timed(peer, 1, ms)));
    let peaks = vec![Peak { element: Type::F32, threads: 1, samples: vec![100e9] }];
    let traits = Traits {
        task: Task { kind: Kind::Hessian, ..TASK },
        zeros: Zeros { inputs: 1.0, active: 0.5 },
        loss: 2.5,
    };
    Results { rows: rows.into(), peaks, problems: vec![traits], ..Results::default() }
}

#[test]
fn products_are_compared_with_peers_of_no_more_directions_and_our_gradient() {
    let results = products();
    let text = markdown(&results, &[], 5);
    let section = text.split("## The Hessian times a direction\n").nth(1).unwrap();
    let short = [
        "| hessian | 784,128,10,128 | f32 | 1 | 1 | 3.00 | 2.00 | torch double backward | 4.50 | 1.50 |\n",
        "| hessian | 784,128,10,128 | f32 | 1 | 4 | 2.00 | 1.33 | jax vmap 4 at once | 2.50 | 1.25 |\n",
    ];
    assert!(section.contains(&short.concat()), "{section}");
    assert!(!text.contains("## In short"), "no gradients were measured");
    // 6·128·784·128 + 14·128·128·10 operations in 3 ms, of 100e9 a second.
    let share = results.share_of_peak(&results.rows[0]).unwrap();
    assert!((share - (77_070_336.0 + 2_293_760.0) / 3e-3 / 100e9).abs() < 1e-12, "{share}");
}

#[test]
fn densities_are_columns_from_dense_to_sparse() {
    let table = density::tables(&results(), Type::F32);
    let lines: Vec<_> = table.lines().skip(2).collect();
    let expected = [
        "| peer | 20 % | 5 % |".to_owned(),
        "|---|---:|---:|".to_owned(),
        format!("| {} | 0.500 | 0.250 |", ours()),
        "| numpy sparse | 0.750 | disagrees |".to_owned(),
        String::new(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn milliseconds_keep_three_digits() {
    let texts = [1.5e-6, 2.0e-3, 0.0123, 1.2345].map(milliseconds);
    assert_eq!(texts, ["0.00150", "2.00", "12.3", "1234"]);
}

#[test]
fn csv_has_directions_and_multiples_of_our_gradient() {
    let text = csv_text(&products());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    let last = |row: usize| rows[row].iter().rev().take(2).collect::<Vec<_>>();
    assert_eq!([last(0), last(2), last(3)], [["2", "1"], ["1", "0"], ["4", "1"]]);
    assert_eq!((last(1)[1], last(5)[1]), ("4", "4"));
}

fn csv_text(results: &Results) -> String {
    let name = format!("peers-report-{}-{}", std::process::id(), results.rows.len());
    let path = std::env::temp_dir().join(name);
    write_csv(results, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

#[test]
fn csv_is_in_milliseconds_and_complete() {
    let text = csv_text(&results());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let at = |name: &str| text.lines().next().unwrap().split(',').position(|head| head == name).unwrap();
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 11);
    assert_eq!((&rows[1][at("ms_median")], &rows[1][at("ratio_to_best_peer")]), ("1", "0.5"));
    assert_eq!((&rows[4][at("status")], &rows[4][at("ms_median")]), ("disagrees in db2", ""));
    assert_eq!(&rows[5][at("status")], "failed: out of luck");
    assert_eq!([1, 2, 6].map(|row| &rows[row][at("role")]), ["ours", "peer", "yardstick"]);
    assert_eq!((&rows[6][at("status")], &rows[6][at("relative_error")]), ("timed", ""));
    assert_eq!([1, 9].map(|row| &rows[row][at("problem")]), ["random", "density 20"]);
    assert_eq!((&rows[1][at("directions")], &rows[1][at("ratio_to_our_gradient")]), ("0", ""));
    assert_eq!((&rows[1][at("inputs_not_zero")], &rows[1][at("units_active")]), ("0.25", "0.5"));
}
