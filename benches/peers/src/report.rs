//! The results as Markdown and CSV.

use std::path::Path;

use anyhow::Result;

use crate::peak;
use crate::peers;
use crate::problem::{Shape, Type};
use crate::run::{Outcome, Results, Row};
use crate::timing::Quartiles;

impl Row {
    pub fn time(&self) -> Option<Quartiles> {
        match self.outcome {
            Outcome::Timed(time, _) => Some(time),
            _ => None,
        }
    }

    /// What the row was timed together with.
    fn group(&self) -> (Type, usize, Shape) {
        (self.element, self.threads, self.shape)
    }
}

impl Results {
    /// The median's share of the peak that as many threads reach.
    pub fn share_of_peak(&self, row: &Row) -> Option<f64> {
        let peak = self.best_peak(row.element, row.threads)?;
        Some(row.shape.flops() / row.time()?.median / peak)
    }

    /// The median divided by that of the fastest peer, which is not one of ours: below 1 is faster than
    /// all peers.
    pub fn ratio_to_best(&self, row: &Row) -> Option<f64> {
        let others = self.rows.iter().filter(|other| other.group() == row.group());
        let medians = others.filter(|other| !peers::is_ours(other.peer)).filter_map(Row::time);
        Some(row.time()?.median / medians.map(|time| time.median).reduce(f64::min)?)
    }
}

/// Everything that a reader needs, with the machine's description first.
pub fn markdown(results: &Results, machine: &[String], rounds: usize) -> String {
    let mut text = String::from("# handgrad and its peers\n\n");
    for line in machine {
        text += &format!("- {line}\n");
    }
    text += &format!("- Rounds: {rounds}\n");
    for peak in &results.peaks {
        text += &peak_line(peak.element, peak.threads, peak.samples.clone());
    }
    text += "\nMean softmax loss and all gradients. Shapes are m,h,C,n; FLOPs = 4nmh + 6nhC. ms: the median \
             over the rounds, with the quartiles. Peak: share of the best measured FMA rate of as many \
             threads. Ratio: to the fastest peer that is not handgrad. Error: the largest relative error of \
             the loss and the four gradients, in the 2-norm.\n";
    let mut types: Vec<Type> = Vec::new();
    for row in &results.rows {
        if !types.contains(&row.element) {
            types.push(row.element);
        }
    }
    for element in types {
        text += &format!("\n## {element}\n\n");
        text += &table(results, element);
    }
    text += "\n## Peers\n\n";
    for (name, version) in &results.versions {
        text += &format!("- {name}: {version}\n");
    }
    for (name, reason) in &results.missing {
        text += &format!("- {name}: missing, {reason}\n");
    }
    text
}

fn peak_line(element: Type, threads: usize, samples: Vec<f64>) -> String {
    let best = samples.iter().copied().fold(0.0, f64::max) / 1e9;
    let Some(quartiles) = Quartiles::of(samples) else { return String::new() };
    format!(
        "- Peak {element}, threads: {threads}: {best:.1} GFLOP/s ({}); quartiles during the run {:.1} to {:.1}\n",
        peak::instructions(element).unwrap_or("unknown"),
        quartiles.lower / 1e9,
        quartiles.upper / 1e9,
    )
}

/// The rows of one type, grouped by shape and threads, the fastest first.
fn table(results: &Results, element: Type) -> String {
    let mut rows: Vec<&Row> = results.rows.iter().filter(|row| row.element == element).collect();
    let place = |row: &Row| {
        let same = |other: &Row| other.shape == row.shape;
        (results.rows.iter().position(same), row.threads)
    };
    let seconds = |row: &Row| row.time().map_or(f64::INFINITY, |time| time.median);
    rows.sort_by(|a, b| place(a).cmp(&place(b)).then(seconds(a).total_cmp(&seconds(b))));
    let mut text = String::from(
        "| m,h,C,n | threads | peer | ms | quartiles | peak | ratio | error |\n|---|---|---|---:|---|---:|---:|---:|\n",
    );
    let mut last = None;
    for row in rows {
        let head = if last == Some(row.group()) {
            "| | ".to_owned()
        } else {
            format!("| {} | {} ", row.shape, row.threads)
        };
        last = Some(row.group());
        text += &format!("{head}| {} | {} |\n", row.peer, cells(results, row).join(" | "));
    }
    text
}

/// ms, quartiles, peak, ratio, error.
fn cells(results: &Results, row: &Row) -> [String; 5] {
    let none = || String::from("–");
    match &row.outcome {
        Outcome::Timed(time, found) => [
            milliseconds(time.median),
            format!("{} – {}", milliseconds(time.lower), milliseconds(time.upper)),
            results.share_of_peak(row).map_or_else(none, |share| format!("{:.1} %", 100.0 * share)),
            results.ratio_to_best(row).map_or_else(none, |ratio| format!("{ratio:.2}")),
            format!("{:.0e}", found.worst),
        ],
        Outcome::Disagrees(found) => {
            let why = format!("disagrees in {}, at most {:.0e}", found.at, found.bar);
            [none(), why, none(), none(), format!("{:.0e}", found.worst)]
        }
        Outcome::Failed(reason) => [none(), reason.replace('|', "/"), none(), none(), none()],
    }
}

/// Three significant digits or more.
fn milliseconds(seconds: f64) -> String {
    let ms = 1e3 * seconds;
    let digits = (2 - ms.log10().floor() as i32).clamp(0, 9) as usize;
    format!("{ms:.digits$}")
}

/// One line per row, all numbers in full; what was not measured is empty.
pub fn write_csv(results: &Results, path: &Path) -> Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    file.write_record([
        "type",
        "m",
        "h",
        "C",
        "n",
        "threads",
        "peer",
        "status",
        "ms_lower_quartile",
        "ms_median",
        "ms_upper_quartile",
        "share_of_peak",
        "ratio_to_best_peer",
        "relative_error",
        "error_bar",
    ])?;
    for row in &results.rows {
        let (status, found) = match &row.outcome {
            Outcome::Timed(_, found) => ("timed".to_owned(), Some(found)),
            Outcome::Disagrees(found) => (format!("disagrees in {}", found.at), Some(found)),
            Outcome::Failed(reason) => (format!("failed: {reason}"), None),
        };
        let (s, time) = (row.shape, row.time());
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let ms = |part: fn(Quartiles) -> f64| number(time.map(|time| 1e3 * part(time)));
        let mut record = vec![row.element.to_string()];
        record.extend([s.m, s.h, s.c, s.n, row.threads].map(|size| size.to_string()));
        record.extend([row.peer.to_owned(), status]);
        record.extend([ms(|time| time.lower), ms(|time| time.median), ms(|time| time.upper)]);
        record.extend([results.share_of_peak(row), results.ratio_to_best(row)].map(number));
        record.extend([found.map(|f| f.worst), found.map(|f| f.bar)].map(number));
        file.write_record(record)?;
    }
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests;
