//! What the hidden units have learned.

use digits::canvas::{BLUE, Canvas, Drawn, FAINT, INK, PAPER, RED, blend, centered, font, heading, svg};
use digits::data::CLASSES;
use handgrad::Params;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// From negative to positive: blue, white, red.
const DIVERGING: [RGBColor; 5] = [BLUE, RGBColor(146, 190, 220), PAPER, RGBColor(240, 160, 128), RED];

/// More rectangles than this make a file that no viewer opens gladly: then only some units are drawn.
const MOST_RECTANGLES: usize = 128 * 28 * 28;

/// A hidden unit as it is drawn: its weights, and the classes whose score it raises and lowers most.
struct Unit<'a> {
    weights: &'a [f32],
    raises: usize,
    lowers: usize,
}

/// The units in the order of the class they raise most. If they are too many, those with the largest weights.
fn units(params: Params<'_, f32>, most: usize) -> Vec<Unit<'_>> {
    let square = |weights: &[f32]| weights.iter().map(|w| w * w).sum::<f32>();
    let rows = params.w1().as_slice().chunks_exact(params.dims().inputs());
    let mut indexed: Vec<(usize, &[f32])> = rows.enumerate().collect();
    indexed.sort_by(|(_, a), (_, b)| square(b).total_cmp(&square(a)));
    indexed.truncate(most);
    let mut units: Vec<Unit> = indexed
        .into_iter()
        .map(|(unit, weights)| {
            let score = |class: &usize| params.w2().get(*class, unit).unwrap_or(0.0);
            let order = |a: &usize, b: &usize| score(a).total_cmp(&score(b));
            let (raises, lowers) = ((0..CLASSES).max_by(order), (0..CLASSES).min_by(order));
            Unit { weights, raises: raises.unwrap_or(0), lowers: lowers.unwrap_or(0) }
        })
        .collect();
    units.sort_by_key(|unit| unit.raises);
    units
}

/// The size that all but one in a hundred weights are within: with the very largest, the colors of all others
/// would be pale.
fn color_limit(units: &[Unit]) -> f32 {
    let mut sizes: Vec<f32> = units.iter().flat_map(|unit| unit.weights).map(|w| w.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    sizes[(sizes.len() - 1) * 99 / 100].max(f32::MIN_POSITIVE)
}

/// The weights of each hidden unit as an image of the size of the training images.
pub fn hidden_units(params: Params<'_, f32>, (rows, cols): (usize, usize)) -> Drawn<String> {
    const MARGIN: i32 = 40;
    const GAP: i32 = 24;
    const TOP: i32 = 116;
    const CAPTION: i32 = 24;
    let units = units(params, (MOST_RECTANGLES / (rows * cols)).max(1));
    let limit = color_limit(&units);
    let cell = (112 / rows.max(cols)).max(1);
    let (across, down) = ((cell * cols) as i32, (cell * rows) as i32);
    let per_line = ((1.7 * units.len() as f64).sqrt().ceil() as usize).min(units.len());
    let lines = units.len().div_ceil(per_line) as i32;
    let width = (per_line as i32 * (across + GAP) - GAP + 2 * MARGIN).max(1100);
    svg(width, TOP + lines * (down + CAPTION + GAP) + 8, |canvas| {
        let title = match (units.len(), params.dims().hidden()) {
            (1, 1) => "What the hidden unit looks for".into(),
            (drawn, all) if drawn < all => {
                format!("What the {drawn} strongest of {all} hidden units look for")
            }
            (_, all) => format!("What the {all} hidden units look for"),
        };
        canvas.draw_text(&title, &heading(26.0, INK), (MARGIN, 44))?;
        let subtitle = "The weight of each pixel, and below the class whose score the unit raises (+) \
                        and lowers (−) most";
        canvas.draw_text(subtitle, &heading(15.0, FAINT), (MARGIN, 78))?;
        color_bar(canvas, (width - MARGIN - 200, 36), limit)?;
        for (i, unit) in units.iter().enumerate() {
            let x = MARGIN + (i % per_line) as i32 * (across + GAP);
            let y = TOP + (i / per_line) as i32 * (down + CAPTION + GAP);
            weight_image(&canvas.margin(y, 0, x, 0), unit.weights, (rows, cols), cell, limit)?;
            let (middle, below) = (x + across / 2, y + down + 13);
            canvas.draw_text(&format!("+{}", unit.raises), &centered(14.0, RED), (middle - 14, below))?;
            canvas.draw_text(&format!("−{}", unit.lowers), &centered(14.0, BLUE), (middle + 14, below))?;
        }
        Ok(())
    })
}

/// The color of a weight, saturated where its size exceeds `limit`.
fn weight_color(weight: f32, limit: f32) -> RGBColor {
    blend(&DIVERGING, 0.5 + 0.5 * f64::from(weight / limit))
}

/// One unit's weights, in the top left corner.
fn weight_image(
    canvas: &Canvas,
    weights: &[f32],
    (rows, cols): (usize, usize),
    cell: usize,
    limit: f32,
) -> Drawn {
    for (i, &weight) in weights.iter().enumerate() {
        let (x, y) = (i % cols * cell, i / cols * cell);
        // One pixel more to the right and down, which the neighbours cover: no hairlines between them.
        let (right, bottom) = ((x + cell + 1).min(cols * cell), (y + cell + 1).min(rows * cell));
        let corners = [(x as i32, y as i32), (right as i32, bottom as i32)];
        canvas.draw(&Rectangle::new(corners, weight_color(weight, limit).filled()))?;
    }
    Ok(())
}

/// Which color is which weight.
fn color_bar(canvas: &Canvas, (x, y): (i32, i32), limit: f32) -> Drawn {
    for i in 0..200 {
        let color = weight_color(limit * (i as f32 / 99.5 - 1.0), limit);
        canvas.draw(&Rectangle::new([(x + i, y), (x + (i + 2).min(200), y + 14)], color.filled()))?;
    }
    let digits = if limit < 0.1 { 4 } else { 2 };
    let labels = [
        (HPos::Left, format!("≤ −{limit:.digits$}")),
        (HPos::Center, "0".into()),
        (HPos::Right, format!("≥ {limit:.digits$}")),
    ];
    for (i, (side, label)) in (0..).zip(labels) {
        canvas.draw_text(&label, &font(13.0, FAINT, side, VPos::Center), (x + 100 * i, y + 28))?;
    }
    Ok(())
}
