//! `lyceum course`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use lyceum_application::courses::{Import, Imported};
use lyceum_course_mdbook::{Limits, open_any};
use lyceum_domain::{
    courses::{CourseDraft, LessonChange, LessonReport},
    policy::Actor,
    users::Identifier,
};

use super::{Failure, Outcome};
use crate::settings::Settings;

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
}

pub async fn run(command: Course, settings: &Settings) -> Outcome {
    let Course::Import { path, author, publish, json } = command;
    let draft = tokio::task::spawn_blocking(move || read(&path)).await??;
    let lyceum = super::lyceum(settings).await?;
    let author = match author {
        None => None,
        Some(name) => {
            let nobody = || Failure::Failed(anyhow::anyhow!("there is no account {name:?}"));
            let identifier = Identifier::parse(&name).ok_or_else(nobody)?;
            Some(lyceum.find_user(&Actor::System, &identifier).await?.ok_or_else(nobody)?.id)
        }
    };
    let imported = lyceum.import_course(&Actor::System, Import { draft, author, publish }).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&as_json(&imported))?);
    } else {
        print_report(&imported);
    }
    Ok(())
}

fn read(path: &std::path::Path) -> anyhow::Result<CourseDraft> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} chapters")?;
    // Shows itself on a terminal only.
    let bar = ProgressBar::new(0).with_style(style);
    let book = open_any(path, &Limits::default(), &mut |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    });
    bar.finish_and_clear();
    Ok(book.with_context(|| format!("{} cannot be imported", path.display()))?.into_draft())
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
    println!(
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
            println!("{count:>6} {}", change.as_str());
        }
    }
    let only_some = report.lessons.len() - report.count(LessonChange::Added) - report.count(LessonChange::Unchanged);
    if only_some > 0 {
        for LessonReport { change, title, .. } in &report.lessons {
            if !matches!(change, LessonChange::Added | LessonChange::Unchanged) {
                println!("       {}: {title}", change.as_str());
            }
        }
    }
    for passed_over in &report.passed_over {
        println!("Passed over {}: {}", passed_over.place, passed_over.reason);
    }
    if course.published_at.is_none() {
        println!("Learners cannot see it yet: import it again with --publish.");
    }
}

fn as_json(imported: &Imported) -> serde_json::Value {
    let Imported { course, is_new, report } = imported;
    let counts: serde_json::Map<_, _> =
        CHANGES.iter().map(|change| (change.as_str().to_owned(), report.count(*change).into())).collect();
    let lessons: Vec<_> = report
        .lessons
        .iter()
        .map(|lesson| serde_json::json!({"title": lesson.title, "change": lesson.change.as_str()}))
        .collect();
    let passed_over: Vec<_> = report
        .passed_over
        .iter()
        .map(|passed| serde_json::json!({"place": passed.place, "reason": passed.reason}))
        .collect();
    serde_json::json!({
        "course_id": course.id.to_string(),
        "slug": course.slug.as_str(),
        "title": course.title.as_str(),
        "status": course.status.as_str(),
        "is_new": is_new,
        "total_lessons": course.lesson_count,
        "counts": counts,
        "lessons": lessons,
        "passed_over": passed_over,
    })
}
