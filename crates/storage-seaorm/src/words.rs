//! What a search looks for, made from text of any kind.

/// More than the longest question holds, so that no word of it is passed over; other callers' text is cut.
const MOST: usize = 400;

/// Words that say nothing about a lesson; the ones that PostgreSQL's English dictionary drops too.
#[rustfmt::skip]
const STOP: &[&str] = &[
    "about", "above", "after", "again", "against", "all", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "did", "do", "does",
    "doing", "don", "down", "during", "each", "few", "for", "from", "further", "had", "has", "have", "having", "he",
    "her", "here", "hers", "herself", "him", "himself", "his", "how", "if", "in", "into", "is", "it", "its",
    "itself", "just", "me", "more", "most", "my", "myself", "no", "nor", "not", "now", "of", "off", "on", "once",
    "only", "or", "other", "our", "ours", "ourselves", "out", "over", "own", "same", "she", "should", "so", "some",
    "such", "than", "that", "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they",
    "this", "those", "through", "to", "too", "under", "until", "up", "very", "was", "we", "were", "what", "when",
    "where", "which", "while", "who", "whom", "why", "will", "with", "you", "your", "yours", "yourself",
    "yourselves",
];

/// The words to look for: runs of letters and digits in lower case, each once, the first few that say anything. They
/// hold no character that either query language gives a meaning.
pub(crate) fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let word = word.to_lowercase();
        // What is lowered may fall apart into letter and mark ("İ").
        for term in word.split(|c: char| !c.is_alphanumeric()) {
            let says_something = term.chars().nth(1).is_some() && STOP.binary_search(&term).is_err();
            if says_something && !terms.iter().any(|known| known == term) {
                terms.push(term.to_owned());
                if terms.len() == MOST {
                    return terms;
                }
            }
        }
    }
    terms
}

/// Whether text can have all of these words: PostgreSQL keeps no word of more than 2,046 bytes, and passes over it where it
/// is looked for, so that the others would be found without it.
pub(crate) fn can_all_be_found(terms: &[String]) -> bool {
    terms.iter().all(|term| term.len() <= 2_046)
}

/// Whether a word is long enough to be the beginning of others. Too many words begin with two Latin letters, and all their
/// places would have to be put together.
fn is_beginning(term: &str) -> bool {
    term.len() >= 3
}

/// For FTS5: all of them in these columns, the last one also as the beginning of a word; where `scope` is among the words
/// of that kind.
pub(crate) fn fts5_of_all(terms: &[String], columns: &str, scope: Option<&str>) -> String {
    let all = terms.iter().map(|term| format!("\"{term}\"")).collect::<Vec<_>>().join(" AND ");
    let more = if terms.last().is_some_and(|term| is_beginning(term)) { " *" } else { "" };
    match scope {
        Some(scope) => format!("scope : \"{scope}\" AND {{{columns}}} : ({all}{more})"),
        None => format!("{{{columns}}} : ({all}{more})"),
    }
}

/// For `to_tsquery`: all of them, the last one also as the beginning of a word.
pub(crate) fn tsquery_of_all(terms: &[String]) -> String {
    let more = if terms.last().is_some_and(|term| is_beginning(term)) { ":*" } else { "" };
    format!("{}{more}", terms.join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lowered_and_counted_once() {
        assert_eq!(terms("What is Ownership? The OWNERSHIP of a `Box<T>`!"), ["ownership", "box"]);
        assert_eq!(terms("straße im Schnee"), ["straße", "im", "schnee"]);
    }

    #[test]
    fn text_without_a_word_has_no_terms() {
        for text in ["", "  ", "?!", "a b c", "the of and", "\0", "' OR 1=1 --"] {
            assert!(terms(text).iter().all(|term| term.chars().all(char::is_alphanumeric)), "{text:?}");
        }
        assert!(terms("the \" * ( ) : & | ! <-> ^").is_empty());
    }

    #[test]
    fn a_long_question_is_cut() {
        let text = (0..1000).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(terms(&text).len(), MOST);
    }

    #[test]
    fn stop_words_can_be_searched_by_halves() {
        assert!(STOP.is_sorted());
    }

    #[test]
    fn no_word_is_query_language() {
        let terms = terms("NEAR(x) rust* \"quoted\" a&b col:umn NOT");
        assert_eq!(terms, ["near", "rust", "quoted", "col", "umn"]);
    }

    #[test]
    fn all_words_are_asked_for_and_the_last_may_go_on() {
        let terms = terms("Rust: box");
        let all = "{topic text} : (\"rust\" AND \"box\" *)";
        assert_eq!(fts5_of_all(&terms, "topic text", None), all);
        assert_eq!(fts5_of_all(&terms, "topic text", Some("c00")), format!("scope : \"c00\" AND {all}"));
        assert_eq!(tsquery_of_all(&terms), "rust & box:*");
        assert!(can_all_be_found(&terms) && !can_all_be_found(&["x".repeat(2_047)]));
        let short = ["box".to_owned(), "ru".to_owned()];
        assert_eq!(fts5_of_all(&short, "text", None), "{text} : (\"box\" AND \"ru\")");
        assert_eq!(tsquery_of_all(&short), "box & ru");
    }
}
