//! The score gradients' derivatives in a direction, (27), and what is known with them of each example.
//!
//! s p * (f' - p·f') as it stands loses all digits where one class leads: f'_lead - p·f' is a difference of nearly
//! equal numbers then, and so are the others' parts of it. With u = f' - f'_lead and mu, the sum of p_c u_c over all
//! classes but the leader, it is s p_c (u_c - mu), and for the leader -s p_lead mu: each as small as it has to be,
//! and none a difference of larger ones than the f' themselves.
//!
//! Score tangents lie as scores do, class by class; P with them, and the weights s in the row after its last one.

use num_traits::Float;

use super::softmax::{Scores, sum_rows};

/// Up to N examples of a block, that lie in the columns of the scores' tangents.
pub(crate) struct Tangent<'a, T> {
    /// P and the weights.
    pub(crate) kept: &'a [T],
    /// The score gradients.
    pub(crate) g: &'a [T],
}

/// What is known of each of up to N examples.
pub(crate) struct Slopes<T, const N: usize> {
    /// (30): g·f', the loss's derivative.
    pub(crate) slope: [T; N],
    /// (30): the second derivative as Gauss-Newton has it.
    pub(crate) square: [T; N],
}

/// f' ← f' + bias.
#[inline(always)]
pub(crate) fn add_bias<T: Float>(f: &mut Scores<'_, T>, bias: &[T]) {
    for (row, &bias) in f.rows().zip(bias) {
        row.iter_mut().for_each(|f| *f = *f + bias);
    }
}

impl<T: Float> Tangent<'_, T> {
    /// (27) in the place of f', (30) beside.
    #[inline(always)]
    pub(crate) fn score_grads<const N: usize>(&self, f: &mut Scores<'_, T>) -> Slopes<T, N> {
        let (stride, first, len) = (f.stride, f.first, f.len);
        let zero = T::zero();
        let classes = f.data.len() / stride;
        let p = |class: usize| &self.kept[class * stride + first..][..len];
        let (mut lead_p, mut lead) = ([zero; N], [0; N]);
        for class in 0..classes {
            for ((&p, most), lead) in p(class).iter().zip(&mut lead_p).zip(&mut lead) {
                let leads = p > *most;
                *most = if leads { p } else { *most };
                *lead = if leads { class } else { *lead };
            }
        }
        let mut lead_f = [zero; N];
        for col in 0..len {
            lead_f[col] = f.data[lead[col] * stride + first + col];
        }
        // Of the leader all of these terms are 0.
        let mu: [T; N] = sum_rows(f, |class, row, part| {
            for (col, (&mut f, &p)) in row.iter_mut().zip(p(class)).enumerate() {
                part[col] = part[col] + p * (f - lead_f[col]);
            }
        });
        // The gradients by an example's scores add up to 0, so u may take the place of f'.
        let mut slope = sum_rows(f, |class, row, part| {
            let g = &self.g[class * stride + first..][..len];
            for (col, (&mut f, &g)) in row.iter_mut().zip(g).enumerate() {
                part[col] = part[col] + g * (f - lead_f[col]);
            }
        });
        let mut square = sum_rows(f, |class, row, part| {
            for (col, (f, &p)) in row.iter_mut().zip(p(class)).enumerate() {
                let apart = (*f - lead_f[col]) - mu[col];
                *f = p * apart;
                part[col] = part[col] + *f * apart;
            }
        });
        let weights = &self.kept[classes * stride + first..][..len];
        for row in f.rows() {
            row.iter_mut().zip(weights).for_each(|(f, &w)| *f = if w == zero { zero } else { *f * w });
        }
        for ((square, slope), &w) in square.iter_mut().zip(&mut slope).zip(weights) {
            // What is excluded may be infinite or NaN.
            (*square, *slope) = if w == zero { (zero, zero) } else { (*square * w, *slope) };
        }
        Slopes { slope, square }
    }
}
