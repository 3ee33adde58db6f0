//! The reference vectors of `tests/data/vectors`.

use std::fs;
use std::path::Path;

use handgrad::Dims;
use serde_json::Value;

use super::{Outputs, Problem};

pub struct Vector {
    pub name: String,
    pub problem: Problem,
    /// All outputs but the log probabilities and predictions, which the files do not have.
    pub expected: Outputs<f64>,
    pub grad_norms_squared: Vec<f64>,
}

fn numbers(file: &Value, key: &str) -> Vec<f64> {
    let array = file[key].as_array().unwrap_or_else(|| panic!("{key} is no array"));
    array.iter().map(|value| value.as_f64().unwrap()).collect()
}

fn size(file: &Value, key: &str) -> usize {
    file[key].as_u64().unwrap_or_else(|| panic!("{key} is no size")) as usize
}

fn read(path: &Path) -> Vector {
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let numbers = |key| numbers(&file, key);
    let dims = Dims::new(size(&file, "inputs"), size(&file, "hidden"), size(&file, "classes")).unwrap();
    let problem = Problem {
        dims,
        n: size(&file, "examples"),
        theta: [numbers("w1"), numbers("b1"), numbers("w2"), numbers("b2")].concat(),
        x: numbers("x"),
        labels: numbers("labels").into_iter().map(|label| label as usize).collect(),
        grain: 1.0 / 64.0,
    };
    for value in problem.theta.iter().chain(&problem.x) {
        assert_eq!(value * 64.0, (value * 64.0).round(), "a multiple of 1/64");
        assert_eq!(f64::from(*value as f32), *value, "exact in f32");
    }
    let expected = Outputs {
        loss: vec![file["loss"].as_f64().unwrap()],
        losses: numbers("losses"),
        scores: numbers("scores"),
        probabilities: numbers("probabilities"),
        grad: [numbers("grad_w1"), numbers("grad_b1"), numbers("grad_w2"), numbers("grad_b2")].concat(),
        input_grad: numbers("grad_x"),
        ..Outputs::default()
    };
    let name = file["name"].as_str().unwrap().to_owned();
    Vector { name, problem, expected, grad_norms_squared: numbers("example_grad_norms_squared") }
}

/// All of them, by name.
pub fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut vectors: Vec<Vector> = files
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| read(&path))
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(vectors.len(), 12);
    vectors
}
