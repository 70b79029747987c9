//! Books come in over HTTP, again after they changed, and go out again.

use std::{fs, io::Write as _, path::Path, time::Duration};

use lyceum_e2e::{
    answer::Answer, archives, database::Database, fixture, house::House, on_both_databases, person::Person,
    server::Server, wait::eventually,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

on_both_databases!(a_book_comes_in_changes_and_goes_out_again, hostile_archives_are_refused_with_reasons);

async fn a_book_comes_in_changes_and_goes_out_again(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let mentor = server.let_in(&house, "chandra", "mentor").await;
    let learner = server.let_in(&house, "linus", "learner").await;
    let book = house.folder().join("book");
    archives::copy(&fixture("knots-book"), &book);
    fs::create_dir_all(book.join("src/img")).expect("a folder");
    fs::write(book.join("src/img/knot.png"), PIXEL).expect("writes");
    fs::write(book.join("src/img/drawing.svg"), DRAWING).expect("writes");

    learner.upload("/courses/import", "b.zip", "application/zip", &[]).await.is_problem(403, "forbidden");
    let first = mentor
        .upload("/courses/import?publish=true", "knots.zip", "application/zip", &archives::zip(&book, "knots-main"))
        .await
        .is(201);
    assert_eq!((&first["slug"], &first["is_new"]), (&json!("knots-for-the-deck"), &json!(true)), "{}", first.text);
    assert_eq!((&first["total_lessons"], &first["counts"]["added"]), (&json!(7), &json!(8)), "{}", first.text);
    serves_its_files(&mentor, &server).await;

    for title in ["The Overhand Knot", "The Figure Eight", "The Reef Knot", "The Sheet Bend"] {
        let lesson = id_of(&server, title).await;
        learner.put(&format!("/lessons/{lesson}/progress"), &json!({"status": "completed"})).await.is(200);
    }
    let before = ids(&server).await;

    let again = mentor
        .upload("/courses/import", "knots.tar.gz", "application/gzip", &archives::tar_gz(&book, "knots"))
        .await
        .is(201);
    assert_eq!((&again["course_id"], &again["is_new"]), (&first["course_id"], &json!(false)), "{}", again.text);
    assert_eq!(again["counts"]["unchanged"], 8, "{}", again.text);

    changes(&book);
    let changed = mentor.upload("/courses/import", "k.zip", "application/zip", &archives::zip(&book, "")).await.is(201);
    is_told(&changed);
    let after = ids(&server).await;
    for (was, now) in [
        ("The Overhand Knot", "The Simple Knot"),
        ("The Figure Eight", "The Figure Eight"),
        ("The Reef Knot", "The Reef Knot"),
    ] {
        assert_eq!(before[was], after[now], "{was} keeps its identity");
    }
    let seen = learner.get("/courses/knots-for-the-deck/progress").await.is(200);
    assert_eq!((&seen["completed_lessons"], &seen["total_lessons"]), (&json!(3), &json!(7)), "{}", seen.text);
    // The changed picture is served, the dropped one is gone.
    let picture = Answer::of(server.request(Method::GET, &file_path("src/img/knot.png"))).await.is(200);
    assert_eq!(picture.header("content-length"), Some("3"), "{:?}", picture.headers);
    server.get(&file_path("src/img/drawing.svg")).await.is_problem(404, "not_found");

    goes_out_and_comes_in_again(&mentor, &server).await;
}

/// Ids by title.
async fn ids(server: &Server) -> Value {
    let course = server.get("/api/v1/courses/knots-for-the-deck").await.is(200);
    let entries = course["outline"].as_array().expect("lessons").iter();
    entries.map(|entry| (entry["title"].as_str().expect("a title").to_owned(), entry["id"].clone())).collect()
}

async fn id_of(server: &Server, title: &str) -> String {
    ids(server).await[title].as_str().expect(title).to_owned()
}

fn file_path(file: &str) -> String {
    format!("/api/v1/courses/knots-for-the-deck/files/{file}")
}

/// As good as a picture for whoever does not decode it.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n not decoded by anybody";
const DRAWING: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>";

async fn serves_its_files(mentor: &Person, server: &Server) {
    let picture = Answer::of(server.request(Method::GET, &file_path("src/img/knot.png"))).await.is(200);
    assert_eq!(picture.header("content-type"), Some("image/png"));
    let tag = picture.header("etag").expect("a tag").to_owned();
    let unchanged = server.request(Method::GET, &file_path("src/img/knot.png")).header("if-none-match", tag);
    Answer::of(unchanged).await.is(304);
    let part = server.request(Method::GET, &file_path("src/img/knot.png")).header("range", "bytes=1-3");
    assert_eq!(Answer::of(part).await.is(206).text, "PNG");
    // A drawing may hold a script; no browser runs it.
    let drawing = server.get(&file_path("src/img/drawing.svg")).await.is(200);
    assert_eq!(drawing.header("x-content-type-options"), Some("nosniff"));
    let policy = drawing.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
    for elsewhere in ["src/SUMMARY.md", "book.toml", "src/../book.toml", "src/img/none.png", "%2e%2e/%2e%2e/etc/passwd"]
    {
        assert_eq!(server.get(&file_path(elsewhere)).await.status, 404, "{elsewhere}");
    }
    let lesson = mentor.get(&format!("/lessons/{}", id_of(server, "The Overhand Knot").await)).await.is(200);
    assert!(lesson.text_at("/content_base").ends_with("/files/src/"), "{}", lesson.text);
}

/// One chapter is renamed, one moved, one added, one dropped, and a picture changes.
fn changes(book: &Path) {
    let summary = fs::read_to_string(book.join("src/SUMMARY.md")).expect("a summary");
    let line = |title: &str| {
        let found = summary.lines().find(|line| line.contains(&format!("[{title}]")));
        found.unwrap_or_else(|| panic!("no {title} in\n{summary}")).to_owned()
    };
    let (simple, bend, reef) = (line("The Overhand Knot"), line("The Sheet Bend"), line("The Reef Knot"));
    let changed: Vec<String> = summary
        .lines()
        .filter(|line| *line != bend)
        .flat_map(|line| {
            if line == simple {
                // The reef knot moves before it.
                vec![reef.clone(), line.replace("The Overhand Knot", "The Simple Knot")]
            } else if line == reef {
                vec!["- [The Bowline](bowline.md)".to_owned()]
            } else {
                vec![line.to_owned()]
            }
        })
        .collect();
    fs::write(book.join("src/SUMMARY.md"), changed.join("\n")).expect("writes");
    fs::write(book.join("src/bowline.md"), "# The Bowline\n\nA loop that holds.\n").expect("writes");
    fs::write(book.join("src/img/knot.png"), b"new").expect("writes");
    fs::remove_file(book.join("src/img/drawing.svg")).expect("is removed");
}

fn is_told(report: &Answer) {
    let lessons = report["lessons"].as_array().expect("lessons");
    let about = |title: &str| {
        let found = lessons.iter().find(|lesson| lesson["title"] == title);
        found.unwrap_or_else(|| panic!("nothing of {title}: {}", report.text)).clone()
    };
    assert_eq!(about("The Simple Knot")["renamed_from"], "The Overhand Knot", "{}", report.text);
    assert!(about("The Reef Knot")["moved_from"].is_string(), "{}", report.text);
    assert!(about("The Figure Eight")["moved_from"].is_null(), "{}", report.text);
    assert_eq!(about("The Bowline")["change"], "added");
    assert_eq!(about("The Sheet Bend")["change"], "removed");
}

/// What is exported imports to the same course, here as somebody else's.
async fn goes_out_and_comes_in_again(mentor: &Person, server: &Server) {
    let answer = mentor.request(Method::GET, "/courses/knots-for-the-deck/export").send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/zip");
    let archive = answer.bytes().await.expect("a whole archive");
    let same = mentor.upload("/courses/import", "export.zip", "application/zip", &archive).await.is(201);
    assert_eq!((&same["is_new"], &same["counts"]["unchanged"]), (&json!(false), &json!(8)), "{}", same.text);
    assert_eq!(same["passed_over"], json!([]), "{}", same.text);
    assert_eq!(server.get(&file_path("src/img/knot.png")).await.is(200).text, "new");
}

async fn hostile_archives_are_refused_with_reasons(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let mentor = server.let_in(&house, "chandra", "mentor").await;
    for (name, archive) in hostile(house.folder()) {
        let answer = mentor.upload("/courses/import", "a.zip", "application/zip", &archive).await;
        assert!([413, 415, 422].contains(&answer.status), "{name}: {}", answer.text);
        let answer = answer.clone().is_problem(answer.status, answer["code"].as_str().expect("a code"));
        assert!(answer.text_at("/detail").len() > 20, "{name}: {}", answer.text);
    }
    assert!(mentor.get("/courses?author=chandra").await.is(200).items().is_empty());
    assert!(!Path::new("/tmp/lyceum-escaped").exists() && !house.folder().join("escaped").exists());
    let blobs = house.data().join("blobs/course-files");
    assert!(!blobs.exists() || fs::read_dir(blobs).expect("a folder").next().is_none(), "files of refused books");
}

/// The client's patience ends while a book is imported, and it comes again under the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_client_leaves_is_done_and_answered_when_it_comes_again() {
    let Some(database) = Database::postgres("an_import_whose_client_leaves").await else { return };
    let house = House::new(database);
    let server = house.start().await;
    let mentor = server.let_in(&house, "chandra", "mentor").await;
    let archive = archives::zip(&fixture("knots-book"), "");
    let importing = || {
        let request = mentor.uploading(Method::POST, "/courses/import", "knots.zip", "application/zip", &archive);
        request.header("Idempotency-Key", "knots")
    };
    let mut other = PgConnection::connect(&house.database_url().expect("a database")).await.expect("connects");
    let mut holding = other.begin().await.expect("begins");
    sqlx::query("LOCK TABLE courses IN ACCESS EXCLUSIVE MODE").execute(&mut *holding).await.expect("locked");
    let left = importing().timeout(Duration::from_secs(1)).send().await;
    assert!(left.is_err_and(|error| error.is_timeout()));
    // The server has time to notice.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Answer::of(importing()).await.is_problem(409, "request_in_progress");
    holding.rollback().await.expect("let go of");
    let answer = eventually("the end of the import", async || {
        let answer = Answer::of(importing()).await;
        (answer.status != 409).then_some(answer)
    })
    .await;
    let answer = answer.is(201);
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(mentor.get("/courses?author=chandra").await.is(200).items().len(), 1);
}

/// Archives that no client means well with. Each trick by itself is tried where books are read.
fn hostile(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let zip_with = |name: &str, content: &[u8]| {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (name, content) in [("src/SUMMARY.md", b"- [A](a.md)".as_slice()), ("src/a.md", b"# A"), (name, content)] {
            archive.start_file(name, options).expect("a file");
            archive.write_all(content).expect("is written");
        }
        archive.finish().expect("an archive").into_inner()
    };
    let mut link = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "src/a.md", "/etc/passwd").expect("a link");
    let link = link.into_inner().expect("an archive").finish().expect("ends");
    let whole = archives::zip(&fixture("knots-book"), "");
    let _ = folder;
    vec![
        ("nothing", Vec::new()),
        ("no archive", b"just words".to_vec()),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("climbs", zip_with("../../escaped", b"x")),
        ("absolute", zip_with("/tmp/lyceum-escaped", b"x")),
        ("a link", link),
        ("a bomb", zip_with("src/bomb.md", &vec![b'a'; 300 << 20])),
    ]
}
