//! What a `Pass` does when it runs: all checks, then the short way or the long way.

use num_traits::{Float, PrimInt};

use super::engine::Products;
use super::few::{Few, FewGrad};
use super::grad_sum::GradSum;
use super::halfway::Halfway;
use super::headroom;
use super::layout::{External, FEW_CLASSES, Layout};
use super::objective::{Integers, Labels, Objective, check_numbers};
use super::plan::{Plan, margin};
use super::run::{Job, run};
use super::setup::{Pass, Reduction};
use super::threads::Threads;
use crate::data::{Dims, MatMut, Params, ParamsMut};
use crate::error::{Error, What, check_len, check_scratch};
use crate::gemm::{AlphaBeta, Beta};
use crate::kernels::scaled::{Scaled, is_wide, power};
use crate::kernels::softmax::NO_LABEL;
use crate::limits::FEW_EXAMPLES;

impl<T: Float + Send + Sync + 'static, L: PrimInt + Sync> Pass<'_, T, L> {
    /// All checks that need both the net and the batch: nothing has been written yet.
    fn check(&self, objective: &Objective<'_, T>, scratch: usize) -> Result<(), Error> {
        let (dims, n) = (self.params.dims, self.x.rows());
        self.check_examples()?;
        objective.check(dims, n)?;
        check_numbers(What::Divisor, &self.divisor.map_or([T::one()], |divisor| [divisor]))?;
        check_numbers(What::Clip, &self.clip.map_or([T::one()], |clip| [clip]))?;
        check_numbers(What::L2, &[self.l2.w1, self.l2.w2])?;
        let gradient = self.gradient_dims()?;
        if let Some((grad, _)) = &self.grad {
            gradient.check_same(What::Gradient, grad.dims)?;
        }
        self.out.check(n, dims)?;
        if let Some(moment) = &self.second_moment {
            gradient.check_same(What::SecondMoment, moment.dims)?;
        }
        if let Some(gram) = &self.gram {
            let (got, most) = ((gram.rows(), gram.cols()), dims.chunk_len(n));
            if got != (n, n) {
                return Err(Error::Shape { what: What::Gram, expected: (n, n), got });
            }
            if n > most {
                return Err(Error::Length { what: What::Examples, expected: most, got: n });
            }
        }
        check_scratch(self.scratch_len(gradient), scratch)
    }

    /// The dimensions that a gradient must have.
    fn gradient_dims(&self) -> Result<Dims, Error> {
        let Some(used) = self.used_inputs else { return Ok(self.params.dims) };
        check_len(What::UsedInputs, self.x.rows(), used.rows())?;
        if self.l2.w1 != T::zero() {
            let got = self.l2.w1.to_f64().unwrap_or(f64::NAN);
            return Err(Error::Value { what: What::L2, index: 0, got });
        }
        Dims::new(used.cols(), self.params.dims.hidden(), self.params.dims.classes())
    }

    /// The scratch that is needed, for a gradient of these dimensions.
    fn scratch_len(&self, gradient: Dims) -> usize {
        let n = self.x.rows();
        if self.x.dense().is_some() { gradient.scratch_len(n) } else { gradient.sparse_scratch_len(n) }
    }

    /// How the examples are cut up, and the scratch.
    pub(super) fn layout(&self, external: External) -> Layout {
        let (dims, n) = (self.params.dims, self.x.rows());
        match (self.x.dense(), self.gradient_dims()) {
            (None, Ok(gradient)) => Layout::sparse(gradient, n, external),
            _ => Layout::new(dims, n, external),
        }
    }

    /// Those of the examples.
    #[inline]
    fn check_examples(&self) -> Result<(), Error> {
        let (dims, n) = (self.params.dims, self.x.rows());
        if self.x.cols() != dims.inputs() {
            // Without labels nothing but m tells examples from inputs.
            let is_t = self.labels.is_none() && n == dims.inputs();
            let rows = if is_t { self.x.cols() } else { n };
            let (expected, got) = ((rows, dims.inputs()), (n, self.x.cols()));
            return Err(Error::Shape { what: What::X, expected, got });
        }
        match self.labels {
            Some(labels) => Integers { labels, ignored: self.ignored_label }.check(dims.classes()),
            None => Ok(()),
        }
    }

    /// (23): the sum of the effective weights. O(n).
    pub(crate) fn total_weight(&self) -> Result<T, Error> {
        let integers = Integers { labels: self.labels.unwrap_or_default(), ignored: self.ignored_label };
        let mut objective = self.with_labels(&integers);
        let n = self.x.rows();
        self.check_examples()?;
        objective.check(self.params.dims, n)?;
        objective.find_units(n);
        Ok(objective.total_weight(n).get())
    }

    /// The objective with the labels of the batch.
    fn with_labels<'o>(&self, integers: &'o Integers<'o, L>) -> Objective<'o, T>
    where
        Self: 'o,
    {
        Objective {
            labels: self.labels.map(|_| integers as &dyn Labels),
            ignores_label: self.ignored_label.is_some(),
            ..self.objective
        }
    }

    /// What [`run`](Self::run) and [`infer`](Self::infer) do, with the products of an engine.
    pub(super) fn evaluate(&mut self, products: Products<'_, T>, scratch: &mut [T]) -> Result<T, Error> {
        match self.labels.filter(|_| self.is_short(products.external)) {
            Some(labels) => self.evaluate_few(products, labels, scratch),
            None => self.evaluate_all(products, scratch, None),
        }
    }

    /// Whether there is nothing in it that the short way has not.
    pub(super) fn is_short(&self, external: External) -> bool {
        // Who runs it does not matter: few examples are not cut up.
        let Self { params, x, ignored_label, objective, divisor, l2, effective_weight, .. } = self;
        let Self { clip, second_moment, gram, grad, out, .. } = self;
        let Params { dims, w1, w2, .. } = params;
        // There is no headroom in it for short types.
        let few = (1..=FEW_EXAMPLES).contains(&x.rows())
            && is_wide::<T>()
            && dims.classes() <= FEW_CLASSES
            && external != External::All;
        let Some(x) = x.dense() else { return false };
        let rows = x.col_stride() == 1 && w1.col_stride() == 1 && w2.col_stride() == 1;
        let grad = grad.as_ref();
        let grad_rows = grad.is_none_or(|(grad, _)| grad.w1.col_stride() == 1 && grad.w2.col_stride() == 1);
        let plain = ignored_label.is_none() && objective.targets.is_none() && !objective.is_weighted();
        let Objective { smoothing, target_sum_tolerance, .. } = objective;
        let no_factor = [l2.w1, l2.w2, *smoothing, *target_sum_tolerance].iter().all(|v| *v == T::zero());
        let no_option = divisor.is_none() && effective_weight.is_none() && clip.is_none();
        let no_sums = second_moment.is_none() && gram.is_none();
        few && rows && grad_rows && plain && no_factor && no_option && no_sums && out.is_empty()
    }

    /// The short way. The checks are those that are left of [`check`](Self::check), in its order.
    fn evaluate_few(
        &mut self,
        products: Products<'_, T>,
        labels: &[L],
        scratch: &mut [T],
    ) -> Result<T, Error> {
        let (dims, n) = (self.params.dims, self.x.rows());
        self.check_examples()?;
        if let Some((grad, _)) = &self.grad {
            dims.check_same(What::Gradient, grad.dims)?;
        }
        let expected = n * (2 * dims.hidden() + dims.classes());
        debug_assert_eq!(expected, dims.scratch_len(n));
        check_scratch(expected, scratch.len())?;
        let mut classes = [NO_LABEL; FEW_EXAMPLES];
        for (class, label) in classes.iter_mut().zip(labels) {
            // That all are classes has been checked.
            *class = label.to_usize().unwrap_or(NO_LABEL);
        }
        let mean = self.reduction == Reduction::Mean;
        let (divisor, margin) = if mean { (Scaled::count(n).value, margin::<T>(n)) } else { (T::one(), 0) };
        let alpha = power::<T>(margin) / divisor;
        let Some(x) = self.x.dense() else { return self.evaluate_all(products, scratch, None) };
        let grad = self.grad.as_mut().map(|(grad, beta)| FewGrad {
            target: grad,
            onto: AlphaBeta { alpha, beta: *beta },
            margin: power(-margin),
        });
        let few = Few { params: &self.params, kink: self.kink, x, classes, grad, scratch };
        Ok(products.phases.few(few)?.over(Scaled::new(divisor)).get())
    }

    /// The long way.
    #[inline(never)]
    pub(super) fn evaluate_all<'h>(
        &mut self,
        products: Products<'_, T>,
        scratch: &'h mut [T],
        halfway: Option<(&'h mut (dyn Halfway<T> + Send), &'h mut [T])>,
    ) -> Result<T, Error> {
        let integers = Integers { labels: self.labels.unwrap_or_default(), ignored: self.ignored_label };
        let mut objective = self.with_labels(&integers);
        self.check(&objective, scratch.len())?;
        let n = self.x.rows();
        if n == 0 {
            return Ok(self.evaluate_nothing(true));
        }
        objective.find_units(n);
        let effective_weight = objective.total_weight(n);
        let is_mean = self.divisor.is_none() && self.reduction == Reduction::Mean;
        let divisor = match self.divisor {
            Some(divisor) => Scaled::new(divisor),
            None if is_mean => effective_weight,
            None => Scaled::new(T::one()),
        };
        // Where nothing counts, the mean and its gradient are 0 and not 0 / 0.
        let counts = divisor.value > T::zero();
        let plan = self.plan(products, &objective, divisor, is_mean, halfway.is_some());
        let mut scratch = plan.layout.cut(scratch);
        let low_order = match core::mem::take(&mut scratch.low_order) {
            [] => None,
            low_order => {
                let dims = self.gradient_dims()?;
                Some(ParamsMut::from_flat(dims, &mut low_order[..dims.param_len()])?)
            }
        };
        let mut job = Job {
            x: self.x,
            used: self.used_inputs.unwrap_or(self.x),
            out: self.out.reborrow(),
            scratch,
            grad: self.grad.as_mut().filter(|_| counts).map(|(grad, beta)| {
                GradSum::new(
                    (grad.reborrow(), *beta),
                    plan.alpha,
                    plan.gradient_gemm().is_some(),
                    plan.layout.plain_chunks,
                    low_order,
                )
            }),
            second_moment: self.second_moment.as_mut().map(ParamsMut::reborrow),
            gram: self.gram.as_mut().map(MatMut::reborrow),
            halfway,
        };
        let threads = Threads::new(self.executor, &plan, n);
        let total = threads.enter(|| run(products.phases, threads, &plan, &objective, &mut job))?;
        if let Some(sum) = &mut self.effective_weight {
            **sum = effective_weight.get();
        }
        if !counts {
            return Ok(self.evaluate_nothing(false));
        }
        if let Some((grad, _)) = &mut self.grad {
            self.l2.add_grad(self.params, grad);
        }
        let total = Scaled { exponent: total.exponent + plan.loss_unit, ..total };
        Ok(self.l2.add_loss(self.params, total.over(divisor).get()))
    }

    /// What holds for all examples.
    fn plan<'p>(
        &self,
        products: Products<'p, T>,
        objective: &Objective<'_, T>,
        divisor: Scaled<T>,
        is_mean: bool,
        has_halfway: bool,
    ) -> Plan<'p, T>
    where
        Self: 'p,
    {
        let n = self.x.rows();
        let (layout, [_, _, w2, _]) = (self.layout(products.external), self.params.dims.block_lens());
        let unit = objective.units.exponent();
        let mut plan = Plan {
            params: self.params,
            kink: self.kink,
            grad_scale: None,
            goes_back: false,
            margin: (T::one(), 0),
            alpha: Scaled::new(T::zero()),
            loss_unit: unit,
            unit,
            clip: self.clip,
            layout,
            work: self.x.stored() * self.params.dims.hidden() + w2,
            skips_inputs: false,
            gemm: products.gemm,
        };
        let per_example =
            self.out.needs_per_example_grads() || self.second_moment.is_some() || self.gram.is_some();
        let sums = self.grad.is_some() || self.out.input_grad.is_some();
        plan.goes_back = per_example || sums;
        if plan.goes_back || has_halfway {
            let mut margin = if is_mean { margin::<T>(n) } else { 0 };
            if let (Some((grad, Beta::One)), Some(_), 0) =
                (&self.grad, plan.gradient_gemm(), layout.lens.low_order)
            {
                margin = margin.max(headroom::for_what_was_there(&grad.as_ref(), divisor, unit));
            }
            plan.divide(divisor, margin, per_example || layout.lens.low_order > 0);
        }
        plan
    }

    /// The gradients and the loss where no example counts: (24) is all there is. If there are none at all, the other sums are
    /// 0, too.
    fn evaluate_nothing(&mut self, has_no_examples: bool) -> T {
        if let Some((grad, beta)) = &mut self.grad {
            if *beta == Beta::Zero {
                grad.fill(T::zero());
            }
            self.l2.add_grad(self.params, grad);
        }
        if let Some(dx) = &mut self.out.input_grad {
            (0..dx.rows()).for_each(|row| dx.row_mut(row).for_each(|dx| *dx = T::zero()));
        }
        if has_no_examples {
            if let Some(moment) = &mut self.second_moment {
                moment.fill(T::zero());
            }
            if let Some(weight) = &mut self.effective_weight {
                **weight = T::zero();
            }
        }
        self.l2.add_loss(self.params, T::zero())
    }
}
