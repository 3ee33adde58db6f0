//! The pictures of curves: time and memory against sizes, time against the density of the inputs.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

use super::{drawing, fill};
use crate::growth::{Axis, Point};
use crate::lead::Lead;
use crate::ours;
use crate::problem::{Kind, Shape};
use crate::run::Results;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A line: a name and its points.
type Line = (&'static str, Vec<(f64, f64)>);

#[derive(Clone, Copy)]
enum Legend {
    UpperLeft,
    LowerRight,
}

/// Two panels per axis: milliseconds and memory in MiB, all scales logarithmic.
pub fn growth(points: &[Point], path: &Path) -> Result<()> {
    let root = SVGBackend::new(path, (1100, 1080)).into_drawing_area();
    fill(&root)?;
    let names = names(points.iter().map(|point| point.peer));
    let areas = root.split_evenly((Axis::ALL.len(), 2));
    for (axis, pair) in Axis::ALL.into_iter().zip(areas.chunks(2)) {
        let of_axis = || points.iter().filter(move |point| point.axis == axis);
        let x = |point: &Point| axis.value(point.shape) as f64;
        let time = lines(of_axis().map(|p| (p.peer, (x(p), 1e3 * p.time.median))));
        // On a logarithmic scale nothing is a page.
        let mib = |bytes: f64| bytes.max(4096.0) / f64::from(1 << 20);
        let memory = lines(of_axis().map(|p| (p.peer, (x(p), mib(p.memory)))));
        for (area, (what, lines)) in pair.iter().zip([("ms", time), ("MiB beyond the data", memory)]) {
            logarithmic(area, &format!("{what}, by {}", axis.name()), &lines, &names)?;
        }
    }
    root.present().map_err(drawing)
}

/// A panel for each shape and number of threads of the first type: milliseconds by percent of the inputs that are not
/// 0, of ours and of whoever is the best peer. Nothing if no densities were measured.
pub fn densities(results: &Results, path: &Path) -> Result<()> {
    let leads = results.leads();
    let of_first_type = || leads.iter().filter(|lead| lead.group.0 == leads[0].group.0);
    let points: Vec<(f64, &Lead)> = of_first_type().filter_map(|lead| Some((density(lead)?, lead))).collect();
    let mut panels: Vec<(Shape, usize)> = Vec::new();
    for (_, lead) in &points {
        if !panels.contains(&panel(lead)) {
            panels.push(panel(lead));
        }
    }
    panels.sort_by_key(|(shape, threads)| (shape.flops() as u64, *threads));
    let Some((_, first)) = points.first() else { return Ok(()) };
    let columns = panels.iter().filter(|(shape, _)| *shape == panels[0].0).count();
    let rows = panels.len().div_ceil(columns);
    let root = SVGBackend::new(path, (480 * columns as u32, 320 * rows as u32)).into_drawing_area();
    fill(&root)?;
    let names = [ours::ROWS[0].name(), ours::ROWS[1].name(), "the best peer"];
    for (area, panel_of) in root.split_evenly((rows, columns)).iter().zip(panels) {
        let (shape, threads) = panel_of;
        let title = format!("{shape}, {}, threads: {threads}: ms by % not 0", first.group.0);
        let here = points.iter().filter(|(_, lead)| panel(lead) == panel_of);
        let medians = here.flat_map(|&(percent, lead)| {
            let seconds = [lead.ours[0], lead.ours[1], Some(lead.best.1)];
            names.into_iter().zip(seconds).filter_map(move |(name, s)| Some((name, (percent, 1e3 * s?))))
        });
        let lines = lines(medians);
        let mut chart =
            chart(area, &title).build_cartesian_2d(0.0..101.0, 0.0..1.35 * top(&lines)).map_err(drawing)?;
        chart.configure_mesh().max_light_lines(1).draw().map_err(drawing)?;
        draw(&mut chart, &lines, &names, Legend::UpperLeft)?;
    }
    root.present().map_err(drawing)
}

fn density(lead: &Lead) -> Option<f64> {
    match lead.group.2.kind {
        Kind::Density(percent) => Some(percent.into()),
        _ => None,
    }
}

fn panel(lead: &Lead) -> (Shape, usize) {
    (lead.group.2.shape, lead.group.1)
}

fn logarithmic(area: &Area<'_>, title: &str, lines: &[Line], names: &[&str]) -> Result<()> {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let range = |part: fn(&(f64, f64)) -> f64| {
        let values = || all().map(part);
        values().fold(f64::INFINITY, f64::min)..values().fold(0.0, f64::max)
    };
    let (x, y) = (range(|p| p.0), range(|p| p.1));
    if all().next().is_none() {
        return Ok(());
    }
    let mut chart = chart(area, title)
        .build_cartesian_2d((x.start..4.0 * x.end).log_scale(), (y.start / 2.0..2.0 * y.end).log_scale())
        .map_err(drawing)?;
    chart.configure_mesh().draw().map_err(drawing)?;
    draw(&mut chart, lines, names, Legend::LowerRight)
}

fn chart<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(area);
    chart.caption(title, ("sans-serif", 18)).margin(10).x_label_area_size(28).y_label_area_size(56);
    chart
}

/// A peer has its own color, the same in every panel: that of its place among the names.
fn draw<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    lines: &[Line],
    names: &[&str],
    place: Legend,
) -> Result<()>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    for (name, points) in lines {
        let at = names.iter().position(|known| known == name).unwrap_or_default();
        // The third color is a yellow that white swallows.
        let color = Palette99::pick(if at < 2 { at } else { at + 1 }).to_rgba();
        let marks = points.iter().map(move |&point| Circle::new(point, 3, color.filled()));
        chart.draw_series(marks).map_err(drawing)?;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))
            .map_err(drawing)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    let mut legend = chart.configure_series_labels();
    let place = match place {
        Legend::UpperLeft => SeriesLabelPosition::UpperLeft,
        Legend::LowerRight => SeriesLabelPosition::LowerRight,
    };
    legend.position(place).background_style(WHITE.mix(0.8)).border_style(BLACK);
    legend.draw().map_err(drawing)
}

/// Each name once, in the order of first appearance.
fn names(all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The points by name, names in the order of their first point.
fn lines(points: impl Iterator<Item = (&'static str, (f64, f64))>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (name, point) in points {
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, line)) => line.push(point),
            None => lines.push((name, vec![point])),
        }
    }
    lines
}

fn top(lines: &[Line]) -> f64 {
    1.05 * lines.iter().flat_map(|(_, points)| points).map(|point| point.1).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_gather_points_by_name() {
        let points = [("b", (0.0, 1.0)), ("a", (0.0, 2.0)), ("b", (1.0, 4.0))];
        let lines = lines(points.into_iter());
        assert_eq!(lines, [("b", vec![(0.0, 1.0), (1.0, 4.0)]), ("a", vec![(0.0, 2.0)])]);
        assert!((top(&lines) - 4.2).abs() < 1e-12);
    }
}
