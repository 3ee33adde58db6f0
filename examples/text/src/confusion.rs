//! The confusion matrix as text.

use crate::corpus::{CLASSES, LANGUAGES};

/// How many texts of each language (rows) were taken for each language (columns). A dot is none.
pub fn table(found: &[usize], labels: &[u8]) -> String {
    let mut counts = [[0usize; CLASSES]; CLASSES];
    for (&found, &label) in found.iter().zip(labels) {
        counts[usize::from(label)][found] += 1;
    }
    let heads: String = LANGUAGES.iter().map(|language| format!("{:>4}", language.code)).collect();
    let mut text = format!("{:<11}{heads}\n", "is \\ found");
    for (language, row) in LANGUAGES.iter().zip(&counts) {
        let cell = |&count: &usize| if count == 0 { "   .".to_owned() } else { format!("{count:>4}") };
        let cells: String = row.iter().map(cell).collect();
        text += &format!("{:<11}{cells}\n", language.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_texts_are_and_columns_what_they_were_taken_for() {
        let text = table(&[0, 0, 2], &[0, 1, 1]);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or("");
        assert_eq!(line("Czech").split_whitespace().collect::<Vec<_>>()[1..3], ["1", "."]);
        assert_eq!(line("Danish").split_whitespace().collect::<Vec<_>>()[1..4], ["1", ".", "1"]);
        assert_eq!(text.lines().count(), 1 + CLASSES);
    }
}
