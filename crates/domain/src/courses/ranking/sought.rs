//! What a question looks for.

use std::collections::{HashMap, HashSet};

use super::stem::stem;

/// More than the longest question has words; other callers' text is cut.
const MOST: usize = 400;

/// A longer run of words is no name of anything.
const LONGEST_WHOLE: usize = 200;

/// Words that say nothing about what is asked for: those of the English language alone.
#[rustfmt::skip]
const SILENT: &[&str] = &[
    "about", "above", "after", "again", "against", "ain", "all", "am", "an", "and", "any", "are", "aren", "as", "at",
    "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "could", "couldn",
    "did", "didn", "do", "does", "doesn", "doing", "don", "down", "during", "each", "few", "for", "from", "further",
    "had", "hadn", "has", "hasn", "have", "haven", "having", "he", "her", "here", "hers", "herself", "him", "himself",
    "his", "how", "if", "in", "into", "is", "isn", "it", "its", "itself", "just", "ll", "me", "more", "most", "my",
    "myself", "no", "nor", "not", "now", "of", "off", "on", "once", "only", "or", "other", "our", "ours", "ourselves",
    "out", "over", "own", "re", "same", "shall", "she", "should", "shouldn", "so", "some", "such", "than", "that",
    "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those", "through", "to",
    "too", "under", "until", "up", "ve", "very", "was", "wasn", "we", "were", "weren", "what", "when", "where",
    "which", "while", "who", "whom", "why", "will", "with", "won", "would", "wouldn", "you", "your", "yours",
    "yourself", "yourselves",
];

/// Words that questions are made with. They count where there is nothing else.
#[rustfmt::skip]
const ASKING: &[&str] = &[
    "actually", "also", "anything", "else", "ever", "everything", "explain", "get", "gets", "getting", "go", "goes",
    "going", "got", "hello", "hi", "instead", "know", "let", "lets", "like", "may", "mean", "means", "might", "must",
    "need", "needs", "please", "really", "somebody", "someone", "something", "tell", "thank", "thanks", "want", "wants",
    "within", "without",
];

/// How signs are called.
const CALLED: &[(&str, &str)] = &[
    ("ampersand", "&"),
    ("angle brackets", "<>"),
    ("arrow", "->"),
    ("asterisk", "*"),
    ("at sign", "@"),
    ("backslash", "\\"),
    ("curly braces", "{}"),
    ("curly brackets", "{}"),
    ("dollar sign", "$"),
    ("double colon", "::"),
    ("equals sign", "="),
    ("exclamation mark", "!"),
    ("exclamation point", "!"),
    ("hash sign", "#"),
    ("percent sign", "%"),
    ("plus sign", "+"),
    ("pound sign", "#"),
    ("question mark", "?"),
    ("semicolon", ";"),
    ("square brackets", "[]"),
    ("tilde", "~"),
    ("underscore", "_"),
    ("vertical bar", "|"),
];

/// Where signs are explained, for a question of nothing but signs.
const ABOUT_SIGNS: [&str; 3] = ["operator", "symbol", "syntax"];

/// The words and signs that a question looks for.
///
/// Words are runs of letters and digits in lower case, each stem once; signs are what code is made of beside words (`->`,
/// `?`), told from punctuation by standing alone or in backticks.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    words: Vec<SoughtWord>,
    pub(super) signs: Vec<String>,
    places: HashMap<String, usize>,
    /// The first two bytes of the words. A stem begins as its word does, and most words of a text begin otherwise.
    beginnings: HashSet<[u8; 2]>,
}

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoughtWord {
    /// The word, letters and digits alone.
    pub text: String,
    /// What it is a part of, words joined by full stops and slashes (`src/main.rs`): some indexes take that for one word.
    pub whole: Option<String>,
    /// Whether it is only a part of another word that is sought (`RefCell`).
    pub(super) is_part: bool,
}

impl Sought {
    /// What a question, or text of any other kind, looks for.
    pub fn in_text(text: &str) -> Self {
        let mut sought = Self { signs: signs(text), ..Self::default() };
        sought.take_words(text, |word| !is_asking(word));
        if sought.words.is_empty() {
            sought.take_words(text, |_| true);
        }
        if sought.words.is_empty() && !sought.signs.is_empty() {
            sought.take_words(&ABOUT_SIGNS.join(" "), |_| true);
        }
        sought
    }

    /// The words, in the order in which they stand.
    pub fn words(&self) -> &[SoughtWord] {
        &self.words
    }

    /// Whether there is nothing that could be found.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Which of the words this is a form of; it is in lower case.
    pub(super) fn place(&self, word: &str) -> Option<usize> {
        let is_known = word.as_bytes().first_chunk().is_some_and(|beginning| self.beginnings.contains(beginning));
        if is_known { self.places.get(&stem(word)).copied() } else { None }
    }

    fn take_words(&mut self, text: &str, is_wanted: impl Fn(&str) -> bool) {
        for chunk in text.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '/') {
            let whole = whole(chunk);
            for run in chunk.split(['.', '/']).filter(|run| !run.is_empty()) {
                self.take_word(run, (whole.as_deref(), false), &is_wanted);
                for part in parts(run) {
                    self.take_word(part, (None, true), &is_wanted);
                }
            }
        }
    }

    fn take_word(&mut self, run: &str, (whole, is_part): (Option<&str>, bool), is_wanted: impl Fn(&str) -> bool) {
        let lowered = run.to_lowercase();
        // What is lowered may fall apart into letter and mark ("İ").
        for word in words(&lowered) {
            let says_something = word.chars().nth(1).is_some() && !is_silent(word) && is_wanted(word);
            if !says_something || self.words.len() == MOST {
                continue;
            }
            let stem = stem(word);
            if !self.places.contains_key(&stem) {
                self.beginnings.extend(word.as_bytes().first_chunk());
                self.places.insert(stem, self.words.len());
                self.words.push(SoughtWord { text: word.to_owned(), whole: whole.map(str::to_lowercase), is_part });
            }
        }
    }
}

/// The words of a text: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn is_silent(word: &str) -> bool {
    SILENT.binary_search(&word).is_ok()
}

fn says_nothing(word: &str) -> bool {
    is_silent(word) || is_asking(word)
}

fn is_asking(word: &str) -> bool {
    ASKING.binary_search(&word).is_ok()
}

/// A run of words joined by full stops and slashes, if it is one, without what ends a sentence.
fn whole(chunk: &str) -> Option<String> {
    let run = chunk.trim_matches(['.', '/']);
    (run.contains(['.', '/']) && run.is_ascii() && run.len() <= LONGEST_WHOLE).then(|| run.to_owned())
}

/// The words that a name in camel case is made of (`BorrowMutError`); none if it is no such name.
fn parts(run: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    let mut before = None::<char>;
    for (at, c) in run.char_indices() {
        if c.is_uppercase() && before.is_some_and(char::is_lowercase) {
            parts.push(&run[from..at]);
            from = at;
        }
        before = Some(c);
    }
    if parts.is_empty() {
        return parts;
    }
    parts.push(&run[from..]);
    parts.retain(|part| part.chars().nth(2).is_some());
    parts
}

/// The signs that a text speaks of, each once.
fn signs(text: &str) -> Vec<String> {
    // What was in backticks is a word there, so that what follows it is its punctuation.
    let prose = text.split('`').step_by(2).collect::<Vec<_>>().join("x");
    let spans = code_spans(text).filter(|span| words(span).all(|word| says_nothing(&word.to_lowercase())));
    let chunks: Vec<&str> = prose.split_whitespace().collect();
    // What stands last ends the text.
    let alone = chunks.iter().enumerate().filter_map(|(n, chunk)| sign(chunk, n + 1 == chunks.len()));
    let lowered = prose.to_lowercase();
    let spoken = format!(" {} ", words(&lowered).collect::<Vec<_>>().join(" "));
    let named = CALLED.iter().filter(|(name, _)| spoken.contains(&format!(" {name} "))).map(|(_, sign)| *sign);
    let mut signs: Vec<String> = Vec::new();
    for sign in spans.chain(alone).chain(named) {
        if !signs.iter().any(|known| known == sign) && signs.len() < MOST {
            signs.push(sign.to_owned());
        }
    }
    signs
}

/// A chunk of a sentence that is a sign of some code rather than punctuation.
fn sign(chunk: &str, is_last: bool) -> Option<&str> {
    let bare = chunk.trim_matches(['"', '\'', '“', '”', '‘', '’', ',']);
    let bare = if bare == "()" { bare } else { bare.trim_matches(['(', ')']) };
    // "What is ->?", "What does & do? And @."
    let bare = match bare.strip_suffix(['?', '.', ':', ';', '!']) {
        Some(sign) if !sign.is_empty() && !sign.ends_with(['.', ':', '!', '?']) => sign,
        _ => bare,
    };
    let is_sign = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_punctuation());
    let is_punctuation = matches!(bare, "-" | "--" | "---" | "." | "..." | "," | ":" | ";" | "/" | "\"")
        || (is_last && bare.bytes().all(|b| matches!(b, b'?' | b'!' | b'.')));
    (is_sign && !is_punctuation).then_some(bare)
}

/// What stands in backticks on one line.
pub(super) fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).map(str::trim).filter(|span| !span.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<String> {
        Sought::in_text(text).words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_lowered_and_each_stem_counts_once() {
        assert_eq!(found("What is Ownership? The OWNERSHIP of a `Box<T>`, and boxes!"), ["ownership", "box"]);
        assert_eq!(found("straße im Schnee"), ["straße", "im", "schnee"]);
        assert_eq!(found("Could you please tell me what a slice is? Thanks!"), ["slice"]);
        assert_eq!(found("Why doesn't it work, and what's wrong? I'd like to know."), ["work", "wrong"]);
    }

    #[test]
    fn names_of_code_are_words_and_their_parts_are_too() {
        assert_eq!(found("Rc<RefCell<T>>"), ["rc", "refcell", "ref", "cell"]);
        assert_eq!(found("unwrap_or_else"), ["unwrap"]);
        assert_eq!(found("error[E0382]: borrow of moved value"), ["error", "e0382", "borrow", "moved", "value"]);
        assert_eq!(found("BorrowMutError"), ["borrowmuterror", "borrow", "mut", "error"]);
        assert_eq!(found("HTTPServer iPhone"), ["httpserver", "iphone", "phone"]);
    }

    #[test]
    fn what_full_stops_join_is_known_as_a_whole_too() {
        let sought = Sought::in_text("Is it in src/Main.rs, or in Cargo.toml. Or both?");
        let wholes: Vec<_> = sought.words.iter().map(|word| (word.text.as_str(), word.whole.as_deref())).collect();
        let (main, cargo) = (Some("src/main.rs"), Some("cargo.toml"));
        assert_eq!(wholes, [("src", main), ("main", main), ("rs", main), ("cargo", cargo), ("toml", cargo)]);
    }

    #[test]
    fn words_of_asking_count_where_there_are_no_others() {
        assert_eq!(found("What does go mean?"), ["go", "mean"]);
        assert_eq!(found("How do I go on with a loop?"), ["loop"]);
    }

    #[test]
    fn signs_are_told_from_punctuation() {
        for (text, expected) in [
            ("What does the ? operator do?", &["?"][..]),
            ("What is `&`?", &["&"]),
            ("What is ->?", &["->"]),
            ("A dash - here -- and there ... then", &[]),
            ("Is it `Vec`? Or `Box`? And why?", &[]),
            ("Really ?", &[]),
            ("Stop !!!", &[]),
            ("What does the question mark at the end do?", &["?"]),
            ("When do I write `while`, when `for`? And `let`?", &["while", "for", "let"]),
            ("What is () good for?", &["()"]),
            ("Why use `Vec`, `x + 1` or \"text\"?", &[]),
            ("A range (..=) and another", &["..="]),
        ] {
            assert_eq!(Sought::in_text(text).signs, expected, "{text}");
        }
    }

    #[test]
    fn a_question_of_signs_alone_looks_where_signs_are_explained() {
        assert_eq!(found("What does `?` do?"), ABOUT_SIGNS);
        assert_eq!(found("What is that?"), [""; 0]);
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = (0..1000).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(found(&text).len(), MOST);
    }

    #[test]
    fn lists_can_be_searched_by_halves() {
        assert!(SILENT.is_sorted() && ASKING.is_sorted() && CALLED.is_sorted());
    }

    proptest! {
        #[test]
        fn no_word_holds_what_a_query_language_could_read(text in "\\PC{0,200}") {
            let sought = Sought::in_text(&text);
            for word in sought.words() {
                prop_assert!(word.text.chars().all(char::is_alphanumeric), "{:?}", word);
                prop_assert!(sought.place(&word.text).is_some());
                let whole = word.whole.as_deref().unwrap_or("a");
                prop_assert!(whole.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '/'), "{}", whole);
            }
        }
    }
}
