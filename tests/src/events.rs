//! The event stream of an answer.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

/// The longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(15);

/// A stream that is being read. Dropping it hangs up.
#[derive(Debug)]
pub struct Events {
    response: Response,
    /// Bytes, since pieces of a response may end within a character.
    unread: Vec<u8>,
}

/// An event.
#[derive(Debug, Clone)]
pub struct Event {
    /// What reads on from here: `{message}:{bytes}`.
    pub id: String,
    /// `start`, `delta`, `done` or `error`.
    pub name: String,
    /// Its data.
    pub data: Value,
}

impl Events {
    /// The events of a response, which must have begun well.
    pub async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
        let is_stream = status == 200 && kind.as_deref().is_some_and(|kind| kind.starts_with("text/event-stream"));
        assert!(is_stream, "no stream: {status} {kind:?} {:?}", response.text().await);
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, unread: Vec::new() }
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        self.read().await.expect("the stream goes on")
    }

    /// The next event of those that came before the connection broke.
    pub async fn next_if_any(&mut self) -> Option<Event> {
        self.read().await.ok().flatten()
    }

    async fn read(&mut self) -> Result<Option<Event>, reqwest::Error> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|window| window == b"\n\n") {
                let event = String::from_utf8(self.unread.drain(..end + 2).collect()).expect("text");
                if let Some(event) = parse(&event) {
                    return Ok(Some(event));
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            let Some(chunk) = chunk? else { return Ok(None) };
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// The next event, which must be this.
    pub async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
        assert_eq!(event.name, name, "{}", event.data);
        event.data
    }

    /// The text of the next pieces, until they are these words; and the id of the last one.
    pub async fn expect_words(&mut self, words: &str) -> String {
        let mut text = String::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended after {text:?}"));
            assert_eq!(event.name, "delta", "after {text:?}: {}", event.data);
            text.push_str(event.data["text"].as_str().expect("text"));
            assert!(words.starts_with(&text), "{text:?} does not begin {words:?}");
            if text == words {
                return event.id;
            }
        }
    }

    /// All the text until the last event, and that event. The stream must end there.
    pub async fn to_the_end(mut self) -> (String, Event) {
        let mut text = String::new();
        while let Some(event) = self.next().await {
            if event.name == "delta" {
                text.push_str(event.data["text"].as_str().expect("text"));
            } else {
                assert!(self.next().await.is_none(), "something comes behind {event:?}");
                return (text, event);
            }
        }
        panic!("the stream broke off after {text:?}");
    }
}

/// An event; `None` for a comment.
fn parse(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let name = field("event:")?.to_owned();
    let id = field("id:").expect("each event has an id").to_owned();
    let data = serde_json::from_str(field("data:")?).expect("data is JSON");
    Some(Event { id, name, data })
}
