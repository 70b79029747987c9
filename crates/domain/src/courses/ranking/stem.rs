//! Word stems, so that "moves" and "moving" are one word.
//!
//! The algorithm is the one of M. F. Porter, *An algorithm for suffix stripping* (1980), which the word index of SQLite
//! uses too; PostgreSQL's English dictionary is its successor, and differs in few words.

/// A longer word is no English one, and is left alone.
const LONGEST: usize = 40;

/// The stem of a word in lower case. Words that are short or have other than Latin letters and digits stay as they are.
pub(super) fn stem(word: &str) -> String {
    let is_plain = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if word.len() < 3 || word.len() > LONGEST || !is_plain {
        return word.to_owned();
    }
    let mut stem = Stem(word.to_owned());
    stem.plural();
    stem.past();
    stem.last_y();
    stem.first_of(&DOUBLE_SUFFIXES, 1);
    stem.first_of(&SUFFIXES, 1);
    stem.last_suffix();
    stem.last_e();
    stem.0
}

/// Each with what takes its place, behind a stem that has at least one vowel followed by a consonant.
const DOUBLE_SUFFIXES: [(&str, &str); 21] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];
const SUFFIXES: [(&str, &str); 7] =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

/// These go behind a stem with two or more vowels that consonants follow; of two the longer one comes first.
const LAST_SUFFIXES: [&str; 19] = [
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion",
    "al", "er", "ic", "ou",
];

struct Stem(String);

impl Stem {
    fn without(&self, suffix: &str) -> Option<&[u8]> {
        self.0.strip_suffix(suffix).map(str::as_bytes)
    }

    fn cut(&mut self, letters: usize) {
        self.0.truncate(self.0.len().saturating_sub(letters));
    }

    fn plural(&mut self) {
        if self.0.ends_with("sses") || self.0.ends_with("ies") {
            self.cut(2);
        } else if self.0.ends_with('s') && !self.0.ends_with("ss") {
            self.cut(1);
        }
    }

    fn past(&mut self) {
        if let Some(stem) = self.without("eed") {
            if measure(stem) > 0 {
                self.cut(1);
            }
            return;
        }
        let Some(suffix) = ["ed", "ing"].into_iter().find(|suffix| self.without(suffix).is_some_and(has_vowel)) else {
            return;
        };
        self.cut(suffix.len());
        let stem = self.0.as_bytes();
        if ["at", "bl", "iz"].iter().any(|end| self.0.ends_with(end)) || (measure(stem) == 1 && is_short(stem)) {
            self.0.push('e');
        } else if ends_doubled(stem) && !self.0.ends_with(['l', 's', 'z']) {
            self.cut(1);
        }
    }

    fn last_y(&mut self) {
        if self.without("y").is_some_and(has_vowel) {
            self.cut(1);
            self.0.push('i');
        }
    }

    /// Replaces the first suffix that is there, if what is before it is long enough.
    fn first_of(&mut self, suffixes: &[(&str, &str)], least: usize) {
        if let Some((suffix, instead)) = suffixes.iter().find(|(suffix, _)| self.0.ends_with(suffix))
            && self.without(suffix).is_some_and(|stem| measure(stem) >= least)
        {
            self.cut(suffix.len());
            self.0.push_str(instead);
        }
    }

    fn last_suffix(&mut self) {
        if let Some(suffix) = LAST_SUFFIXES.iter().find(|suffix| self.0.ends_with(*suffix))
            && let Some(stem) = self.without(suffix)
            && measure(stem) > 1
            && (*suffix != "ion" || stem.ends_with(b"s") || stem.ends_with(b"t"))
        {
            self.cut(suffix.len());
        }
    }

    fn last_e(&mut self) {
        if let Some(stem) = self.without("e") {
            let size = measure(stem);
            if size > 1 || (size == 1 && !is_short(stem)) {
                self.cut(1);
            }
        }
        if self.0.ends_with("ll") && measure(self.0.as_bytes()) > 1 {
            self.cut(1);
        }
    }
}

fn is_consonant(word: &[u8], at: usize) -> bool {
    match word[at] {
        b'a' | b'e' | b'i' | b'o' | b'u' => false,
        b'y' => at == 0 || !is_consonant(word, at - 1),
        _ => true,
    }
}

fn has_vowel(word: &[u8]) -> bool {
    (0..word.len()).any(|at| !is_consonant(word, at))
}

/// How often a consonant follows a vowel.
fn measure(word: &[u8]) -> usize {
    (1..word.len()).filter(|at| is_consonant(word, *at) && !is_consonant(word, at - 1)).count()
}

fn ends_doubled(word: &[u8]) -> bool {
    matches!(word, [.., a, b] if a == b) && is_consonant(word, word.len() - 1)
}

/// Whether it ends with consonant, vowel, consonant, the last one none of w, x and y.
fn is_short(word: &[u8]) -> bool {
    let end = word.len();
    end > 2
        && is_consonant(word, end - 3)
        && !is_consonant(word, end - 2)
        && is_consonant(word, end - 1)
        && !matches!(word[end - 1], b'w' | b'x' | b'y')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for [one, other] in [
            ["moves", "moving"],
            ["borrowed", "borrows"],
            ["threads", "thread"],
            ["testing", "tested"],
            ["copies", "copy"],
            ["running", "runs"],
            ["organized", "organization"],
            ["closures", "closure"],
        ] {
            assert_eq!(stem(one), stem(other), "{one}, {other}");
        }
    }

    // The examples of the article.
    #[test]
    fn words_of_the_article_have_its_stems() {
        for (word, expected) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("cats", "cat"),
            ("feed", "feed"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("bled", "bled"),
            ("motoring", "motor"),
            ("sing", "sing"),
            ("conflated", "conflat"),
            ("troubling", "troubl"),
            ("sized", "size"),
            ("hopping", "hop"),
            ("falling", "fall"),
            ("hissing", "hiss"),
            ("filing", "file"),
            ("happy", "happi"),
            ("sky", "sky"),
            ("relational", "relat"),
            ("conditional", "condit"),
            ("vietnamization", "vietnam"),
            ("triplicate", "triplic"),
            ("hopefulness", "hope"),
            ("electrical", "electr"),
            ("replacement", "replac"),
            ("adoption", "adopt"),
            ("communism", "commun"),
            ("effective", "effect"),
            ("probate", "probat"),
            ("rate", "rate"),
            ("cease", "ceas"),
            ("controll", "control"),
            ("roll", "roll"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }

    #[test]
    fn what_is_no_english_word_stays() {
        for word in ["", "is", "e0382", "straße", "所有権", "naïve", &"y".repeat(100_000), &"ation".repeat(50)] {
            assert_eq!(stem(word), word);
        }
    }

    proptest! {
        #[test]
        fn a_stem_begins_as_its_word_does(word in "[a-z0-9]{2,30}") {
            let stem = stem(&word);
            prop_assert!(stem.len() <= word.len() + 1, "{stem}");
            prop_assert_eq!(&stem[..2], &word[..2]);
        }
    }
}
