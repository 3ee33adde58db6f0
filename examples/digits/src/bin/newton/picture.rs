//! The gradient over what it cost.

use digits::canvas::{BLUE, Canvas, Drawn, FAINT, GRID, INK, ORANGE, font, heading, svg};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::methods::Mark;

/// The length of the gradient over evaluations and products, and over time.
pub fn convergence(title: &str, newton: &[Mark], lbfgs: &[Mark]) -> Drawn<String> {
    svg(1100, 520, |canvas| {
        canvas.draw_text(title, &heading(24.0, INK), (40, 40))?;
        for (x, name, color) in [(40, "Newton's method, a dot a step", BLUE), (340, "L-BFGS", ORANGE)] {
            canvas.draw(&PathElement::new([(x, 78), (x + 24, 78)], color.stroke_width(3)))?;
            canvas.draw_text(name, &heading(15.0, INK), (x + 32, 78))?;
        }
        let (left, right) = canvas.margin(100, 20, 40, 30).split_horizontally(515);
        let passes = |mark: &Mark| (mark.evaluations + mark.products) as f64;
        panel(&left.margin(0, 0, 0, 20), "evaluations and products", newton, lbfgs, passes)?;
        panel(&right.margin(0, 0, 20, 0), "time in seconds", newton, lbfgs, |mark| mark.seconds)
    })
}

fn panel(
    canvas: &Canvas,
    cost_name: &str,
    newton: &[Mark],
    lbfgs: &[Mark],
    cost: impl Fn(&Mark) -> f64,
) -> Drawn {
    let most = newton.iter().chain(lbfgs).map(&cost).fold(0.0, f64::max);
    let y_axis = (1e-16..1e1).log_scale().with_key_points((0..9).map(|k| 10f64.powi(-2 * k)).collect());
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(10)
        .x_label_area_size(52)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..1.03 * most, y_axis)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(FAINT)
        .label_style(font(13.0, FAINT, HPos::Left, VPos::Top))
        .axis_desc_style(font(14.0, INK, HPos::Left, VPos::Top))
        .x_desc(cost_name)
        .y_desc("length of the gradient")
        .x_labels(7)
        .x_label_formatter(&|cost| format!("{}", (cost * 1e3).round() / 1e3))
        .y_label_formatter(&|gradient| format!("{gradient:.0e}"))
        .draw()?;
    // The shortest so far: single evaluations of a line search can be much worse, and every third dot is enough.
    let mut least = f64::INFINITY;
    let shortest = lbfgs.iter().map(|mark| {
        least = least.min(mark.gradient);
        (cost(mark), least)
    });
    let shortest: Vec<(f64, f64)> = shortest.step_by(3).collect();
    chart.draw_series(LineSeries::new(shortest, ORANGE.stroke_width(2)))?;
    let steps = || newton.iter().map(|mark| (cost(mark), mark.gradient.max(1e-16)));
    chart.draw_series(LineSeries::new(steps(), BLUE.stroke_width(2)))?;
    chart.draw_series(steps().map(|step| Circle::new(step, 4, BLUE.filled())))?;
    Ok(())
}
