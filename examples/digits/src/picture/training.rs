//! How the training went: the losses, and which classes are mistaken for which.

use digits::canvas::{
    BLUE, Canvas, Drawn, FAINT, GRID, INK, ORANGE, PAPER, blend, centered, font, heading, svg, ticks,
};
use digits::data::CLASSES;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::Losses;

/// The losses over the epochs, and the confusion matrix (rows: what the images are, columns: what they were
/// taken for).
pub fn training(
    title: &str,
    subtitle: &str,
    history: &[Losses],
    confusion: &[[usize; CLASSES]; CLASSES],
) -> Drawn<String> {
    svg(1210, 650, |canvas| {
        canvas.draw_text(title, &heading(26.0, INK), (40, 44))?;
        canvas.draw_text(subtitle, &heading(15.0, FAINT), (40, 78))?;
        let panels = canvas.margin(110, 24, 40, 40);
        let (left, right) = panels.split_horizontally(600);
        loss_curves(&left, history)?;
        confusion_matrix(&right.margin(0, 0, 60, 0), confusion)
    })
}

fn loss_curves(canvas: &Canvas, history: &[Losses]) -> Drawn {
    canvas.draw_text("Loss, mean over the images", &heading(18.0, INK), (0, 12))?;
    // A loss can be 0 in f32, which has no place on a logarithmic axis.
    let curve = |loss: fn(&Losses) -> f32| {
        history.iter().map(move |losses| f64::from(loss(losses)).max(1e-6)).enumerate()
    };
    let curves = [("training images", BLUE, curve(|l| l.train)), ("test images", ORANGE, curve(|l| l.test))];
    let all = || curves.iter().flat_map(|(_, _, curve)| curve.clone().map(|(_, loss)| loss));
    let ticks = ticks(all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    let y_axis = (ticks[0]..ticks[ticks.len() - 1]).log_scale().with_key_points(ticks);
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(40)
        .x_label_area_size(52)
        .y_label_area_size(56)
        .build_cartesian_2d(0..history.len() - 1, y_axis)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(FAINT)
        .label_style(font(13.0, FAINT, HPos::Left, VPos::Top))
        .axis_desc_style(font(14.0, INK, HPos::Left, VPos::Top))
        .x_desc("epoch")
        .y_label_formatter(&|loss| if *loss < 1e-3 { format!("{loss:e}") } else { format!("{loss}") })
        .draw()?;
    for (x, (name, color, curve)) in [(330, &curves[0]), (490, &curves[1])] {
        chart.draw_series(LineSeries::new(curve.clone(), color.stroke_width(2)))?;
        canvas.draw(&PathElement::new([(x, 12), (x + 24, 12)], color.stroke_width(3)))?;
        canvas.draw_text(name, &heading(14.0, INK), (x + 32, 12))?;
    }
    Ok(())
}

fn confusion_matrix(canvas: &Canvas, counts: &[[usize; CLASSES]; CLASSES]) -> Drawn {
    const CELL: i32 = 42;
    let (left, top, side) = (50, 42, CELL * CLASSES as i32);
    canvas.draw_text("Confusion matrix of the test images", &heading(18.0, INK), (0, 12))?;
    for (x, color, name) in [(350, BLUE, "right"), (410, ORANGE, "wrong")] {
        canvas.draw(&Rectangle::new([(x, 6), (x + 12, 18)], color.filled()))?;
        canvas.draw_text(name, &heading(14.0, INK), (x + 18, 12))?;
    }
    let largest = |right: bool| {
        let cells = (0..CLASSES).flat_map(|i| (0..CLASSES).map(move |j| (i, j)));
        cells.filter(|(i, j)| (i == j) == right).map(|(i, j)| counts[i][j]).max().unwrap_or(0).max(1)
    };
    let most = [largest(false), largest(true)];
    for (i, row) in counts.iter().enumerate() {
        let y = top + CELL * i as i32;
        for (j, &count) in row.iter().enumerate() {
            let x = left + CELL * j as i32;
            let strength = count as f64 / most[usize::from(i == j)] as f64;
            let color = blend(&[PAPER, if i == j { BLUE } else { ORANGE }], strength);
            canvas.draw(&Rectangle::new([(x + 1, y + 1), (x + CELL - 1, y + CELL - 1)], color.filled()))?;
            let brightness = 0.3 * f64::from(color.0) + 0.6 * f64::from(color.1) + 0.1 * f64::from(color.2);
            let ink = if brightness < 150.0 { WHITE } else { INK };
            if count > 0 {
                canvas.draw_text(&count.to_string(), &centered(14.0, ink), (x + CELL / 2, y + CELL / 2))?;
            }
        }
        let along = CELL * i as i32 + CELL / 2;
        canvas.draw_text(&i.to_string(), &centered(14.0, FAINT), (left - 14, top + along))?;
        canvas.draw_text(&i.to_string(), &centered(14.0, FAINT), (left + along, top + side + 16))?;
    }
    let upwards = centered(14.0, INK).transform(FontTransform::Rotate270);
    canvas.draw_text("actual class", &upwards, (left - 40, top + side / 2))?;
    canvas.draw_text("predicted class", &centered(14.0, INK), (left + side / 2, top + side + 46))?;
    Ok(())
}
