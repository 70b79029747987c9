//! The templates of one language, and the folder that they come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use lyceum_domain::{
    mail::{Letter, WrittenLetter},
    users::Locale,
};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::{Fault, LettersError, Site, words};

/// The parts of a letter, as its files end.
const PARTS: [&str; 3] = [SUBJECT, TEXT, HTML];
const SUBJECT: &str = "subject.txt";
const TEXT: &str = "txt";
const HTML: &str = "html";

macro_rules! built_in {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

const BUILT_IN: [(&str, &str); 18] = built_in! {
    "layout.html"
    "_button.html"
    "_code.html"
    "verify_email.subject.txt"
    "verify_email.txt"
    "verify_email.html"
    "already_registered.subject.txt"
    "already_registered.txt"
    "already_registered.html"
    "reset_password.subject.txt"
    "reset_password.txt"
    "reset_password.html"
    "password_changed.subject.txt"
    "password_changed.txt"
    "password_changed.html"
    "account_deleted.subject.txt"
    "account_deleted.txt"
    "account_deleted.html"
};

/// The text of templates, by name, and the files that they are from.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(BTreeMap<String, (PathBuf, String)>);

impl Sources {
    pub(super) fn built_in() -> Self {
        let source = |(name, text): (&str, &str)| (name.to_owned(), (PathBuf::from(name), text.to_owned()));
        Self(BUILT_IN.into_iter().map(source).collect())
    }

    /// Puts the other ones over these.
    pub(super) fn overlay(&mut self, others: &Self) {
        self.0.extend(others.0.iter().map(|(name, source)| (name.clone(), source.clone())));
    }

    /// The letters that are here, each whole.
    pub(super) fn letters(&self) -> Result<BTreeSet<&'static str>, LettersError> {
        let mut letters = BTreeSet::new();
        for letter in words::letter_names() {
            let files = PARTS.map(|part| file_name(letter, part));
            let Some((there, _)) = files.iter().find_map(|file| self.0.get(file)) else { continue };
            if let Some(missing) = files.iter().find(|file| !self.0.contains_key(*file)) {
                return Err(LettersError::Incomplete(there.with_file_name(missing)));
            }
            letters.insert(letter);
        }
        Ok(letters)
    }

    fn read(&mut self, path: PathBuf) -> Result<(), LettersError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_template = [".txt", ".html"].iter().any(|end| name.ends_with(end));
        let is_used = name.starts_with('_')
            || BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
            || words::letter_names().any(|letter| PARTS.iter().any(|part| file_name(letter, part) == name));
        match (is_template, is_used) {
            (true, true) => {
                let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
                self.0.insert(name, (path, text));
                Ok(())
            }
            (true, false) => Err(LettersError::Unknown(path)),
            // The operator's own notes.
            (false, _) => Ok(()),
        }
    }
}

fn file_name(letter: &str, part: &str) -> String {
    format!("{letter}.{part}")
}

/// What an operator says instead of what is built in.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) common: Sources,
    /// By the tag in lower case: the tag, and what is in its folder.
    pub(super) languages: BTreeMap<String, (String, Sources)>,
}

impl Folder {
    pub(super) fn read(folder: &Path) -> Result<Self, LettersError> {
        let mut read = Self::default();
        for path in entries(folder)? {
            if !path.is_dir() {
                read.common.read(path)?;
                continue;
            }
            let tag = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let tag = Locale::parse(tag).map_err(|_| LettersError::Unknown(path.clone()))?;
            let mut sources = Sources::default();
            for path in entries(&path)? {
                if path.is_dir() {
                    return Err(LettersError::Unknown(path));
                }
                sources.read(path)?;
            }
            let (_, known) = read
                .languages
                .entry(tag.as_str().to_ascii_lowercase())
                .or_insert_with(|| (tag.as_str().to_owned(), Sources::default()));
            known.overlay(&sources);
        }
        Ok(read)
    }
}

/// What is in a folder, sorted, but for what is hidden.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, LettersError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> LettersError {
    let path = path.to_owned();
    move |error| LettersError::Read { path, error }
}

/// The letters in one language.
pub(super) struct Language {
    tag: String,
    templates: Environment<'static>,
    files: BTreeMap<String, PathBuf>,
    /// Those that it has itself; of the others it has less specific ones.
    letters: BTreeSet<&'static str>,
}

impl Language {
    /// Reads the templates.
    pub(super) fn new(tag: &str, sources: &Sources, letters: BTreeSet<&'static str>) -> Result<Self, LettersError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|name| {
            let is_html = Path::new(name).extension().is_some_and(|end| end == HTML);
            if is_html { AutoEscape::Html } else { AutoEscape::None }
        });
        let files = sources.0.iter().map(|(name, (file, _))| (name.clone(), file.clone())).collect();
        let mut language = Self { tag: tag.to_owned(), templates, files, letters };
        for (name, (_, text)) in &sources.0 {
            let added = language.templates.add_template_owned(name.clone(), text.clone());
            added.map_err(|error| language.fault(name, &error))?;
        }
        Ok(language)
    }

    /// Whether it has the letter itself.
    pub(super) fn has(&self, letter: &Letter) -> bool {
        self.letters.contains(letter.name())
    }

    /// Writes a sample of each letter and looks for what it is about.
    pub(super) fn try_out(&self, site: &Site) -> Result<(), LettersError> {
        for letter in words::samples().into_iter().filter(|letter| self.has(letter)) {
            let written = self.write(&letter, site)?;
            if words::code(&letter).is_none() {
                continue;
            }
            let link_end = format!("token={}", words::SAMPLE_CODE);
            for (part, text) in [(TEXT, &written.text), (HTML, &written.html)] {
                if !text.contains(&link_end) {
                    return Err(self.at(&file_name(letter.name(), part), "the link is not in it").into());
                }
            }
        }
        Ok(())
    }

    /// Fills in the templates of a letter.
    pub(super) fn write(&self, letter: &Letter, site: &Site) -> Result<WrittenLetter, Fault> {
        let words = words::of(letter, site, &self.tag);
        let filled_in = |part| {
            let name = file_name(letter.name(), part);
            let text = self.templates.get_template(&name).and_then(|template| template.render(&words));
            text.map_err(|error| self.fault(&name, &error))
        };
        let subject = filled_in(SUBJECT)?.trim().to_owned();
        if subject.is_empty() || subject.chars().any(char::is_control) {
            return Err(self.at(&file_name(letter.name(), SUBJECT), "the subject has to be one line of text"));
        }
        let body = |part| filled_in(part).map(|text| format!("{}\n", text.trim()));
        Ok(WrittenLetter { subject, text: body(TEXT)?, html: body(HTML)? })
    }

    fn at(&self, template: &str, reason: &str) -> Fault {
        let file = self.files.get(template).cloned().unwrap_or_else(|| template.into());
        Fault { file, line: None, reason: reason.to_owned() }
    }

    /// Where the error began: what a template extends or includes has an error of its own.
    fn fault(&self, template: &str, error: &minijinja::Error) -> Fault {
        let mut first = error;
        while let Some(inner) = first.source().and_then(|source| source.downcast_ref::<minijinja::Error>()) {
            first = inner;
        }
        let reason = match first.detail() {
            Some(detail) => format!("{}: {detail}", first.kind()),
            None => first.kind().to_string(),
        };
        Fault { line: first.line(), ..self.at(first.name().unwrap_or(template), &reason) }
    }
}
