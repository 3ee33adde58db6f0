//! What all pictures need: files of SVG, text, colors.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is drawn on.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What comes of drawing.
pub type Drawn<T = ()> = Result<T, Box<dyn Error>>;

/// Titles and text.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// Text of less weight, and axes.
pub const FAINT: RGBColor = RGBColor(110, 110, 110);
/// Lines of a grid.
pub const GRID: RGBColor = RGBColor(226, 226, 226);
/// Where a value is small.
pub const PAPER: RGBColor = RGBColor(247, 247, 247);
/// One kind.
pub const BLUE: RGBColor = RGBColor(31, 96, 163);
/// The other kind.
pub const ORANGE: RGBColor = RGBColor(214, 96, 33);
/// The far end.
pub const RED: RGBColor = RGBColor(178, 24, 43);

/// Writes a picture to the folder target/digits and returns its path.
pub fn save(name: &str, svg: &str) -> Drawn<PathBuf> {
    let dir = workspace().join("target").join("digits");
    let path = dir.join(name);
    fs::create_dir_all(&dir)
        .and_then(|()| fs::write(&path, svg))
        .map_err(|err| format!("cannot write {}: {err}", path.display()))?;
    Ok(path)
}

/// The folder of the whole repository, two above this package's.
fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// Draws an SVG of this size.
pub fn svg(width: i32, height: i32, draw: impl FnOnce(&Canvas) -> Drawn) -> Drawn<String> {
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
pub fn font(size: f64, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    // The backend divides sizes by 1.24.
    let font = ("sans-serif", 1.24 * size).into_font();
    TextStyle { font, color: color.to_backend_color(), pos: Pos::new(h, v) }
}

/// Text of which the place is the left end.
pub fn heading(size: f64, color: RGBColor) -> TextStyle<'static> {
    font(size, color, HPos::Left, VPos::Center)
}

/// Text of which the place is the middle.
pub fn centered(size: f64, color: RGBColor) -> TextStyle<'static> {
    font(size, color, HPos::Center, VPos::Center)
}

/// The color at `t`, 0 to 1, between equally spaced ones.
pub fn blend(colors: &[RGBColor], t: f64) -> RGBColor {
    let place = t.clamp(0.0, 1.0) * (colors.len() - 1) as f64;
    let left = (place as usize).min(colors.len() - 2);
    let (a, b, share) = (colors[left], colors[left + 1], place - left as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Round numbers (1, 2, 5, 10, 20, 50 and so on) from just below `low` to just above `high`.
pub fn ticks(low: f64, high: f64) -> Vec<f64> {
    // Parsed, not computed: 0.002 is then printed as that.
    let steps = (-7..=7).flat_map(|power| ["1", "2", "5"].map(|digit| format!("{digit}e{power}").parse()));
    let ticks: Vec<f64> = steps.filter_map(Result::ok).collect();
    let first = ticks.partition_point(|&tick| tick <= low).saturating_sub(1);
    let last = ticks.partition_point(|&tick| tick < high).min(ticks.len() - 1);
    ticks[first..=last].to_vec()
}
