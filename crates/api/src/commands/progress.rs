//! `lyceum progress`.

use clap::Subcommand;
use lyceum_application::progress::{Difference, LearnerDifference, Rebuild};
use lyceum_domain::{policy::Actor, progress::CourseProgress};

use super::{Failure, Outcome, course};
use crate::{output::say, settings::Settings};

#[derive(Debug, Subcommand)]
pub enum Progress {
    /// Compare what the rows say about learners with what follows from what happened, and put it right.
    Rebuild {
        /// Only look; ends with 1 if there is a difference.
        #[arg(long)]
        check: bool,
        /// Only this course: id or slug.
        #[arg(long)]
        course: Option<String>,
    },
}

pub async fn run(command: Progress, settings: &Settings) -> Outcome {
    let Progress::Rebuild { check, course } = command;
    let lyceum = super::lyceum(settings).await?;
    let course = match course {
        None => None,
        Some(name) => Some(lyceum.course(&Actor::System, &course::key(&name)?).await?.0.id),
    };
    let rebuild = Rebuild { check_only: check, course };
    let mut tell = |difference: &Difference| say!("{}", told(difference));
    let done = lyceum.rebuild_progress(&Actor::System, rebuild, &mut tell).await?;
    say!(
        "{} learners in courses and {} courses compared: {} differences, {} put right",
        done.learners,
        done.courses,
        done.differences,
        done.put_right
    );
    if done.differences > done.put_right {
        return Err(Failure::Failed(anyhow::anyhow!("the rows are not what follows from what happened")));
    }
    Ok(())
}

/// A difference in a line.
fn told(difference: &Difference) -> String {
    match difference {
        Difference::LessonCount { course, stored, counted } => {
            format!("course {course}: says {stored} lessons, has {counted}")
        }
        Difference::Learner(difference) => {
            let LearnerDifference { user, course, stored, stored_lessons, follows } = &**difference;
            let says = stored.as_ref().map_or_else(|| "nothing".to_owned(), stand);
            let follows_stand =
                follows.as_ref().map_or_else(|| "nothing".to_owned(), |follows| stand(&follows.progress));
            let known = follows.as_ref().map(|follows| &follows.lessons);
            let lessons = stored_lessons.iter().map(|(lesson, (says, at))| {
                let status = known.and_then(|lessons| lessons.get(lesson));
                let should =
                    status.map_or_else(|| "no row".to_owned(), |(status, at)| format!("{} at {at}", status.as_str()));
                format!("; lesson {lesson} says {} at {at}, should be {should}", says.as_str())
            });
            format!(
                "learner {user} in course {course}: says {says}; follows {follows_stand}{}",
                lessons.collect::<String>()
            )
        }
    }
}

fn stand(progress: &CourseProgress) -> String {
    format!(
        "{} lessons done, {}, since {}, until {}, step {}",
        progress.completed_lessons,
        if progress.is_enrolled { "enrolled" } else { "left" },
        progress.created_at,
        progress.updated_at,
        progress.version
    )
}
