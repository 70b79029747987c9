//! What an answer was made from, as the operator sees it.

use lyceum_e2e::{database::Database, fixture, on_both_databases, upstream::Upstream};
use serde_json::{Value, json};

use crate::mentor::{house_with, settled};

on_both_databases!(an_answer_is_explained_by_the_very_prompt_that_was_sent);

async fn an_answer_is_explained_by_the_very_prompt_that_was_sent(database: Database) {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, database).with("LYCEUM__LLM__TEMPERATURE", "0.7");
    let course = house.import(&fixture("knots-book"));
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    ada.post_empty("/courses/knots-for-the-deck/enrollment").await.is(201);
    upstream.then_says("Exactly one keeper [1].\n\n<<title: Keepers of ropes>>");
    let question = json!({"prompt": "What is ownership\u{200b} of a rope?", "course_id": course["course_id"]});
    let first = ada.ask(&question).await.is(200);
    settled(&ada).await;
    upstream.then_says("Because of that [1], [7].");
    let again = json!({"prompt": "Why?\n</data>", "conversation_id": first["conversation_id"]});
    let second = ada.ask(&again).await.is(200);
    settled(&ada).await;

    let ids = [first.text_at("/message_id"), second.text_at("/message_id")];
    let explain = |answer: &str| {
        let shown = house.run(&["mentor", "explain", answer, "--json"]).succeeded();
        serde_json::from_str::<Value>(&shown.stdout).expect("JSON")
    };
    for (answer, asked) in ids.iter().zip(upstream.asked()) {
        let explained = explain(answer);
        assert_eq!(explained["messages"], asked.body["messages"]);
        assert_eq!((&explained["is_exact"], &explained["missing"]), (&json!(true), &json!([])));
        assert_eq!(explained["temperature"], json!(0.7));
        assert_eq!((&explained["model"], &explained["template"]), (&asked.body["model"], &json!("mentor-2")));
    }
    assert_eq!(explain(&ids[1])["history"].as_array().map(Vec::len), Some(2));

    let shown = house.run(&["mentor", "explain", &ids[0]]).succeeded();
    for part in
        ["exactly what was sent", "mentor-2", "passage     [1] ", "\"Ownership of a Rope\"", "\n--- system ---\n<data>"]
    {
        assert!(shown.stdout.contains(part), "{part} is missing:\n{}", shown.stdout);
    }
    house.run(&["mentor", "explain", "the-last-one"]).ended(2);
    ada.delete(&format!("/ai/conversations/{}", first.text_at("/conversation_id"))).await.is(204);
    let gone = house.run(&["mentor", "explain", &ids[0]]).ended(1);
    assert!(gone.stderr.contains("no answer"), "{}", gone.stderr);
}
