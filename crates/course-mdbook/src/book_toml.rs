//! `book.toml`: what a book says about itself.

use lyceum_domain::text;
use serde::Deserialize;

use crate::error::BookError;

/// The file's name, in the book's root.
pub(crate) const NAME: &str = "book.toml";

/// What is taken from `book.toml`; everything else in it is for mdBook alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BookToml {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) authors: Vec<String>,
    pub(crate) language: Option<String>,
    /// The folder with `SUMMARY.md`, if it is not the usual one.
    pub(crate) src: Option<String>,
    /// The folder that mdBook's pages go to, if it is not the usual one.
    pub(crate) build_dir: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    book: Book,
    #[serde(default)]
    build: Build,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Build {
    build_dir: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Book {
    title: Option<String>,
    description: Option<String>,
    authors: Vec<String>,
    language: Option<String>,
    src: Option<String>,
}

/// Reads the file's text.
pub(crate) fn parse(toml: &str) -> Result<BookToml, BookError> {
    let document: Document = toml::from_str(toml).map_err(|error| {
        let line = error.span().and_then(|span| toml.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        BookError::BookToml {
            place: line.map_or_else(|| NAME.to_owned(), |line| format!("{NAME}:{line}")),
            reason: error.message().to_owned(),
        }
    })?;
    let Book { title, description, authors, language, src } = document.book;
    Ok(BookToml {
        title: title.as_deref().and_then(one_line),
        // TOML escapes (`"\u0007"`) can bring back what cleaning the file took out.
        description: description.map(|description| text::cleaned(description.trim())),
        authors: authors.iter().filter_map(|author| one_line(author)).collect(),
        language: language.as_deref().and_then(one_line),
        src,
        build_dir: document.build.build_dir,
    })
}

/// The text on one line; `None` if there is none.
pub(crate) fn one_line(raw: &str) -> Option<String> {
    let cleaned = text::cleaned(raw);
    let line = cleaned.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// Whether it has the form of a BCP 47 tag.
pub(crate) fn is_language_tag(tag: &str) -> bool {
    tag.len() <= 35
        && tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && tag.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_fields() {
        let toml = r#"
            [book]
            title = "A\nBook"
            description = "About."
            authors = ["Ada", "", "Grace"]
            language = "en-GB"
            src = "text"
            multilingual = false
            [build]
            build-dir = "out"
            create-missing = false
            [output.html]
            theme = "x"
        "#;
        let expected = BookToml {
            title: Some("A Book".to_owned()),
            description: Some("About.".to_owned()),
            authors: vec!["Ada".to_owned(), "Grace".to_owned()],
            language: Some("en-GB".to_owned()),
            src: Some("text".to_owned()),
            build_dir: Some("out".to_owned()),
        };
        assert_eq!(parse(toml).unwrap(), expected);
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(parse("").unwrap(), BookToml::default());
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(
            parse("[book]\ntitle = 5").unwrap_err().to_string(),
            "book.toml:2: invalid type: integer `5`, expected a string"
        );
        assert!(parse("[book\n").unwrap_err().to_string().starts_with("book.toml:1: "));
    }

    #[test]
    fn language_tags() {
        assert!(is_language_tag("en") && is_language_tag("zh-Hant-TW"));
        assert!(!is_language_tag("English please") && !is_language_tag("") && !is_language_tag("../en"));
    }
}
