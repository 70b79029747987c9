//! What clients of OpenAI's format send as messages.

use actix_web::http::StatusCode;
use lyceum_domain::{conversations::Author, mentor::Earlier};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// More messages than any conversation of people has.
const MOST: usize = 2_000;

/// One message. Other members of OpenAI's format are passed over.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompletionSentMessage)]
pub struct SentMessage {
    /// `user`, `assistant`, `system` or `developer`; what a `tool` or a `function` said is left out.
    #[schema(pattern = "^(user|assistant|system|developer|tool|function)$", example = "user")]
    role: String,
    /// What was said.
    #[serde(default)]
    content: Option<Content>,
}

/// Its content: text, or parts of which some are.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompletionSentContent)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message's content.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompletionSentPart)]
struct Part {
    /// `text` or `refusal`: the mentor reads nothing else.
    #[serde(rename = "type")]
    #[schema(pattern = "^(text|refusal)$", example = "text")]
    kind: String,
    /// The text.
    #[serde(default)]
    text: Option<String>,
}

/// The messages as the mentor takes them. What a client's own instructions say is said by its user: the house's rules stay
/// the house's. What tools said is left out, for the mentor called none.
pub(super) fn read(sent: Vec<SentMessage>) -> Result<Vec<Earlier>, Problem> {
    if sent.is_empty() || sent.len() > MOST {
        return Err(bad(&format!("`messages` must hold 1 to {MOST} messages.")));
    }
    if sent.last().is_none_or(|last| last.role != "user") {
        return Err(bad("The last of `messages` must be of the role `user`: it is the question."));
    }
    let mut messages = Vec::with_capacity(sent.len());
    for message in sent {
        let author = match message.role.as_str() {
            "user" | "system" | "developer" => Author::User,
            "assistant" => Author::Assistant,
            "tool" | "function" => continue,
            role => return Err(bad(&format!("`{}` is no role of a message.", role.escape_debug()))),
        };
        messages.push(Earlier { id: None, author, content: text(message.content)? });
    }
    Ok(messages)
}

fn text(content: Option<Content>) -> Result<String, Problem> {
    let parts = match content {
        None => return Ok(String::new()),
        Some(Content::Text(text)) => return Ok(text),
        Some(Content::Parts(parts)) => parts,
    };
    let texts: Result<Vec<String>, Problem> = parts
        .into_iter()
        .map(|part| match (part.kind.as_str(), part.text) {
            ("text" | "refusal", text) => Ok(text.unwrap_or_default()),
            (kind, _) => Err(bad(&format!("The mentor reads text, not `{}`.", kind.escape_debug()))),
        })
        .collect();
    Ok(texts?.join("\n"))
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_messages", detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Result<Vec<(Author, String)>, String> {
        let sent = serde_json::from_str(json).expect("messages");
        let read = read(sent).map_err(|problem| problem.detail.into_owned())?;
        Ok(read.into_iter().map(|earlier| (earlier.author, earlier.content)).collect())
    }

    #[test]
    fn text_comes_whole_or_in_parts_and_null_is_none() {
        let json = r#"[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi", "name": "x"},
            {"role": "assistant", "content": null, "tool_calls": []}, {"role": "tool", "tool_call_id": "1", "content": "5"},
            {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "a bight?"}]}]"#;
        let expected = [
            (Author::User, "Be brief."),
            (Author::User, "Hi"),
            (Author::Assistant, ""),
            (Author::User, "What is\na bight?"),
        ];
        let read = said(json).expect("read");
        assert_eq!(read.iter().map(|(author, text)| (*author, text.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_the_mentor_cannot_read_is_refused_by_name() {
        for (json, named) in [
            ("[]", "1 to 2000"),
            (r#"[{"role": "assistant", "content": "Hi"}]"#, "`user`"),
            (r#"[{"role": "wizard", "content": "Hi"}, {"role": "user", "content": "Hi"}]"#, "`wizard`"),
            (r#"[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]"#, "`image_url`"),
        ] {
            let refused = said(json).expect_err(json);
            assert!(refused.contains(named), "{refused}");
        }
    }
}
