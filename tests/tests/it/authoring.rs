//! A mentor writes a course by hand; others read it, or don't get to see it.

use lyceum_e2e::{answer::Answer, database::Database, house::House, on_both_databases, person::Person, server::Server};
use reqwest::{Method, header};
use serde_json::{Value, json};

on_both_databases!(a_course_is_written_published_and_put_away);

async fn a_course_is_written_published_and_put_away(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let mentor = server.let_in(&house, "chandra", "mentor").await;
    let other = server.let_in(&house, "other", "mentor").await;
    let learner = server.let_in(&house, "linus", "learner").await;

    let course = writes(&mentor, &other, &learner, &server).await;
    let lessons = adds_lessons(&mentor, &other, &course).await;
    publishes(&mentor, &other, &learner, &server).await;
    reads(&mentor, &learner, &lessons).await;
    reorders(&mentor, &lessons).await;
    removes_and_restores(&mentor, &learner, &server, &lessons).await;
    archives(&mentor, &learner, &server).await;
    removes_the_course(&mentor, &other, &learner).await;
    let differences = house.run(&["progress", "rebuild", "--check"]).succeeded();
    assert!(!differences.stdout.contains("differs"), "{}", differences.stdout);
}

async fn writes(mentor: &Person, other: &Person, learner: &Person, server: &Server) -> Value {
    let new = json!({"title": "Reading the Sky", "description": "Clouds, *fronts*, swell.", "language": "en"});
    learner.post("/courses", &new).await.is_problem(403, "forbidden");
    server.post("/api/v1/courses", &new).await.is_problem(401, "unauthenticated");
    let course = mentor.post("/courses", &new).await.is(201);
    assert_eq!((&course["slug"], &course["status"]), (&json!("reading-the-sky"), &json!("draft")));
    assert_eq!((&course["total_lessons"], &course["version"]), (&json!(0), &json!(1)));
    assert!(course.header("etag").is_some());
    // The second of the name gets a number; a name that was chosen is taken or not.
    let twin = mentor.post("/courses", &new).await.is(201);
    assert_eq!(twin["slug"], "reading-the-sky-2");
    mentor.post("/courses", &json!({"title": "X", "slug": "reading-the-sky"})).await.is_problem(409, "slug_taken");
    mentor
        .post("/courses", &json!({"title": " ", "slug": "Not One"}))
        .await
        .is_refused_at("validation_failed", "/slug");

    // A draft is nobody's business but its author's.
    for person in [other, learner] {
        person.get("/courses/reading-the-sky").await.is_problem(404, "not_found");
        assert!(!person.get("/courses").await.is(200).text.contains("reading-the-sky"));
    }
    other.patch("/courses/reading-the-sky", &json!({"title": "Mine"})).await.is_problem(404, "not_found");

    let tag = course.header("etag").expect("a tag").to_owned();
    let edited = mentor.patch_if(&tag, "/courses/reading-the-sky", &json!({"title": "Reading the Sky at Sea"})).await;
    assert_eq!(edited.is(200)["title"], "Reading the Sky at Sea");
    mentor
        .patch_if(&tag, "/courses/reading-the-sky", &json!({"title": "Too late"}))
        .await
        .is_problem(412, "version_mismatch");
    course.body
}

const CONTENT: &str = "# Cirrus\n\nHigh and *thin*. <script>alert(1)</script> <img src=x onerror=alert(2)>\n\n\
                       [bad](javascript:alert(3)) [good](https://example.com/)\n";

async fn adds_lessons(mentor: &Person, other: &Person, course: &Value) -> Vec<String> {
    let path = format!("/courses/{}/lessons", course["id"].as_str().expect("an id"));
    let mut ids = Vec::new();
    for (title, more) in [
        ("Cirrus", json!({"content": CONTENT})),
        ("Cumulus", json!({"content": "Heaps of *cotton*.", "depth": 1})),
        ("Fronts", json!({"content": "Warm and cold.", "estimated_minutes": 12, "part": "Weather"})),
        ("Swell", json!({"content": "Long waves.", "slug": "the-swell"})),
    ] {
        let mut body = more;
        body["title"] = json!(title);
        let lesson = mentor.post(&path, &body).await.is(201);
        assert_eq!(lesson["title"], title);
        ids.push(lesson.text_at("/id"));
    }
    other.post(&path, &json!({"title": "Mine", "content": "x"})).await.is_problem(404, "not_found");
    let shown = mentor.get(&format!("/courses/{}", course["slug"].as_str().expect("a slug"))).await.is(200);
    assert_eq!(outline(&shown), [("1", "Cirrus"), ("1.1", "Cumulus"), ("2", "Fronts"), ("3", "Swell")].map(pair));
    assert_eq!(
        (&shown["outline"][2]["estimated_minutes"], &shown["outline"][2]["part"]),
        (&json!(12), &json!("Weather"))
    );
    assert_eq!((&shown["outline"][3]["slug"], &shown["total_lessons"]), (&json!("the-swell"), &json!(4)));
    ids
}

fn pair((number, title): (&str, &str)) -> (String, String) {
    (number.to_owned(), title.to_owned())
}

fn outline(course: &Answer) -> Vec<(String, String)> {
    let text = |lesson: &Value, member: &str| lesson[member].as_str().unwrap_or("-").to_owned();
    course["outline"].as_array().expect("lessons").iter().map(|l| (text(l, "number"), text(l, "title"))).collect()
}

async fn publishes(mentor: &Person, other: &Person, learner: &Person, server: &Server) {
    let published = mentor.post_empty("/courses/reading-the-sky/publish").await.is(200);
    assert_eq!(published["status"], "published");
    mentor.post_empty("/courses/reading-the-sky/publish").await.is(200);
    server.get("/api/v1/courses/reading-the-sky").await.is(200);
    learner.post_empty("/courses/reading-the-sky/enrollment").await.is(201);
    // Seen, but not theirs.
    other.patch("/courses/reading-the-sky", &json!({"title": "Mine"})).await.is_problem(403, "forbidden");
    other.delete("/courses/reading-the-sky").await.is_problem(403, "forbidden");
    learner.post_empty("/courses/reading-the-sky/archive").await.is_problem(403, "forbidden");
}

async fn reads(mentor: &Person, learner: &Person, lessons: &[String]) {
    let lesson = learner.get(&format!("/lessons/{}", lessons[0])).await.is(200);
    assert_eq!(lesson["content"], CONTENT);
    assert!(lesson["html"].is_null());
    let html = learner.get(&format!("/lessons/{}?format=html", lessons[0])).await.is(200).text_at("/html");
    assert!(html.contains("<em>thin</em>") && html.contains("https://example.com/"), "{html}");
    for evil in ["script", "onerror", "javascript:"] {
        assert!(!html.contains(evil), "{html}");
    }
    let path = format!("/lessons/{}", lessons[1]);
    let tag = mentor.get(&path).await.is(200).header("etag").expect("a tag").to_owned();
    mentor.patch_if(&tag, &path, &json!({"content": "Heaps of wool."})).await.is(200);
    mentor.patch_if(&tag, &path, &json!({"content": "Lost"})).await.is_problem(412, "version_mismatch");
    assert_eq!(learner.get(&path).await.is(200)["content"], "Heaps of wool.");
    learner.patch(&path, &json!({"content": "Mine"})).await.is_problem(403, "forbidden");
    let hits = learner.get("/search?q=wool").await.is(200);
    assert_eq!(hits.items().len(), 1, "{}", hits.text);
    assert_eq!(hits.items()[0]["lesson_id"], lessons[1], "{}", hits.text);
    assert!(learner.get("/search?q=cotton").await.is(200).items().is_empty(), "what was rewritten is found no more");
}

async fn reorders(mentor: &Person, lessons: &[String]) {
    let path = "/courses/reading-the-sky/lessons/order";
    let order = [&lessons[3], &lessons[0], &lessons[1], &lessons[2]];
    mentor.put(path, &json!({"lesson_ids": order[..3]})).await.is_refused_at("validation_failed", "/lesson_ids");
    let twice = [order[0], order[0], order[1], order[2]];
    mentor.put(path, &json!({"lesson_ids": twice})).await.is_refused_at("validation_failed", "/lesson_ids");
    mentor.put(path, &json!({"lesson_ids": order})).await.is(200);
    let shown = mentor.get("/courses/reading-the-sky").await.is(200);
    assert_eq!(outline(&shown), [("1", "Swell"), ("2", "Cirrus"), ("2.1", "Cumulus"), ("3", "Fronts")].map(pair));
}

async fn removes_and_restores(mentor: &Person, learner: &Person, server: &Server, lessons: &[String]) {
    let percent = async || {
        let all = learner.get("/progress").await.is(200);
        let in_list = all.items()[0]["completion_percent"].clone();
        let alone = learner.get("/courses/reading-the-sky/progress").await.is(200)["completion_percent"].clone();
        assert_eq!(in_list, alone);
        alone
    };
    for lesson in &lessons[..2] {
        learner.put(&format!("/lessons/{lesson}/progress"), &json!({"status": "completed"})).await.is(200);
    }
    assert_eq!(percent().await, 50);
    let removed = format!("/lessons/{}", lessons[0]);
    mentor.delete(&removed).await.is(204);
    assert_eq!(percent().await, 33, "one of three");
    server.get(&format!("/api/v1{removed}")).await.is_problem(404, "not_found");
    learner.put(&format!("{removed}/progress"), &json!({"status": "completed"})).await.is_problem(404, "not_found");
    mentor.delete(&format!("/lessons/{}", lessons[2])).await.is(204);
    mentor.delete(&format!("/lessons/{}", lessons[3])).await.is(204);
    assert_eq!(percent().await, 100, "all that there is is done");
    let gone = mentor.get("/courses/reading-the-sky/removed-lessons").await.is(200);
    assert_eq!(gone.items().len(), 3, "{}", gone.text);
    for lesson in [&lessons[2], &lessons[3], &lessons[0]] {
        mentor.post_empty(&format!("/lessons/{lesson}/restore")).await.is(200);
    }
    assert_eq!(percent().await, 50, "what was done before counts again");
    let more = json!({"title": "Stars", "content": "Polaris."});
    mentor.post("/courses/reading-the-sky/lessons", &more).await.is(201);
    assert_eq!(percent().await, 40, "two of five");
}

async fn archives(mentor: &Person, learner: &Person, server: &Server) {
    assert_eq!(mentor.post_empty("/courses/reading-the-sky/archive").await.is(200)["status"], "archived");
    let listed = server.get("/api/v1/courses").await.is(200);
    assert!(!listed.text.contains("reading-the-sky"));
    learner.get("/courses/reading-the-sky/progress").await.is(200);
    learner.post_empty("/courses/reading-the-sky/enrollment").await.is(201);
    let late = server.register_and_sign_in("latecomer").await;
    late.post_empty("/courses/reading-the-sky/enrollment").await.is_problem(403, "forbidden");
    assert_eq!(mentor.post_empty("/courses/reading-the-sky/publish").await.is(200)["status"], "published");
}

async fn removes_the_course(mentor: &Person, other: &Person, learner: &Person) {
    let tag = mentor.get("/courses/reading-the-sky").await.is(200).header("etag").expect("a tag").to_owned();
    let stale = mentor.request(Method::DELETE, "/courses/reading-the-sky").header(header::IF_MATCH, "\"1\"");
    Answer::of(stale).await.is_problem(412, "version_mismatch");
    let fresh = mentor.request(Method::DELETE, "/courses/reading-the-sky").header(header::IF_MATCH, tag);
    Answer::of(fresh).await.is(204);
    for person in [mentor, learner] {
        person.get("/courses/reading-the-sky").await.is_problem(404, "not_found");
    }
    assert!(learner.get("/progress").await.is(200).items().is_empty());
    let removed = mentor.get("/courses?removed=true").await.is(200);
    assert_eq!(removed.items().len(), 1, "{}", removed.text);
    assert!(other.get("/courses?removed=true").await.is(200).items().is_empty());
    other.post_empty("/courses/reading-the-sky/restore").await.is_problem(404, "not_found");
    mentor.post_empty("/courses/reading-the-sky/restore").await.is(200);
    let back = learner.get("/progress").await.is(200);
    assert_eq!(back.items()[0]["completion_percent"], 40, "progress outlives it");
}
