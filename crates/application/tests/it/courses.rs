//! Courses: who sees what, and what an import does.

use std::sync::Arc;

use lyceum_application::{
    courses::{Browse, Import, NoFiles},
    sessions::Caller,
};
use lyceum_domain::{
    courses::{Course, CourseKey, CourseStatus, LessonChange, LessonDraft, PassageScope},
    ids::LessonId,
    page::{PageRequest, PageSize},
    policy::Actor,
    progress::LessonStatus,
    sessions::Client,
    store::Store as _,
    users::Role,
};

use crate::house::{House, announced, book, chapter, chapters, code};

impl House {
    /// The titles that this actor finds in the catalogue.
    async fn titles(&self, actor: &Actor, browse: Browse) -> Vec<String> {
        let page = self.lyceum.courses(actor, browse, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|course| course.title.to_string()).collect()
    }

    async fn outline(&self, actor: &Actor, course: &Course) -> Vec<String> {
        let (_, outline) = self.lyceum.course(actor, &CourseKey::Id(course.id)).await.unwrap();
        outline.0.into_iter().map(|entry| entry.title.to_string()).collect()
    }

    async fn complete(&self, learner: &Caller, lesson: LessonId) {
        self.lyceum.record_lesson(&learner.actor(), lesson, LessonStatus::Completed).await.unwrap();
    }

    /// How many lessons are done, of how many, and the percentage.
    async fn stand(&self, learner: &Caller, course: &Course) -> (u32, u32, u8) {
        let stand = self.detail(learner, course).await.stand.unwrap();
        (stand.completed_lessons, stand.total_lessons, stand.percent().get())
    }
}

#[tokio::test]
async fn a_draft_is_there_for_its_author_and_admins_alone() {
    let house = House::new();
    let (author, other) = (house.mentor("author").await, house.mentor("other").await);
    let (learner, admin) = (house.learner("lea").await, house.admin().await);
    let course = house.import(&author, "Knots", chapters(&["Bowline"]), false).await.course;
    let lesson = house.lesson(course.id, "Bowline").await;
    let actors = [
        (Actor::Anonymous, "not_found"),
        (learner.actor(), "not_found"),
        (other.actor(), "not_found"),
        (author.actor(), "ok"),
        (admin.actor(), "ok"),
        (Actor::System, "ok"),
    ];
    for (actor, expected) in actors {
        for key in [CourseKey::Id(course.id), CourseKey::Slug(course.slug.clone())] {
            assert_eq!(code(house.lyceum.course(&actor, &key).await), expected, "{actor:?}");
        }
        assert_eq!(code(house.lyceum.lesson(&actor, lesson).await), expected, "{actor:?}");
        assert_eq!(house.titles(&actor, Browse::default()).await.is_empty(), expected != "ok", "{actor:?}");
        let of_author = Browse { author: Some("author".into()), ..Browse::default() };
        assert_eq!(house.titles(&actor, of_author).await.is_empty(), expected != "ok", "{actor:?}");
    }
    // Whoever is a mentor no longer has no drafts.
    let former = house.change_user(author.user.id, |user| user.role = Role::Learner).await;
    assert_eq!(code(house.lyceum.lesson(&former.actor(), lesson).await), "not_found");
    assert!(house.titles(&former.actor(), Browse::default()).await.is_empty());
}

#[tokio::test]
async fn lessons_that_are_not_written_are_shown_to_who_may_write_them() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let course = house.publish(&author, "Knots", vec![chapter("Bowline", "A loop."), announced("Hitches")]).await;
    assert_eq!(course.lesson_count, 1);
    let hitches = house.lesson(course.id, "Hitches").await;
    for actor in [Actor::Anonymous, learner.actor()] {
        assert_eq!(house.outline(&actor, &course).await, ["Bowline"]);
        assert_eq!(code(house.lyceum.lesson(&actor, hitches).await), "not_found");
    }
    assert_eq!(house.outline(&author.actor(), &course).await, ["Bowline", "Hitches"]);
    assert!(house.lyceum.lesson(&author.actor(), hitches).await.is_ok());
}

#[tokio::test]
async fn importing_again_changes_nothing_where_the_source_did_not() {
    let house = House::new();
    let author = house.mentor("author").await;
    let first = house.import(&author, "Knots", chapters(&["Bowline", "Hitches"]), true).await;
    assert!(first.is_new);
    let outline = house.store.read().outline(first.course.id).await.unwrap();
    house.clock.advance(std::time::Duration::from_secs(5));
    let second = house.import(&author, "Knots", chapters(&["Bowline", "Hitches"]), false).await;
    assert!(!second.is_new);
    assert_eq!(second.report.count(LessonChange::Unchanged), 2);
    assert_eq!(second.course, first.course);
    assert_eq!(house.store.read().outline(first.course.id).await.unwrap(), outline);
    assert_eq!(house.titles(&Actor::Anonymous, Browse::default()).await, ["Knots"]);
    let stored = house.lyceum.course(&Actor::Anonymous, &CourseKey::Id(first.course.id)).await.unwrap().0;
    assert_eq!(stored, first.course);
}

#[tokio::test]
async fn renamed_and_moved_lessons_keep_their_progress() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let course = house.publish(&author, "Knots", chapters(&["Bowline", "Hitches", "Splices"])).await;
    let (bowline, hitches) = (house.lesson(course.id, "Bowline").await, house.lesson(course.id, "Hitches").await);
    house.complete(&learner, bowline).await;
    house.complete(&learner, hitches).await;
    let before = house.store.read().course_progress(learner.user.id, course.id).await.unwrap();

    let renamed = LessonDraft { title: "The bowline".into(), ..chapter("Bowline", "Other words.") };
    let moved = LessonDraft { path: Some("part/h.md".into()), ..chapter("Hitches", "New words.") };
    let again =
        house.import(&author, "Knots", vec![moved, renamed, chapter("Splices", "Text of Splices.")], true).await;
    assert_eq!((again.report.count(LessonChange::Changed), again.report.count(LessonChange::Unchanged)), (2, 1));

    assert_eq!(house.lesson(course.id, "The bowline").await, bowline);
    assert_eq!(house.lesson(course.id, "Hitches").await, hitches);
    assert_eq!(house.stand(&learner, &course).await, (2, 3, 66));
    assert_eq!(house.store.read().course_progress(learner.user.id, course.id).await.unwrap(), before);
}

#[tokio::test]
async fn a_hundred_percent_stays_only_while_all_is_done() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let import = |chapters| house.import(&author, "Knots", chapters, true);
    let course = import(chapters(&["A1", "B2"])).await.course;
    house.complete(&learner, house.lesson(course.id, "A1").await).await;
    assert_eq!(house.stand(&learner, &course).await, (1, 2, 50));
    import(chapters(&["A1"])).await;
    assert_eq!(house.stand(&learner, &course).await, (1, 1, 100));
    import(chapters(&["A1", "C3"])).await;
    assert_eq!(house.stand(&learner, &course).await, (1, 2, 50));
    import(chapters(&["C3"])).await;
    assert_eq!(house.stand(&learner, &course).await, (0, 1, 0));
    // What was done counts again on the day it comes back, and not while it is only announced.
    import(vec![announced("A1"), chapter("C3", "Text of C3.")]).await;
    assert_eq!(house.stand(&learner, &course).await, (0, 1, 0));
    let back = import(chapters(&["A1"])).await;
    assert_eq!(back.report.count(LessonChange::Removed), 1);
    assert_eq!(house.stand(&learner, &course).await, (1, 1, 100));
    import(Vec::new()).await;
    assert_eq!(house.stand(&learner, &course).await, (0, 0, 0));
}

#[tokio::test]
async fn a_course_without_lessons_then_with_some_is_one_course() {
    let house = House::new();
    let author = house.mentor("author").await;
    let empty = house.import(&author, "Knots", Vec::new(), false).await.course;
    assert_eq!((empty.status, empty.version, empty.lesson_count), (CourseStatus::Draft, 1, 0));
    let published = house.import(&author, "Knots", chapters(&["Bowline"]), true).await.course;
    assert_eq!((published.id, published.status, published.lesson_count), (empty.id, CourseStatus::Published, 1));
    let kept = house.import(&author, "Knots", chapters(&["Bowline", "Hitches"]), false).await.course;
    assert_eq!((kept.status, kept.published_at), (CourseStatus::Published, published.published_at));
}

#[tokio::test]
async fn what_was_removed_or_is_only_announced_is_not_found_by_its_words() {
    let house = House::new();
    let author = house.mentor("author").await;
    let course = house.publish(&author, "Knots", vec![chapter("Bowline", "A bight of rope.")]).await;
    let found = async || {
        let read = house.store.read();
        read.find_passages(PassageScope::Course(course.id), "bight", 5).await.unwrap().len()
    };
    assert_eq!(found().await, 1);
    house.publish(&author, "Knots", chapters(&["Hitches"])).await;
    assert_eq!(found().await, 0);
    house.publish(&author, "Knots", vec![chapter("Bowline", "A bight of rope.")]).await;
    assert_eq!(found().await, 1);
    house.publish(&author, "Knots", vec![chapter("Bowline", "A bend of rope.")]).await;
    assert_eq!(found().await, 0);
    house.publish(&author, "Knots", vec![chapter("Bowline", "A bight.")]).await;
    assert_eq!(found().await, 1);
    house.publish(&author, "Knots", vec![announced("Bowline")]).await;
    assert_eq!(found().await, 0);
    house.publish(&author, "Knots", vec![chapter("Bowline", "A bight.")]).await;
    assert_eq!(found().await, 1);
}

#[tokio::test]
async fn only_mentors_import_and_only_what_is_theirs() {
    let house = House::new();
    let (author, other) = (house.mentor("author").await, house.mentor("other").await);
    let (learner, admin) = (house.learner("lea").await, house.admin().await);
    let import = async |actor: &Actor, owner: Option<&Caller>, title: &str| {
        let author = owner.map(|owner| owner.user.id);
        let draft = book(title, chapters(&["Bowline"]));
        let import = Import { draft, files: Arc::new(NoFiles), author, publish: true };
        code(house.lyceum.import_course(actor, &Client::default(), import).await)
    };
    assert_eq!(import(&Actor::Anonymous, None, "Knots").await, "unauthenticated");
    assert_eq!(import(&learner.actor(), Some(&learner), "Knots").await, "forbidden");
    for title in ["New", "Newer"] {
        assert_eq!(import(&other.actor(), Some(&author), title).await, "forbidden");
        assert_eq!(import(&other.actor(), None, title).await, "forbidden");
    }
    assert!(house.titles(&Actor::System, Browse::default()).await.is_empty());

    assert_eq!(import(&author.actor(), Some(&author), "Knots").await, "ok");
    assert_eq!(import(&other.actor(), Some(&author), "Knots").await, "forbidden");
    assert_eq!(import(&admin.actor(), Some(&author), "Knots").await, "ok");
    assert_eq!(import(&Actor::System, None, "House rules").await, "ok");
    assert_eq!(import(&other.actor(), None, "House rules").await, "forbidden");
}

#[tokio::test]
async fn two_authors_of_one_title_have_two_courses_of_two_names() {
    let house = House::new();
    let (ada, bob) = (house.mentor("ada").await, house.mentor("bob").await);
    let first = house.publish(&ada, "The Knots", chapters(&["Bowline"])).await;
    let second = house.publish(&bob, "The Knots", chapters(&["Bowline"])).await;
    assert_eq!((first.slug.as_str(), second.slug.as_str()), ("the-knots", "the-knots-2"));
    let again = house.publish(&bob, "The Knots", chapters(&["Bowline", "Hitches"])).await;
    assert_eq!((again.id, again.slug), (second.id, second.slug));
    let untouched = house.lyceum.course(&Actor::Anonymous, &CourseKey::Slug(first.slug.clone())).await.unwrap().0;
    assert_eq!(untouched, first);
}

#[tokio::test]
async fn two_who_import_one_title_at_once_do_not_share_a_name() {
    let house = House::new();
    let (ada, bob) = (house.mentor("ada").await, house.mentor("bob").await);
    let import = |author: &Caller| {
        let draft = book("Knots", chapters(&["Bowline"]));
        let import = Import { draft, files: Arc::new(NoFiles), author: Some(author.user.id), publish: true };
        let actor = author.actor();
        let lyceum = house.lyceum.clone();
        async move { lyceum.import_course(&actor, &Client::default(), import).await }
    };
    let unit = house.begin().await;
    let (first, second, ()) = tokio::join!(import(&ada), import(&bob), async { drop(unit) });
    let slugs = [first, second].map(|imported| imported.unwrap().course.slug.to_string());
    assert_eq!(slugs, ["knots", "knots-2"]);
}

#[tokio::test]
async fn the_catalogue_is_searched_by_words_author_and_enrolment() {
    let house = House::new();
    let (ada, bob) = (house.mentor("ada").await, house.mentor("bob").await);
    let learner = house.learner("lea").await;
    let knots = house.publish(&ada, "Knots", chapters(&["Bowline"])).await;
    house.clock.advance(std::time::Duration::from_secs(1));
    house.publish(&bob, "Sails", chapters(&["Jib"])).await;
    house.lyceum.enrol(&learner.actor(), &CourseKey::Id(knots.id)).await.unwrap();

    let anyone = Actor::Anonymous;
    assert_eq!(house.titles(&anyone, Browse::default()).await, ["Sails", "Knots"]);
    let with = |text: &str| Browse { text: Some(text.into()), ..Browse::default() };
    assert_eq!(house.titles(&anyone, with("about knots")).await, ["Knots"]);
    let by = |author: &str| Browse { author: Some(author.into()), ..Browse::default() };
    assert_eq!(house.titles(&anyone, by("BOB")).await, ["Sails"]);
    for nobody in ["nobody", "", "bob@example.com", "no name"] {
        assert!(house.titles(&anyone, by(nobody)).await.is_empty(), "{nobody}");
    }
    let mine = || Browse { enrolled: true, ..Browse::default() };
    assert_eq!(house.titles(&learner.actor(), mine()).await, ["Knots"]);
    let refused = house.lyceum.courses(&anyone, mine(), PageRequest::default()).await;
    assert_eq!(code(refused), "unauthenticated");

    let size = PageSize::parse(1).unwrap();
    let first = house.lyceum.courses(&anyone, Browse::default(), PageRequest { size, after: None }).await.unwrap();
    let rest = PageRequest { size, after: first.next };
    let second = house.lyceum.courses(&anyone, Browse::default(), rest).await.unwrap();
    assert_eq!((second.items[0].id, second.next), (knots.id, None));
}
