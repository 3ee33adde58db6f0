//! The losses of all steps, and those of the test images.

use digits::canvas::{BLUE, Drawn, FAINT, GRID, INK, ORANGE, font, heading, svg, ticks};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::checkpoint::State;

/// Draws them over the epochs.
pub fn losses(title: &str, subtitle: &str, state: &State, steps_per_epoch: usize) -> Drawn<String> {
    svg(760, 560, |canvas| {
        canvas.draw_text(title, &heading(24.0, INK), (30, 36))?;
        canvas.draw_text(subtitle, &heading(14.0, FAINT), (30, 66))?;
        // A loss of 0 has no place on a logarithmic axis.
        let seen = |loss: f32| f64::from(loss).max(1e-6);
        let epochs = |steps: usize| steps as f64 / steps_per_epoch as f64;
        let trained: Vec<_> =
            state.losses.iter().enumerate().map(|(step, &loss)| (epochs(step), seen(loss))).collect();
        let tested: Vec<_> = state
            .tests
            .iter()
            .enumerate()
            .map(|(epoch, test)| (epoch as f64 + 1.0, seen(test.loss)))
            .collect();
        let all = || trained.iter().chain(&tested).map(|(_, loss)| *loss);
        let ticks = ticks(all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
        let y_axis = (ticks[0]..ticks[ticks.len() - 1]).log_scale().with_key_points(ticks);
        let area = canvas.margin(84, 16, 24, 30);
        let mut chart = ChartBuilder::on(&area)
            .margin_top(30)
            .x_label_area_size(50)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..epochs(state.losses.len()).max(1.0), y_axis)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(WHITE)
            .axis_style(FAINT)
            .label_style(font(13.0, FAINT, HPos::Left, VPos::Top))
            .axis_desc_style(font(14.0, INK, HPos::Left, VPos::Top))
            .x_desc("epoch")
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .y_label_formatter(&|loss| if *loss < 1e-3 { format!("{loss:e}") } else { format!("{loss}") })
            .draw()?;
        for (x, color, name, curve) in
            [(60, BLUE, "batch of a step", trained), (240, ORANGE, "test images", tested)]
        {
            chart.draw_series(LineSeries::new(curve, color.stroke_width(2)))?;
            area.draw(&PathElement::new([(x, 12), (x + 24, 12)], color.stroke_width(3)))?;
            area.draw_text(name, &heading(14.0, INK), (x + 32, 12))?;
        }
        Ok(())
    })
}
