//! The net, what it learns from, and how.

use handgrad::start::{Random, Start};
use handgrad::{Dims, Engine, Error, MatMut, MatRef, Params, ParamsMut, Pass, derivation};

use crate::digits::{CLASSES, Digits, PIXELS, SHIPPED};

/// Digits to test with. The others are to learn from.
const TEST: usize = 360;
/// Digits that can be added to those, and how often each of them is learnt in an epoch: one among 1437 would be noise.
const TAUGHT: usize = 32;
const TIMES: usize = 20;
const TRAIN: usize = SHIPPED - TEST + TAUGHT * TIMES;
/// Digits in a mini-batch.
const STEP: usize = 32;

/// Each time a digit is seen, each pixel is moved by up to this, so that no digit can be learnt by heart.
const NOISE: f32 = 0.4;

const MAX_HIDDEN: usize = 64;
const LARGEST: Dims = match Dims::new(PIXELS, MAX_HIDDEN, CLASSES) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};

/// All memory of the page's module but the stack.
pub struct Model {
    hidden: usize,
    theta: [f32; LARGEST.param_len()],
    grad: [f32; LARGEST.param_len()],
    scratch: [f32; LARGEST.scratch_len(TRAIN)],
    random: Random,
    pub train: Digits<TRAIN>,
    pub test: Digits<TEST>,
    /// The digits to learn from in the order of this epoch, of which `next` is next.
    order: [usize; TRAIN],
    next: usize,
    batch: Digits<STEP>,
    pub predictions: [usize; TEST],
    pub drawing: [f32; PIXELS],
    pub probabilities: [f32; CLASSES],
    pub activations: [f32; MAX_HIDDEN],
}

impl Model {
    /// All zeros, which take no place in the module.
    pub const NEW: Self = Self {
        hidden: 0,
        theta: [0.0; LARGEST.param_len()],
        grad: [0.0; LARGEST.param_len()],
        scratch: [0.0; LARGEST.scratch_len(TRAIN)],
        random: Random::new(0),
        train: Digits::NEW,
        test: Digits::NEW,
        order: [0; TRAIN],
        next: 0,
        batch: Digits::NEW,
        predictions: [0; TEST],
        drawing: [0.0; PIXELS],
        probabilities: [0.0; CLASSES],
        activations: [0.0; MAX_HIDDEN],
    };

    /// Splits the digits by chance, always the same way.
    pub fn load(&mut self) {
        let (mut order, mut random) = ([0; SHIPPED], Random::new(1));
        shuffle(&mut order, &mut random);
        let (test, train) = order.split_at(TEST);
        test.iter().for_each(|&digit| _ = self.test.push_shipped(digit));
        train.iter().for_each(|&digit| _ = self.train.push_shipped(digit));
    }

    /// Start values for so many hidden units.
    pub fn reset(&mut self, hidden: usize, seed: u64) -> Result<(), Error> {
        self.hidden = hidden.min(MAX_HIDDEN);
        let dims = dims(self.hidden)?;
        self.random = Random::new(seed);
        self.next = usize::MAX;
        let mut params = ParamsMut::from_flat(dims, &mut self.theta[..dims.param_len()])?;
        Start::HeNormal.fill(&mut params, || self.random.next_u64());
        Ok(())
    }

    /// Takes the next mini-batch and goes down its gradient. Returns its loss before.
    pub fn step(&mut self, learning_rate: f32) -> Result<f32, Error> {
        self.pick_batch();
        let dims = dims(self.hidden)?;
        let (theta, grad) = (&mut self.theta[..dims.param_len()], &mut self.grad[..dims.param_len()]);
        let loss = Pass::new(Params::from_flat(dims, theta)?, self.batch.batch()?)
            .engine(Engine::Portable)
            .grad(ParamsMut::from_flat(dims, grad)?)
            .run(&mut self.scratch)?;
        theta.iter_mut().zip(grad).for_each(|(w, dw)| *w -= learning_rate * *dw);
        Ok(loss)
    }

    /// The next digits of the epoch; after the last one a new epoch begins, in another order.
    fn pick_batch(&mut self) {
        if self.next >= self.train.len() {
            shuffle(&mut self.order[..self.train.len()], &mut self.random);
            self.next = 0;
        }
        let end = self.train.len().min(self.next + STEP);
        self.batch.clear();
        for &digit in &self.order[self.next..end] {
            self.batch.push_from(&self.train, digit);
        }
        let random = &mut self.random;
        let noise = || NOISE * (random.next_u64() as i64 as f32 / (1u64 << 63) as f32);
        self.batch.blur(noise);
        self.next = end;
    }

    pub fn train_loss(&mut self) -> Result<f32, Error> {
        Pass::new(params(self.hidden, &self.theta)?, self.train.batch()?)
            .engine(Engine::Portable)
            .run(&mut self.scratch)
    }

    pub fn test_loss(&mut self) -> Result<f32, Error> {
        Pass::new(params(self.hidden, &self.theta)?, self.test.batch()?)
            .engine(Engine::Portable)
            .predictions(&mut self.predictions)
            .run(&mut self.scratch)
    }

    /// Probabilities and activations of the drawing.
    pub fn look(&mut self) -> Result<(), Error> {
        let (params, x) = (params(self.hidden, &self.theta)?, &self.drawing);
        Pass::new(params, handgrad::Batch::unlabelled(MatRef::new(x, 1, PIXELS)?))
            .engine(Engine::Portable)
            .probabilities(MatMut::new(&mut self.probabilities, 1, CLASSES)?)
            .infer(&mut self.scratch)?;
        let (z, a) = (&mut self.scratch[..self.hidden], &mut self.activations[..self.hidden]);
        derivation::preactivations(params.w1().as_slice(), params.b1(), x, z)?;
        derivation::activations(z, a)
    }

    /// Adds the drawing to what is learnt from, from the next mini-batch on.
    pub fn teach(&mut self, label: u8) -> bool {
        self.next = usize::MAX;
        usize::from(label) < CLASSES && (0..TIMES).all(|_| self.train.push(&self.drawing, label))
    }

    pub fn weight(&self, unit: usize, pixel: usize) -> Option<f32> {
        params(self.hidden, &self.theta).ok()?.w1().get(unit, pixel)
    }
}

fn dims(hidden: usize) -> Result<Dims, Error> {
    Dims::new(PIXELS, hidden, CLASSES)
}

fn params(hidden: usize, theta: &[f32]) -> Result<Params<'_, f32>, Error> {
    let dims = dims(hidden)?;
    Params::from_flat(dims, &theta[..dims.param_len()])
}

/// The numbers from 0 on in an order of chance.
fn shuffle(order: &mut [usize], random: &mut Random) {
    for i in 0..order.len() {
        let other = (random.next_u64() % (i as u64 + 1)) as usize;
        order[i] = order[other];
        order[other] = i;
    }
}
