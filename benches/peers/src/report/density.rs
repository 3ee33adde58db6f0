//! The curves over densities as tables: a row a peer, a column a density.

use super::{milliseconds, none};
use crate::problem::{Kind, Shape, Type};
use crate::run::{Outcome, Results, Row};

/// Median milliseconds, a table for each shape and number of threads.
pub fn tables(results: &Results, element: Type) -> String {
    let of_type = || results.rows.iter().filter(move |row| row.element == element && percent(row).is_some());
    let mut heads: Vec<(Shape, usize)> = Vec::new();
    for row in of_type() {
        if !heads.contains(&(row.task.shape, row.threads)) {
            heads.push((row.task.shape, row.threads));
        }
    }
    heads.sort_by_key(|(shape, threads)| (heads_place(results, *shape), *threads));
    let mut text = String::new();
    for (shape, threads) in heads {
        let rows: Vec<&Row> =
            of_type().filter(|row| row.task.shape == shape && row.threads == threads).collect();
        text +=
            &format!("{shape}, threads: {threads}; ms where so many percent of the inputs are not 0:\n\n");
        text += &table(&rows);
        text += "\n";
    }
    text
}

/// Where the shape stands among the problems.
fn heads_place(results: &Results, shape: Shape) -> Option<usize> {
    results.rows.iter().position(|row| row.task.shape == shape && percent(row).is_some())
}

pub fn percent(row: &Row) -> Option<u8> {
    match row.task.kind {
        Kind::Density(percent) => Some(percent),
        _ => None,
    }
}

fn table(rows: &[&Row]) -> String {
    let (mut densities, mut peers) = (Vec::new(), Vec::new());
    for row in rows {
        if let Some(percent) = percent(row).filter(|percent| !densities.contains(percent)) {
            densities.push(percent);
        }
        if !peers.contains(&row.peer) {
            peers.push(row.peer);
        }
    }
    densities.sort_unstable_by(|a, b| b.cmp(a));
    let mut text = String::from("| peer |");
    densities.iter().for_each(|density| text += &format!(" {density} % |"));
    text += &format!("\n|---|{}\n", "---:|".repeat(densities.len()));
    for peer in peers {
        text += &format!("| {peer} |");
        for &density in &densities {
            let row = rows.iter().find(|row| row.peer == peer && percent(row) == Some(density));
            text += &format!(" {} |", row.map_or_else(none, |row| cell(row)));
        }
        text += "\n";
    }
    text
}

fn cell(row: &Row) -> String {
    match &row.outcome {
        Outcome::Timed(time, _) => milliseconds(time.median),
        Outcome::Disagrees(_) => "disagrees".to_owned(),
        Outcome::Failed(_) => "failed".to_owned(),
    }
}
