//! Every instruction set that this machine has, not just the best one: the same results as the portable loops.

use num_traits::Float;

use super::blocked::product;
use super::factors::{Blocks, Left, Right};
use super::packing::pack;
use super::tile::Then;
use super::{Beta, Fused, Gemm, Portable};
use crate::limits::MAX_LANES;
use crate::pass::Phases;
use crate::simd::{self, Simd};
use crate::{Batch, Dims, Error, MatMut, MatRef, Params, ParamsMut, Pass};

/// What is done on each set.
trait Check {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S);
}

fn on_each_set(check: &impl Check) {
    check.check("portable", &simd::Portable);
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(set) = simd::Avx2::detect() {
        check.check("AVX2", set);
    }
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(set) = simd::Avx512::detect() {
        check.check("AVX-512", set);
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    check.check("NEON", simd::Neon::get());
}

fn number<T: Float>(i: usize) -> T {
    T::from((i * 7919 % 1013) as f64 / 1013.0 - 0.5).unwrap()
}

struct Transposition;

impl Transposition {
    fn check_type<T: Float, S: Simd<T>>(name: &str, set: S) {
        let element = |i: usize, j: usize| number::<T>(i * S::LANES + j);
        set.vectorize(|| {
            let mut rows = [set.splat(T::zero()); MAX_LANES];
            for (i, row) in rows.iter_mut().enumerate().take(S::LANES) {
                let numbers: [T; MAX_LANES] = core::array::from_fn(|j| element(i, j));
                *row = set.load(&numbers);
            }
            for (i, row) in simd::transpose(set, rows).into_iter().enumerate().take(S::LANES) {
                let mut numbers = [T::nan(); MAX_LANES];
                set.store(row, &mut numbers);
                for j in 0..S::LANES {
                    assert!(numbers[j] == element(j, i), "{name}: ({i}, {j})");
                }
            }
        });
    }
}

impl Check for Transposition {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, *set);
        Self::check_type::<f64, S>(name, *set);
    }
}

#[test]
fn squares_are_transposed() {
    on_each_set(&Transposition);
}

/// One instruction set as an engine.
struct On<T: 'static>(&'static dyn Phases<T>);

impl<T: Float> Gemm<T> for On<T> {
    fn gemm(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: Beta, c: MatMut<'_, T>) -> Result<(), Error> {
        self.0.gemm(a, b, beta, c)
    }

    fn fused(&self) -> Fused<T> {
        Fused(Some(self.0))
    }
}

/// Loss, gradient and input gradient.
fn results<T: Float + 'static>(engine: &dyn Gemm<T>, dims: Dims, n: usize) -> Vec<T> {
    let (m, c) = (dims.inputs(), dims.classes());
    let theta: Vec<T> = (0..dims.param_len()).map(number).collect();
    let x: Vec<T> = (0..n * m).map(|i| number(i + 5)).collect();
    let labels: Vec<usize> = (0..n).map(|i| i * 31 % c).collect();
    let mut all = vec![T::nan(); 1 + dims.param_len() + n * m];
    let (loss, grads) = all.split_first_mut().unwrap();
    let (grad, dx) = grads.split_at_mut(dims.param_len());
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &labels).unwrap();
    *loss = Pass::new(Params::from_flat(dims, &theta).unwrap(), batch)
        .engine(engine)
        .grad(ParamsMut::from_flat(dims, grad).unwrap())
        .input_grad(MatMut::new(dx, n, m).unwrap())
        .run(&mut vec![T::zero(); dims.scratch_len(n)])
        .unwrap();
    all
}

struct Passes;

impl Passes {
    fn check_type<T: Float + 'static, S: Simd<T>>(name: &str, set: &'static S) {
        // Whole and broken registers and tiles, deep sums, few and many classes, panels of D and of X.
        let shapes = [
            (1, 1, 1, 1),
            (64, 32, 10, 7),
            (64, 32, 10, 33),
            (17, 13, 5, 100),
            (300, 40, 50, 70),
            (900, 261, 3, 37),
            (30, 256, 49, 300),
        ];
        for (m, h, c, n) in shapes {
            let dims = Dims::new(m, h, c).unwrap();
            let (expected, got) = (results::<T>(&Portable, dims, n), results(&On::<T>(set), dims, n));
            // Sums of up to this many terms in another order, each term and sum below 1 in magnitude times m.
            let tolerance = T::epsilon() * T::from(m.max(h)).unwrap();
            for (i, (&expected, &got)) in expected.iter().zip(&got).enumerate() {
                let scale = expected.abs().max(T::one());
                assert!((expected - got).abs() <= tolerance * scale, "{name} {:?}: {i}", (m, h, c, n));
            }
        }
    }
}

impl Check for Passes {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        Self::check_type::<f32, S>(name, set);
        Self::check_type::<f64, S>(name, set);
    }
}

#[test]
fn every_set_agrees_with_the_portable_loops() {
    on_each_set(&Passes);
}

struct Layouts;

impl Layouts {
    /// The product of the same factors, however they lie and whatever room there is: the same bits. Deep enough for
    /// three parts, which begin within blocks of columns; with whole and broken tiles and registers.
    fn check_type<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S, (rows, cols): (usize, usize)) {
        let depth = 2 * S::BLOCKING.depth + 5;
        let a: Vec<T> = (0..rows * depth).map(number).collect();
        let b: Vec<T> = (0..depth * cols).map(|i| number(i + 7)).collect();
        let (a, b) = (MatRef::new(&a, rows, depth).unwrap(), MatRef::new(&b, depth, cols).unwrap());
        let times = |a: Left<'_, T>, right: Right<'_, T>, room: usize| {
            let (mut c, mut room) = (vec![T::nan(); rows * cols], vec![T::nan(); room]);
            let target = MatMut::new(&mut c, rows, cols).unwrap();
            product(set, a, right, Beta::Zero, target, Then::Nothing, &mut room);
            c
        };
        let expected = times(Left::view(a), Right::View(b), 0);
        let exact = (0..depth)
            .fold(T::zero(), |sum, p| sum + a.get(rows - 1, p).unwrap() * b.get(p, cols - 1).unwrap());
        let tolerance = T::epsilon() * T::from(depth).unwrap();
        assert!((*expected.last().unwrap() - exact).abs() <= tolerance, "{name}: {exact:?}");
        let panel = S::BLOCKING.depth * S::VECS * S::LANES;
        for room in [1, panel, 2 * panel, 50 * panel] {
            assert_eq!(times(Left::view(a), Right::View(b), room), expected, "{name}: room {room}");
        }
        let mut panels = vec![T::nan(); depth * cols.next_multiple_of(S::LANES)];
        pack(set, b, 0..super::panels::panels::<T, S>(cols), &mut panels);
        assert_eq!(times(Left::view(a), Right::Packed(&panels), 0), expected, "{name}: packed");
        let by_columns: Vec<T> = (0..cols * depth).map(|i| b.get(i % depth, i / depth).unwrap()).collect();
        let by_columns = MatRef::col_major(&by_columns, depth, cols).unwrap();
        assert_eq!(times(Left::view(a), Right::View(by_columns), panel), expected, "{name}: by columns");
        // A in blocks of 48 columns, and Aᵀ in blocks of 16, with something between the blocks.
        let (len, step) = (48, 48 * rows + 3);
        let mut blocks = vec![T::nan(); depth.div_ceil(len) * step];
        for (i, p) in (0..rows).flat_map(|i| (0..depth).map(move |p| (i, p))) {
            blocks[p / len * step + i * len + p % len] = a.get(i, p).unwrap();
        }
        let first = MatRef::with_strides(&blocks, (rows, len), (len, 1)).unwrap();
        let left = Left::col_blocks(first, depth, Blocks { len, step });
        assert_eq!(times(left, Right::View(b), panel), expected, "{name}: blocks of columns");
        let (len, step) = (16, 16 * depth + 3);
        let mut blocks = vec![T::nan(); rows.div_ceil(len) * step];
        for (i, p) in (0..rows).flat_map(|i| (0..depth).map(move |p| (i, p))) {
            blocks[i / len * step + p * len + i % len] = a.get(i, p).unwrap();
        }
        let first = MatRef::with_strides(&blocks, (depth, len), (len, 1)).unwrap();
        let left = Left::col_blocks(first, rows, Blocks { len, step }).t();
        assert_eq!(times(left, Right::View(b), panel), expected, "{name}: blocks of rows");
    }
}

impl Check for Layouts {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        for shape in [(37, 70), (70, 320), (1, 9)] {
            Self::check_type::<f32, S>(name, *set, shape);
            Self::check_type::<f64, S>(name, *set, shape);
        }
    }
}

#[test]
fn same_bits_however_the_factors_lie() {
    on_each_set(&Layouts);
}
