//! A client that does not give up: it tries again at another server what it may try again, under the same name what must be
//! done once, and reads streams on from where they broke off.

use std::{
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use reqwest::{Client, Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    answer::Answer,
    events::{Event, Events},
    person::Person,
    tally::Tally,
};

/// How long something is tried: longer than a server is given that fell silent.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(150);

/// Where the servers of a house are reached now.
#[derive(Debug, Default)]
pub struct Addresses(RwLock<Vec<String>>);

impl Addresses {
    /// Servers at these addresses.
    pub fn new(addresses: Vec<String>) -> Self {
        Self(RwLock::new(addresses))
    }

    /// The server at this place has another address from now on.
    pub fn set(&self, place: usize, address: &str) {
        address.clone_into(&mut self.0.write().expect("no panic")[place]);
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.0.read().expect("no panic").clone()
    }

    fn at(&self, n: usize) -> String {
        let addresses = self.0.read().expect("no panic");
        addresses[n % addresses.len()].clone()
    }
}

/// Somebody with such a client.
#[derive(Debug, Clone)]
pub struct Persistent {
    /// Who it is. Which server they are at does not matter.
    pub person: Person,
    http: Client,
    addresses: Arc<Addresses>,
    tally: Arc<Tally>,
    /// Which server is asked next.
    turn: usize,
    /// Whether they come later where they asked too often.
    pub is_patient: bool,
}

impl Persistent {
    /// Somebody who begins at the first server, or at the second.
    pub fn new(person: Person, addresses: Arc<Addresses>, tally: Arc<Tally>, turn: usize) -> Self {
        let http = Client::builder().no_proxy().timeout(TRY).build().expect("a client");
        Self { person, http, addresses, tally, turn, is_patient: true }
    }

    /// Begins at this server the next time.
    pub fn start_at(&mut self, turn: usize) {
        self.turn = turn;
    }

    /// A request below `/api/v1` at the server whose turn it is.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1{path}", self.addresses.at(self.turn));
        let request = self.http.request(method, url);
        if self.person.access.is_empty() { request } else { request.bearer_auth(&self.person.access) }
    }

    /// Sends a request until there is an answer that is one: neither a broken connection, nor a server that is away, nor one
    /// that is still at the same request.
    pub async fn send(
        &mut self,
        what: &'static str,
        method: Method,
        path: &str,
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, String> {
        let began = Instant::now();
        loop {
            let why = match Answer::of_checked(finish(self.request(method.clone(), path))).await {
                Ok(answer) if [502, 503, 504].contains(&answer.status) => {
                    format!("{} {}", answer.status, answer["code"])
                }
                Ok(answer) if answer["code"] == "request_in_progress" => "still at it".to_owned(),
                Ok(answer) if answer["code"] == "rate_limited" && self.is_patient => "too often".to_owned(),
                Ok(answer) => return Ok(answer),
                Err(error) => format!("{error:?}"),
            };
            if began.elapsed() > PATIENCE {
                return Err(format!("{path} was tried for {PATIENCE:?}: {why}"));
            }
            self.tally.again(what);
            self.turn += 1;
            sleep(PAUSE).await;
        }
    }

    /// The same, of JSON and with a status that it must have.
    pub async fn send_json(
        &mut self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
        status: u16,
    ) -> Result<Answer, String> {
        let finish = |mut request: RequestBuilder| {
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Some(key) = key {
                request = request.header("Idempotency-Key", key);
            }
            request
        };
        let answer = self.send(what, method, path, finish).await?;
        if answer.status == status { Ok(answer) } else { Err(format!("{path}: {}: {}", answer.status, answer.text)) }
    }

    /// Gets another pair of tokens for the one there is.
    pub async fn refresh(&mut self) -> Result<(), String> {
        let token = self.person.refresh.clone();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "refresh_token"), ("refresh_token", &*token)])
            .finish();
        let finish = |request: RequestBuilder| {
            request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone())
        };
        let answer = self.send("refresh", Method::POST, "/auth/token", finish).await?;
        let token = |name: &str| answer[name].as_str().map(str::to_owned).ok_or(answer.text.clone());
        (self.person.access, self.person.refresh) = (token("access_token")?, token("refresh_token")?);
        Ok(())
    }

    /// Asks the mentor for a stream and reads it to its end, wherever it breaks off; an answer whose server was killed is
    /// asked for again. The text as it was read, and the answer's message.
    pub async fn ask_for_all(&mut self, question: &str, key: &str) -> Result<(String, String), String> {
        let began = Instant::now();
        let mut reading = Reading::default();
        let mut again = 0;
        while began.elapsed() < PATIENCE {
            let request = match (&reading.answer, reading.is_broken) {
                (None, _) => {
                    let asking = self.request(Method::POST, "/ai/chat").json(&json!({"prompt": question}));
                    asking.header("Idempotency-Key", key)
                }
                (Some(answer), false) => {
                    let following = self.request(Method::GET, &format!("/ai/messages/{answer}/stream"));
                    following.header("Last-Event-ID", &reading.last)
                }
                (Some(answer), true) => {
                    let asking = self.request(Method::POST, &format!("/ai/messages/{answer}/regenerate"));
                    asking.header("Idempotency-Key", format!("{key}-again-{again}"))
                }
            };
            match request.header(header::ACCEPT, "text/event-stream").send().await {
                Ok(response) if response.status() == StatusCode::OK => {
                    if reading.is_broken {
                        (reading, again) = (Reading::default(), again + 1);
                    }
                    if reading.read_whole(Events::of(response).await).await? {
                        return Ok((reading.text, reading.answer.ok_or("an end without a start")?));
                    }
                }
                Ok(response) => {
                    let answer = Answer::read(response).await.map_err(|error| format!("{error:?}"));
                    let code = answer.as_ref().map(|answer| answer["code"].clone()).unwrap_or_default();
                    match answer {
                        Ok(answer) if code == "answer_interrupted" || code == "answer_failed" => {
                            if reading.answer.is_none() {
                                return Err(format!("broken off without a name: {}", answer.text));
                            }
                            reading.is_broken = true;
                        }
                        Ok(answer) if ![409, 429, 502, 503, 504].contains(&answer.status) => {
                            return Err(format!("{}: {}", answer.status, answer.text));
                        }
                        _ => {}
                    }
                }
                Err(_) => {}
            }
            self.tally.again("stream");
            self.turn += 1;
            sleep(PAUSE).await;
        }
        Err(format!("an answer was tried for {PATIENCE:?}: {reading:?}"))
    }
}

/// How far somebody came in an answer.
#[derive(Debug, Default)]
struct Reading {
    answer: Option<String>,
    text: String,
    last: String,
    is_broken: bool,
}

impl Reading {
    /// Reads on. True at the end of a whole answer, false if it broke off.
    async fn read_whole(&mut self, mut events: Events) -> Result<bool, String> {
        while let Some(Event { id, name, data }) = events.next_if_any().await {
            match name.as_str() {
                "start" => self.answer = data["message_id"].as_str().map(str::to_owned),
                "delta" => self.text += data["text"].as_str().unwrap_or_default(),
                "done" => return Ok(true),
                "error"
                    if ["answer_interrupted", "shutting_down"].contains(&data["code"].as_str().unwrap_or_default()) =>
                {
                    self.is_broken = true;
                }
                _ => return Err(format!("ended with {name} {data}")),
            }
            self.last = id;
        }
        Ok(false)
    }
}
