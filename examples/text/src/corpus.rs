//! The texts, and how they are divided into those to learn from and those to be judged by.

use fastrand::Rng;

/// A language, and its file: line k of all of them is the same message.
pub struct Language {
    pub code: &'static str,
    pub name: &'static str,
    lines: &'static str,
}

/// C, the number of classes.
pub const CLASSES: usize = 14;

macro_rules! language {
    ($code:literal, $name:literal) => {
        // In the program itself, so that it runs from any folder.
        Language { code: $code, name: $name, lines: include_str!(concat!("../data/", $code, ".txt")) }
    };
}

pub const LANGUAGES: [Language; CLASSES] = [
    language!("cs", "Czech"),
    language!("da", "Danish"),
    language!("de", "German"),
    language!("en", "English"),
    language!("es", "Spanish"),
    language!("fi", "Finnish"),
    language!("fr", "French"),
    language!("hu", "Hungarian"),
    language!("it", "Italian"),
    language!("nb", "Norwegian"),
    language!("nl", "Dutch"),
    language!("pl", "Polish"),
    language!("pt", "Portuguese"),
    language!("sv", "Swedish"),
];

/// Texts with their languages, places in [`LANGUAGES`].
#[derive(Default)]
pub struct Texts {
    pub texts: Vec<&'static str>,
    pub labels: Vec<u8>,
}

impl Texts {
    /// Each of the messages in each language.
    fn of(messages: &[usize]) -> Self {
        let mut found = Self::default();
        for (label, language) in LANGUAGES.iter().enumerate() {
            let lines: Vec<&str> = language.lines.lines().collect();
            found.texts.extend(messages.iter().map(|&message| lines[message]));
            found.labels.resize(found.texts.len(), label as u8);
        }
        found
    }

    /// In any order.
    fn shuffled(self, rng: &mut Rng) -> Self {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        rng.shuffle(&mut order);
        Self {
            texts: order.iter().map(|&i| self.texts[i]).collect(),
            labels: order.iter().map(|&i| self.labels[i]).collect(),
        }
    }
}

/// Texts to learn from, in any order, and the fifth of the messages that is kept back in all languages.
pub fn split(rng: &mut Rng) -> (Texts, Texts) {
    let mut messages: Vec<usize> = (0..LANGUAGES[0].lines.lines().count()).collect();
    rng.shuffle(&mut messages);
    let (test, train) = messages.split_at(messages.len() / 5);
    (Texts::of(train).shuffled(rng), Texts::of(test))
}

/// Sentences of another kind than the messages.
pub fn everyday() -> Texts {
    let mut found = Texts::default();
    for (code, text) in include_str!("../data/everyday.tsv").lines().filter_map(|line| line.split_once('\t'))
    {
        if let Some(label) = LANGUAGES.iter().position(|language| language.code == code) {
            found.texts.push(text);
            found.labels.push(label as u8);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_in_both_parts() {
        let (train, test) = split(&mut Rng::with_seed(1));
        let messages = LANGUAGES[0].lines.lines().count();
        assert!(LANGUAGES.iter().all(|language| language.lines.lines().count() == messages));
        assert_eq!(train.texts.len() + test.texts.len(), CLASSES * messages);
        assert_eq!(test.texts.len(), CLASSES * (messages / 5));
        // By the number of the message, in whatever language.
        let numbers = |texts: &Texts| -> Vec<usize> {
            let number = |(text, &label): (&&str, &u8)| {
                LANGUAGES[usize::from(label)].lines.lines().position(|line| line == *text)
            };
            texts.texts.iter().zip(&texts.labels).filter_map(number).collect()
        };
        let (train, test) = (numbers(&train), numbers(&test));
        assert_eq!(train.len() + test.len(), CLASSES * messages);
        assert!(test.iter().all(|number| !train.contains(number)));
    }

    #[test]
    fn every_language_has_everyday_sentences() {
        let everyday = everyday();
        for label in 0..CLASSES as u8 {
            assert_eq!(everyday.labels.iter().filter(|&&of| of == label).count(), 6);
        }
    }
}
