//! Somebody who calls the server with a bearer token.

use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::Value;

use crate::{answer::Answer, events::Events, multipart, secrets, server::Server};

/// A user.
#[derive(Debug, Clone)]
pub struct Person {
    http: Client,
    url: String,
    /// The username.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// The password.
    pub password: String,
    /// The access token, once signed in.
    pub access: String,
    /// The refresh token, once signed in.
    pub refresh: String,
}

impl Person {
    pub(crate) fn new(server: &Server, name: &str) -> Self {
        let (email, password) = (format!("{name}@learners.example"), format!("bowline-{}-Turns", name.len() * 1009));
        secrets::keep(&email);
        secrets::keep(&password);
        Self {
            http: server.http.clone(),
            url: server.url.clone(),
            name: name.to_owned(),
            email,
            password,
            access: String::new(),
            refresh: String::new(),
        }
    }

    /// Signs in at the token endpoint.
    pub async fn sign_in(&mut self, server: &Server) {
        let form = [("grant_type", "password"), ("username", &*self.email), ("password", &*self.password)];
        let answer = server.post_form("/api/v1/auth/token", &form).await.is(200);
        self.access = answer.text_at("/access_token");
        self.refresh = answer.text_at("/refresh_token");
    }

    /// The same person with another password.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self }
    }

    /// A script that shows this credential for the person.
    #[must_use]
    pub fn showing(&self, access: &str) -> Self {
        Self { access: access.to_owned(), ..self.clone() }
    }

    /// The same person at another server of the same house.
    #[must_use]
    pub fn at(mut self, server: &Server) -> Self {
        self.url.clone_from(&server.url);
        self.http = server.http.clone();
        self
    }

    /// The same person where a server of the same house is reached by another address.
    #[must_use]
    pub fn at_address(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// A request with the token, below `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.access)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// POST without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::POST, path)).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    /// PATCH of JSON, about the version with this tag.
    pub async fn patch_if(&self, tag: &str, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).header(header::IF_MATCH, tag).json(body)).await
    }

    /// Uploads a file.
    pub fn uploading(
        &self,
        method: Method,
        path: &str,
        name: &str,
        media_type: &str,
        content: &[u8],
    ) -> RequestBuilder {
        let body = multipart::file(name, media_type, content);
        self.request(method, path).header(header::CONTENT_TYPE, multipart::content_type()).body(body)
    }

    /// POST of a file.
    pub async fn upload(&self, path: &str, name: &str, media_type: &str, content: &[u8]) -> Answer {
        Answer::of(self.uploading(Method::POST, path, name, media_type, content)).await
    }

    /// Asks the mentor and waits for the whole answer.
    pub async fn ask(&self, question: &Value) -> Answer {
        self.post("/ai/chat", question).await
    }

    /// The request that asks the mentor.
    pub fn asking(&self, question: &Value) -> RequestBuilder {
        self.request(Method::POST, "/ai/chat").json(question)
    }

    /// The request that asks the mentor for a stream.
    pub fn asking_for_events(&self, question: &Value) -> RequestBuilder {
        self.asking(question).header(header::ACCEPT, "text/event-stream")
    }

    /// Asks the mentor for a stream.
    pub async fn ask_for_events(&self, question: &Value) -> Events {
        Events::of(self.asking_for_events(question).send().await.expect("an answer")).await
    }

    /// Reads an answer along, from its beginning or from behind an event.
    pub async fn follow(&self, answer: &str, last: Option<&str>) -> Events {
        let mut reading = self.request(Method::GET, &format!("/ai/messages/{answer}/stream"));
        if let Some(last) = last {
            reading = reading.header("Last-Event-ID", last);
        }
        Events::of(reading.send().await.expect("an answer")).await
    }

    /// A message.
    pub async fn message(&self, id: &str) -> Value {
        self.get(&format!("/ai/messages/{id}")).await.is(200).body
    }

    /// Makes a personal key of these scopes; somebody who shows it.
    pub async fn with_key(&self, scopes: &[&str]) -> Self {
        let body = serde_json::json!({"name": scopes.join(" and "), "scopes": scopes});
        let key = self.post("/users/me/api-keys", &body).await.is(201).text_at("/key");
        self.showing(&key)
    }

    /// A request with the token, below nothing.
    pub fn request_at(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.access)
    }

    /// The messages of a conversation, oldest first.
    pub async fn messages(&self, conversation: &str) -> Vec<Value> {
        let answer = self.get(&format!("/ai/conversations/{conversation}/messages")).await.is(200);
        answer.items().clone()
    }

    /// The newest message of the newest conversation, if there is one.
    pub async fn latest_message(&self) -> Option<Value> {
        let conversations = self.get("/ai/conversations?limit=1").await.is(200);
        let newest = conversations.items().first()?["id"].as_str()?.to_owned();
        self.messages(&newest).await.pop()
    }
}
