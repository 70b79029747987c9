//! The clock is set back by five minutes, and later forward again. libfaketime stands between the server and the system's
//! clock (the monotonic one stays as it is, as when somebody sets the time): this machine's own stays what it is.

use std::{fs, path::PathBuf};

use lyceum_e2e::{answer::Answer, server::Server};
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{Outcome, Size};
use crate::{
    site::{Kind, Site},
    tally::Rules,
};

/// How far the clock is set back, in seconds.
const BACK: i64 = 300;

/// Nobody may notice at all, and what is said later stands later.
pub async fn back(kind: Kind, size: Size) -> Outcome {
    let library = library().ok_or("libfaketime is not installed (Debian: apt-get install faketime)")?;
    let place = Site::prepare(kind).await?;
    let offset = place.house.folder().join("clock");
    fs::write(&offset, "+0\n").expect("writes");
    let place = place
        .with("LD_PRELOAD", library.display())
        .with("FAKETIME_TIMESTAMP_FILE", offset.display())
        .with("FAKETIME_DONT_FAKE_MONOTONIC", 1)
        .with("FAKETIME_CACHE_DURATION", 1);
    let opened = place.open(size).await;
    let real = time_of(&opened.server).await;
    let nell = opened.server.register_and_sign_in("nell").await;
    let first = nell.ask(&json!({"prompt": "First?"})).await.is(200);
    let conversation = first.text_at("/conversation_id");

    fs::write(&offset, format!("-{BACK}\n")).expect("writes");
    sleep(size.outage / 2).await;
    let set = time_of(&opened.server).await;
    let mut offences = Vec::new();
    let ask = async |prompt: &str| {
        nell.ask(&json!({"prompt": prompt, "conversation_id": conversation})).await.is(200).text_at("/message_id")
    };
    let mut said = vec![first.text_at("/message_id"), ask("Second?").await];
    // Somebody new comes all the way, with mail and tokens of this time.
    opened.server.register_and_sign_in("odd").await.get("/users/me").await.is(200);
    fs::write(&offset, "+0\n").expect("writes");
    sleep(size.outage / 2).await;
    said.push(ask("Third?").await);

    let messages = nell.messages(&conversation).await;
    let answers = messages.iter().filter(|message| message["role"] == "assistant");
    let found: Vec<_> = answers.map(|message| message["id"].as_str().expect("an id").to_owned()).collect();
    if found != said {
        offences.push(format!("messages stand in another order than they were said: {found:?} for {said:?}"));
    }
    let moved = real - set;
    if moved < BACK - 30 {
        offences.push(format!("the server's clock was not set back: {moved} s"));
    }
    let what = format!(
        "the clock {BACK} s back for {:.0} s, and forward again (libfaketime)",
        size.outage.as_secs_f64() / 2.0
    );
    let (mut report, _server) = place.close(opened, Rules::default(), &what).await;
    report.offences.append(&mut offences);
    Ok(report)
}

/// What time it is for a server, in seconds of a day of its own.
async fn time_of(server: &Server) -> i64 {
    let answer = Answer::of(server.request(Method::GET, "/health/live")).await;
    let date = answer.header("date").expect("Date").to_owned();
    let clock = date.split_whitespace().find(|word| word.contains(':')).expect("hours, minutes and seconds");
    clock.split(':').fold(0, |seconds, part| seconds * 60 + part.parse::<i64>().expect("a number"))
}

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.is_file())
}
