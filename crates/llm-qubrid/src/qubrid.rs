//! The model itself: one request, its retries, and the answer as a stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lyceum_domain::mentor::{ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Delivery};
use reqwest::{
    Client, Response,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use russe::Decoder;
use tokio::time::Instant;
use url::Url;

use crate::{
    answer::{Answer, Step},
    events::Events,
    failure::{Failure, Redactor, asked_wait, unusable},
    health::Health,
    patience::{Awaited, Patience},
    reply, retry,
    settings::{QubridSettings, SettingsError},
    wire::{Line, Question, StreamOptions},
};

const EVENT_STREAM: &str = "text/event-stream";
/// The most of an error's body that is read, and for how long.
const ERROR_BODY: usize = 16 << 10;
const ERROR_TIMEOUT: Duration = Duration::from_secs(2);

/// A model behind an OpenAI-compatible API.
///
/// - A stream is asked for when the caller can use pieces; what comes back is read by its `Content-Type`, whatever was
///   asked for.
/// - The call answers with the first piece of text in hand: a provider that says 200 and then fails still fails the
///   call.
/// - No task stands between the caller and the connection, so dropping the call or its stream closes it.
/// - [`check`](ChatModel::check) asks nobody, since there is no free call that is known to work. It fails for a minute
///   after a call that failed, unless one went well since.
pub struct QubridModel {
    settings: QubridSettings,
    client: Client,
    endpoint: Url,
    heart: Arc<Heart>,
    decoder: Decoder,
}

/// What a stream needs after its call has returned.
struct Heart {
    redactor: Redactor,
    health: Health,
    retries: AtomicU64,
}

impl QubridModel {
    /// Checks the settings and makes the client; asks nobody.
    pub fn new(settings: QubridSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let endpoint = settings.endpoint()?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = settings.authorization()? {
            headers.insert(AUTHORIZATION, key);
        }
        let client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("lyceum/", env!("CARGO_PKG_VERSION")))
            // A redirect would take the key along; a proxy is for browsers.
            .redirect(Policy::none())
            .no_proxy()
            // hyper's own second try would not show up in our budget.
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(50))
            .pool_max_idle_per_host(32)
            .build()
            .map_err(SettingsError::Client)?;
        let heart = Arc::new(Heart {
            redactor: Redactor::new(&settings.api_key),
            health: Health::default(),
            retries: AtomicU64::new(0),
        });
        Ok(Self { settings, client, endpoint, heart, decoder: Decoder::default() })
    }

    /// The same model over connections of its own, for another runtime: connections belong to the one that opened them.
    /// The two remember together how the last call went, so [`check`](ChatModel::check) says the same of both.
    pub fn sibling(&self) -> Result<Self, SettingsError> {
        Ok(Self { heart: Arc::clone(&self.heart), ..Self::new(self.settings.clone())? })
    }

    /// How often this model and its siblings asked again.
    pub fn retries(&self) -> u64 {
        self.heart.retries.load(Ordering::Relaxed)
    }

    fn question(&self, request: &ChatRequest) -> Result<Bytes, ChatError> {
        let stream = request.delivery == Delivery::Pieces;
        let max_tokens = match (request.max_tokens, self.settings.max_tokens) {
            (Some(wanted), Some(most)) => Some(wanted.min(most)),
            (wanted, most) => wanted.or(most),
        };
        let question = Question {
            model: &self.settings.model,
            messages: request.messages.iter().map(Line).collect(),
            stream,
            max_tokens,
            temperature: self.settings.temperature,
            stream_options: (stream && self.settings.stream_usage).then_some(StreamOptions { include_usage: true }),
        };
        serde_json::to_vec(&question)
            .map(Bytes::from)
            .map_err(|error| ChatError::Misconfigured { detail: format!("the question cannot be written: {error}") })
    }

    /// One try, up to the head of a good reply.
    async fn attempt(&self, body: Bytes, delivery: Delivery, patience: Patience) -> Result<Opened, Failure> {
        let accept = match delivery {
            Delivery::Pieces => EVENT_STREAM,
            Delivery::Whole => "application/json",
        };
        let first = Awaited::First { since: Instant::now() };
        let mut request = self.client.post(self.endpoint.clone()).header(ACCEPT, accept).body(body);
        for (name, value) in self.settings.trace.map(|trace| trace()).unwrap_or_default() {
            request = request.header(name, value);
        }
        let sent = request.send();
        // After a time-out the provider may still be at work, and bill it: no second try.
        let response = patience.wait(first, sent).await.map_err(|error| Failure { error, can_retry: false })?;
        let response = response.map_err(|error| self.heart.redactor.not_sent(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Opened { response, first });
        }
        let wait = asked_wait(response.headers(), SystemTime::now());
        Err(self.heart.redactor.status(status, wait, &error_body(response).await))
    }

    /// The first event of an answer and, if there can be more, where they come from.
    async fn open(&self, request: ChatRequest) -> Result<(ChatEvent, Rest), ChatError> {
        let patience = Patience::begin(&self.settings, request.delivery);
        let body = self.question(&request)?;
        let attempt = || self.attempt(body.clone(), request.delivery, patience);
        let Opened { response, first } = retry::persist(&self.settings, patience, &self.heart.retries, attempt).await?;
        let (settings, heart) = (&self.settings, &self.heart);
        if !is_event_stream(&response) {
            let body = reply::body(response, settings.max_response_bytes, patience, first, &heart.redactor).await?;
            let (text, completion) = reply::answer(&body, &settings.model, &heart.redactor)?;
            heart.health.went_well();
            return Ok((ChatEvent::Delta(text), Rest::Known(ChatEvent::Done(completion))));
        }
        let events = Events::new(response, self.decoder.clone(), settings.max_response_bytes);
        let answer = Answer::new(events, &settings.model);
        let mut listening = Listening { answer, patience, awaited: first, heart: Arc::clone(heart) };
        match listening.event().await? {
            // An answer has text before its end, so this is the first piece.
            first @ ChatEvent::Delta(_) => Ok((first, Rest::Coming(listening))),
            ChatEvent::Done(_) => Err(unusable("the answer is empty")),
        }
    }
}

#[async_trait]
impl ChatModel for QubridModel {
    fn provider(&self) -> &str {
        &self.settings.provider
    }

    fn model(&self) -> &str {
        &self.settings.model
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let (first, rest) = self.open(request).await.inspect_err(|error| self.heart.health.failed(error))?;
        let first = stream::iter([Ok(first)]);
        let (provider, model) = (self.provider(), self.model());
        Ok(match rest {
            Rest::Known(last) => ChatStream::new(provider, model, first.chain(stream::iter([Ok(last)]))),
            // A bare unfold panics when it is polled after its end.
            Rest::Coming(listening) => {
                ChatStream::new(provider, model, first.chain(stream::unfold(Some(listening), heard).fuse()))
            }
        })
    }

    fn temperature(&self) -> Option<f32> {
        self.settings.temperature
    }

    async fn check(&self) -> Result<(), ChatError> {
        self.heart.health.check()
    }
}

struct Opened {
    response: Response,
    first: Awaited,
}

#[expect(clippy::large_enum_variant, reason = "lives for a moment, on the way into the box of the stream")]
enum Rest {
    Known(ChatEvent),
    Coming(Listening),
}

/// An answer under way. Dropping it hangs up.
struct Listening {
    answer: Answer,
    patience: Patience,
    awaited: Awaited,
    heart: Arc<Heart>,
}

impl Listening {
    async fn event(&mut self) -> Result<ChatEvent, ChatError> {
        loop {
            let step = self.patience.wait(self.awaited, self.answer.step(&self.heart.redactor)).await??;
            if !matches!(step, Step::Nothing) {
                self.awaited = Awaited::Next { since: Instant::now() };
            }
            match step {
                Step::Text(text) => return Ok(ChatEvent::Delta(text)),
                Step::End(completion) => return Ok(ChatEvent::Done(completion)),
                Step::Life | Step::Nothing => {}
            }
        }
    }
}

/// The next event; the connection is let go with the last one, not when the caller lets go of the stream.
async fn heard(listening: Option<Listening>) -> Option<(Result<ChatEvent, ChatError>, Option<Listening>)> {
    let mut listening = listening?;
    let event = listening.event().await;
    let rest = match &event {
        Ok(ChatEvent::Delta(_)) => Some(listening),
        Ok(ChatEvent::Done(_)) => {
            listening.heart.health.went_well();
            None
        }
        Err(error) => {
            listening.heart.health.failed(error);
            None
        }
    };
    Some((event, rest))
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..EVENT_STREAM.len()).is_some_and(|head| head.eq_ignore_ascii_case(EVENT_STREAM.as_bytes()))
}

/// As much of the body of an error as comes in a moment.
async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY - body.len())]);
            if body.len() == ERROR_BODY {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_TIMEOUT, reading).await;
    body
}
