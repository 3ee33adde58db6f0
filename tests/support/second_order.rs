//! The vectors of `tests/data/second_order`, whose README says what is in them.

use std::fs;
use std::path::Path;

use handgrad::Dims;
use serde_json::Value;

pub struct Vector {
    pub name: String,
    pub dims: Dims,
    pub n: usize,
    pub theta: Vec<f64>,
    pub x: Vec<f64>,
    pub labels: Vec<usize>,
    pub targets: Option<Vec<f64>>,
    pub example_weights: Vec<f64>,
    pub class_weights: Vec<f64>,
    pub smoothing: f64,
    pub l2: [f64; 2],
    pub divisor: Divisor,
    pub direction: Vec<f64>,
    pub expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Divisor {
    Mean,
    Sum,
    Given(f64),
}

pub struct Expected {
    pub loss: f64,
    pub grad: Vec<f64>,
    pub hessian_vector: Vec<f64>,
    pub gauss_newton_vector: Vec<f64>,
    pub diagonal: Vec<f64>,
    pub scores: Vec<f64>,
    pub score_tangents: Vec<f64>,
    pub score_grad_tangents: Vec<f64>,
    pub hidden_diagonals: Vec<f64>,
    pub traces: Vec<f64>,
    pub along: Vec<f64>,
    pub score_side: Vec<f64>,
    pub hidden_side: Vec<f64>,
    pub activation_side: Vec<f64>,
    pub input_side: Vec<f64>,
}

impl Vector {
    /// The target of an example: its own, or one class.
    pub fn target(&self, example: usize) -> Vec<f64> {
        let c = self.dims.classes();
        match &self.targets {
            Some(targets) => targets[example * c..][..c].to_vec(),
            None => (0..c).map(|j| if j == self.labels[example] { 1.0 } else { 0.0 }).collect(),
        }
    }

    /// N.
    pub fn count(&self) -> f64 {
        let weight = |i: usize| match &self.targets {
            Some(_) => self.example_weights[i],
            None => self.example_weights[i] * self.class_weights[self.labels[i]],
        };
        match self.divisor {
            Divisor::Mean => (0..self.n).map(weight).sum(),
            Divisor::Sum => 1.0,
            Divisor::Given(n) => n,
        }
    }
}

fn read(path: &Path) -> Vector {
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let numbers = |key: &str| -> Vec<f64> {
        let array = file[key].as_array().unwrap_or_else(|| panic!("{key} is no array"));
        array.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let size = |key: &str| file[key].as_u64().unwrap_or_else(|| panic!("{key} is no size")) as usize;
    let vector = Vector {
        name: file["name"].as_str().unwrap().to_owned(),
        dims: Dims::new(size("inputs"), size("hidden"), size("classes")).unwrap(),
        n: size("examples"),
        theta: numbers("theta"),
        x: numbers("x"),
        labels: numbers("labels").into_iter().map(|label| label as usize).collect(),
        targets: file["targets"].is_array().then(|| numbers("targets")),
        example_weights: numbers("example_weights"),
        class_weights: numbers("class_weights"),
        smoothing: file["smoothing"].as_f64().unwrap(),
        l2: numbers("l2").try_into().unwrap(),
        divisor: match file["divisor"].as_str() {
            Some("mean") => Divisor::Mean,
            Some("sum") => Divisor::Sum,
            _ => Divisor::Given(file["divisor"].as_f64().unwrap()),
        },
        direction: numbers("direction"),
        expected: Expected {
            loss: numbers("loss")[0],
            grad: numbers("grad"),
            hessian_vector: numbers("hessian_vector"),
            gauss_newton_vector: numbers("gauss_newton_vector"),
            diagonal: numbers("diagonal"),
            scores: numbers("scores"),
            score_tangents: numbers("score_tangents"),
            score_grad_tangents: numbers("score_grad_tangents"),
            hidden_diagonals: numbers("hidden_diagonals"),
            traces: numbers("traces"),
            along: numbers("along"),
            score_side: numbers("score_side"),
            hidden_side: numbers("hidden_side"),
            activation_side: numbers("activation_side"),
            input_side: numbers("input_side"),
        },
    };
    for value in vector.theta.iter().chain(&vector.x).chain(&vector.direction) {
        assert_eq!(f64::from(*value as f32), *value, "exact in f32");
    }
    vector
}

/// All of them, by name.
pub fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/second_order");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut vectors: Vec<Vector> = files
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| read(&path))
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(vectors.len(), 10);
    vectors
}
