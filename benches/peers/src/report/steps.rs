//! Steps of gradient descent on sparse rows: the time for each example.

use super::none;
use crate::problem::{Section, Type};
use crate::run::{Outcome, Results, Row};

/// The rows of one type, problem by problem, the fastest first.
pub fn table(results: &Results, element: Type) -> String {
    let wanted = |row: &&Row| row.element == element && row.task.kind.section() == Section::Sparse;
    let mut rows: Vec<&Row> = results.rows.iter().filter(wanted).collect();
    let seconds = |row: &Row| row.time().map_or(f64::INFINITY, |time| time.median);
    let place = |row: &Row| results.rows.iter().position(|other| other.task == row.task);
    rows.sort_by(|a, b| place(a).cmp(&place(b)).then(seconds(a).total_cmp(&seconds(b))));
    let mut text = String::from(
        "Microseconds for each example.\n\n\
         | problem | m,h,C,n | peer | µs | quartiles | times the fastest | error |\n|---|---|---|---:|---|---:|---:|\n",
    );
    let mut fastest = None;
    for row in rows {
        let (task, first) = fastest.filter(|(task, _)| *task == row.task).unwrap_or((row.task, seconds(row)));
        let head = if fastest.is_some_and(|(last, _)| last == task) {
            String::from("| | ")
        } else {
            format!("| {} | {} ", task.kind, task.shape)
        };
        fastest = Some((task, first));
        text += &format!("{head}| {} | {} |\n", row.peer, cells(row, first).join(" | "));
    }
    text
}

/// µs, quartiles, times the fastest, error.
fn cells(row: &Row, fastest: f64) -> [String; 4] {
    let each = |seconds: f64| format!("{:.2}", 1e6 * seconds / row.task.shape.n as f64);
    match &row.outcome {
        Outcome::Timed(time, found) => [
            each(time.median),
            format!("{} – {}", each(time.lower), each(time.upper)),
            format!("{:.2}", time.median / fastest),
            found.map_or_else(none, |found| format!("{:.0e}", found.worst)),
        ],
        Outcome::Disagrees(found) => {
            [none(), format!("disagrees in {}", found.at), none(), format!("{:.0e}", found.worst)]
        }
        Outcome::Failed(reason) => [none(), reason.replace('|', "/"), none(), none()],
    }
}
