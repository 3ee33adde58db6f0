//! Runs a case: with errors in it, as it is, and once more in other circumstances.

use handgrad::gemm::Beta;
use handgrad::{Batch, Error, Inputs, Params, ParamsMut, Pass};
use num_traits::PrimInt;

use super::case::{Case, Known};
use super::check::{check, same_bits};
use super::engines::{FAILURE, Plain, Threads};
use super::gradients::expected;
use super::outputs::{GUARD, Outputs};
use super::second;
use super::sparse::Sparse;
use super::spoil::Spoil;
use crate::bytes::Bytes;
use crate::element::Element;
use crate::memory::Memory;

/// What a pass runs on, beside its case.
pub struct Around<'a> {
    pub executor: Option<&'a Threads>,
    /// What the scratch is filled with.
    pub filler: f64,
    /// How many elements the scratch has less than it needs.
    pub short: usize,
    /// Whether a loss is asked for, though nothing is known.
    pub wants_loss: bool,
}

pub fn run<T: Element, L: PrimInt + Sync>(bytes: &mut Bytes, case: Case<T>, ignored: L) {
    let Case { dims, n, known, who, .. } = case;
    let name = format!(
        "{} ({}, {}, {}, {n}) {known:?} {who:?} {:?} l2 {:?} {:?} {:?} {:?} clip {:?} smoothing {:?}",
        T::NAME,
        dims.inputs(),
        dims.hidden(),
        dims.classes(),
        case.wants,
        case.l2,
        case.divisor,
        case.reduction,
        case.kink,
        case.clip,
        case.smoothing,
    );
    let labels = |case: &Case<T>| -> Vec<L> {
        case.labels.iter().map(|label| label.map_or(ignored, |y| L::from(y).unwrap())).collect()
    };
    let around = Around { executor: None, filler: 0.0, short: 0, wants_loss: known != Known::Nothing };
    // The outputs always lie in the same way: whether a sum is formed by rows or columns may depend on that.
    let (out_bytes, more) = (bytes.seed(), bytes.byte());
    let outputs = |case: &Case<T>| {
        let seeds: Vec<u8> =
            (0..64).map(|i| (out_bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 57)) as u8).collect();
        Outputs::new(&mut Bytes::new(&seeds), case)
    };

    let mut case = case;
    if more % 4 == 3 {
        let spoil = Spoil::new(bytes);
        let mut out = outputs(&case);
        if let Some(around) = spoil.apply(&mut case, &mut out, bytes) {
            let mut labels = labels(&case);
            if let Some(wrong) = spoil.label(dims.classes(), bytes) {
                labels[bytes.below(n.min(256))] = wrong;
            }
            let result = once(&case, &mut out, &labels, ignored, &around);
            assert!(result.is_err(), "{name}: {spoil:?} is no error");
            let text = result.unwrap_err().to_string();
            assert!(!text.is_empty());
            out.check_untouched(&format!("{name}: {spoil:?}: {text}"));
        }
        return;
    }
    if case.wants.gram && n > dims.chunk_len(n) {
        case.wants.gram = false;
    }
    let labels = labels(&case);
    let mut out = outputs(&case);
    let old = Outputs::flat(&out.grad);
    let first = once(&case, &mut out, &labels, ignored, &around);
    out.check_guards(&name);
    let loss = match first {
        Ok(loss) => loss,
        Err(error) => {
            assert!(who.fails.is_some() && error == FAILURE, "{name}: {error}");
            return;
        }
    };
    let expected = expected(&case, &old);
    check(&name, &case, &expected, loss, &out);

    let threads = Threads { threads: who.threads, scoped: who.executor == 7 };
    let executor = (who.executor > 1).then_some(&threads);
    let again = Around { executor, filler: f64::NAN, ..around };
    let mut second = outputs(&case);
    if case.wants.grad != Some(Beta::One) {
        second.grad.iter_mut().flatten().for_each(|part| part.as_mut_slice().fill(T::one()));
        second.grad.iter_mut().flatten().for_each(Memory::settle);
    }
    let loss_again = once(&case, &mut second, &labels, ignored, &again).unwrap_or_else(|_| panic!("{name}"));
    second.check_guards(&name);
    same_bits(&name, (loss, &out), (loss_again, &second));

    // What else is asked for has no part in the loss and the gradient.
    let mut third = outputs(&case).grad_alone();
    let loss_alone = once(&case, &mut third, &labels, ignored, &around).unwrap_or_else(|_| panic!("{name}"));
    third.check_guards(&name);
    let out = out.grad_alone();
    same_bits(&format!("{name}, alone"), (loss, &out), (loss_alone, &third));
    // The same inputs in sparse rows.
    case.sparse = Some(Sparse::new(bytes, &case.x.values(), dims.inputs()));
    let mut fourth = outputs(&case);
    let sparse_loss = once(&case, &mut fourth, &labels, ignored, &again).unwrap_or_else(|_| panic!("{name}"));
    fourth.check_guards(&name);
    check(&format!("{name}, sparse"), &case, &expected, sparse_loss, &fourth);
    case.sparse = None;
    // Of second derivatives nothing is clipped.
    case.clip = None;
    second::run(bytes, &case, &labels, ignored, &name);
}

/// One pass. Without labels and targets, and where no loss is asked for, the loss is 0.
fn once<T: Element, L: PrimInt + Sync>(
    case: &Case<T>,
    out: &mut Outputs<T>,
    labels: &[L],
    ignored: L,
    around: &Around<'_>,
) -> Result<T, Error> {
    let plain = Plain::new(case.who.fails);
    let [w1, b1, w2, b2] = &case.theta;
    let params = Params::new(w1.view(), b1.as_slice(), w2.view(), b2.as_slice())?;
    let (sparse, dims) = (case.sparse.as_ref().map(Sparse::rows), case.dims);
    let x = sparse.as_ref().map_or(Inputs::from(case.x.view()), Inputs::from);
    let needed = if sparse.is_some() { dims.sparse_scratch_len(case.n) } else { dims.scratch_len(case.n) };
    let mut memory = vec![T::of(around.filler); needed + 16];
    let guards = (T::of(-3.0), 5);
    memory[..guards.1].fill(guards.0);
    let len = needed - around.short.min(needed);
    memory[guards.1 + len..].fill(guards.0);
    let scratch = &mut memory[guards.1..][..len];
    let result = match case.known {
        Known::Labels => {
            let pass = Pass::new(params, Batch::new(x, labels)?);
            let pass = if case.ignores { pass.ignore_label(ignored) } else { pass };
            finish(pass, case, out, around, &plain, scratch)
        }
        Known::Targets => {
            let pass = Pass::new(params, Batch::with_targets(x, case.targets.view())?);
            finish(pass, case, out, around, &plain, scratch)
        }
        Known::Nothing => finish(Pass::new(params, Batch::unlabelled(x)), case, out, around, &plain, scratch),
    };
    let mut outside = memory[..guards.1].iter().chain(&memory[guards.1 + len..]);
    assert!(outside.all(|&guard| guard == guards.0), "written beside the scratch");
    result
}

fn finish<'a, T: Element, L: PrimInt + Sync>(
    mut pass: Pass<'a, T, L>,
    case: &'a Case<T>,
    out: &'a mut Outputs<T>,
    around: &Around<'a>,
    plain: &'a Plain,
    scratch: &mut [T],
) -> Result<T, Error> {
    pass = options(pass, case, around, plain);
    if let Some(grad) = &mut out.grad {
        let grad = params_mut(grad)?;
        pass = if case.wants.grad == Some(Beta::One) { pass.accumulate_grad(grad) } else { pass.grad(grad) };
    }
    if let Some(moment) = &mut out.second_moment {
        pass = pass.second_moment(params_mut(moment)?);
    }
    let view = |part: &'a mut Option<Memory<T>>| part.as_mut().map(Memory::view_mut);
    let slice = |part: &'a mut Option<Memory<T>>| part.as_mut().map(Memory::as_mut_slice);
    pass = view(&mut out.input_grad).into_iter().fold(pass, Pass::input_grad);
    pass = view(&mut out.scores).into_iter().fold(pass, Pass::scores);
    pass = view(&mut out.probabilities).into_iter().fold(pass, Pass::probabilities);
    pass = view(&mut out.log_probabilities).into_iter().fold(pass, Pass::log_probabilities);
    pass = view(&mut out.example_grads).into_iter().fold(pass, Pass::example_grads);
    pass = view(&mut out.gram).into_iter().fold(pass, Pass::gram);
    pass = slice(&mut out.losses).into_iter().fold(pass, Pass::losses);
    pass = slice(&mut out.grad_norms).into_iter().fold(pass, Pass::grad_norms);
    let weight = slice(&mut out.effective_weight).and_then(<[T]>::first_mut);
    pass = weight.into_iter().fold(pass, Pass::effective_weight);
    if let Some(predictions) = &mut out.predictions {
        let len = predictions.len() - 2 * GUARD;
        pass = pass.predictions(&mut predictions[GUARD..][..len]);
    }
    if around.wants_loss { pass.run(scratch) } else { pass.infer(scratch).map(|()| T::zero()) }
}

/// All that is no output.
pub fn options<'a, T: Element, L: PrimInt + Sync>(
    mut pass: Pass<'a, T, L>,
    case: &'a Case<T>,
    around: &Around<'a>,
    plain: &'a Plain,
) -> Pass<'a, T, L> {
    pass = pass.engine(case.who.engine(plain)).kink(case.kink).reduction(case.reduction);
    pass = case.class_weights.iter().fold(pass, |pass, weights| pass.class_weights(weights));
    pass = case.example_weights.iter().fold(pass, |pass, weights| pass.example_weights(weights));
    pass = case.l2.into_iter().fold(pass, |pass, (w1, w2)| pass.l2(w1, w2));
    pass = case.divisor.into_iter().fold(pass, Pass::divisor);
    pass = case.clip.into_iter().fold(pass, Pass::clip);
    pass = pass.smoothing(case.smoothing);
    match around.executor {
        Some(executor) => pass.executor(executor),
        None => pass,
    }
}

pub fn params_mut<T: Element>(parts: &mut [Memory<T>; 4]) -> Result<ParamsMut<'_, T>, Error> {
    let [w1, b1, w2, b2] = parts;
    ParamsMut::new(w1.view_mut(), b1.as_mut_slice(), w2.view_mut(), b2.as_mut_slice())
}
