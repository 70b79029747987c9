//! What mails say: letters from templates.

mod language;
mod words;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use lyceum_domain::{
    mail::{Letter, LetterWriter, MailError, WrittenLetter},
    users::Locale,
};
use thiserror::Error;

use language::{Folder, Language, Sources};

/// Of which site the letters tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// What it is called, one line.
    pub name: String,
    /// Where it is.
    pub public_url: String,
}

/// Writes letters from templates, Jinja's as [minijinja] reads them. English ones are built in.
///
/// Each letter ([`Letter::name`]) has three: `{letter}.subject.txt`, `{letter}.txt` and `{letter}.html`. What ends in
/// `.html` is escaped for HTML. The HTML ones extend `layout.html` and include `_button.html` (`href`, `label`) and
/// `_code.html`. They know
/// * `site_name` and `public_url`, which are the [`Site`]'s; `language`, its tag; `username`;
/// * `link`, `code` and `expires_at` in `verify_email` and `reset_password`;
/// * `sign_in_link` and `reset_link` in `already_registered`;
/// * `reset_link` and `changed_at` in `password_changed`;
/// * `erased_at` in `account_deleted`.
///
/// Times read `25 November 2026, 10:43 UTC`; with `_iso` behind the name, `2026-11-25 10:43 UTC`.
///
/// An operator's folder ([`with_folder`](Self::with_folder)) may hold
/// * any of these files, and it stands for the one that is built in;
/// * folders named by language tags (`de`, `pt-BR`), with whole letters: all three files or none. A letter is written
///   in the most specific language that has it (`de-AT`, then `de`: RFC 4647, section 3.4), else in English. The
///   language may have a layout of its own;
/// * files whose names begin with `_`, for templates to include.
///
/// All of it is read once and tried with samples, so that what is broken is found at the start and not in the first
/// mail. A file that no letter would ever use is an error: its name was meant to be another.
///
/// [minijinja]: https://docs.rs/minijinja/latest/minijinja/syntax/
pub struct TemplateLetters {
    site: Site,
    /// English, or what the operator says instead.
    default: Language,
    /// By their tags in lower case.
    languages: BTreeMap<String, Language>,
}

impl TemplateLetters {
    /// The letters that are built in.
    pub fn new(site: Site) -> Result<Self, LettersError> {
        Self::from_folder(site, &Folder::default())
    }

    /// The letters of an operator's folder, and of those that it lacks the ones that are built in.
    pub fn with_folder(site: Site, folder: &Path) -> Result<Self, LettersError> {
        Self::from_folder(site, &Folder::read(folder)?)
    }

    fn from_folder(site: Site, folder: &Folder) -> Result<Self, LettersError> {
        if site.name.trim().is_empty() || site.name.chars().any(char::is_control) {
            return Err(LettersError::SiteName);
        }
        let mut common = Sources::built_in();
        common.overlay(&folder.common);
        let default = Language::new("en", &common, words::letter_names().collect())?;
        default.try_out(&site)?;

        let mut languages = BTreeMap::new();
        for (key, (tag, own)) in &folder.languages {
            let mut sources = common.clone();
            let mut less_specific: Vec<_> = lookup(key).skip(1).filter_map(|key| folder.languages.get(key)).collect();
            less_specific.reverse();
            for (_, others) in less_specific {
                sources.overlay(others);
            }
            sources.overlay(own);
            let language = Language::new(tag, &sources, own.letters()?)?;
            language.try_out(&site)?;
            languages.insert(key.clone(), language);
        }
        Ok(Self { site, default, languages })
    }

    fn language(&self, letter: &Letter, locale: &Locale) -> &Language {
        let key = locale.as_str().to_ascii_lowercase();
        let mut fitting = lookup(&key).filter_map(|key| self.languages.get(key));
        fitting.find(|language| language.has(letter)).unwrap_or(&self.default)
    }
}

impl LetterWriter for TemplateLetters {
    /// An error says which template failed, and not with what: that may be a secret. It is [`MailError::Unavailable`],
    /// for the operator can mend it.
    fn write(&self, letter: &Letter, locale: &Locale) -> Result<WrittenLetter, MailError> {
        let written = self.language(letter, locale).write(letter, &self.site);
        written.map_err(|fault| MailError::Unavailable(format!("a template failed: {}", fault.place()).into()))
    }
}

impl fmt::Debug for TemplateLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let languages: Vec<_> = self.languages.keys().collect();
        f.debug_struct("TemplateLetters")
            .field("site", &self.site)
            .field("languages", &languages)
            .finish_non_exhaustive()
    }
}

/// The tag and what is left of it when its last part is taken away, again and again (RFC 4647, section 3.4).
fn lookup(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rsplit_once('-').map(|(rest, _)| rest))
}

/// Why there are no letters.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LettersError {
    /// The site's name would make no subject.
    #[error("the name of the site has to be one line of text")]
    SiteName,
    /// A file or folder cannot be read, or is not UTF-8.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file that nothing would use, or a folder that is not named by a language tag.
    #[error("{} is neither a template of a letter nor the folder of a language", .0.display())]
    Unknown(PathBuf),
    /// A language has a letter in parts only; another language's would not go with them.
    #[error("{} is missing: a letter in a language of its own has a subject, a text and HTML", .0.display())]
    Incomplete(PathBuf),
    /// A template cannot be read or filled in.
    #[error(transparent)]
    Template(#[from] Fault),
}

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {reason}", self.place())]
pub struct Fault {
    /// The file; for a template that is built in, its name alone.
    pub file: PathBuf,
    /// The line, from 1 on, if it can be told.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl Fault {
    /// File and line, as compilers write them.
    fn place(&self) -> String {
        let file = self.file.display();
        self.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }
}

#[cfg(test)]
mod tests;
