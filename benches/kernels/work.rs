//! What is timed: a pass with some outputs, or one product, by one of the engines.

use handgrad::gemm::{Beta, Gemm};
use handgrad::{Batch, Engine, MatMut, MatRef, Params, ParamsMut, Pass};

use crate::case::{Case, Real, Shape};

#[derive(Clone, Copy)]
pub enum By {
    Auto,
    Builtin,
    Portable,
    MatrixMultiply,
    /// A caller's engine: all products by matrixmultiply.
    Gemm,
}

impl By {
    pub const ALL: [Self; 5] = [Self::Auto, Self::Builtin, Self::Portable, Self::MatrixMultiply, Self::Gemm];

    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Builtin => "builtin",
            Self::Portable => "portable",
            Self::MatrixMultiply => "matrixmultiply",
            Self::Gemm => "gemm",
        }
    }

    fn engine<T: Real>(self) -> Engine<'static, T> {
        match self {
            Self::Auto => Engine::Auto,
            Self::Builtin => Engine::Builtin,
            Self::Portable => Engine::Portable,
            Self::MatrixMultiply => Engine::MatrixMultiply,
            Self::Gemm => Engine::Gemm(&Engine::MatrixMultiply),
        }
    }
}

/// What a pass writes.
#[derive(Clone, Copy)]
pub enum What {
    Scores,
    Loss,
    Grad,
    InputGrad,
    GradNorms,
    Clip,
    SecondMoment,
}

impl What {
    pub const ALL: [Self; 7] = [
        Self::Scores,
        Self::Loss,
        Self::Grad,
        Self::InputGrad,
        Self::GradNorms,
        Self::Clip,
        Self::SecondMoment,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Scores => "scores",
            Self::Loss => "loss",
            Self::Grad => "grad",
            Self::InputGrad => "grad+input_grad",
            Self::GradNorms => "grad+grad_norms",
            Self::Clip => "grad+clip",
            Self::SecondMoment => "grad+second_moment",
        }
    }

    /// Of the products of scores and gradients.
    pub fn flops(self, (m, h, c, n): Shape) -> usize {
        match self {
            Self::Scores | Self::Loss => 2 * n * m * h + 2 * n * h * c,
            Self::InputGrad => 6 * n * m * h + 6 * n * h * c,
            Self::Grad | Self::GradNorms | Self::Clip | Self::SecondMoment => 4 * n * m * h + 6 * n * h * c,
        }
    }
}

/// The products of a gradient, as the architecture names them.
#[derive(Clone, Copy)]
pub enum Product {
    Z,
    F,
    Dw2,
    D,
    Dw1,
}

impl Product {
    pub const ALL: [Self; 5] = [Self::Z, Self::F, Self::Dw2, Self::D, Self::Dw1];

    pub fn name(self) -> &'static str {
        match self {
            Self::Z => "Z",
            Self::F => "F",
            Self::Dw2 => "dW2",
            Self::D => "D",
            Self::Dw1 => "dW1",
        }
    }

    pub fn flops(self, (m, h, c, n): Shape) -> usize {
        match self {
            Self::Z | Self::Dw1 => 2 * n * m * h,
            Self::F | Self::Dw2 | Self::D => 2 * n * h * c,
        }
    }
}

impl<T: Real> Case<T> {
    pub fn run(&mut self, what: What, by: By) -> T {
        let (m, c) = (self.dims.inputs(), self.dims.classes());
        let params = Params::from_flat(self.dims, &self.theta).expect("parameters");
        let x = MatRef::new(&self.x, self.n, m).expect("examples");
        let batch = Batch::new(x, &self.labels).expect("labels");
        let pass = Pass::new(params, batch).engine(by.engine());
        let grad = ParamsMut::from_flat(self.dims, &mut self.grad).expect("gradient");
        let pass = match what {
            What::Loss => pass,
            What::Scores => pass.scores(MatMut::new(&mut self.scores, self.n, c).expect("scores")),
            What::Grad => pass.grad(grad),
            What::InputGrad => {
                pass.grad(grad).input_grad(MatMut::new(&mut self.input_grad, self.n, m).expect("inputs"))
            }
            What::GradNorms => pass.grad(grad).grad_norms(&mut self.norms),
            What::Clip => pass.grad(grad).clip(T::one()),
            What::SecondMoment => pass
                .grad(grad)
                .second_moment(ParamsMut::from_flat(self.dims, &mut self.moment).expect("moments")),
        };
        if let What::Scores = what {
            pass.infer(&mut self.scratch).expect("a valid call");
            return self.scores[0];
        }
        pass.run(&mut self.scratch).expect("a valid call")
    }

    /// One product, between buffers of its sizes.
    pub fn product(&mut self, product: Product, by: By) -> T {
        let (m, h, c, n) = (self.dims.inputs(), self.dims.hidden(), self.dims.classes(), self.n);
        let (w1_len, w2_at) = (h * m, h * m + h);
        let view = |values, rows, cols| MatRef::new(values, rows, cols).expect("a factor");
        let w2 = view(&self.theta[w2_at..w2_at + c * h], c, h);
        let (x, w1) = (view(&self.x, n, m), view(&self.theta[..w1_len], h, m));
        let hidden = view(&self.hidden, n, h);
        let (a, b, (out, rows, cols)) = match product {
            Product::Z => (x, w1.t(), (&mut self.product[..], n, h)),
            Product::F => (hidden, w2.t(), (&mut self.scores[..], n, c)),
            Product::Dw2 => (view(&self.scores, n, c).t(), hidden, (&mut self.grad[..c * h], c, h)),
            Product::D => (view(&self.scores, n, c), w2, (&mut self.product[..], n, h)),
            Product::Dw1 => (hidden.t(), x, (&mut self.grad[..w1_len], h, m)),
        };
        let into = MatMut::new(out, rows, cols).expect("a product");
        by.engine().gemm(a, b, Beta::Zero, into).expect("factors that fit");
        self.product[0] + self.scores[0] + self.grad[0]
    }
}
