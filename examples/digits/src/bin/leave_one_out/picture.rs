//! Predicted losses beside real ones.

use digits::canvas::{BLUE, Canvas, Drawn, FAINT, GRID, INK, ORANGE, font, heading, svg, ticks};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::{Mean, Rises, Row};

/// The mean losses over L2, and the rises of single images' losses.
pub fn leave_one_out(rows: &[Row], rises: &[(f64, Rises)]) -> Drawn<String> {
    svg(1160, 560, |canvas| {
        let (left, right) = canvas.margin(30, 20, 40, 30).split_horizontally(545);
        means(&left.margin(0, 0, 0, 25), rows)?;
        singles(&right.margin(0, 0, 25, 0), rises)
    })
}

/// The key to a color, at this place.
fn key(canvas: &Canvas, (x, y): (i32, i32), color: RGBColor, name: &str) -> Drawn {
    canvas.draw(&Circle::new((x + 8, y), 5, color.filled()))?;
    canvas.draw_text(name, &heading(14.0, INK), (x + 20, y))?;
    Ok(())
}

/// Name, color, and what is drawn of a row.
type Curve = (&'static str, RGBColor, fn(&Row) -> Mean);

fn means(canvas: &Canvas, rows: &[Row]) -> Drawn {
    canvas.draw_text("Mean loss of an image", &heading(20.0, INK), (0, 12))?;
    let curves: [Curve; 3] = [
        ("test images", ORANGE, |row| row.test),
        ("training images, each left out", BLUE, |row| row.predicted),
        ("training images", FAINT, |row| Mean { value: row.train, error: 0.0 }),
    ];
    for (place, (name, color, _)) in [(0, 44), (120, 44), (355, 44)].into_iter().zip(&curves) {
        key(canvas, place, *color, name)?;
    }
    let all = || rows.iter().flat_map(|row| [row.train, row.test.value + row.test.error]);
    let ticks = ticks(all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    let y_axis = (ticks[0]..ticks[ticks.len() - 1]).log_scale().with_key_points(ticks);
    let penalties = || rows.iter().map(|row| row.penalty);
    let ends = (penalties().fold(f64::MAX, f64::min) / 1.4, penalties().fold(0.0, f64::max) * 1.4);
    let x_axis = (ends.0..ends.1).log_scale().with_key_points(vec![1e-4, 1e-3, 1e-2, 1e-1]);
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(66)
        .x_label_area_size(52)
        .y_label_area_size(60)
        .build_cartesian_2d(x_axis, y_axis)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(FAINT)
        .label_style(font(13.0, FAINT, HPos::Left, VPos::Top))
        .axis_desc_style(font(14.0, INK, HPos::Left, VPos::Top))
        .x_desc("strength of L2 (bars: one standard error)")
        .y_desc("loss")
        .x_label_formatter(&|penalty| format!("{penalty:.0e}"))
        .draw()?;
    for (k, (_, color, mean)) in curves.iter().enumerate() {
        // A little beside one another, so that all bars are seen.
        let x = |row: &Row| row.penalty * (1.0 + 0.06 * (1.0 - k as f64));
        chart.draw_series(LineSeries::new(
            rows.iter().map(|row| (x(row), mean(row).value)),
            color.stroke_width(2),
        ))?;
        chart
            .draw_series(rows.iter().map(|row| Circle::new((x(row), mean(row).value), 4, color.filled())))?;
        chart.draw_series(rows.iter().map(|row| {
            let Mean { value, error } = mean(row);
            PathElement::new([(x(row), value - error), (x(row), value + error)], color.stroke_width(2))
        }))?;
    }
    Ok(())
}

fn singles(canvas: &Canvas, rises: &[(f64, Rises)]) -> Drawn {
    canvas.draw_text("Rise of an image's loss if it is left out", &heading(20.0, INK), (0, 12))?;
    let colors = [BLUE, ORANGE];
    for ((x, (penalty, _)), color) in [0, 150].into_iter().zip(rises).zip(colors) {
        key(canvas, (x, 44), color, &format!("L2 {penalty:e}"))?;
    }
    // Negative ones and the smallest have no place on a logarithmic axis.
    const LEAST: f64 = 1e-5;
    let largest =
        rises.iter().flat_map(|(_, rises)| rises).map(|rise| rise.0.max(rise.1)).fold(0.0, f64::max);
    let axis = || {
        let powers = (-5..=1).map(|power| 10f64.powi(power));
        let points = powers.filter(|&point| point < 1.5 * largest).collect();
        (LEAST..1.5 * largest).log_scale().with_key_points(points)
    };
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(66)
        .x_label_area_size(52)
        .y_label_area_size(70)
        .build_cartesian_2d(axis(), axis())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(FAINT)
        .label_style(font(13.0, FAINT, HPos::Left, VPos::Top))
        .axis_desc_style(font(14.0, INK, HPos::Left, VPos::Top))
        .x_desc("predicted")
        .y_desc("after training again")
        .x_label_formatter(&|rise| format!("{rise:.0e}"))
        .y_label_formatter(&|rise| format!("{rise:.0e}"))
        .draw()?;
    let equal = [(LEAST, LEAST), (1.5 * largest, 1.5 * largest)];
    chart.draw_series(LineSeries::new(equal, FAINT.stroke_width(1)))?;
    for ((_, rises), color) in rises.iter().zip(colors) {
        let dots = rises.iter().map(|&(x, y)| Circle::new((x.max(LEAST), y.max(LEAST)), 4, color.filled()));
        chart.draw_series(dots)?;
    }
    Ok(())
}
