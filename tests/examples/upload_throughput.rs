//! How fast documents come in, and what memory the server needs for it: files of 20 MiB, one after the other and eight
//! at once, as text and as PDF.
//!
//! `cargo run -p lyceum-e2e --example upload_throughput [FILES]`, on a quiet machine; `LYCEUM_BIN` names another binary.
//! The time holds all of it: sending, checking, storing, answering. The server reads the text of what came meanwhile.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use lyceum_e2e::{answer::Answer, house::House, latencies::Latencies, person::Person, server::Server};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::json;
use tokio::task::JoinSet;

const MIB: usize = 1024 * 1024;
const SIZE: usize = 20 * MIB;
const BOUNDARY: &str = "the-tide-goes-out-and-the-tide-comes-in";

/// A line of the process' own account of itself (proc(5)), in MiB.
fn memory(server: &Server, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs, on Linux");
    let value = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line");
    let kib: f64 = value.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024.0
}

/// Lets the peak begin anew from what is used now.
fn forget_peak(server: &Server) {
    fs::write(format!("/proc/{}/clear_refs", server.pid()), "5").expect("may be reset by its parent");
}

/// A form with a file of 20 MiB, which stays for as long as the program runs.
fn form(name: &str, begin: &str, end: &str) -> &'static [u8] {
    let line = "The bight is the slack part of a rope between its two ends, or any curved part of it.\n";
    let lines = line.bytes().cycle().take(SIZE - begin.len() - end.len());
    let mut form = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{begin}"
    )
    .into_bytes();
    form.extend(lines);
    form.extend(format!("{end}\r\n--{BOUNDARY}--\r\n").bytes());
    form.leak()
}

async fn upload(person: &Person, path: &str, body: &'static [u8]) -> Duration {
    let form = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = person.request(Method::POST, path).header(CONTENT_TYPE, form).body(body);
    let began = Instant::now();
    Answer::of(request).await.is(201);
    began.elapsed()
}

/// Uploads so many files, never more than so many at once.
async fn measure(person: &Person, path: &str, body: &'static [u8], files: usize, at_once: usize) -> (f64, Latencies) {
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    LEFT.store(files, Ordering::Relaxed);
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..at_once {
        let (person, path) = (person.clone(), path.to_owned());
        tasks.spawn(async move {
            let mut times = Vec::new();
            let is_left =
                || LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            while is_left() {
                times.push(upload(&person, &path, body).await);
            }
            times
        });
    }
    let times = tasks.join_all().await.concat();
    #[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
    let mib = (files * SIZE / MIB) as f64;
    (mib / began.elapsed().as_secs_f64(), Latencies::of(times))
}

#[tokio::main]
async fn main() {
    let files: usize = std::env::args().nth(1).map_or(24, |text| text.parse().expect("a number of files"));
    let house = House::small().with("LYCEUM__SERVER__WORKERS", 4);
    let server = house.start().await;
    let person = server.register_and_sign_in("ada").await;
    let subject = person.post("/subjects", &json!({"title": "Knots"})).await.is(201).text_at("/id");
    let path = format!("/subjects/{subject}/documents");
    let text = form("notes.txt", "Knots\n\n", "\n");
    let pdf = form("knots.pdf", "%PDF-1.7\n", "\n%%EOF\n");

    println!("{files} documents of 20 MiB; the server idles at {:.1} MiB", memory(&server, "VmRSS:"));
    for (kind, body) in [("text", text), ("PDF", pdf)] {
        for at_once in [1, 8] {
            forget_peak(&server);
            let (speed, times) = measure(&person, &path, body, files, at_once).await;
            let peak = memory(&server, "VmHWM:");
            println!("{kind:4} {at_once} at once   {speed:7.1} MiB/s   {times}   peak {peak:7.1} MiB");
        }
    }
    // What reads the text may still be at work.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("afterwards {:.1} MiB", memory(&server, "VmRSS:"));
}
