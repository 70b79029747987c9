//! What comes back.

use std::ops::Index;

use reqwest::{RequestBuilder, Response, header::HeaderMap};
use serde_json::Value;

use crate::secrets;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; `Null` if it is none.
    pub body: Value,
}

impl Answer {
    /// Sends a request and reads the answer.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::of_checked(request).await.expect("an answer")
    }

    /// Sends a request and reads the answer, if there is a whole one.
    pub async fn of_checked(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let (client, request) = request.build_split();
        let request = request?;
        secrets::of_request(&request);
        let method = request.method().clone();
        let answer = Self::read(client.execute(request).await?).await?;
        Ok(Self { asked: format!("{method} {}", answer.asked), ..answer })
    }

    /// Reads the rest of a response.
    pub async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let asked = response.url().path().to_owned();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        secrets::of_answer(&headers, &body);
        Ok(Self { asked, status, headers, text, body })
    }

    /// Checks the status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self
    }

    /// Checks that this is a problem as agreed, with this status and code.
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        let asked = &answer.asked;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{asked}: {}", answer.text);
        assert_eq!(answer.body["code"], code, "{asked}: {}", answer.text);
        assert_eq!(answer.body["status"], status, "{asked}");
        assert_eq!(answer.body["request_id"].as_str(), answer.header("x-request-id"), "{asked}");
        for member in ["type", "title", "detail"] {
            assert!(answer.body[member].as_str().is_some_and(|text| !text.is_empty()), "{asked}: no {member}");
        }
        if status == 401 {
            let challenge = answer.header("www-authenticate");
            assert!(challenge.is_some_and(|text| text.starts_with("Bearer")), "{asked}: {challenge:?}");
        }
        answer
    }

    /// Checks that this is a 422 about one member.
    #[track_caller]
    pub fn is_refused_at(self, code: &str, pointer: &str) -> Self {
        let answer = self.is_problem(422, code);
        let errors = answer.body["errors"].as_array().expect("errors");
        let error = errors.iter().find(|error| error["pointer"] == pointer);
        let error = error.unwrap_or_else(|| panic!("{}: nothing about {pointer}: {}", answer.asked, answer.text));
        assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
        answer
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// The text of a member.
    #[track_caller]
    pub fn text_at(&self, pointer: &str) -> String {
        let member = self.body.pointer(pointer).and_then(Value::as_str);
        member.unwrap_or_else(|| panic!("{}: no text at {pointer}: {}", self.asked, self.text)).to_owned()
    }

    /// The items of a page.
    #[track_caller]
    pub fn items(&self) -> &Vec<Value> {
        self.body["items"].as_array().unwrap_or_else(|| panic!("{}: no page: {}", self.asked, self.text))
    }

    /// The cookie that this answer sets: its value and its attributes in lower case.
    #[track_caller]
    pub fn cookie(&self, name: &str) -> (String, Vec<String>) {
        let all = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text"));
        let mut named = all.filter_map(|text| text.strip_prefix(name)?.strip_prefix('='));
        let cookie = named.next().unwrap_or_else(|| panic!("{}: sets no {name}", self.asked));
        let mut parts = cookie.split(';').map(str::trim);
        let value = parts.next().unwrap_or_default().to_owned();
        (value, parts.map(str::to_lowercase).collect())
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, member: &str) -> &Value {
        &self.body[member]
    }
}
