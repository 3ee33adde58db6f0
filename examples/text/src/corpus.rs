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

    /// And their parts of up to four words, so that short texts are learned, too.
    fn with_parts(mut self) -> Self {
        for whole in 0..self.texts.len() {
            let (mut rest, label) = (self.texts[whole], self.labels[whole]);
            while let Some((end, _)) = rest.match_indices(' ').nth(3) {
                self.texts.push(&rest[..end]);
                self.labels.push(label);
                rest = &rest[end + 1..];
            }
            if rest.len() < self.texts[whole].len() {
                self.texts.push(rest);
                self.labels.push(label);
            }
        }
        self
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

/// Texts to learn from, in any order, and those to be judged by.
pub fn split(rng: &mut Rng) -> (Texts, Texts) {
    let (train, test) = divide(LANGUAGES[0].lines.lines().count(), rng);
    (Texts::of(&train).with_parts().shuffled(rng), Texts::of(&test))
}

/// The numbers of the messages to learn from, and of a fifth that is kept back, in all languages.
fn divide(messages: usize, rng: &mut Rng) -> (Vec<usize>, Vec<usize>) {
    let mut train: Vec<usize> = (0..messages).collect();
    rng.shuffle(&mut train);
    let test = train.split_off(messages - messages / 5);
    (train, test)
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
        let messages = LANGUAGES[0].lines.lines().count();
        assert!(LANGUAGES.iter().all(|language| language.lines.lines().count() == messages));
        let (mut all, test) = divide(messages, &mut Rng::with_seed(1));
        assert_eq!(test.len(), messages / 5);
        all.extend(test);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..messages));
    }

    #[test]
    fn labels_stay_with_their_texts() {
        let (train, test) = split(&mut Rng::with_seed(1));
        for Texts { texts, labels } in [train, test] {
            let is_of = |(text, &label): (&&str, &u8)| LANGUAGES[usize::from(label)].lines.contains(text);
            assert!(texts.iter().zip(&labels).all(is_of));
        }
    }

    #[test]
    fn parts_have_up_to_four_words() {
        let one = |text| Texts { texts: vec![text], labels: vec![5] }.with_parts();
        assert_eq!(one("a b c d").texts, ["a b c d"]);
        let nine = one("a b c d e f g h i");
        assert_eq!(nine.texts, ["a b c d e f g h i", "a b c d", "e f g h", "i"]);
        assert_eq!(nine.labels, [5; 4]);
    }

    #[test]
    fn every_language_has_everyday_sentences() {
        let everyday = everyday();
        for label in 0..CLASSES as u8 {
            assert_eq!(everyday.labels.iter().filter(|&&of| of == label).count(), 6);
        }
    }
}
