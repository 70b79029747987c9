//! `lyceum course`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use lyceum_application::{
    Lyceum,
    courses::{Import, Imported},
};
use lyceum_course_mdbook::{Book, Limits, open_any};
use lyceum_domain::{
    courses::{CourseKey, LessonChange, LessonReport, PassedOver, Slug},
    ids::UserId,
    policy::Actor,
    sessions::Client,
    users::Identifier,
};

use super::{Failure, Outcome};
use crate::{books, books::BookFiles, output::say, routes::courses::import::ImportReportBody, settings::Settings};

#[derive(Debug, Subcommand)]
pub enum Course {
    /// Import an mdBook; again, to bring a course up to date with its book.
    Import {
        /// The folder with `book.toml`, or an archive (zip, tar, tar.gz) that holds one.
        path: PathBuf,
        /// Username or e-mail of the course's author; without one it belongs to the house.
        #[arg(long)]
        author: Option<String>,
        /// Let everybody see it.
        #[arg(long)]
        publish: bool,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a course as an mdBook.
    Export {
        /// Id or slug of the course.
        course: String,
        /// Where to: a file that ends in `.zip`, or a folder. Nothing is overwritten.
        path: PathBuf,
    },
}

pub async fn run(command: Course, settings: &Settings) -> Outcome {
    match command {
        Course::Import { path, author, publish, json } => {
            let book = Arc::new(tokio::task::spawn_blocking(move || read(&path)).await??);
            let lyceum = super::lyceum(settings).await?;
            let author = author_named(&lyceum, author).await?;
            let (draft, files) = (book.draft().clone(), Arc::new(BookFiles(book)));
            let import = Import { draft, files, author, publish };
            let imported = lyceum.import_course(&Actor::System, &Client::default(), import).await?;
            if json {
                say!("{}", serde_json::to_string_pretty(&ImportReportBody::from(imported))?);
            } else {
                print_report(&imported);
            }
        }
        Course::Export { course, path } => {
            let lyceum = super::lyceum(settings).await?;
            let export = lyceum.export_course(&Actor::System, &key(&course)?).await?;
            let (lessons, files) = (export.lessons.len(), export.files.len());
            let title = export.course.title.clone();
            let is_zip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
            let written = if is_zip {
                books::zip_into(&lyceum, export, path.clone()).await
            } else {
                books::folder_into(&lyceum, export, path.clone()).await
            };
            let passed_over = written.with_context(|| format!("{} cannot be written", path.display()))?;
            say!("Wrote \"{title}\" to {}: {lessons} lessons, {files} files", path.display());
            print_passed_over(&passed_over);
        }
    }
    Ok(())
}

/// Which course a name means.
pub fn key(course: &str) -> Result<CourseKey, Failure> {
    let key = course.parse().map(CourseKey::Id).or_else(|_| Slug::parse(course).map(CourseKey::Slug));
    key.map_err(|_| Failure::Failed(anyhow::anyhow!("there is no course {course:?}")))
}

async fn author_named(lyceum: &Lyceum, author: Option<String>) -> Result<Option<UserId>, Failure> {
    let Some(name) = author else { return Ok(None) };
    let nobody = || Failure::Failed(anyhow::anyhow!("there is no account {name:?}"));
    let identifier = Identifier::parse(&name).ok_or_else(nobody)?;
    Ok(Some(lyceum.find_user(&Actor::System, &identifier).await?.ok_or_else(nobody)?.id))
}

fn read(path: &Path) -> anyhow::Result<Book> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} chapters")?;
    // Shows itself on a terminal only.
    let bar = ProgressBar::new(0).with_style(style);
    let book = open_any(path, &Limits::default(), &mut |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    });
    bar.finish_and_clear();
    book.with_context(|| format!("{} cannot be imported", path.display()))
}

const CHANGES: [LessonChange; 5] = [
    LessonChange::Added,
    LessonChange::Changed,
    LessonChange::Restored,
    LessonChange::Unchanged,
    LessonChange::Removed,
];

fn print_report(imported: &Imported) {
    let Imported { course, is_new, report } = imported;
    say!(
        "{} \"{}\" ({}, {}): {} lessons",
        if *is_new { "Imported" } else { "Updated" },
        course.title,
        course.slug,
        course.status.as_str(),
        course.lesson_count
    );
    for change in CHANGES {
        let count = report.count(change);
        if count > 0 {
            say!("{count:>6} {}", change.as_str());
        }
    }
    if !is_new {
        for lesson in &report.lessons {
            if let Some(line) = told(lesson) {
                say!("       {line}");
            }
        }
    }
    print_passed_over(&report.passed_over);
    if course.published_at.is_none() {
        say!("Learners cannot see it yet: import it again with --publish.");
    }
}

/// A lesson that is not as it was; of new ones those that were part of another.
fn told(lesson: &LessonReport) -> Option<String> {
    let LessonReport { change, title, renamed_from, moved_from, split_from, .. } = lesson;
    let mut notes = Vec::new();
    notes.extend(renamed_from.as_ref().map(|name| format!("was \"{name}\"")));
    notes.extend(moved_from.as_ref().map(|place| format!("moved from {place}")));
    notes.extend(split_from.as_ref().map(|from| format!("split from \"{from}\"")));
    let is_plain = matches!(change, LessonChange::Added | LessonChange::Unchanged) && notes.is_empty();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    (!is_plain).then(|| format!("{}: {title}{notes}", change.as_str()))
}

fn print_passed_over(passed_over: &[PassedOver]) {
    for PassedOver { place, reason } in passed_over {
        say!("Passed over {place}: {reason}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::ids::LessonId;
    use uuid::Uuid;

    #[test]
    fn what_became_of_a_lesson_is_told_in_a_line() {
        let plain = LessonReport {
            lesson: LessonId::from_uuid(Uuid::nil()),
            title: "Reef".to_owned(),
            change: LessonChange::Unchanged,
            renamed_from: None,
            moved_from: None,
            split_from: None,
        };
        assert_eq!(told(&plain), None);
        assert_eq!(told(&LessonReport { change: LessonChange::Added, ..plain.clone() }), None);
        let removed = LessonReport { change: LessonChange::Removed, ..plain.clone() };
        assert_eq!(told(&removed).as_deref(), Some("removed: Reef"));
        let changed = LessonReport {
            change: LessonChange::Changed,
            renamed_from: Some("Square".to_owned()),
            moved_from: Some("1.2".to_owned()),
            ..plain.clone()
        };
        assert_eq!(told(&changed).as_deref(), Some("changed: Reef (was \"Square\", moved from 1.2)"));
        let split = LessonReport { change: LessonChange::Added, split_from: Some("Bends".to_owned()), ..plain };
        assert_eq!(told(&split).as_deref(), Some("added: Reef (split from \"Bends\")"));
    }
}
