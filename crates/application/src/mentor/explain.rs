//! What an answer was made from, made again.

use std::collections::HashMap;

use lyceum_domain::{
    blobs::Sha256,
    conversations::Message,
    ids::{MessageId, UserId},
    mentor::{
        ChatMessage, Earlier, Grounding, Manifest, NumberedPassage, QuotedPassage, QuotedText, Shape, Source, TEMPLATE,
        compose,
    },
    policy::{Action, Actor, allow},
};
use sha2::Digest as _;

use crate::{Error, Lyceum, error::denied};

/// What an answer was made from.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Whose answer it is.
    pub owner: UserId,
    /// The answer.
    pub answer: Message,
    /// What was written down before the model was asked.
    pub manifest: Manifest,
    /// The prompt that follows from it.
    pub prompt: Rebuilt,
}

impl Explained {
    /// Whether the prompt is, byte for byte, the one that was sent.
    pub fn is_exact(&self) -> bool {
        matches!(self.prompt, Rebuilt::Exact(_))
    }
}

/// A prompt that was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebuilt {
    /// It has the digest of the one that was sent.
    Exact(Vec<ChatMessage>),
    /// It is another one: something that it was made from was changed.
    Different(Vec<ChatMessage>),
    /// It cannot be made any more.
    Gone(Vec<Missing>),
}

/// What is missing to make a prompt again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The words of the template of this version, which is not the one of this server.
    Template(String),
    /// The question.
    Question,
    /// A message that went before.
    Message(MessageId),
    /// The text of the passage of this number.
    Passage(u32),
}

impl Lyceum {
    /// Makes the prompt of an answer again from what is kept of it, and says whether it is the one that was sent. For
    /// the operator, and for whose answer it is. Of an answer that no manifest was written for nothing is known.
    pub async fn explain(&self, actor: &Actor, answer: MessageId) -> Result<Explained, Error> {
        let read = self.ports.store.read();
        let not_found = || Error::NotFound("message");
        let (owner, manifest) = read.manifest(answer).await?.ok_or_else(not_found)?;
        allow(actor, &Action::ExplainAnswer { owner }).map_err(denied("message"))?;
        let answer = read.message(owner, answer).await?.ok_or_else(not_found)?;
        let prompt = self.rebuilt(owner, &answer, &manifest).await?;
        Ok(Explained { owner, answer, manifest, prompt })
    }

    async fn rebuilt(&self, owner: UserId, answer: &Message, manifest: &Manifest) -> Result<Rebuilt, Error> {
        let read = self.ports.store.read();
        let mut missing = Vec::new();
        if manifest.template != TEMPLATE {
            missing.push(Missing::Template(manifest.template.clone()));
        }
        let question = match answer.parent {
            Some(question) => read.message(owner, question).await?,
            None => None,
        };
        if question.is_none() {
            missing.push(Missing::Question);
        }
        let mut history = Vec::with_capacity(manifest.history.len());
        for id in &manifest.history {
            match read.message(owner, *id).await? {
                Some(message) => history.push(Earlier::from(message)),
                None => missing.push(Missing::Message(*id)),
            }
        }
        let digests: Vec<_> = manifest.passages.iter().map(|passage| passage.digest).collect();
        let quoted = read.quoted_texts(&digests).await?.into_iter();
        let texts: HashMap<_, _> = quoted.map(|QuotedText { digest, text }| (digest, text)).collect();
        let mut passages = Vec::with_capacity(manifest.passages.len());
        for passage in &manifest.passages {
            match texts.get(&passage.digest) {
                Some(text) => passages.push(quoted_again(passage, text)),
                None => missing.push(Missing::Passage(passage.number)),
            }
        }
        let Some(question) = question.filter(|_| missing.is_empty()) else {
            return Ok(Rebuilt::Gone(missing));
        };
        let grounding = Grounding {
            role: manifest.role,
            courses: manifest.courses.clone(),
            lesson: manifest.lesson.clone(),
            passages,
            question: question.content,
            is_personal: manifest.is_personal,
        };
        let messages = compose(&grounding, &history, &Shape::again(manifest.wants_title)).messages;
        let is_exact = digest(&messages) == manifest.prompt;
        Ok(if is_exact { Rebuilt::Exact(messages) } else { Rebuilt::Different(messages) })
    }
}

/// A passage as it stood in the prompt. Its excerpt was for the reader of the answer, not for the model.
fn quoted_again(passage: &QuotedPassage, text: &str) -> NumberedPassage {
    NumberedPassage {
        number: passage.number,
        passage: passage.passage,
        heading: passage.heading.clone(),
        text: text.to_owned(),
        source: Source {
            citation: passage.number,
            lesson: passage.lesson,
            course: passage.course,
            title: passage.title.clone(),
            number: passage.lesson_number.clone(),
            excerpt: String::new(),
        },
    }
}

/// The digest of a prompt: of every message its role and its content, each behind its length in bytes (eight of them,
/// little-endian), so that no two prompts read alike.
pub(crate) fn digest(messages: &[ChatMessage]) -> Sha256 {
    let mut digest = sha2::Sha256::new();
    for message in messages {
        for part in [message.role.as_str(), &message.content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    Sha256::new(digest.finalize().into())
}

/// The digest of a passage's text.
pub(crate) fn digest_of_text(text: &str) -> Sha256 {
    Sha256::new(sha2::Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::mentor::ChatRole;

    fn said(role: ChatRole, content: &str) -> ChatMessage {
        ChatMessage { role, content: content.to_owned() }
    }

    #[test]
    fn prompts_that_differ_in_a_role_a_cut_or_an_order_have_different_digests() {
        let prompts = [
            vec![],
            vec![said(ChatRole::User, "")],
            vec![said(ChatRole::User, "ab")],
            vec![said(ChatRole::System, "ab")],
            vec![said(ChatRole::User, "a"), said(ChatRole::User, "b")],
            vec![said(ChatRole::User, "b"), said(ChatRole::User, "a")],
            vec![said(ChatRole::User, "ab"), said(ChatRole::User, "")],
        ];
        let digests: std::collections::HashSet<_> = prompts.iter().map(|prompt| digest(prompt)).collect();
        assert_eq!(digests.len(), prompts.len());
    }

    #[test]
    fn digests_stay_what_they_are_for_they_are_stored() {
        let prompt = [said(ChatRole::System, "Rules."), said(ChatRole::User, "Why?")];
        assert_eq!(digest(&prompt).to_string(), "7cb8600c6c065e7da52aa41b6383e75b961d31b41a2ffc3251aacd0db8593f1a");
    }
}
