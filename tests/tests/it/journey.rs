//! From an empty database to an answer of the mentor, all the way.

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    fixture,
    house::{House, JWT_SECRET},
    on_both_databases,
    person::Person,
    server::Server,
    upstream::{KEY, MODEL, Upstream},
};
use reqwest::{Method, header};
use serde_json::{Value, json};

on_both_databases!(a_learner_goes_all_the_way);

async fn a_learner_goes_all_the_way(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    the_book_is_imported_and_imported_again(&house);
    let server = house.start().await;

    let ada = joins(&server).await;
    let course = looks_around(&server).await;
    let stranger = a_stranger_with_a_life_of_their_own(&server, &upstream, &course).await;
    learns(&ada, &course).await;
    let conversation = asks(&ada, &upstream, &course, &stranger).await;
    tidies_up(&ada, &stranger, &conversation).await;

    let secrets = [&ada.password, &ada.access, &ada.refresh, &stranger.password, &stranger.access, &stranger.refresh];
    server.told_none_of(secrets.into_iter().map(String::as_str).chain([KEY, JWT_SECRET]));
}

fn the_book_is_imported_and_imported_again(house: &House) {
    let first = house.import(&fixture("knots-book"));
    assert_eq!(first["slug"], "knots-for-the-deck", "{first}");
    assert_eq!((&first["is_new"], &first["total_lessons"]), (&json!(true), &json!(7)), "{first}");
    assert_eq!((&first["status"], &first["counts"]["added"]), (&json!("published"), &json!(8)), "{first}");
    assert_eq!(first["passed_over"], json!([]), "{first}");

    let again = house.import(&fixture("knots-book"));
    assert_eq!((&again["is_new"], &again["total_lessons"]), (&json!(false), &json!(7)), "{again}");
    assert_eq!((&again["course_id"], &again["counts"]["unchanged"]), (&first["course_id"], &json!(8)), "{again}");
    assert_eq!(again["counts"]["added"], 0, "{again}");
}

async fn joins(server: &Server) -> Person {
    let mut ada = server.register("ada").await;
    let clash = json!({"email": "other@learners.example", "username": "Ada", "password": ada.password});
    server.post("/api/v1/auth/register", &clash).await.is_problem(409, "username_taken");

    let login = |identifier: &str| json!({"identifier": identifier, "password": ada.password});
    server.post("/api/v1/auth/login", &login(&ada.email)).await.is_problem(403, "email_not_verified");

    let token = server.verification_token(&ada.email).await;
    let link = json!({"token": token});
    server.post("/api/v1/auth/verify-email", &link).await.is(204);
    server.post("/api/v1/auth/verify-email", &link).await.is_refused_at("validation_failed", "/token");

    server.told_none_of([token.as_str()]);

    // Whoever knows an address learns nothing by registering it; its owner does.
    let again = json!({"email": ada.email, "username": "somebody", "password": ada.password});
    let answer = server.post("/api/v1/auth/register", &again).await.is(202);
    assert_eq!(answer.body, json!({"status": "verification_sent"}));
    let mail = server.mail(&ada.email, "already").await;
    assert!(!mail.contains("token="), "{mail}");

    for identifier in [ada.email.as_str(), "ada", "ADA"] {
        let answer = server.post("/api/v1/auth/login", &login(identifier)).await.is(200);
        assert_eq!(answer["user"]["email"], ada.email);
        let (access, attributes) = answer.cookie("lyceum_access");
        assert!(attributes.contains(&"httponly".to_owned()) && attributes.contains(&"samesite=lax".to_owned()));
        assert!(attributes.contains(&"path=/".to_owned()) && !attributes.contains(&"secure".to_owned()));
        let (refresh, attributes) = answer.cookie("lyceum_refresh");
        assert!(attributes.contains(&"httponly".to_owned()) && attributes.contains(&"samesite=lax".to_owned()));
        assert!(attributes.contains(&"path=/api/v1/auth".to_owned()), "{attributes:?}");
        assert!(!answer.text.contains(&access) && !answer.text.contains(&refresh), "a token is in the body");

        let cookie = format!("lyceum_access={access}");
        let me = Answer::of(server.request(Method::GET, "/api/v1/users/me").header(header::COOKIE, cookie)).await;
        assert_eq!(me.is(200)["username"], "ada");
    }
    let wrong = json!({"identifier": "ada", "password": "not-hers-at-all-1"});
    server.post("/api/v1/auth/login", &wrong).await.is_problem(401, "invalid_credentials");

    ada.sign_in(server).await;
    let me = ada.get("/users/me").await.is(200);
    let expected = json!({
        "email": ada.email, "email_verified": true, "username": "ada", "role": "learner", "plan": "free",
        "display_name": null, "avatar_url": null,
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&me[member.as_str()], value, "{member}");
    }
    assert!(!me.text.contains("password") && !me.text.contains("$2b$"), "{}", me.text);
    ada
}

/// The course with its outline, as an anonymous visitor sees it.
async fn looks_around(server: &Server) -> Value {
    let catalogue = server.get("/api/v1/courses?q=rope").await.is(200);
    assert_eq!(catalogue.items().len(), 1, "{}", catalogue.text);
    let course = server.get("/api/v1/courses/knots-for-the-deck").await.is(200).body;
    let outline = course["outline"].as_array().unwrap();
    let shown: Vec<_> =
        outline.iter().map(|l| (l["number"].as_str().unwrap_or("-"), l["title"].as_str().unwrap())).collect();
    let expected = [
        ("-", "Before the First Knot"),
        ("1", "The Overhand Knot"),
        ("1.1", "The Figure Eight"),
        ("2", "Ownership of a Rope"),
        ("3", "The Reef Knot"),
        ("3.1", "The Sheet Bend"),
        ("-", "Words of the Trade"),
    ];
    assert_eq!(shown, expected, "the draft is for who may change the course");
    assert_eq!((&outline[3]["part"], &outline[4]["part"]), (&json!("Holding"), &json!("Joining")));

    let lesson = server.get(&format!("/api/v1/lessons/{}", id_of(&course, "The Figure Eight"))).await.is(200);
    assert!(lesson.text_at("/content").contains("over, under, over, through"), "the include is resolved");
    course
}

fn id_of(course: &Value, title: &str) -> String {
    let lessons = course["outline"].as_array().unwrap();
    lessons.iter().find(|lesson| lesson["title"] == title).unwrap()["id"].as_str().unwrap().to_owned()
}

async fn a_stranger_with_a_life_of_their_own(server: &Server, upstream: &Upstream, course: &Value) -> Person {
    let zoe = server.register_and_sign_in("zoe-quillfeather").await;
    zoe.patch("/users/me", &json!({"display_name": "Zoe Quillfeather", "bio": "Keeps albatrosses."})).await.is(200);
    let reef = id_of(course, "The Reef Knot");
    zoe.put(&format!("/lessons/{reef}/progress"), &json!({"status": "completed"})).await.is(200);
    upstream.then_says("Albatrosses sleep on the wing.");
    zoe.ask(&json!({"prompt": "Do my albatrosses own a rope?", "lesson_id": reef})).await.is(200);
    zoe
}

async fn learns(ada: &Person, course: &Value) {
    let enrolment = "/courses/knots-for-the-deck/enrollment";
    let enrolled = ada.post_empty(enrolment).await.is(201);
    assert_eq!((&enrolled["completion_percent"], &enrolled["total_lessons"]), (&json!(0), &json!(7)));
    ada.post_empty(enrolment).await.is(201);

    let done = json!({"status": "completed"});
    let steps = [("Before the First Knot", 14), ("The Overhand Knot", 28), ("Ownership of a Rope", 42)];
    for ((title, percent), count) in steps.into_iter().zip(1..) {
        let lesson = id_of(course, title);
        // Twice: nothing counts twice.
        for _ in 0..2 {
            let recorded = ada.put(&format!("/lessons/{lesson}/progress"), &done).await.is(200);
            assert_eq!(
                (&recorded["lesson"]["status"], &recorded["lesson"]["lesson_id"]),
                (&json!("completed"), &json!(lesson))
            );
            let stand = &recorded["course"];
            assert_eq!((&stand["completion_percent"], &stand["completed_lessons"]), (&json!(percent), &json!(count)));
        }
    }

    let list = ada.get("/progress").await.is(200);
    assert_eq!(list.items().len(), 1);
    let stand = &list.items()[0];
    assert_eq!((&stand["slug"], &stand["title"]), (&json!("knots-for-the-deck"), &json!("Knots for the Deck")));
    assert_eq!((&stand["completion_percent"], &stand["completed_lessons"]), (&json!(42), &json!(3)));

    let detail = ada.get("/courses/knots-for-the-deck/progress").await.is(200);
    assert_eq!((&detail["completion_percent"], &detail["total_lessons"]), (&json!(42), &json!(7)));
    let lessons = detail["lessons"].as_array().unwrap();
    let completed: Vec<_> =
        lessons.iter().filter(|l| l["status"] == "completed").map(|l| l["title"].as_str().unwrap()).collect();
    assert_eq!(completed, steps.map(|(title, _)| title));
    assert_eq!(lessons.len(), 7);
}

/// Asks about a lesson, in both ways. Answers the conversation's id.
async fn asks(ada: &Person, upstream: &Upstream, course: &Value, stranger: &Person) -> String {
    let lesson = id_of(course, "Ownership of a Rope");
    upstream.then_says("Whoever hands the rope over has given it up [1].");
    let before = upstream.asked().len();
    let answer = ada.ask(&json!({"prompt": "Who owns a rope that was lent?", "lesson_id": lesson})).await.is(200);
    assert_eq!(answer["response"], "Whoever hands the rope over has given it up [1].");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 21, "completion_tokens": 8}));
    assert_eq!(answer["model"], MODEL);
    let source = &answer["sources"][0];
    assert_eq!((&source["lesson_id"], &source["number"]), (&json!(lesson), &json!("2")));
    assert_eq!((&source["title"], &source["course_id"]), (&json!("Ownership of a Rope"), &course["id"]));

    let asked = upstream.asked_times(before + 1).await;
    assert!(asked.head.contains(&format!("Bearer {KEY}")), "{}", asked.head);
    assert_eq!((&asked.body["model"], &asked.body["stream"]), (&json!(MODEL), &json!(false)));
    let words = asked.words();
    for told in ["learner", "Knots for the Deck", "42 %", "exactly one keeper", "Who owns a rope that was lent?"] {
        assert!(words.contains(told), "{told:?} is missing:\n{words}");
    }
    // Nothing of anybody else, and not even who asks.
    for untold in [&stranger.name, &stranger.email, "Quillfeather", "lbatross", "14 %", &ada.email] {
        assert!(!words.contains(untold), "{untold:?} is nobody's business:\n{words}");
    }

    let conversation = answer.text_at("/conversation_id");
    let messages = ada.messages(&conversation).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (&messages[0]["role"], &messages[0]["content"]),
        (&json!("user"), &json!("Who owns a rope that was lent?"))
    );
    assert_eq!((&messages[1]["role"], &messages[1]["status"]), (&json!("assistant"), &json!("complete")));
    for member in ["usage", "sources", "model"] {
        assert_eq!(messages[1][member], answer[member], "{member}");
    }
    assert_eq!((&messages[1]["content"], &messages[1]["id"]), (&answer["response"], &answer["message_id"]));

    goes_on_in_events(ada, upstream, &conversation, &lesson).await;
    conversation
}

async fn goes_on_in_events(ada: &Person, upstream: &Upstream, conversation: &str, lesson: &str) {
    upstream.then_says("It is coiled and given back before the watch ends.");
    let before = upstream.asked().len();
    let question =
        json!({"prompt": "And when is it given back?", "conversation_id": conversation, "lesson_id": lesson});
    let mut events = ada.ask_for_events(&question).await;
    let start = events.expect("start").await;
    assert_eq!(start["conversation_id"], conversation);
    assert_eq!(start["sources"][0]["lesson_id"], *lesson);
    let (text, done) = events.to_the_end().await;
    assert_eq!(text, "It is coiled and given back before the watch ends.");
    assert_eq!((done.name.as_str(), &done.data["finish_reason"]), ("done", &json!("stop")));
    assert_eq!(done.data["usage"], json!({"prompt_tokens": 21, "completion_tokens": 8}));
    assert_eq!((&done.data["model"], &done.data["message_id"]), (&json!(MODEL), &start["message_id"]));

    let asked = upstream.asked_times(before + 1).await;
    assert_eq!(asked.body["stream"], true);
    assert!(asked.words().contains("has given it up [1]"), "the conversation so far is told:\n{}", asked.words());
    let messages = ada.messages(conversation).await;
    assert_eq!(messages.len(), 4);
    assert_eq!((&messages[2]["id"], &messages[3]["id"]), (&start["user_message_id"], &start["message_id"]));
    assert_eq!((&messages[3]["content"], &messages[3]["status"]), (&json!(text), &json!("complete")));
}

async fn tidies_up(ada: &Person, stranger: &Person, conversation: &str) {
    let second = ada.ask(&json!({"prompt": "What is a halyard?"})).await.is(200).text_at("/conversation_id");
    let list = ada.get("/ai/conversations").await.is(200);
    let ids: Vec<_> = list.items().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [second.as_str(), conversation], "newest first, and nobody else's");
    assert_eq!(list.items()[1]["title"], "Who owns a rope that was lent?");

    let path = format!("/ai/conversations/{conversation}");
    let read = ada.get(&path).await.is(200);
    let tag = read.header("etag").expect("a tag").to_owned();
    let renamed = ada.patch_if(&tag, &path, &json!({"title": "On lending"})).await.is(200);
    assert_eq!(renamed["title"], "On lending");
    assert_ne!(renamed.header("etag"), Some(tag.as_str()));
    ada.patch_if(&tag, &path, &json!({"title": "Too late"})).await.is_problem(412, "version_mismatch");
    assert_eq!(ada.get(&path).await.is(200)["title"], "On lending");

    ada.patch(&path, &json!({"is_archived": true})).await.is(200);
    for (filter, expected) in [("true", conversation), ("false", &second)] {
        let list = ada.get(&format!("/ai/conversations?archived={filter}")).await.is(200);
        let ids: Vec<_> = list.items().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [expected], "archived={filter}");
    }

    stranger.get(&path).await.is_problem(404, "not_found");
    stranger.get(&format!("{path}/messages")).await.is_problem(404, "not_found");
    stranger.patch(&path, &json!({"title": "Mine"})).await.is_problem(404, "not_found");
    stranger.delete(&path).await.is_problem(404, "not_found");
    stranger.ask(&json!({"prompt": "Go on.", "conversation_id": conversation})).await.is_problem(404, "not_found");
    ada.delete(&path).await.is(204);
    ada.get(&path).await.is_problem(404, "not_found");
    ada.delete(&path).await.is_problem(404, "not_found");
}
