//! A running server.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    house::{Ground, House},
    person::Person,
    secrets,
    wait::{eventually, within},
};

/// What a server wrote so far.
type Written = Arc<Mutex<String>>;

/// A server; it is killed when this value goes.
#[derive(Debug)]
pub struct Server {
    child: Child,
    written: Written,
    readers: Vec<JoinHandle<()>>,
    data: PathBuf,
    // After the child: it goes first.
    _ground: Arc<Ground>,
    /// Where it listens.
    pub url: String,
    /// A client without cookies.
    pub http: Client,
}

impl Server {
    pub(crate) async fn start(mut command: Command, data: PathBuf, ground: Arc<Ground>) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server runs");
        let written = Written::default();
        let readers = vec![
            collect(child.stdout.take().expect("is piped"), &written),
            collect(child.stderr.take().expect("is piped"), &written),
        ];
        let mut server = Self { child, written, readers, data, _ground: ground, url: String::new(), http: client() };
        server.url = eventually("listening", async || {
            if let Some(url) = server.log().lines().find_map(announced) {
                return Some(url);
            }
            let ended = server.child.try_wait().expect("can be asked");
            assert!(ended.is_none(), "the server ended before it listened:\n{}", server.log());
            None
        })
        .await;
        server
    }

    /// What it wrote so far, to both its outputs.
    pub fn log(&self) -> String {
        self.written.lock().expect("no reader panics").clone()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop, as an orchestrator does.
    pub fn terminate(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(asked.expect("kill runs").success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        within(patience, "the end of the server", async || self.child.try_wait().expect("can be asked")).await
    }

    /// A client with connections of its own.
    pub fn fresh_client(&self) -> Client {
        client()
    }

    /// A request by nobody in particular.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// GET by nobody in particular.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// POST of JSON by nobody in particular.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// POST of a form by nobody in particular.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request(Method::POST, path).body(body);
        Answer::of(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await
    }

    /// Registers somebody whose address waits to be verified.
    pub async fn register(&self, name: &str) -> Person {
        let person = Person::new(self, name);
        let body = json!({"email": person.email, "username": name, "password": person.password});
        let answer = self.post("/api/v1/auth/register", &body).await.is(202);
        assert_eq!(answer.body, json!({"status": "verification_sent"}));
        person
    }

    /// Somebody new who has gone all the way: registered, verified, signed in with a bearer token.
    pub async fn register_and_sign_in(&self, name: &str) -> Person {
        let mut person = self.register(name).await;
        let token = self.verification_token(&person.email).await;
        self.post("/api/v1/auth/verify-email", &json!({"token": token})).await.is(204);
        person.sign_in(self).await;
        person
    }

    /// Somebody whom the operator let in with a role, signed in with a bearer token.
    pub async fn let_in(&self, house: &House, name: &str, role: &str) -> Person {
        let mut person = Person::new(self, name);
        let arguments =
            ["user", "create", "--email", &person.email, "--username", name, "--role", role, "--password-stdin"];
        house.run_with_input(&arguments, &format!("{}\n", person.password)).succeeded();
        person.sign_in(self).await;
        person
    }

    /// The token of the newest mail to an address that verifies it.
    pub async fn verification_token(&self, email: &str) -> String {
        self.token_in(email, "/verify-email?token=").await
    }

    /// The token in the newest mail to an address with such a link.
    pub async fn token_in(&self, email: &str, link: &str) -> String {
        let mail = self.mail(email, link).await;
        let (_, rest) = mail.split_once(link).expect("the link");
        let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        secrets::keep(&token);
        token
    }

    /// The newest mail to an address, as it lies in the folder.
    pub async fn newest_mail(&self, email: &str) -> String {
        eventually("a mail", async || self.mails(email).pop()).await
    }

    /// The newest mail to an address that holds this text; waits for one.
    pub async fn mail(&self, email: &str, text: &str) -> String {
        let holds = |mail: &String| mail.contains(text);
        eventually("a mail with this text", async || self.mails(email).into_iter().rev().find(holds)).await
    }

    /// All mails to an address, oldest first.
    pub fn mails(&self, email: &str) -> Vec<String> {
        let files = fs::read_dir(self.data.join("mail")).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).collect();
        files.sort();
        let mails = files.iter().map(|path| fs::read_to_string(path).expect("a mail that can be read"));
        mails.filter(|mail| mail.lines().any(|line| line.starts_with("To:") && line.contains(email))).collect()
    }

    /// Checks that none of these stands in what the server wrote.
    #[track_caller]
    pub fn told_none_of<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let log = self.log();
        for secret in secrets {
            assert!(secret.len() >= 8, "{secret:?} is too short to look for");
            let told = log.lines().find(|line| line.contains(secret));
            assert!(told.is_none(), "a secret stands in the log: {told:?}");
        }
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            // A child of the server may hold its output open, but not for long.
            reader.join().expect("no reader panics");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            eprintln!("---- the server wrote ----\n{}--------", self.log());
            return;
        }
        // Every server of every test.
        if let Some((secret, line)) = secrets::told(&self.log()) {
            panic!("{secret:?} stands in the log: {line}");
        }
    }
}

/// Where a server listens, if this is the line that says so.
fn announced(line: &str) -> Option<String> {
    if let Some((_, address)) = line.rsplit_once("listening on http://") {
        return Some(format!("http://{address}"));
    }
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "listening").then(|| line["url"].as_str().map(str::to_owned))?
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().expect("a client")
}

fn collect(pipe: impl Read + Send + 'static, written: &Written) -> JoinHandle<()> {
    let written = Arc::clone(written);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            written.lock().expect("no reader panics").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
