//! The results as a CSV file.

use std::path::Path;

use anyhow::Result;

use crate::peers::{self, Role};
use crate::run::{Outcome, Results};
use crate::timing::Quartiles;

/// One line per row, all numbers in full; what was not measured is empty.
pub fn write_csv(results: &Results, path: &Path) -> Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    file.write_record([
        "problem",
        "inputs_not_zero",
        "units_active",
        "type",
        "m",
        "h",
        "C",
        "n",
        "threads",
        "peer",
        "role",
        "status",
        "ms_lower_quartile",
        "ms_median",
        "ms_upper_quartile",
        "share_of_peak",
        "ratio_to_best_peer",
        "relative_error",
        "error_bar",
        "directions",
        "ratio_to_our_gradient",
    ])?;
    for row in &results.rows {
        let (status, found) = match &row.outcome {
            Outcome::Timed(_, found) => ("timed".to_owned(), found.as_ref()),
            Outcome::Disagrees(found) => (format!("disagrees in {}", found.at), Some(found)),
            Outcome::Failed(reason) => (format!("failed: {reason}"), None),
        };
        let (s, time) = (row.task.shape, row.time());
        let zeros = results.problems.iter().find(|known| known.task == row.task).map(|known| known.zeros);
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let ms = |part: fn(Quartiles) -> f64| number(time.map(|time| 1e3 * part(time)));
        let mut record = vec![row.task.kind.to_string()];
        record.extend([zeros.map(|z| z.inputs), zeros.map(|z| z.active)].map(number));
        record.push(row.element.to_string());
        record.extend([s.m, s.h, s.c, s.n, row.threads].map(|size| size.to_string()));
        let role = peers::role(row.peer).map_or("", Role::name);
        record.extend([row.peer, role, &status].map(str::to_owned));
        record.extend([ms(|time| time.lower), ms(|time| time.median), ms(|time| time.upper)]);
        record.extend([results.share_of_peak(row), results.ratio_to_best(row)].map(number));
        record.extend([found.map(|f| f.worst), found.map(|f| f.bar)].map(number));
        record.push(row.spec().map_or_else(String::new, |spec| spec.directions.to_string()));
        record.push(number(results.times_gradient(row)));
        file.write_record(record)?;
    }
    Ok(file.flush()?)
}
