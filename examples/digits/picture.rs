//! The pictures, as SVG: how the training went, and what the hidden units have learned.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use handgrad::Params;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Losses;
use crate::data::CLASSES;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<T = ()> = Result<T, Box<dyn Error>>;

const INK: RGBColor = RGBColor(34, 34, 34);
const FAINT: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(226, 226, 226);
const PAPER: RGBColor = RGBColor(247, 247, 247);
const BLUE: RGBColor = RGBColor(31, 96, 163);
const ORANGE: RGBColor = RGBColor(214, 96, 33);
const RED: RGBColor = RGBColor(178, 24, 43);

/// From negative to positive: blue, white, red.
const DIVERGING: [RGBColor; 5] = [BLUE, RGBColor(146, 190, 220), PAPER, RGBColor(240, 160, 128), RED];

/// More rectangles than this make a file that no viewer opens gladly: then only some units are drawn.
const MOST_RECTANGLES: usize = 128 * 28 * 28;

/// Writes a picture to the folder target/digits and returns its path.
pub fn save(name: &str, svg: &str) -> Drawn<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join("digits");
    let path = dir.join(name);
    fs::create_dir_all(&dir)
        .and_then(|()| fs::write(&path, svg))
        .map_err(|err| format!("cannot write {}: {err}", path.display()))?;
    Ok(path)
}

/// Draws an SVG of this size.
fn svg(width: i32, height: i32, draw: impl FnOnce(&Canvas) -> Drawn) -> Drawn<String> {
    let mut text = String::new();
    {
        let canvas = SVGBackend::with_string(&mut text, (width as u32, height as u32)).into_drawing_area();
        canvas.fill(&WHITE)?;
        draw(&canvas)?;
        canvas.present()?;
    }
    Ok(text)
}

/// A text style, `size` in pixels.
fn font(size: f64, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    // The backend divides sizes by 1.24.
    let font = ("sans-serif", 1.24 * size).into_font();
    TextStyle { font, color: color.to_backend_color(), pos: Pos::new(h, v) }
}

fn heading(size: f64, color: RGBColor) -> TextStyle<'static> {
    font(size, color, HPos::Left, VPos::Center)
}

fn centered(size: f64, color: RGBColor) -> TextStyle<'static> {
    font(size, color, HPos::Center, VPos::Center)
}

/// The color at `t`, 0 to 1, between equally spaced ones.
fn blend(colors: &[RGBColor], t: f64) -> RGBColor {
    let place = t.clamp(0.0, 1.0) * (colors.len() - 1) as f64;
    let left = (place as usize).min(colors.len() - 2);
    let (a, b, share) = (colors[left], colors[left + 1], place - left as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

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
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(40)
        .x_label_area_size(52)
        .y_label_area_size(56)
        .build_cartesian_2d(0..history.len() - 1, (low / 1.3..high * 1.3).log_scale())?;
    let labels = font(13.0, FAINT, HPos::Left, VPos::Top);
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(PAPER)
        .axis_style(FAINT)
        .label_style(labels.clone())
        .axis_desc_style(font(14.0, INK, HPos::Left, VPos::Top))
        .x_desc("epoch")
        .y_label_formatter(&|loss| format!("{loss}"))
        .draw()?;
    for (i, (name, color, curve)) in curves.iter().enumerate() {
        chart.draw_series(LineSeries::new(curve.clone(), color.stroke_width(3)))?;
        let y = 68 + 24 * i as i32;
        canvas.draw(&PathElement::new([(430, y), (460, y)], color.stroke_width(3)))?;
        canvas.draw_text(name, &heading(14.0, INK), (470, y))?;
    }
    Ok(())
}

fn confusion_matrix(canvas: &Canvas, counts: &[[usize; CLASSES]; CLASSES]) -> Drawn {
    const CELL: i32 = 42;
    let (left, top, side) = (50, 42, CELL * CLASSES as i32);
    canvas.draw_text("Confusion matrix of the test images", &heading(18.0, INK), (0, 12))?;
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
            let ink = if strength > 0.55 { WHITE } else { INK };
            if count > 0 {
                canvas.draw_text(&count.to_string(), &centered(14.0, ink), (x + CELL / 2, y + CELL / 2))?;
            }
        }
        let along = CELL * i as i32 + CELL / 2;
        canvas.draw_text(&i.to_string(), &centered(14.0, FAINT), (left - 14, top + along))?;
        canvas.draw_text(&i.to_string(), &centered(14.0, FAINT), (left + along, top + side + 14))?;
    }
    let upwards = centered(14.0, INK).transform(FontTransform::Rotate270);
    canvas.draw_text("actual class", &upwards, (left - 40, top + side / 2))?;
    canvas.draw_text("predicted class", &centered(14.0, INK), (left + side / 2, top + side + 38))?;
    Ok(())
}

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
        let subtitle = "The weight of each pixel, and below the class whose score the unit raises (+) and lowers (−) most";
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
    let labels = [
        (HPos::Left, format!("≤ −{limit:.2}")),
        (HPos::Center, "0".into()),
        (HPos::Right, format!("≥ {limit:.2}")),
    ];
    for (i, (side, label)) in (0..).zip(labels) {
        canvas.draw_text(&label, &font(13.0, FAINT, side, VPos::Center), (x + 100 * i, y + 28))?;
    }
    Ok(())
}
