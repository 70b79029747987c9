//! What is sent and what comes back. Every member of a reply is optional, and unknown ones are passed over.

use lyceum_domain::mentor::{ChatMessage, TokenUsage};
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny, ser::SerializeStruct as _};
use serde_json::Value;

/// The body of a request; it borrows everything.
#[derive(Serialize)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a str,
    pub(crate) messages: Vec<Line<'a>>,
    /// Always sent: Qubrid's default is the opposite of OpenAI's.
    pub(crate) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
pub(crate) struct StreamOptions {
    pub(crate) include_usage: bool,
}

/// A message of a request.
pub(crate) struct Line<'a>(pub(crate) &'a ChatMessage);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Line", 2)?;
        line.serialize_field("role", self.0.role.as_str())?;
        line.serialize_field("content", &self.0.content)?;
        line.end()
    }
}

/// A JSON reply, in any of its shapes, and equally one event of a stream.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Reply {
    pub(crate) choices: Option<Vec<Choice>>,
    /// The text of the flat shape.
    pub(crate) content: Option<String>,
    pub(crate) data: Option<Data>,
    pub(crate) usage: Option<Usage>,
    pub(crate) model: Option<String>,
    pub(crate) error: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Choice {
    pub(crate) message: Option<Part>,
    pub(crate) delta: Option<Part>,
    pub(crate) finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Part {
    pub(crate) content: Option<String>,
    pub(crate) reasoning_content: Option<String>,
}

/// The nested shape; whatever else is called `data` is not ours to judge.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Data {
    Nested { content: String },
    Other(IgnoredAny),
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
pub(crate) struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Usage {
    /// The counts, if there are any.
    pub(crate) fn counted(self) -> Option<TokenUsage> {
        if self.prompt_tokens.is_none() && self.completion_tokens.is_none() {
            return None;
        }
        let count = |tokens: Option<u64>| u32::try_from(tokens.unwrap_or(0)).unwrap_or(u32::MAX);
        Some(TokenUsage { prompt_tokens: count(self.prompt_tokens), completion_tokens: count(self.completion_tokens) })
    }
}

/// What a provider says about an error: `{"error": {...}}`, `{"error": "text"}` or `{"message": "..."}`.
#[derive(Default)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) code: String,
    pub(crate) kind: String,
}

impl Complaint {
    /// Reads the body of an error; a body that is no JSON (a proxy's page) is its own message.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(root)) => match root.get("error") {
                Some(error) if !error.is_null() => Self::of(error),
                _ => Self::of(&Value::Object(root)),
            },
            _ => Self { message: String::from_utf8_lossy(body).into_owned(), ..Self::default() },
        }
    }

    /// Reads the value of an `error`.
    pub(crate) fn of(error: &Value) -> Self {
        let word = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        match error {
            Value::String(message) => Self { message: message.clone(), ..Self::default() },
            _ => Self { message: word("message"), code: word("code"), kind: word("type") },
        }
    }

    /// Whether the code or the type is one of these words.
    pub(crate) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.code == *word || self.kind == *word)
    }
}
