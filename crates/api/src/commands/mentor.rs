//! `lyceum mentor`.

use std::fmt::Write as _;

use clap::Subcommand;
use lyceum_application::{
    Error,
    mentor::{Explained, Missing, Rebuilt},
};
use lyceum_domain::{
    ids::MessageId,
    mentor::{ChatMessage, CourseStanding, QuotedPassage},
    policy::Actor,
};
use serde_json::{Value, json};

use super::{Failure, Outcome};
use crate::{
    output::{self, say},
    settings::Settings,
};

#[derive(Debug, Subcommand)]
pub enum Mentor {
    /// Show what an answer was made from and the very prompt; ends with 1 if that cannot be made again exactly.
    Explain {
        /// Id of the answer.
        message: String,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(command: Mentor, settings: &Settings) -> Outcome {
    let Mentor::Explain { message, json } = command;
    let id: MessageId = message.parse().map_err(|_| Failure::Usage(format!("{message:?} is no id of a message")))?;
    let lyceum = super::lyceum(settings).await?;
    let explained = lyceum.explain(&Actor::System, id).await.map_err(|error| match error {
        Error::NotFound(_) => anyhow::anyhow!("there is no answer {id} of which it was written down"),
        error => error.into(),
    })?;
    if json {
        say!("{}", serde_json::to_string_pretty(&body(&explained))?);
    } else {
        output::text(&told(&explained));
    }
    match &explained.prompt {
        Rebuilt::Exact(_) => Ok(()),
        Rebuilt::Different(_) => Err(failed("the prompt is not the one that was sent: what it was made from changed")),
        Rebuilt::Gone(_) => Err(failed("the prompt cannot be made again")),
    }
}

fn failed(why: &'static str) -> Failure {
    Failure::Failed(anyhow::anyhow!(why))
}

/// The messages of a prompt, as far as it could be made again.
fn messages(prompt: &Rebuilt) -> &[ChatMessage] {
    match prompt {
        Rebuilt::Exact(messages) | Rebuilt::Different(messages) => messages,
        Rebuilt::Gone(_) => &[],
    }
}

fn missing(prompt: &Rebuilt) -> Vec<String> {
    let Rebuilt::Gone(missing) = prompt else { return Vec::new() };
    let named = missing.iter().map(|missing| match missing {
        Missing::Template(version) => format!("the template {version}"),
        Missing::Question => "the question".to_owned(),
        Missing::Message(id) => format!("the message {id}"),
        Missing::Passage(number) => format!("the text of passage {number}"),
    });
    named.collect()
}

/// For a terminal: a line for each fact, then the prompt as it was read.
fn told(explained: &Explained) -> String {
    let Explained { owner, answer, manifest, prompt } = explained;
    let mut out = String::new();
    let mut fact = |name: &str, what: &dyn std::fmt::Display| {
        let _ = writeln!(out, "{name:12}{what}");
    };
    fact("answer", &format_args!("{}, to user {owner} at {}", answer.id, answer.created_at));
    fact("template", &manifest.template);
    fact("model", &format_args!("{} of {}", manifest.model, manifest.provider));
    fact(
        "at most",
        &manifest.max_tokens.map_or_else(|| "as the model likes".to_owned(), |most| format!("{most} tokens")),
    );
    fact("temperature", &manifest.temperature.map_or_else(|| "as the model likes".to_owned(), |t| t.to_string()));
    fact("role", &manifest.role);
    fact("personal", &if manifest.is_personal { "yes" } else { "no: nothing of courses is told" });
    fact("title", &if manifest.wants_title { "asked for" } else { "not asked for" });
    for standing in &manifest.courses {
        fact("course", &course(standing));
    }
    if let Some(lesson) = &manifest.lesson {
        let number = lesson.number.as_ref().map(|number| format!("{number} ")).unwrap_or_default();
        fact("lesson", &format_args!("{} \"{number}{}\" of \"{}\"", lesson.lesson, lesson.title, lesson.course_title));
    }
    for quoted in &manifest.passages {
        fact("passage", &passage(quoted));
    }
    for message in &manifest.history {
        fact("history", message);
    }
    fact("digest", &manifest.prompt);
    match prompt {
        Rebuilt::Exact(_) => fact("prompt", &"exactly what was sent"),
        Rebuilt::Different(_) => fact("prompt", &"NOT what was sent"),
        Rebuilt::Gone(_) => fact("prompt", &format_args!("lost, without {}", missing(prompt).join(", "))),
    }
    for ChatMessage { role, content } in messages(prompt) {
        let _ = writeln!(out, "\n--- {} ---\n{content}", role.as_str());
    }
    out
}

fn course(standing: &CourseStanding) -> String {
    let mut line = format!(
        "{} \"{}\": {}, {} of {} lessons",
        standing.course, standing.title, standing.percent, standing.completed_lessons, standing.total_lessons
    );
    if let Some(next) = &standing.next_lesson {
        let _ = write!(line, ", next {} \"{}\"", next.lesson, next.title);
    }
    line
}

fn passage(quoted: &QuotedPassage) -> String {
    let number = quoted.lesson_number.as_ref().map(|number| format!("{number} ")).unwrap_or_default();
    format!(
        "[{}] {} of lesson {} \"{number}{}\", \"{}\", SHA-256 {}",
        quoted.number, quoted.passage, quoted.lesson, quoted.title, quoted.heading, quoted.digest
    )
}

/// For a program.
fn body(explained: &Explained) -> Value {
    let Explained { owner, answer, manifest, prompt } = explained;
    let courses = manifest.courses.iter().map(|standing| {
        json!({
            "course_id": standing.course.as_uuid(),
            "title": standing.title.as_str(),
            "completion_percent": standing.percent.get(),
            "completed_lessons": standing.completed_lessons,
            "total_lessons": standing.total_lessons,
            "next_lesson": standing.next_lesson.as_ref().map(|next| json!({
                "lesson_id": next.lesson.as_uuid(),
                "title": next.title.as_str(),
                "number": next.number.as_ref().map(ToString::to_string),
            })),
        })
    });
    let lesson = manifest.lesson.as_ref().map(|lesson| {
        json!({
            "lesson_id": lesson.lesson.as_uuid(),
            "title": lesson.title.as_str(),
            "number": lesson.number.as_ref().map(ToString::to_string),
            "course_title": lesson.course_title.as_str(),
        })
    });
    let passages = manifest.passages.iter().map(|quoted| {
        json!({
            "citation": quoted.number,
            "passage_id": quoted.passage.as_uuid(),
            "lesson_id": quoted.lesson.as_uuid(),
            "course_id": quoted.course.as_uuid(),
            "title": quoted.title,
            "number": quoted.lesson_number,
            "heading": quoted.heading,
            "sha256": quoted.digest.to_string(),
        })
    });
    let told =
        messages(prompt).iter().map(|message| json!({"role": message.role.as_str(), "content": message.content}));
    json!({
        "message_id": answer.id.as_uuid(),
        "conversation_id": answer.conversation.as_uuid(),
        "user_id": owner.as_uuid(),
        "created_at": answer.created_at.to_string(),
        "template": manifest.template,
        "provider": manifest.provider,
        "model": manifest.model,
        "max_tokens": manifest.max_tokens,
        // As it was set: 0.7 is none of the numbers that a float has.
        "temperature": manifest.temperature.and_then(|temperature| temperature.to_string().parse::<f64>().ok()),
        "role": manifest.role.as_str(),
        "is_personal": manifest.is_personal,
        "wants_title": manifest.wants_title,
        "courses": courses.collect::<Vec<_>>(),
        "lesson": lesson,
        "passages": passages.collect::<Vec<_>>(),
        "history": manifest.history.iter().map(|id| id.as_uuid()).collect::<Vec<_>>(),
        "prompt_sha256": manifest.prompt.to_string(),
        "is_exact": explained.is_exact(),
        "missing": missing(prompt),
        "messages": told.collect::<Vec<_>>(),
    })
}
