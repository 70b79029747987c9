//! An identity provider laid out like Neon Auth: a key set at its address, tokens signed with Ed25519.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

/// An identity provider. Its address stays the same while it is away.
pub struct Provider {
    origin: String,
    keys: Arc<Mutex<Vec<(String, Ed25519KeyPair)>>>,
    fetched: Arc<AtomicUsize>,
    /// The head of the newest request.
    head: Arc<Mutex<String>>,
    serving: JoinSet<()>,
}

impl Provider {
    /// One that answers.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let mut provider = Self {
            origin,
            keys: Arc::default(),
            fetched: Arc::default(),
            head: Arc::default(),
            serving: JoinSet::new(),
        };
        provider.rotate();
        provider.serve(listener);
        provider
    }

    /// The value of `NEON_AUTH_URL`.
    pub fn url(&self) -> String {
        format!("{}/neondb/auth", self.origin)
    }

    /// `iss` and `aud` of its tokens.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Signs with a new key from now on; the old ones stay in the set.
    pub fn rotate(&self) {
        let mut keys = self.keys.lock().expect("nobody panics");
        let name = format!("key-{}", keys.len() + 1);
        keys.push((name, Ed25519KeyPair::generate().expect("a key")));
    }

    /// From now on nobody answers.
    pub fn go_away(&mut self) {
        self.serving.abort_all();
    }

    /// How often the key set was fetched.
    pub fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }

    /// The head of the newest request.
    pub fn head(&self) -> String {
        self.head.lock().expect("nobody panics").clone()
    }

    /// The claims of a good token of this user.
    pub fn claims(&self, subject: &str, email: &str, is_verified: bool) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        json!({
            "iat": now, "exp": now + 900, "iss": self.origin, "aud": self.origin, "sub": subject, "id": subject,
            "email": email, "emailVerified": is_verified, "name": "Ada Lovelace", "role": "authenticated",
            "banned": false,
        })
    }

    /// A good token of this user.
    pub fn token(&self, subject: &str, email: &str, is_verified: bool) -> String {
        self.sign(&self.claims(subject, email, is_verified))
    }

    /// A token that says whatever is given.
    pub fn sign(&self, claims: &Value) -> String {
        let keys = self.keys.lock().expect("nobody panics");
        let (name, key) = keys.last().expect("a key");
        let header = json!({"alg": "EdDSA", "kid": name});
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(key.sign(message.as_bytes()).as_ref());
        format!("{message}.{signature}")
    }

    fn serve(&mut self, listener: TcpListener) {
        let (keys, fetched, head) = (Arc::clone(&self.keys), Arc::clone(&self.fetched), Arc::clone(&self.head));
        self.serving.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let (keys, fetched, head) = (Arc::clone(&keys), Arc::clone(&fetched), Arc::clone(&head));
                clients.spawn(async move {
                    let mut asked = vec![0; 4096];
                    let length = client.read(&mut asked).await.unwrap_or(0);
                    let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                    head.lock().expect("nobody panics").clone_from(&asked);
                    let (status, body) = if asked.starts_with("GET /neondb/auth/.well-known/jwks.json ") {
                        fetched.fetch_add(1, Ordering::SeqCst);
                        ("200 OK", key_set(&keys.lock().expect("nobody panics")).to_string())
                    } else {
                        ("404 Not Found", String::new())
                    };
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    // Whoever left does not hear it.
                    let _ = client.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
    }
}

fn key_set(keys: &[(String, Ed25519KeyPair)]) -> Value {
    let key = |(name, key): &(String, Ed25519KeyPair)| {
        let x = BASE64.encode(key.public_key().as_ref());
        json!({"alg": "EdDSA", "crv": "Ed25519", "x": x, "kty": "OKP", "kid": name})
    };
    json!({"keys": keys.iter().map(key).collect::<Vec<_>>()})
}
