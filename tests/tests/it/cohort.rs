//! What a mentor sees of those who learn, and what a learner sees of their own days.

use lyceum_e2e::{answer::Answer, database::Database, fixture, house::House, on_both_databases};
use reqwest::{Method, header};
use serde_json::{Value, json};

on_both_databases!(a_mentor_sees_who_is_where, a_learner_sees_their_days_and_where_to_go_on);

async fn a_mentor_sees_who_is_where(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let mentor = server.let_in(&house, "chandra", "mentor").await;
    let other = server.let_in(&house, "other", "mentor").await;
    let book = fixture("knots-book").display().to_string();
    house.run(&["course", "import", &book, "--author", "chandra", "--publish"]).succeeded();
    let course = server.get("/api/v1/courses/knots-for-the-deck").await.is(200);
    let lessons: Vec<_> =
        course["outline"].as_array().unwrap().iter().map(|lesson| lesson["id"].as_str().unwrap().to_owned()).collect();

    let mut people = Vec::new();
    for (name, done) in [("anna", 0), ("bela", 2), ("carl", 7), ("dora", 1)] {
        let person = server.let_in(&house, name, "learner").await;
        person.post_empty("/courses/knots-for-the-deck/enrollment").await.is(201);
        for lesson in &lessons[..done] {
            person.put(&format!("/lessons/{lesson}/progress"), &json!({"status": "completed"})).await.is(200);
        }
        people.push(person);
    }
    // Dora leaves, and shows her progress to nobody: the cohort does not see her.
    people[3].patch("/users/me/privacy", &json!({"show_progress": false})).await.is(200);
    people[3].delete("/courses/knots-for-the-deck/enrollment").await.is(204);
    people[0].patch("/users/me", &json!({"display_name": "=cmd|' /C calc'!A0"})).await.is(200);

    let cohort = "/courses/knots-for-the-deck/learners";
    let all = mentor.get(cohort).await.is(200);
    let shown: Vec<_> = all.items().iter().map(|one| (name_of(one), one["completion_percent"].clone())).collect();
    assert_eq!(shown, [("carl", json!(100)), ("bela", json!(28)), ("anna", json!(0))].map(|(n, p)| (n.to_owned(), p)));
    assert_eq!(all.items()[1]["next_lesson"]["lesson_id"], lessons[2], "{}", all.text);
    assert!(!all.text.contains("@learners.example"), "addresses are nobody's business");
    let page = mentor.get(&format!("{cohort}?limit=2")).await.is(200);
    let cursor = page.text_at("/next_cursor");
    assert_eq!(mentor.get(&format!("{cohort}?limit=2&cursor={cursor}")).await.is(200).items().len(), 1);
    assert!(mentor.get(&format!("{cohort}?stuck=true")).await.is(200).items().is_empty(), "all were here today");
    let mut rows = house.by_hand().await;
    rows.run("UPDATE course_progress SET updated_at = created_at").await;
    let long_ago = "UPDATE course_progress SET updated_at = '2026-01-01T00:00:00+00:00' WHERE completed_lessons > 0";
    rows.run(long_ago).await;
    let stuck = mentor.get(&format!("{cohort}?stuck=true")).await.is(200);
    assert_eq!(stuck.items().iter().map(name_of).collect::<Vec<_>>(), ["bela"], "{}", stuck.text);
    assert_eq!(stuck.items()[0]["is_stuck"], true, "{}", stuck.text);
    mentor.get(&format!("{cohort}?stuck=true&idle_days=400")).await.is_refused_at("validation_failed", "/idle_days");

    for person in [&other, &people[1]] {
        person.get(cohort).await.is_problem(403, "forbidden");
        person.get("/courses/knots-for-the-deck/completion").await.is_problem(403, "forbidden");
    }
    let table = mentor.request(Method::GET, cohort).header(header::ACCEPT, "text/csv");
    let table = Answer::of(table).await.is(200);
    assert!(table.header("content-type").expect("a type").starts_with("text/csv"));
    assert_eq!(table.text.lines().count(), 4, "{}", table.text);
    assert!(!table.text.contains(",=cmd") && !table.text.contains("\"=cmd"), "a formula: {}", table.text);

    let completion = mentor.get("/courses/knots-for-the-deck/completion").await.is(200);
    assert_eq!(completion["learners"], 3, "{}", completion.text);
    let rates: Vec<_> = completion["lessons"].as_array().unwrap().iter().map(|l| l["completed"].clone()).collect();
    assert_eq!(rates, [2, 2, 1, 1, 1, 1, 1].map(|n| json!(n)), "{}", completion.text);
    assert_eq!(completion["lessons"][0]["completion_percent"], 66, "{}", completion.text);
}

fn name_of(learner: &Value) -> String {
    learner["username"].as_str().expect("a name").to_owned()
}

async fn a_learner_sees_their_days_and_where_to_go_on(database: Database) {
    let house = House::new(database);
    house.import(&fixture("knots-book"));
    let server = house.start().await;
    let learner = server.let_in(&house, "linus", "learner").await;
    let course = server.get("/api/v1/courses/knots-for-the-deck").await.is(200);
    let lesson = |n: usize| course["outline"][n]["id"].as_str().unwrap().to_owned();

    let empty = learner.get("/progress/timeline?days=3").await.is(200);
    assert_eq!(empty["days"].as_array().expect("days").len(), 3, "{}", empty.text);
    assert_eq!((&empty["days_active"], &empty["current_streak"]), (&json!(0), &json!(0)), "{}", empty.text);
    assert!(learner.get("/progress/next").await.is(200).items().is_empty());

    for (n, status) in [(0, "completed"), (1, "in_progress"), (2, "completed"), (2, "not_started"), (2, "completed")] {
        learner.put(&format!("/lessons/{}/progress", lesson(n)), &json!({"status": status})).await.is(200);
    }
    let days = learner.get("/progress/timeline?days=3").await.is(200);
    let today = &days["days"][2];
    assert_eq!((&today["lessons_completed"], &today["steps"]), (&json!(2), &json!(5)), "{}", days.text);
    assert_eq!((&days["days_active"], &days["current_streak"]), (&json!(1), &json!(1)), "{}", days.text);
    assert_eq!(days["days"][0]["steps"], 0);
    learner.get("/progress/timeline?days=0").await.is_problem(422, "validation_failed");
    learner.get("/progress/timeline?days=400").await.is_problem(422, "validation_failed");

    let next = learner.get("/progress/next").await.is(200);
    assert_eq!(next.items()[0]["next_lesson"]["lesson_id"], lesson(1), "{}", next.text);
    let alone = learner.get("/courses/knots-for-the-deck/progress").await.is(200);
    assert_eq!((&alone["next_lesson"]["lesson_id"], &alone["days_active"]), (&json!(lesson(1)), &json!(1)));
    assert!(alone["started_at"].is_string(), "{}", alone.text);

    let found = learner.get("/search?q=rope").await.is(200);
    assert!(!found.items().is_empty());
    // What fits by its title alone has nothing to mark in its text.
    let is_marked =
        |hit: &Value| hit["excerpt"].as_array().expect("pieces").iter().any(|part| part["is_match"] == true);
    assert!(found.items().iter().any(|hit| hit["kind"] == "lesson" && is_marked(hit)), "{}", found.text);
    for hostile in ["%22", "NEAR(", "*", "a:b", "'%20OR%201=1", "%00"] {
        let answer = learner.get(&format!("/search?q={hostile}")).await;
        assert!([200, 422].contains(&answer.status), "{hostile}: {}", answer.text);
    }
}
