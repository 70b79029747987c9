//! What stands outside: mail, files, identity providers, the model.

use std::{path::Path, time::Duration};

use futures_util::StreamExt as _;
use lyceum_application::Ports;
use lyceum_domain::{
    limits::Counting,
    mentor::{ChatError, ChatEvent, ChatMessage, ChatRequest, ChatRole, Delivery, Grounding},
    sessions::TokenError,
    time::Clock as _,
    users::Role,
};

use super::Report;
use crate::{
    ambient::SystemClock,
    settings::{AuthMode, LlmProvider, MailTransport, Settings},
    wiring,
};

pub(super) async fn mail(settings: &Settings, ports: &Ports, report: &mut Report) {
    let patience = Duration::from_secs(settings.mail.timeout_seconds.max(1));
    match tokio::time::timeout(patience, ports.mailer.check()).await {
        Ok(Ok(())) if settings.environment.is_production() && settings.mail.transport == MailTransport::Folder => {
            report.doubtful(
                "mail",
                "mails land in the data folder, and nobody gets them",
                "set SMTP_URL, unless this is a trial",
            );
        }
        Ok(Ok(())) => report.good("mail", transport(settings)),
        Ok(Err(error)) => report.bad("mail", error, "check mail.transport and SMTP_URL"),
        Err(_) => report.bad("mail", "no answer in time", "check that the mail server can be reached"),
    }
    // A schema that is not there has been told of.
    if let Ok(counts) = ports.store.read().outbox_counts().await
        && counts.dead > 0
    {
        report.doubtful(
            "mail",
            format_args!("{} mails were given up", counts.dead),
            "mend what the log says of them, and run `lyceum mail retry`",
        );
    }
}

pub(super) async fn storage(settings: &Settings, ports: &Ports, report: &mut Report) {
    let patience = Duration::from_secs(settings.storage.s3_timeout_seconds);
    match tokio::time::timeout(patience, ports.blobs.check()).await {
        Ok(Ok(())) => report.good("storage", place(settings)),
        Ok(Err(error)) => {
            report.bad("storage", format_args!("{:#}", anyhow::Error::new(error)), storage_advice(settings));
        }
        Err(_) => report.bad("storage", "no answer in time", storage_advice(settings)),
    }
}

/// Whether requests can be counted together with other servers.
pub(super) async fn redis(settings: &Settings, report: &mut Report) {
    if !settings.redis.is_set() {
        return report.good("redis", "not set: each server counts requests by itself");
    }
    let redis = &settings.redis;
    let patience = Duration::from_millis(redis.connect_timeout_milliseconds + 3 * redis.response_timeout_milliseconds);
    let look = async { anyhow::Ok(wiring::limiter(settings)?.check().await?) };
    let advice =
        "check REDIS_URL, that it runs and has room, and what its user may; without it each server counts by itself";
    match tokio::time::timeout(patience, look).await {
        Ok(Ok(Counting::Shared)) => report.good("redis", "counts requests for all servers"),
        Ok(Ok(Counting::InMemory)) => report.bad("redis", "does not answer", advice),
        Ok(Err(error)) => report.bad("redis", format_args!("{error:#}"), advice),
        Err(_) => report.bad("redis", "no answer in time", advice),
    }
}

/// Whether each provider's keys can be had: a token of a key that nobody has makes us look for it.
pub(super) async fn providers(settings: &Settings, ports: &Ports, report: &mut Report) {
    if settings.auth.mode == AuthMode::Local {
        return;
    }
    for (name, provider) in &settings.auth.providers {
        let header = serde_json::json!({ "alg": provider.algorithms.first(), "kid": "doctor", "typ": "JWT" });
        let payload = serde_json::json!({ "iss": provider.issuer });
        let token = [header.to_string(), payload.to_string(), "no signature".to_owned()].map(|part| base64url(&part));
        match ports.providers.verify(&token.join("."), SystemClock.now()).await {
            Err(TokenError::Unavailable { .. }) => report.bad(
                "provider",
                format_args!("the keys of {name} cannot be had from {}", provider.jwks_url),
                "check its url and jwks_url, and that this machine reaches it; the log has the cause",
            ),
            _ => report.good("provider", format_args!("{name}: its keys can be had")),
        }
    }
}

/// RFC 4648, section 5, without padding.
fn base64url(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::with_capacity(text.len() * 4 / 3 + 3);
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for sextet in 0..=three.len() {
            encoded.push(LETTERS[(bits >> (18 - 6 * sextet) & 63) as usize].into());
        }
    }
    encoded
}

pub(super) async fn mentor(settings: &Settings, ports: &Ports, is_to_ask: bool, report: &mut Report) {
    let what = match settings.llm.provider {
        LlmProvider::Offline => "offline: answers from progress and course passages".to_owned(),
        LlmProvider::Qubrid => format!("{} at {}", ports.model.model(), settings.llm.qubrid.base_url),
    };
    if !is_to_ask {
        let note =
            if settings.llm.provider == LlmProvider::Offline { "" } else { " (not asked: --ask does, and costs)" };
        return report.good("mentor", format_args!("{what}{note}"));
    }
    let patience = Duration::from_secs(settings.llm.total_timeout_seconds);
    match tokio::time::timeout(patience, ask(ports)).await {
        Ok(Ok(said)) => report.good("mentor", format_args!("{what} answered {said:?}")),
        Ok(Err(error)) => {
            let error = anyhow::Error::new(error);
            report.bad(
                "mentor",
                format_args!("{what}: {error:#}"),
                "check QUBRID_API_KEY, QUBRID_BASE_URL and QUBRID_MODEL",
            );
        }
        Err(_) => report.bad("mentor", format_args!("{what}: no answer in time"), "check that this machine reaches it"),
    }
}

/// The beginning of an answer to a short question.
async fn ask(ports: &Ports) -> Result<String, ChatError> {
    let question = "Say good day, in two words.";
    let grounding = Grounding {
        role: Role::Learner,
        courses: Vec::new(),
        lesson: None,
        passages: Vec::new(),
        question: question.to_owned(),
        is_personal: false,
    };
    let request = ChatRequest {
        messages: vec![ChatMessage { role: ChatRole::User, content: question.to_owned() }],
        grounding,
        delivery: Delivery::Whole,
        max_tokens: Some(32),
    };
    let mut stream = ports.model.stream(request).await?;
    let mut said = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            ChatEvent::Delta(text) => said.push_str(&text),
            ChatEvent::Done(_) => break,
        }
    }
    Ok(said.chars().filter(|c| !c.is_control()).take(60).collect())
}

fn transport(settings: &Settings) -> &'static str {
    match settings.mail.transport {
        MailTransport::Folder => "mails land in the data folder",
        MailTransport::Smtp => "the server answers",
    }
}

fn place(settings: &Settings) -> String {
    if settings.storage.is_s3() {
        format!("the bucket {} can be written", settings.storage.s3_bucket)
    } else {
        format!("{} can be written", Path::new(&settings.data_dir).join("blobs").display())
    }
}

fn storage_advice(settings: &Settings) -> &'static str {
    if settings.storage.is_s3() {
        "check the S3_ settings, and that the key pair may read, write, list and delete in the bucket"
    } else {
        "give this user the folder blobs/ in the data folder, and room on its disk"
    }
}

#[cfg(test)]
mod tests {
    use super::base64url;

    #[test]
    fn texts_are_encoded_as_the_standard_says() {
        // RFC 4648, section 10, without padding; and a text that needs both last letters.
        for (text, encoded) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("??>>", "Pz8-Pg")]
        {
            assert_eq!(base64url(text), encoded);
        }
    }
}
