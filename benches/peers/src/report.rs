//! The results as Markdown and CSV.

mod csv_file;
mod density;
mod hessian;
mod steps;

pub use csv_file::write_csv;

use crate::ours;
use crate::peak;
use crate::problem::{Section, Task, Type};
use crate::run::{Outcome, Results, Row, Traits};
use crate::timing::Quartiles;

impl Results {
    /// The median's share of the peak that as many threads reach.
    pub fn share_of_peak(&self, row: &Row) -> Option<f64> {
        // Of steps on sparse rows nobody does that many operations.
        row.spec().filter(|spec| !spec.steps)?;
        let peak = self.best_peak(row.element, row.threads)?;
        Some(row.spec()?.flops(row.task.shape) / row.time()?.median / peak)
    }

    /// The median divided by that of the fastest peer, which is not one of ours: below 1 is faster than
    /// all peers. Several directions at once are compared with peers that may take as many, one only with those of one.
    pub fn ratio_to_best(&self, row: &Row) -> Option<f64> {
        Some(row.time()?.median / self.best_peer(row.group(), row.spec()?.directions)?.1)
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
    text += "\nMean softmax loss and all gradients. Shapes are m,h,C,n; FLOPs = 4nmh + 6nhC, those with zeros among \
             them. ms: the median over the rounds, with the quartiles. Peak: share of the best measured FMA rate of \
             as many threads; where zeros are skipped it may be above 100 %. Ratio: to the fastest peer, which is not \
             handgrad. Error: the largest relative error of the loss and the four gradients, in the 2-norm. five sgemm \
             is no peer but a yardstick: the five matrix products by matrixmultiply (in f64 its dgemm), and nothing \
             else. Rows named sparse have the inputs as a sparse matrix, made before the time begins.\n";
    text += &summary(results);
    for section in Section::ALL {
        text += &chapter(results, section);
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

/// Ours beside the best peer, problem by problem.
fn summary(results: &Results) -> String {
    let leads = results.leads();
    if leads.is_empty() {
        return String::new();
    }
    let [auto, builtin] = ours::ROWS.map(ours::Row::name);
    let mut text = format!(
        "\n## In short\n\nMilliseconds, and how many times as fast as the best peer.\n\n| problem | m,h,C,n | type | \
         threads | {auto} | {builtin} | best peer | ms | {auto}, times as fast | {builtin}, times as fast |\n\
         |---|---|---|---|---:|---:|---|---:|---:|---:|\n"
    );
    for lead in &leads {
        let (element, threads, Task { kind, shape }) = lead.group;
        let ms = |row: usize| lead.ours[row].map_or_else(none, milliseconds);
        let times = |row: usize| lead.times_as_fast(row).map_or_else(none, |times| format!("{times:.2}"));
        let (name, best) = (lead.best.0, milliseconds(lead.best.1));
        text += &format!("| {kind} | {shape} | {element} | {threads} | {} | {} | {name} | ", ms(0), ms(1));
        text += &format!("{best} | {} | {} |\n", times(0), times(1));
    }
    text
}

/// A section of the results: what its problems are, and a table for each type.
fn chapter(results: &Results, section: Section) -> String {
    let problems = results.problems.iter().filter(|known| known.task.kind.section() == section);
    let mut text = String::new();
    for Traits { task, zeros, loss } in problems {
        let (inputs, active) = (100.0 * zeros.inputs, 100.0 * zeros.active);
        text += &format!(
            "- {task}: {inputs:.1} % of the inputs not 0, {active:.1} % of the hidden units active, "
        );
        text += &format!("loss {loss:.3}\n");
    }
    if text.is_empty() {
        return text;
    }
    text = format!("\n## {}\n\n{}\n\n{text}", section.title(), section.about());
    let mut types: Vec<Type> = Vec::new();
    for row in results.rows.iter().filter(|row| row.task.kind.section() == section) {
        if !types.contains(&row.element) {
            types.push(row.element);
        }
    }
    if section == Section::Hessian {
        text += &hessian::summary(results);
    }
    for element in types {
        text += &format!("\n### {}, {element}\n\n", section.title());
        text += &match section {
            Section::Density => density::tables(results, element),
            Section::Sparse => steps::table(results, element),
            _ => table(results, section, element),
        };
    }
    text
}

/// The rows of one type, grouped by problem and threads, the fastest first.
fn table(results: &Results, section: Section, element: Type) -> String {
    let wanted = |row: &&Row| row.element == element && row.task.kind.section() == section;
    let mut rows: Vec<&Row> = results.rows.iter().filter(wanted).collect();
    let place = |row: &Row| {
        let same = |other: &Row| other.task == row.task;
        (results.rows.iter().position(same), row.threads)
    };
    let seconds = |row: &Row| row.time().map_or(f64::INFINITY, |time| time.median);
    rows.sort_by(|a, b| place(a).cmp(&place(b)).then(seconds(a).total_cmp(&seconds(b))));
    let mut text = String::from(
        "| problem | m,h,C,n | threads | peer | ms | quartiles | peak | ratio | error |\n\
         |---|---|---|---|---:|---|---:|---:|---:|\n",
    );
    let mut last = None;
    for row in rows {
        let head = if last == Some(row.group()) {
            "| | | ".to_owned()
        } else {
            format!("| {} | {} | {} ", row.task.kind, row.task.shape, row.threads)
        };
        last = Some(row.group());
        text += &format!("{head}| {} | {} |\n", row.peer, cells(results, row).join(" | "));
    }
    text
}

/// ms, quartiles, peak, ratio, error.
fn cells(results: &Results, row: &Row) -> [String; 5] {
    match &row.outcome {
        Outcome::Timed(time, found) => [
            milliseconds(time.median),
            format!("{} – {}", milliseconds(time.lower), milliseconds(time.upper)),
            results.share_of_peak(row).map_or_else(none, |share| format!("{:.1} %", 100.0 * share)),
            results.ratio_to_best(row).map_or_else(none, |ratio| format!("{ratio:.2}")),
            found.map_or_else(none, |found| format!("{:.0e}", found.worst)),
        ],
        Outcome::Disagrees(found) => {
            let why = format!("disagrees in {}, at most {:.0e}", found.at, found.bar);
            [none(), why, none(), none(), format!("{:.0e}", found.worst)]
        }
        Outcome::Failed(reason) => [none(), reason.replace('|', "/"), none(), none(), none()],
    }
}

/// What stands where nothing was measured.
fn none() -> String {
    String::from("–")
}

/// Three significant digits or more.
fn milliseconds(seconds: f64) -> String {
    let ms = 1e3 * seconds;
    let digits = (2 - ms.log10().floor() as i32).clamp(0, 9) as usize;
    format!("{ms:.digits$}")
}

#[cfg(test)]
mod tests;
