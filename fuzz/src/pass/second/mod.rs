//! Second derivatives of a case: one of the functions there are, as it is, with an error, and once more in other circumstances.

mod asked;
mod expected;
mod leader;

use handgrad::curvature::scratch_len;
use handgrad::{Batch, Error, Params, Pass};
use num_traits::PrimInt;

use super::case::{Case, Known};
use super::engines::{FAILURE, Plain, Threads};
use super::run::{Around, options};
use crate::bytes::Bytes;
use crate::element::Element;
use asked::{Asked, Wrong};
use expected::expected;

/// What is around the scratch.
const GUARD: f64 = -3.0;

pub fn run<T: Element, L: PrimInt + Sync>(
    bytes: &mut Bytes,
    case: &Case<T>,
    labels: &[L],
    ignored: L,
    name: &str,
) {
    let mut asked = Asked::<T>::new(bytes, case);
    let name = format!("{name}: {:?}", asked.what);
    let wrong = Wrong::new(bytes, &mut asked, case);
    let around = Around { executor: None, filler: 0.0, short: 0, wants_loss: case.known != Known::Nothing };
    let mut out = asked.outputs(case, wrong);
    let short = if wrong == Some(Wrong::Scratch) { 1 + bytes.below(9) } else { 0 };
    let first = once(case, &asked, &mut out, labels, ignored, &Around { short, ..around });
    if wrong.is_some() || asked.needs_labels() && case.known == Known::Nothing {
        assert!(first.is_err_and(|error| error != FAILURE), "{name}: {wrong:?} is no error");
        out.iter().for_each(|part| part.memory.check_untouched(&format!("{name}: {wrong:?}: {}", part.what)));
        return;
    }
    let check_guards = |out: &[asked::Part<T>]| {
        out.iter().for_each(|part| part.memory.check_guards(&format!("{name}: {}", part.what)));
    };
    check_guards(&out);
    let sums = match first {
        Ok(sums) => sums,
        Err(error) => {
            assert!(case.who.fails.is_some() && error == FAILURE, "{name}: {error}");
            return;
        }
    };
    let expected = expected(case, &asked);
    let parts = out.iter().map(|part| (part.what, part.memory.values())).chain([("sums", sums.clone())]);
    for (what, got) in parts {
        let Some(balls) = expected.iter().find(|(name, _)| *name == what).map(|(_, balls)| balls) else {
            panic!("{name}: {what}")
        };
        assert_eq!(got.len(), balls.len(), "{name}: {what}");
        for (i, (got, ball)) in got.iter().zip(balls).enumerate() {
            assert!(ball.holds(got.value()), "{name}: {what}[{i}] is {got:?}, expected {ball:?}");
        }
    }

    let threads = Threads { threads: case.who.threads, scoped: case.who.executor == 7 };
    let executor = (case.who.executor > 1).then_some(&threads);
    let mut second = asked.outputs(case, None);
    let again = Around { executor, filler: f64::NAN, ..around };
    let sums_again = once(case, &asked, &mut second, labels, ignored, &again);
    let sums_again = sums_again.unwrap_or_else(|error| panic!("{name}: {error}"));
    check_guards(&second);
    let same = |what: &str, a: T, b: T| {
        assert!(a.bits() == b.bits() || a.is_nan() && b.is_nan(), "{name}: {what}: {a:?}, then {b:?}");
    };
    sums.into_iter().zip(sums_again).for_each(|(a, b)| same("sums", a, b));
    for (first, second) in out.iter().zip(&second) {
        let pairs = first.memory.values().into_iter().zip(second.memory.values());
        pairs.for_each(|(a, b)| same(first.what, a, b));
    }
}

/// One call: what it returns.
fn once<T: Element, L: PrimInt + Sync>(
    case: &Case<T>,
    asked: &Asked<T>,
    out: &mut [asked::Part<T>],
    labels: &[L],
    ignored: L,
    around: &Around<'_>,
) -> Result<Vec<T>, Error> {
    let plain = Plain::new(case.who.fails);
    let [w1, b1, w2, b2] = &case.theta;
    let params = Params::new(w1.view(), b1.as_slice(), w2.view(), b2.as_slice())?;
    let needed = scratch_len(case.dims, case.n, asked.directions.len().max(1));
    // The way back has no need of more than a pass.
    let needed = if asked.is_backward() { case.dims.scratch_len(case.n) } else { needed };
    let (mut memory, start) = (vec![T::of(around.filler); needed + 16], 5);
    let len = needed - around.short.min(needed);
    memory[..start].fill(T::of(GUARD));
    memory[start + len..].fill(T::of(GUARD));
    let scratch = &mut memory[start..][..len];
    let result = match case.known {
        Known::Labels => {
            let pass = Pass::new(params, Batch::new(case.x.view(), labels)?);
            let pass = if case.ignores { pass.ignore_label(ignored) } else { pass };
            asked.call(options(pass, case, around, &plain), out, scratch)
        }
        Known::Targets => {
            let pass = Pass::new(params, Batch::with_targets(case.x.view(), case.targets.view())?);
            asked.call(options(pass, case, around, &plain), out, scratch)
        }
        Known::Nothing => {
            let pass = Pass::new(params, Batch::unlabelled(case.x.view()));
            asked.call(options(pass, case, around, &plain), out, scratch)
        }
    };
    let mut outside = memory[..start].iter().chain(&memory[start + len..]);
    assert!(outside.all(|&guard| guard == T::of(GUARD)), "written beside the scratch");
    result
}
