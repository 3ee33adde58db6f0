//! The pictures: shares of the peak by shape, growth curves.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

use crate::growth::{Axis, Point};
use crate::problem::Type;
use crate::run::{Results, Row};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A line: a name and its points.
type Line = (&'static str, Vec<(f64, f64)>);

#[derive(Clone, Copy)]
enum Legend {
    UpperRight,
    LowerRight,
}

/// One panel per type and number of threads: shapes from small to large, share of the peak in percent.
pub fn shares_of_peak(results: &Results, path: &Path) -> Result<()> {
    let mut panels: Vec<(Type, usize)> = Vec::new();
    let mut shapes = Vec::new();
    for row in &results.rows {
        if !panels.contains(&(row.element, row.threads)) {
            panels.push((row.element, row.threads));
        }
        if !shapes.contains(&row.shape) {
            shapes.push(row.shape);
        }
    }
    if panels.is_empty() {
        return Ok(());
    }
    let names = names(results.rows.iter().map(|row| row.peer));
    let labels: Vec<String> = shapes.iter().map(|shape| shape.to_string()).collect();
    let root = SVGBackend::new(path, (1150, 400 * panels.len() as u32)).into_drawing_area();
    fill(&root)?;
    for (area, (element, threads)) in root.split_evenly((panels.len(), 1)).iter().zip(panels) {
        let of_panel = |row: &&Row| row.element == element && row.threads == threads;
        let lines = lines(results.rows.iter().filter(of_panel).filter_map(|row| {
            let x = shapes.iter().position(|&shape| shape == row.shape)?;
            Some((row.peer, (x as f64, 100.0 * results.share_of_peak(row)?)))
        }));
        let title = format!("{element}, threads: {threads}: % of the FMA peak, by m,h,C,n");
        let mut chart = chart(area, &title)
            .build_cartesian_2d(-0.5..shapes.len() as f64 + 0.9, 0.0..top(&lines).max(1.0))
            .map_err(drawing)?;
        chart
            .configure_mesh()
            .x_labels(shapes.len() + 2)
            .x_label_formatter(&|x| name_at(&labels, *x))
            .draw()
            .map_err(drawing)?;
        draw(&mut chart, &lines, &names, Legend::UpperRight)?;
    }
    root.present().map_err(drawing)
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

fn fill(root: &Area<'_>) -> Result<()> {
    root.fill(&WHITE).map_err(drawing)
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
        let color = Palette99::pick(at).to_rgba();
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
        Legend::UpperRight => SeriesLabelPosition::UpperRight,
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

/// The label of a whole number, nothing between them.
fn name_at(labels: &[String], x: f64) -> String {
    let near = (x - x.round()).abs() < 1e-9 && x > -0.5;
    if near { labels.get(x.round() as usize).cloned().unwrap_or_default() } else { String::new() }
}

// The errors of the drawing library borrow from the path.
fn drawing(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the picture: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_at_their_own_places_only() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let names = [0.0, 0.5, 1.0, 2.0, -1.0].map(|x| name_at(&labels, x));
        assert_eq!(names, ["a", "", "b", "", ""]);
    }

    #[test]
    fn lines_gather_points_by_name() {
        let points = [("b", (0.0, 1.0)), ("a", (0.0, 2.0)), ("b", (1.0, 4.0))];
        let lines = lines(points.into_iter());
        assert_eq!(lines, [("b", vec![(0.0, 1.0), (1.0, 4.0)]), ("a", vec![(0.0, 2.0)])]);
        assert!((top(&lines) - 4.2).abs() < 1e-12);
    }
}
