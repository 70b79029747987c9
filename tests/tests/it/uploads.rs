//! Files come in, are given out, and leave nothing behind.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
};

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    form::Form,
    house::House,
    on_both_databases,
    person::Person,
    pictures::{Png, bomb, jpeg_size, with_exif},
    server::Server,
    wait::eventually,
};
use reqwest::Method;
use serde_json::json;

on_both_databases!(documents_come_and_go, a_crash_within_an_upload_leaves_nothing, a_client_that_leaves_can_come_again);

const NOTES: &str = "# Tides\n\nThe moon pulls, the water follows.\n";

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The whole blobs of a house, and those that were begun.
fn blobs(house: &House) -> Vec<PathBuf> {
    files(&house.data().join("blobs"))
}

async fn until_blobs(house: &House, count: usize) {
    eventually("the number of blobs", async || (blobs(house).len() == count).then_some(())).await;
}

async fn subject(person: &Person) -> String {
    person.post("/subjects", &json!({"title": "Tides", "color": "#0055AA"})).await.is(201).text_at("/id")
}

fn upload(person: &Person, subject: &str, name: &str, content: &[u8]) -> reqwest::RequestBuilder {
    Form::of_file(name, content).on(person.request(Method::POST, &format!("/subjects/{subject}/documents")))
}

async fn set_avatar(person: &Person, picture: &[u8]) -> Answer {
    Answer::of(Form::of_file("me", picture).on(person.request(Method::PUT, "/users/me/avatar"))).await
}

/// A PDF of one page with one line (ISO 32000).
fn pdf(line: &str) -> Vec<u8> {
    let text = format!("BT /F1 24 Tf 72 700 Td ({line}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let (mut pdf, mut places) = ("%PDF-1.4\n".to_owned(), Vec::new());
    for (number, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        write!(pdf, "{} 0 obj\n{object}\nendobj\n", number + 1).expect("a string takes all");
    }
    let table = pdf.len();
    pdf += "xref\n0 6\n0000000000 65535 f \n";
    for place in places {
        writeln!(pdf, "{place:010} 00000 n ").expect("a string takes all");
    }
    write!(pdf, "trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").expect("a string takes all");
    pdf.into_bytes()
}

async fn documents_come_and_go(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let bob = server.register_and_sign_in("bob").await;
    let tides = subject(&ada).await;

    // ---- once, however often it is sent ----
    let named = |name, content| upload(&ada, &tides, name, content).header("Idempotency-Key", "tides-1");
    let added = Answer::of(named("notes.md", NOTES.as_bytes())).await.is(201);
    assert_eq!(added.header("idempotency-replayed"), None);
    let replayed = Answer::of(named("notes.md", NOTES.as_bytes())).await.is(201);
    assert_eq!((replayed.header("idempotency-replayed"), &replayed.text), (Some("true"), &added.text));
    Answer::of(named("notes.md", b"something else")).await.is_problem(422, "idempotency_key_reused");
    let list = format!("/subjects/{tides}/documents");
    assert_eq!(ada.get(&list).await.is(200).items().len(), 1);
    assert_eq!(added["media_type"], "text/markdown");
    assert_eq!(added["size"], NOTES.len());
    until_blobs(&house, 1).await;

    // ---- given out ----
    let id = added.text_at("/id");
    let content = format!("/documents/{id}/content");
    let get = |method, name, value: &str| Answer::of(ada.request(method, &content).header(name, value));
    let whole = get(Method::GET, "Accept-Encoding", "gzip").await.is(200);
    assert_eq!(whole.text, NOTES);
    for (name, value) in [
        ("content-type", "text/markdown; charset=utf-8"),
        ("content-disposition", "attachment; filename*=UTF-8''notes.md"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("accept-ranges", "bytes"),
        ("content-length", &NOTES.len().to_string()),
    ] {
        assert_eq!(whole.header(name), Some(value), "{name}");
    }
    assert_eq!(whole.header("content-encoding"), None);
    let etag = whole.header("etag").expect("a tag").to_owned();
    assert_eq!(etag, format!("\"{}\"", added.text_at("/sha256")));
    let part = get(Method::GET, "Range", "bytes=2-6").await.is(206);
    assert_eq!((&*part.text, part.header("content-range")), ("Tides", Some(&*format!("bytes 2-6/{}", NOTES.len()))));
    let beyond = get(Method::GET, "Range", "bytes=1000-").await.is_problem(416, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{}", NOTES.len())));
    assert_eq!(get(Method::GET, "If-None-Match", &etag).await.is(304).text, "");
    let head = get(Method::HEAD, "Accept-Encoding", "gzip").await.is(200);
    assert_eq!((&*head.text, head.header("content-length")), ("", Some(&*NOTES.len().to_string())));
    for path in [&content, &format!("/documents/{id}"), &format!("/documents/{id}/text"), &list] {
        bob.get(path).await.is_problem(404, "not_found");
    }
    Answer::of(upload(&bob, &tides, "a", b"text")).await.is_problem(404, "not_found");

    // ---- read ----
    let text = |id: String| {
        let ada = &ada;
        async move {
            eventually("the text", async || {
                let answer = ada.get(&format!("/documents/{id}/text")).await.is(200);
                (answer["status"] != "pending").then_some(answer)
            })
            .await
        }
    };
    assert_eq!(text(id.clone()).await["text"], NOTES);
    let paper = Answer::of(upload(&ada, &tides, "paper.txt", &pdf("The sea at Saint-Malo"))).await.is(201);
    assert_eq!(paper["media_type"], "application/pdf");
    let read = text(paper.text_at("/id")).await;
    assert!(read["text"].as_str().is_some_and(|text| text.contains("The sea at Saint-Malo")), "{}", read.text);
    until_blobs(&house, 2).await;

    // ---- refused ----
    Answer::of(upload(&ada, &tides, "a.txt", b"MZ\0\0")).await.is_problem(415, "unsupported_media_type");
    Answer::of(upload(&ada, &tides, "a.svg", b"<svg/>")).await.is_problem(415, "unsupported_media_type");
    let large = vec![b'a'; (20 << 20) + 1];
    Answer::of(upload(&ada, &tides, "a.txt", &large)).await.is_problem(413, "too_large");
    ada.post(&list, &json!({})).await.is_problem(415, "unsupported_media_type");
    let no_file = Form::new().text("title", "none").on(ada.request(Method::POST, &list));
    Answer::of(no_file).await.is_refused_at("validation_failed", "/file");
    until_blobs(&house, 2).await;

    // ---- gone ----
    ada.delete(&format!("/documents/{id}")).await.is(204);
    ada.get(&content).await.is_problem(404, "not_found");
    until_blobs(&house, 1).await;
    ada.delete(&format!("/subjects/{tides}")).await.is(204);
    until_blobs(&house, 0).await;
}

/// A connection on which half of an upload was sent.
fn half_an_upload(server: &Server, person: &Person, subject: &str, key: &str) -> TcpStream {
    let body = Form::of_file("long.txt", "The tide comes in.\n".repeat(50_000).as_bytes()).body();
    let address = server.url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).expect("connects");
    let head = format!(
        "POST /api/v1/subjects/{subject}/documents HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {}\r\nContent-Length: {}\r\nIdempotency-Key: {key}\r\n\r\n",
        person.access,
        Form::content_type(),
        body.len(),
    );
    connection.write_all(head.as_bytes()).expect("writes");
    connection.write_all(&body[..body.len() / 2]).expect("writes");
    connection
}

async fn a_crash_within_an_upload_leaves_nothing(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let tides = subject(&ada).await;
    let connection = half_an_upload(&server, &ada, &tides, "crash");
    eventually("a note of the blob", async || (house.removals().await == 1).then_some(())).await;
    server.kill();
    drop(connection);
    assert_eq!(house.removals().await, 1, "the note outlives the server");

    let server = house.start().await;
    let mut ada = ada.at(&server);
    ada.sign_in(&server).await;
    assert_eq!(ada.get(&format!("/subjects/{tides}/documents")).await.is(200).items().len(), 0);
    house.make_removals_due().await;
    eventually("the end of the note", async || (house.removals().await == 0).then_some(())).await;
    // What was never whole has another name, which nobody reads; it is swept away when it is a day old.
    let whole: Vec<_> = blobs(&house).into_iter().filter(|path| !path.display().to_string().contains('#')).collect();
    assert_eq!(whole, Vec::<PathBuf>::new());
    // The place works on.
    Answer::of(upload(&ada, &tides, "notes.md", NOTES.as_bytes())).await.is(201);
}

async fn a_client_that_leaves_can_come_again(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let tides = subject(&ada).await;
    let connection = half_an_upload(&server, &ada, &tides, "again");
    eventually("a note of the blob", async || (house.removals().await == 1).then_some(())).await;
    let again = || upload(&ada, &tides, "notes.md", NOTES.as_bytes()).header("Idempotency-Key", "again");
    let early = Answer::of(again()).await.is_problem(409, "request_in_progress");
    assert_eq!(early.header("retry-after"), Some("1"));
    drop(connection);
    let added = eventually("the key is free again", async || {
        let answer = Answer::of(again()).await;
        (answer.status != 409).then_some(answer)
    })
    .await;
    added.is(201);
    // Nothing is left of the half.
    until_blobs(&house, 1).await;
    eventually("the end of the note", async || (house.removals().await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portrait_has_nothing_in_it_but_the_picture() {
    let house = House::small();
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let png = Png::of_size(1200, 800, 8, 2).chunk(*b"tEXt", b"Comment\0where I live").red(1200, 800);
    let set = set_avatar(&ada, &png).await.is(200);
    let first = set.text_at("/avatar_url");
    let fetch = async |url: &str| {
        let response = server.request(Method::GET, url).send().await.expect("an answer");
        let headers = response.headers().clone();
        (response.status().as_u16(), headers, response.bytes().await.expect("a body"))
    };
    let (status, headers, jpeg) = fetch(&first).await;
    assert_eq!((status, headers["content-type"].as_bytes()), (200, &b"image/jpeg"[..]));
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(jpeg_size(&jpeg), (500, 333));
    let holds = |jpeg: &[u8], text: &str| jpeg.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(&jpeg, "where I live") && !holds(&jpeg, "Exif"));

    // From a JPEG with the place in its EXIF; the one before goes.
    let second = set_avatar(&ada, &with_exif(&jpeg, "52.5163N 13.3777E")).await.is(200).text_at("/avatar_url");
    let (_, _, jpeg) = fetch(&second).await;
    assert!(!holds(&jpeg, "13.3777E") && !holds(&jpeg, "Exif"));
    eventually("the end of the first", async || (fetch(&first).await.0 == 404).then_some(())).await;
    assert_eq!(ada.get("/users/me").await.is(200)["avatar_url"], second);
    assert_eq!(ada.get("/users/ada").await.is(200)["avatar_url"], second);

    let stale = ada.request(Method::DELETE, "/users/me/avatar").header("If-Match", "\"1\"");
    Answer::of(stale).await.is_problem(412, "version_mismatch");
    ada.delete("/users/me/avatar").await.is(204);
    assert!(ada.get("/users/me").await.is(200)["avatar_url"].is_null());
    until_blobs(&house, 0).await;
    server.get("/api/v1/profile-pictures/..%2F..%2Flyceum.db/x").await.is_problem(404, "not_found");
}

/// The most memory that a process ever had, in MiB.
fn most_memory(server: &Server) -> u64 {
    let mut status = String::new();
    let file = fs::File::open(format!("/proc/{}/status", server.pid()));
    file.expect("a process").read_to_string(&mut status).expect("text");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") >> 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_are_traps_are_refused_in_little_memory() {
    let house = House::small();
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let good = Png::of_size(64, 64, 8, 2).red(64, 64);
    let url = set_avatar(&ada, &good).await.is(200).text_at("/avatar_url");
    let jpeg = server.request(Method::GET, &url).send().await.expect("an answer").bytes().await.expect("a body");

    let packed = bomb((5 << 20) - 1000);
    let traps: [(&str, Vec<u8>, u16, &str); 10] = [
        ("50000 by 50000", Png::of_size(50_000, 50_000, 1, 0).ended(&packed[..300_000]), 422, "bad_picture"),
        ("five megabytes of a thousand", Png::of_size(30_000, 30_000, 8, 0).ended(&packed), 422, "bad_picture"),
        ("far more pixels than it says", Png::of_size(64, 64, 8, 2).ended(&packed), 0, ""),
        (
            "a packed text of gigabytes",
            Png::of_size(64, 64, 8, 2).chunk(*b"zTXt", &[b"Comment\0\0", &packed[..4 << 20]].concat()).red(64, 64),
            0,
            "",
        ),
        ("an archive behind it", [&good[..], b"PK\x03\x04archive"].concat(), 422, "bad_picture"),
        ("a page behind it", [&jpeg[..], b"<script>alert(1)</script>"].concat(), 422, "bad_picture"),
        ("cut off", jpeg[..jpeg.len() * 2 / 3].to_vec(), 422, "bad_picture"),
        (
            "a drawing",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>".to_vec(),
            415,
            "unsupported_media_type",
        ),
        ("nothing", Vec::new(), 415, "unsupported_media_type"),
        ("too large", vec![b'x'; (5 << 20) + 1], 413, "too_large"),
    ];
    for (name, picture, status, code) in traps {
        let answer = set_avatar(&ada, &picture).await;
        if status == 0 {
            // What nobody unpacks does no harm: it may be taken or not. What matters is the memory.
            assert!([200, 422].contains(&answer.status), "{name}: {}", answer.text);
        } else {
            assert_eq!((answer.status, answer["code"].as_str()), (status, Some(code)), "{name}: {}", answer.text);
            answer.is_problem(status, code);
        }
    }
    let most = most_memory(&server);
    eprintln!("the server had at most {most} MiB");
    assert!(most < 256, "{most} MiB");
    // Still well.
    set_avatar(&ada, &good).await.is(200);
}
