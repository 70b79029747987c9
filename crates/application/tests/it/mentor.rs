//! Asking the mentor: what is put before the model, and what is written down before it is asked.

mod again;
mod explain;
mod feedback;
mod killed;
mod ledger;
mod named;
mod prices;
mod quotas;
mod reading;
mod resuming;
mod scene;
mod stopping;
mod turn;

use std::time::Duration;

use lyceum_application::mentor::Question;
use lyceum_domain::{
    conversations::{Author, MessageStatus},
    courses::CourseKey,
    mentor::{ChatRequest, ChatRole, Delivery, UsageOutcome},
    progress::LessonStatus,
    store::Store as _,
    users::{DisplayName, Role},
};
use lyceum_testkit::chat::ScriptedModel;

use crate::house::{House, announced, chapter, chapters, code, question};

/// Everything the model was told, but the question.
fn told(asked: &ChatRequest) -> String {
    let (question, before) = asked.messages.split_last().unwrap();
    assert_eq!((question.role, &question.content), (ChatRole::User, &asked.grounding.question));
    before.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_prompt_holds_role_courses_and_passages_and_nothing_of_anybody_else() {
    let (house, upstream) = House::with_upstream();
    let author = house.mentor("author").await;
    let (ada, bob) = (house.learner("ada").await, house.learner("bob").await);
    let text = "A loop that never slips: the rope bears on itself.";
    let knots =
        house.publish(&author, "Knots", vec![chapter("Bowline", text), chapter("Hitches", "Round a post.")]).await;
    let sails = house.publish(&author, "Sails", chapters(&["Jib"])).await;
    house.import(&author, "Unpublished", vec![chapter("Rope", "The rope of the draft.")], false).await;
    let bowline = house.lesson(knots.id, "Bowline").await;
    house.lyceum.record_lesson(&ada.actor(), bowline, LessonStatus::Completed).await.unwrap();
    house.lyceum.enrol(&bob.actor(), &CourseKey::Id(sails.id)).await.unwrap();
    house.played(&upstream, &bob, question("Where is Zanzibar?"), "Far away.").await;
    let name = DisplayName::parse("Augusta King").unwrap();
    let ada = house.change_user(ada.user.id, |user| user.display_name = Some(name)).await;

    let (asked, heard) =
        house.played(&upstream, &ada, question("Why does the rope not slip?"), "It bears [1], [2].").await;

    let told = told(&asked);
    for part in ["role: learner", "| Knots\ndone: 50 %, 1 of 2 lessons\nnext lesson | Hitches", text] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    let (ada_id, bob_id) = (ada.user.id.to_string(), bob.user.id.to_string());
    for part in ["Zanzibar", "Far away", "Sails", "draft", "ada", "Augusta", "bob", "author", "@", &ada_id, &bob_id] {
        assert!(!told.contains(part), "{part} is told:\n{told}");
    }
    assert_eq!(asked.grounding.passages.iter().map(|p| p.number).collect::<Vec<_>>(), [1]);
    let sources = heard.started.as_ref().unwrap().sources.clone();
    assert_eq!((sources.len(), sources[0].lesson, sources[0].course), (1, bowline, knots.id));
    assert_eq!(house.outcome(&ada).await.0.sources, sources);
    assert_eq!(house.lyceum.ports().answers.dropped_citations(), 1, "there is no second passage");
    let (_, heard) = house.played(&upstream, &ada, question("Does the rope slip?"), "It does not.").await;
    assert_eq!(heard.started.as_ref().unwrap().sources.len(), 1);
    assert_eq!(heard.answer().sources, [], "what is not cited is no source");
}

#[tokio::test]
async fn who_wants_nothing_personal_in_prompts_gets_nothing_personal_in_prompts() {
    let (house, upstream) = House::with_upstream();
    let (author, ada) = (house.mentor("author").await, house.learner("ada").await);
    let knots = house.publish(&author, "Knots", chapters(&["Bowline"])).await;
    let lesson = house.lesson(knots.id, "Bowline").await;
    house.lyceum.enrol(&ada.actor(), &CourseKey::Id(knots.id)).await.unwrap();
    let ada = house.change_user(ada.user.id, |user| user.privacy.ai_personalization = false).await;

    for asked in [question("Bowline?"), Question { lesson: Some(lesson), ..question("Bowline?") }] {
        let (asked, heard) = house.played(&upstream, &ada, asked, "A knot.").await;
        let grounding = &asked.grounding;
        assert!(!grounding.is_personal && grounding.courses.is_empty() && grounding.passages.is_empty());
        assert!(grounding.lesson.is_none() && heard.started.unwrap().sources.is_empty());
        let told = told(&asked);
        assert!(told.contains("wants no personal data") && !told.contains("Knots") && !told.contains("Bowline"));
    }
}

#[tokio::test]
async fn a_question_about_a_lesson_rests_on_it_also_where_no_word_is_shared() {
    let (house, upstream) = House::with_upstream();
    let (author, ada) = (house.mentor("author").await, house.learner("ada").await);
    let all = vec![chapter("Bowline", "A loop."), chapter("Hitches", "Round a post, with a loop.")];
    let knots = house.publish(&author, "Knots", all).await;
    let bowline = house.lesson(knots.id, "Bowline").await;
    for words in ["What is a loop?", "¿Por qué?"] {
        let about = Question { lesson: Some(bowline), course: Some(knots.id), ..question(words) };
        let (asked, heard) = house.played(&upstream, &ada, about, "So.").await;
        let about = asked.grounding.lesson.as_ref().unwrap();
        assert_eq!((about.title.as_str(), about.course_title.as_str()), ("Bowline", "Knots"));
        let sources = heard.started.unwrap().sources;
        assert_eq!(sources.iter().map(|source| source.lesson).collect::<Vec<_>>(), [bowline], "{words}");
    }
    let about = Question { course: Some(knots.id), ..question("Which knots have a loop?") };
    let (asked, _) = house.played(&upstream, &ada, about, "Both.").await;
    assert_eq!((asked.grounding.passages.len(), asked.grounding.lesson), (2, None));
}

#[tokio::test]
async fn a_question_may_name_only_what_its_asker_may_read() {
    let house = House::new();
    let (author, other) = (house.mentor("author").await, house.mentor("other").await);
    let ada = house.learner("ada").await;
    let draft = house.import(&author, "Secret", chapters(&["Bowline"]), false).await.course;
    let course = house.publish(&author, "Knots", vec![announced("Hitches")]).await;
    let (hidden, unwritten) = (house.lesson(draft.id, "Bowline").await, house.lesson(course.id, "Hitches").await);
    for asker in [&ada, &other] {
        for about in [
            Question { lesson: Some(hidden), ..question("What?") },
            Question { course: Some(draft.id), ..question("What?") },
            Question { lesson: Some(unwritten), ..question("What?") },
        ] {
            assert_eq!(code(house.lyceum.ask(asker, about).await), "not_found");
        }
        assert!(house.store.read().usage_of(asker.user.id).await.unwrap().is_empty());
    }
    let own = Question { lesson: Some(hidden), ..question("What?") };
    assert!(house.lyceum.ask(&author, own).await.is_ok());
}

#[tokio::test]
async fn a_lesson_of_another_course_than_the_one_named_is_refused() {
    let house = House::new();
    let (author, ada) = (house.mentor("author").await, house.learner("ada").await);
    let knots = house.publish(&author, "Knots", chapters(&["Bowline"])).await;
    let sails = house.publish(&author, "Sails", chapters(&["Jib"])).await;
    let lesson = Some(house.lesson(knots.id, "Bowline").await);
    let about = |course| Question { lesson, course: Some(course), ..question("What?") };
    let refused = house.lyceum.ask(&ada, about(sails.id)).await.err().unwrap();
    assert_eq!(refused.code(), "validation_failed");
    assert!(matches!(refused, lyceum_application::Error::Invalid(v) if format!("{v:?}").contains("/lesson_id")));
    assert!(house.lyceum.ask(&ada, about(knots.id)).await.is_ok());
}

#[tokio::test]
async fn a_second_question_goes_with_what_was_said_before() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let (_, first) = house.played(&upstream, &ada, question("What is a bight?"), "A bend.").await;
    house.clock.advance(Duration::from_secs(9));
    let id = first.started.unwrap().conversation;
    let again = Question { conversation: Some(id), ..question("And a loop?") };
    let (asked, second) = house.played(&upstream, &ada, again, "A closed one.").await;
    let said = asked.messages.iter().map(|message| (message.role, message.content.as_str())).collect::<Vec<_>>();
    assert_eq!(
        said[2..],
        [(ChatRole::User, "What is a bight?"), (ChatRole::Assistant, "A bend."), (ChatRole::User, "And a loop?")]
    );
    assert_eq!(second.started.unwrap().conversation, id);
    let messages = house.messages(&ada, id).await;
    let said = messages.iter().map(|message| (message.author, message.content.as_str())).collect::<Vec<_>>();
    let expected = [
        (Author::User, "What is a bight?"),
        (Author::Assistant, "A bend."),
        (Author::User, "And a loop?"),
        (Author::Assistant, "A closed one."),
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn the_conversation_of_somebody_else_is_not_there() {
    let house = House::new();
    let (ada, bob, admin) = (house.learner("ada").await, house.learner("bob").await, house.admin().await);
    house.answered(&ada, question("What?")).await.answer();
    let id = house.conversation_of(&ada).await;
    for other in [&bob, &admin] {
        let intruding = Question { conversation: Some(id), ..question("What was said?") };
        assert_eq!(code(house.lyceum.ask(other, intruding).await), "not_found");
        assert!(house.store.read().usage_of(other.user.id).await.unwrap().is_empty());
    }
    assert_eq!(house.messages(&ada, id).await.len(), 2);
}

#[tokio::test]
async fn a_prompt_tells_of_the_five_latest_courses_and_of_the_role() {
    let (house, upstream) = House::with_upstream();
    let author = house.mentor("author").await;
    for n in 0..7 {
        house.clock.advance(Duration::from_secs(1));
        let course = house.publish(&author, &format!("Course {n}"), chapters(&["L"])).await;
        house.lyceum.enrol(&author.actor(), &CourseKey::Id(course.id)).await.unwrap();
    }
    let (asked, _) = house.played(&upstream, &author, question("What next?"), "Rest.").await;
    let titles = asked.grounding.courses.iter().map(|course| course.title.as_str()).collect::<Vec<_>>();
    assert_eq!(titles, ["Course 6", "Course 5", "Course 4", "Course 3", "Course 2"]);
    assert_eq!(asked.grounding.role, Role::Mentor);
    assert_eq!(asked.delivery, Delivery::Pieces);
}

#[tokio::test]
async fn a_question_and_what_it_may_cost_are_written_down_before_the_model_is_asked() {
    let house = House::with_model(ScriptedModel::failing(|| unreachable!("nobody runs the turn")));
    let (author, ada) = (house.mentor("author").await, house.learner("ada").await);
    let knots = house.publish(&author, "Knots", chapters(&["Bowline"])).await;
    let lesson = Some(house.lesson(knots.id, "Bowline").await);
    drop(house.ask(&ada, Question { lesson, ..question("What is a bowline?") }).await);
    let id = house.conversation_of(&ada).await;
    let conversation = house.lyceum.conversation(&ada.actor(), id).await.unwrap();
    assert_eq!((conversation.title.as_str(), conversation.course), ("What is a bowline?", Some(knots.id)));
    let asked = house.messages(&ada, id).await.remove(0);
    assert_eq!(
        (asked.content.as_str(), asked.lesson, asked.status),
        ("What is a bowline?", lesson, MessageStatus::Complete)
    );
    let (answer, usage) = house.outcome(&ada).await;
    assert_eq!((answer.content.as_str(), answer.status), ("", MessageStatus::Streaming));
    assert_eq!((usage.outcome, usage.message, usage.user), (UsageOutcome::Open, answer.id, ada.user.id));
    assert_eq!((usage.provider.as_str(), usage.model.as_str()), ("scripted", "scripted-1"));
    assert!(usage.cost.is_estimated && usage.cost.tokens.prompt_tokens > 100);
}

#[tokio::test]
async fn a_question_that_cannot_be_written_down_is_not_asked() {
    let house = House::with_model(ScriptedModel::failing(|| unreachable!("the model is not asked")));
    let ada = house.learner("ada").await;
    house.store.set_away(true);
    assert_eq!(code(house.lyceum.ask(&ada, question("What?")).await), "database_unavailable");
}
