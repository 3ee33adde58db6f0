//! The picture of how many times as fast as the best peer we are, a bar a problem.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{drawing, fill};
use crate::lead::Lead;
use crate::ours;
use crate::problem::{Kind, Section, Stage, Type};
use crate::run::Results;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: i32 = 860;
/// Where bars begin, and how long the longest may be: its label stands behind it.
const LEFT: i32 = 250;
const LONGEST: f64 = 440.0;
const HEAD: i32 = 88;
const HEADING: i32 = 30;
const ROW: i32 = 30;
const FOOT: i32 = 14;

const INK: RGBColor = RGBColor(31, 35, 40);
const FAINT: RGBColor = RGBColor(89, 99, 110);
const FASTER: RGBColor = RGBColor(9, 105, 218);
const SLOWER: RGBColor = RGBColor(188, 76, 0);
const LIGHT: RGBColor = RGBColor(158, 197, 244);

/// One type and number of threads. Densities have a picture of their own. Nothing if there is no problem to show.
///
/// The background is white and has an edge: so it can be read on a dark page too.
pub fn lead(results: &Results, element: Type, threads: usize, path: &Path) -> Result<()> {
    let shown = |lead: &Lead| {
        let (its_element, its_threads, task) = lead.group;
        let section = task.kind.section();
        (its_element, its_threads) == (element, threads) && section != Section::Density
    };
    let mut leads: Vec<Lead> = results.leads().into_iter().filter(shown).collect();
    // What has the same heading stands together.
    let order: Vec<String> = leads.iter().map(heading).collect();
    leads.sort_by_key(|lead| order.iter().position(|known| *known == heading(lead)));
    let times = |lead: &Lead| [0, 1].map(|row| lead.times_as_fast(row));
    let Some(most) = leads.iter().flat_map(times).flatten().reduce(f64::max) else { return Ok(()) };
    let place = places(&leads.iter().map(heading).collect::<Vec<_>>());
    let height = place.last().copied().unwrap_or_default() + ROW + FOOT;
    let root = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    fill(&root)?;
    let edge = ShapeStyle::from(&RGBColor(209, 217, 224)).stroke_width(1);
    root.draw(&Rectangle::new([(0, 0), (WIDTH - 1, height - 1)], edge)).map_err(drawing)?;
    let scale = LONGEST / most.max(1.2);
    head(&root, element, threads)?;
    let mut last = None;
    for (lead, &y) in leads.iter().zip(&place) {
        if last.as_ref() != Some(&heading(lead)) {
            write(&root, (16, y - HEADING / 2), &heading(lead), 15, INK, HPos::Left, true)?;
        }
        last = Some(heading(lead));
        bar(&root, lead, y, scale)?;
        one(&root, LEFT + scale as i32, y)?;
    }
    root.present().map_err(drawing)
}

/// The upper ends of the rows, with room for a heading where a new one begins.
fn places(headings: &[String]) -> Vec<i32> {
    let mut y = HEAD;
    let mut places = Vec::new();
    for (at, heading) in headings.iter().enumerate() {
        if at == 0 || headings[at - 1] != *heading {
            y += HEADING;
        }
        places.push(y);
        y += ROW;
    }
    places
}

fn heading(lead: &Lead) -> String {
    match lead.group.2.kind {
        Kind::Mnist(Stage::Start) => "MNIST digits, net not trained".to_owned(),
        Kind::Mnist(Stage::Trained) => "MNIST digits, after three epochs of training".to_owned(),
        Kind::Active(percent) => format!("Random inputs, none of them 0; {percent} % of hidden units active"),
        _ => "Random inputs, none of them 0; half of hidden units active".to_owned(),
    }
}

fn head(root: &Area<'_>, element: Type, threads: usize) -> Result<()> {
    let title = "handgrad: how many times as fast as the fastest other library";
    write(root, (16, 24), title, 20, INK, HPos::Left, true)?;
    let counted = if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads") };
    let what = format!(
        "Loss and all gradients of a batch, {element}, {counted}. Longer is faster. At each bar: the fastest other one."
    );
    write(root, (16, 48), &what, 14, FAINT, HPos::Left, false)?;
    let key = [
        (16, FASTER, "Engine::Auto, the default"),
        (220, SLOWER, "the same, where it is slower"),
        (430, LIGHT, "Engine::MatrixMultiply"),
    ];
    let line = PathElement::new([(578, 64), (578, 80)], INK.stroke_width(2));
    root.draw(&line).map_err(drawing)?;
    write(root, (588, 72), "1.0: the fastest other library", 13, FAINT, HPos::Left, false)?;
    for (x, color, text) in key {
        root.draw(&Rectangle::new([(x, 66), (x + 14, 78)], color.filled())).map_err(drawing)?;
        write(root, (x + 20, 72), text, 13, FAINT, HPos::Left, false)?;
    }
    Ok(())
}

/// The sizes, the bar of the default engine with its label, and a thin one of the other engine under it.
fn bar(root: &Area<'_>, lead: &Lead, y: i32, scale: f64) -> Result<()> {
    let shape = lead.group.2.shape;
    let examples = if shape.n == 1 { "1 example".to_owned() } else { format!("{} examples", shape.n) };
    let sizes = format!("{}-{}-{}, {examples}", shape.m, shape.h, shape.c);
    write(root, (LEFT - 10, y + 12), &sizes, 14, FAINT, HPos::Right, false)?;
    let end = |times: f64| LEFT + (scale * times) as i32;
    let rectangle = |from: i32, to: i32, times: f64, color: RGBColor| {
        root.draw(&Rectangle::new([(LEFT, y + from), (end(times), y + to)], color.filled())).map_err(drawing)
    };
    let [default, other] = [0, ours::ROWS.len() - 1].map(|row| lead.times_as_fast(row));
    if let Some(times) = other {
        rectangle(19, 25, times, LIGHT)?;
    }
    let Some(times) = default else { return Ok(()) };
    let color = if times < 1.0 { SLOWER } else { FASTER };
    rectangle(4, 19, times, color)?;
    let label = format!("{times:.2} ×");
    // The label stands neither on the line at 1 nor on the other bar.
    let x = end(times.max(1.0).max(other.unwrap_or(0.0))) + 8;
    write(root, (x, y + 13), &label, 15, color, HPos::Left, true)?;
    write(root, (x + 56, y + 13), lead.best.0, 13, FAINT, HPos::Left, false)
}

/// The line of the best peer beside one row, so that it does not cross headings.
fn one(root: &Area<'_>, x: i32, y: i32) -> Result<()> {
    let line = PathElement::new([(x, y), (x, y + ROW)], INK.stroke_width(2));
    root.draw(&line).map_err(drawing)
}

fn write(
    root: &Area<'_>,
    place: (i32, i32),
    text: &str,
    size: u32,
    color: RGBColor,
    from: HPos,
    bold: bool,
) -> Result<()> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = ("sans-serif", size).into_font().style(style).color(&color).pos(Pos::new(from, VPos::Center));
    root.draw(&Text::new(text.to_owned(), place, font)).map_err(drawing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_below_their_headings() {
        let headings = ["a", "a", "b"].map(str::to_owned);
        assert_eq!(places(&headings), [HEAD + HEADING, HEAD + HEADING + ROW, HEAD + 2 * (HEADING + ROW)]);
        assert!(places(&[]).is_empty());
    }
}
