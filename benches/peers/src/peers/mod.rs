//! The peers: who there is, and the Rust ones by name.

#[cfg(feature = "burn")]
mod burn;
#[cfg(feature = "candle")]
mod candle;
mod five;
mod loops;
#[cfg(feature = "ndarray")]
mod ndarray;

use anyhow::{Result, bail};

use crate::ours;
use crate::problem::{Answer, DIRECTIONS, Kind, Problem, Real, Section, Shape};
use crate::steps::{self, Layout};

/// One peer with one problem loaded. A call computes the loss and all gradients, or products with the Hessian.
pub trait Peer {
    fn call(&mut self) -> Result<()>;

    /// What the last call found.
    fn answer(&self) -> Result<Answer>;
}

/// Who runs the worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// This program itself.
    Rust,
    /// The interpreter, with the script of this name.
    Python(&'static str),
}

/// What a row of the tables is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Ours,
    /// Computes the same loss and gradient.
    Peer,
    /// Computes something else, for comparison: it has no answer to agree with, and is never the best peer.
    Yardstick,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Peer => "peer",
            Self::Yardstick => "yardstick",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub name: &'static str,
    pub host: Host,
    pub role: Role,
    /// Whether it takes part in the section about the Hessian, and in no other.
    pub hessian: bool,
    /// Whether it takes part in the section about steps on sparse rows, and in no other.
    pub steps: bool,
    /// The directions that a call multiplies the Hessian with; 0 if it computes the gradient.
    pub directions: usize,
    /// Whether it takes the inputs as a sparse matrix: it runs where inputs are 0.
    pub sparse: bool,
    /// Whether it can use a second thread.
    pub threads: bool,
    /// Whether it runs without being asked for by name.
    pub default: bool,
    /// Whether a full run's growth curves include it.
    pub growth: bool,
}

impl Spec {
    pub fn takes(&self, kind: Kind) -> bool {
        // Sparse tensors only where there are zeros: elsewhere they can but lose.
        let is_at_home = self.hessian == (kind.section() == Section::Hessian)
            && self.steps == (kind.section() == Section::Sparse);
        is_at_home && (!self.sparse || kind.is_sparse())
    }

    /// Whether handgrad does it.
    pub fn is_ours(&self) -> bool {
        self.role == Role::Ours || self.name == ours::GRADIENT
    }

    /// Floating-point operations, for each direction if there are any.
    pub fn flops(&self, shape: Shape) -> f64 {
        if self.directions == 0 { shape.flops() } else { shape.hessian_flops(self.directions) }
    }
}

const fn rust(name: &'static str) -> Spec {
    Spec {
        name,
        host: Host::Rust,
        role: Role::Peer,
        hessian: false,
        steps: false,
        directions: 0,
        sparse: false,
        threads: true,
        default: true,
        growth: false,
    }
}

const fn python(name: &'static str, script: &'static str) -> Spec {
    Spec { host: Host::Python(script), ..rust(name) }
}

const fn sparse(name: &'static str, script: &'static str) -> Spec {
    Spec { sparse: true, ..python(name, script) }
}

/// One that makes a step of gradient descent on sparse rows.
const fn step(spec: Spec) -> Spec {
    // One thread: the batches are small.
    Spec { steps: true, threads: false, ..spec }
}

/// One that multiplies the Hessian with so many directions in a call.
const fn products(directions: usize, spec: Spec) -> Spec {
    Spec { hessian: true, directions, ..spec }
}

const OTHERS: [Spec; 36] = [
    Spec { role: Role::Yardstick, ..rust("five sgemm") },
    rust("ndarray"),
    rust("candle"),
    rust("burn"),
    Spec { growth: true, ..python("numpy", "numpy_peer") },
    python("jax", "jax_peer"),
    Spec { growth: true, ..python("torch eager", "torch_peer") },
    python("torch out=", "torch_peer"),
    // Not by default: compiling a shape takes up to a minute, and it was no faster than eager where it was tried.
    Spec { default: false, ..python("torch compile", "torch_peer") },
    python("scikit-learn", "sklearn_peer"),
    // jax's BCOO is not here: where it was tried, at 20 % and 5 % of the inputs, its products took from as long as the dense
    // ones to thirty times as long.
    sparse("numpy sparse", "scipy_peer"),
    sparse("torch sparse csr", "torch_sparse_peer"),
    sparse("torch sparse coo", "torch_sparse_peer"),
    Spec { role: Role::Yardstick, hessian: true, ..rust(ours::GRADIENT) },
    products(1, python("jax jvp of grad", "jax_hessian_peer")),
    products(1, python("jax grad of jvp", "jax_hessian_peer")),
    products(DIRECTIONS, python("jax vmap 4 at once", "jax_hessian_peer")),
    products(1, python("torch jvp of grad", "torch_hessian_peer")),
    products(1, python("torch grad of jvp", "torch_hessian_peer")),
    products(1, python("torch double backward", "torch_hessian_peer")),
    products(DIRECTIONS, python("torch vmap 4 at once", "torch_hessian_peer")),
    products(1, python("torch H v out=", "torch_hessian_peer")),
    products(1, python("numpy H v", "numpy_hessian_peer")),
    products(1, sparse("torch H v sparse csr", "torch_hessian_peer")),
    products(1, sparse("torch H v sparse coo", "torch_hessian_peer")),
    Spec { default: false, ..products(1, python("torch compile H v", "torch_hessian_peer")) },
    step(rust(LOOPS[0].0)),
    step(rust(LOOPS[1].0)),
    step(rust(LOOPS[2].0)),
    step(python("scikit-learn partial_fit csr", "sklearn_step_peer")),
    step(python("scikit-learn partial_fit dense", "sklearn_step_peer")),
    step(python("numpy step csr", "scipy_step_peer")),
    step(python("torch step csr", "torch_step_peer")),
    step(python("torch step embedding bag", "torch_step_peer")),
    step(python("torch step autograd csr", "torch_step_peer")),
    step(python("torch step dense", "torch_step_peer")),
];

/// The loops written by hand, by the layout of W1.
const LOOPS: [(&str, Layout); 3] = [
    ("loop by units", Layout::ByUnits),
    ("loop by inputs", Layout::ByInputs),
    ("loop used inputs", Layout::UsedInputs),
];

/// Our steps: on all of X or not, and the layout of W1.
const STEPS: [(&str, bool, Layout); 5] = [
    ("handgrad used inputs", false, Layout::UsedInputs),
    ("handgrad csr by inputs", false, Layout::ByInputs),
    ("handgrad csr by units", false, Layout::ByUnits),
    ("handgrad dense by units", true, Layout::ByUnits),
    ("handgrad dense by inputs", true, Layout::ByInputs),
];

/// All peers, ours first.
pub fn all() -> Vec<Spec> {
    let ours = ours::ROWS.iter().map(|row| Spec { role: Role::Ours, growth: true, ..rust(row.name()) });
    let products = ours::PRODUCTS.map(|(name, directions)| products(directions, rust(name)));
    let products = products.map(|spec| Spec { role: Role::Ours, ..spec });
    let steps = STEPS.map(|(name, ..)| Spec { role: Role::Ours, ..step(rust(name)) });
    ours.chain(products).chain(steps).chain(OTHERS).collect()
}

pub fn named(name: &str) -> Option<Spec> {
    all().into_iter().find(|spec| spec.name == name)
}

pub fn role(name: &str) -> Option<Role> {
    named(name).map(|spec| spec.role)
}

/// What the Rust peer is made of, or why it cannot run.
pub fn version(name: &str) -> Result<String> {
    let (package, built) = match name {
        "ndarray" => ("ndarray", cfg!(feature = "ndarray")),
        "candle" => ("candle-core", cfg!(feature = "candle")),
        "burn" => ("burn", cfg!(feature = "burn")),
        "five sgemm" => ("matrixmultiply", true),
        _ if named(name).is_some_and(|spec| spec.is_ours()) => ("handgrad", true),
        _ if LOOPS.iter().any(|(known, _)| *known == name) => return Ok(String::from("src/peers/loops.rs")),
        _ => bail!("unknown"),
    };
    if !built {
        bail!("not built");
    }
    Ok(format!("{package} {}", locked_version(include_str!("../../Cargo.lock"), package)))
}

/// The version of one of our dependencies in a lock file. There may be several packages of that name: then
/// our own list of dependencies has the version too.
fn locked_version<'a>(lock: &'a str, package: &str) -> &'a str {
    let after = |text: &'a str, start: &str| text.split_once(start).map(|(_, rest)| rest);
    let until_quote = |text: &'a str| text.split('"').next();
    let own = after(lock, "name = \"peers\"\n").and_then(|rest| rest.split("[[package]]").next());
    let chosen = own.and_then(|own| after(own, &format!("\"{package} "))).and_then(until_quote);
    let only = || after(lock, &format!("name = \"{package}\"\nversion = \"")).and_then(until_quote);
    chosen.or_else(only).unwrap_or("of unknown version")
}

/// Loads the problem into the Rust peer of that name, which may use so many threads.
pub fn load<T: Real + five::Product>(
    name: &str,
    problem: Problem<T>,
    threads: usize,
) -> Result<Box<dyn Peer>> {
    if let Some((_, layout)) = LOOPS.into_iter().find(|(known, _)| *known == name) {
        return Ok(Box::new(loops::ByHand::new(problem, layout)));
    }
    if let Some((_, is_dense, layout)) = STEPS.into_iter().find(|(known, ..)| *known == name) {
        return Ok(Box::new(steps::Ours::new(problem, is_dense, layout)?));
    }
    Ok(match name {
        #[cfg(feature = "ndarray")]
        "ndarray" => Box::new(ndarray::ByHand::new(problem)?),
        #[cfg(feature = "candle")]
        "candle" => Box::new(candle::Candle::new(&problem)?),
        #[cfg(feature = "burn")]
        "burn" => Box::new(burn::Burn::new(&problem)?),
        "five sgemm" => Box::new(five::Five::new(problem)),
        _ if name == ours::GRADIENT => Box::new(ours::Ours::new(problem, ours::Row::Auto, threads)?),
        _ => match (ours::ROWS.iter().find(|row| row.name() == name), named(name)) {
            (Some(&row), _) => Box::new(ours::Ours::new(problem, row, threads)?),
            (None, Some(spec)) if spec.is_ours() => {
                Box::new(ours::Products::new(problem, spec.directions, threads)?)
            }
            _ => bail!("not built"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agree;
    use crate::problem::{Type, dense, few, with_directions};

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock = "[[package]]\nname = \"burn-core\"\nversion = \"9.9.9\"\n\n\
                    [[package]]\nname = \"burn\"\nversion = \"1.2.3\"\n\n\
                    [[package]]\nname = \"ndarray\"\nversion = \"0.16.1\"\n\n\
                    [[package]]\nname = \"ndarray\"\nversion = \"0.17.2\"\n\n\
                    [[package]]\nname = \"peers\"\ndependencies = [\n \"burn\",\n \"ndarray 0.17.2\",\n]\n";
        assert_eq!(locked_version(lock, "burn"), "1.2.3");
        assert_eq!(locked_version(lock, "ndarray"), "0.17.2");
        assert_eq!(locked_version(lock, "candle"), "of unknown version");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().iter().map(|spec| spec.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(names.iter().all(|name| !name.contains(',')), "--peers has commas between names");
        let roles = [all()[0].name, "numpy", "five sgemm", "nobody"].map(role);
        assert_eq!(roles, [Some(Role::Ours), Some(Role::Peer), Some(Role::Yardstick), None]);
    }

    #[test]
    fn sections_have_their_peers() {
        let takers = |kind| all().into_iter().filter(move |spec| spec.takes(kind));
        assert!(takers(Kind::Random).all(|spec| spec.directions == 0 && !spec.sparse));
        assert!(takers(Kind::Density(5)).any(|spec| spec.sparse));
        let gradients: Vec<_> = takers(Kind::HessianMnist).filter(|spec| spec.directions == 0).collect();
        assert_eq!(gradients.iter().map(|spec| spec.name).collect::<Vec<_>>(), [ours::GRADIENT]);
        assert!(
            takers(Kind::HessianMnist).any(|spec| spec.sparse)
                && takers(Kind::Hessian).all(|spec| !spec.sparse)
        );
        let of_ours = takers(Kind::Hessian).filter(Spec::is_ours);
        assert_eq!(of_ours.map(|spec| spec.directions).collect::<Vec<_>>(), [1, DIRECTIONS, 0]);
    }

    /// The gradient of a step is that of all inputs, whatever the layout; and every peer moves the weights by it.
    #[test]
    fn steps_have_the_gradient_of_the_dense_pass() {
        let shape = Shape { m: 50, h: 7, c: 4, n: 12 };
        let expected = ours::reference(few(shape, 5).widened()).unwrap();
        for (name, is_ours) in STEPS.map(|s| (s.0, true)).into_iter().chain(LOOPS.map(|l| (l.0, false))) {
            assert_eq!(named(name).unwrap().is_ours(), is_ours);
            let mut peer = load(name, few(shape, 5).widened(), 1).unwrap();
            peer.call().unwrap();
            let first = peer.answer().unwrap();
            let found = agree::compare(&expected, &first, shape, Type::F64);
            assert!(found.holds(), "{name}: {found:?}");
            (0..1000).for_each(|_| peer.call().unwrap());
            // The loss falls by the rate times the squared norm of the gradient, in each step.
            let square: f64 = first.grad.iter().map(|g| g * g).sum();
            let fall = (first.loss - peer.answer().unwrap().loss) / (1000.0 * steps::RATE * square);
            assert!((fall - 1.0).abs() < 0.02, "{name}: {fall}");
        }
    }

    /// H v by central differences of our gradient, of every direction.
    #[test]
    fn our_products_are_differences_of_our_gradients() {
        let shape = Shape { m: 9, h: 7, c: 4, n: 12 };
        let problem = || with_directions(dense(shape)).widened();
        // Pre-activations are at least half a step of their grid from 0, and these steps are far shorter.
        let step = 1e-5;
        let directions = problem().directions;
        let expected = directions.chunks(shape.params()).flat_map(|v| {
            let [ahead, behind] = [step, -step].map(|step| {
                let mut moved = dense(shape).widened();
                moved.params.iter_mut().zip(v).for_each(|(p, v)| *p += step * v);
                ours::reference(moved).unwrap().grad
            });
            ahead.into_iter().zip(behind).map(|(a, b)| (a - b) / (2.0 * step)).collect::<Vec<_>>()
        });
        let expected: Vec<f64> = expected.collect();
        let loss = ours::reference(dense(shape).widened()).unwrap().loss;
        for (name, count) in ours::PRODUCTS {
            for threads in [1, 2] {
                let mut peer = load(name, problem(), threads).unwrap();
                peer.call().unwrap();
                let found = peer.answer().unwrap();
                assert!((found.loss - loss).abs() < 1e-12);
                assert_eq!(found.grad.len(), count * shape.params());
                for (at, (found, expected)) in found.grad.iter().zip(&expected).enumerate() {
                    assert!((found - expected).abs() < 1e-8, "{name} {at}: {found} {expected}");
                }
            }
        }
    }
}
