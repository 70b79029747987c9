//! Authors: courses and lessons written by hand.

use std::time::Duration;

use lyceum_application::{
    Error, Rules,
    courses::{Browse, NewCourse, NewLesson},
    sessions::Caller,
};
use lyceum_domain::{
    audit::{AuditAction, AuditFilter},
    courses::{Course, CourseEdit, CourseKey, CourseStatus, Lesson, LessonEdit, PassageScope, Slug, Title},
    ids::LessonId,
    page::PageRequest,
    policy::Actor,
    progress::LessonStatus::Completed,
    sessions::Client,
    store::Store as _,
    users::Role,
};

use crate::house::{House, announced, at, chapter, chapters, code};

pub fn new_course(title: &str) -> NewCourse {
    NewCourse { title: Title::parse(title).unwrap(), slug: None, description: String::new(), language: None }
}

pub fn new_lesson(title: &str) -> NewLesson {
    NewLesson {
        title: Title::parse(title).unwrap(),
        slug: None,
        content: format!("Text of {title}."),
        estimated_minutes: None,
        depth: 0,
        part: None,
        is_numbered: true,
        is_draft: false,
        position: None,
    }
}

impl House {
    pub async fn write(&self, author: &Caller, title: &str, lessons: &[&str]) -> Course {
        let made = self.lyceum.create_course(&author.actor(), &author.client, new_course(title)).await;
        let course = made.unwrap();
        for title in lessons {
            self.append(author, &course, new_lesson(title)).await;
        }
        self.course_row(&course).await
    }

    pub async fn append(&self, author: &Caller, course: &Course, new: NewLesson) -> Lesson {
        self.lyceum.add_lesson(&author.actor(), &CourseKey::Id(course.id), new).await.unwrap().0
    }

    pub async fn course_row(&self, course: &Course) -> Course {
        self.store.read().course(&CourseKey::Id(course.id)).await.unwrap().expect("a course")
    }

    /// Numbers and titles in reading order; positions are as they stand.
    pub async fn table(&self, course: &Course) -> Vec<String> {
        let outline = self.store.read().outline(course.id).await.unwrap().0;
        for (place, entry) in outline.iter().enumerate() {
            assert_eq!(entry.position, u32::try_from(place).unwrap(), "{outline:?}");
        }
        let line = |number: Option<String>, title: &Title| format!("{} {title}", number.unwrap_or("-".into()));
        outline.iter().map(|entry| line(entry.number.as_ref().map(ToString::to_string), &entry.title)).collect()
    }

    async fn is_found(&self, course: &Course, words: &str) -> bool {
        let read = self.store.read();
        !read.find_passages(PassageScope::Course(course.id), words, 5).await.unwrap().is_empty()
    }

    async fn audited(&self) -> Vec<(AuditAction, Option<String>)> {
        let page = self.store.read().audit_page(&AuditFilter::default(), PageRequest::default()).await.unwrap();
        let mut events: Vec<_> = page.items.into_iter().map(|event| (event.action, event.ip_address)).collect();
        events.retain(|(action, _)| action.as_str().starts_with("course."));
        events.reverse();
        events
    }
}

fn key(course: &Course) -> CourseKey {
    CourseKey::Slug(course.slug.clone())
}

#[tokio::test]
async fn a_course_goes_from_draft_to_published_to_archived_and_back() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let (actor, client) = (author.actor(), at("192.0.2.7"));
    let course = house.lyceum.create_course(&actor, &client, new_course("Knots & bends")).await.unwrap();
    assert_eq!((course.slug.as_str(), course.status, course.version), ("knots-bends", CourseStatus::Draft, 1));
    assert_eq!(course.author, Some(author.user.id));
    // What is archived can be read by everybody, a draft by nobody else.
    assert_eq!(code(house.lyceum.archive_course(&actor, &client, &key(&course)).await), "not_published");
    assert_eq!(code(house.lyceum.course(&learner.actor(), &key(&course)).await), "not_found");

    house.clock.advance(Duration::from_secs(1));
    let published = house.lyceum.publish_course(&actor, &client, &key(&course)).await.unwrap();
    assert_eq!(house.lyceum.publish_course(&actor, &client, &key(&course)).await.unwrap(), published);
    assert_eq!((published.status, published.version), (CourseStatus::Published, 2));
    house.lyceum.enrol(&learner.actor(), &key(&course)).await.unwrap();
    let archived = house.lyceum.archive_course(&actor, &client, &key(&course)).await.unwrap();
    assert_eq!(house.lyceum.archive_course(&actor, &client, &key(&course)).await.unwrap(), archived);
    let again = house.lyceum.publish_course(&actor, &client, &key(&course)).await.unwrap();
    assert_eq!((again.published_at, again.version), (published.published_at, 4));
    assert_eq!(house.course_row(&course).await, again);

    house.lyceum.remove_course(&actor, &client, &key(&course), None).await.unwrap();
    assert_eq!(code(house.lyceum.course(&actor, &key(&course)).await), "not_found");
    assert!(house.lyceum.progress(&learner.actor(), PageRequest::default()).await.unwrap().items.is_empty());
    let back = house.lyceum.restore_course(&actor, &client, &key(&course)).await.unwrap();
    assert_eq!((back.status, back.deleted_at), (CourseStatus::Published, None));
    assert_eq!(code(house.lyceum.restore_course(&actor, &client, &key(&course)).await), "not_found");
    assert_eq!(house.lyceum.progress(&learner.actor(), PageRequest::default()).await.unwrap().items.len(), 1);

    let actions: Vec<_> =
        house.audited().await.into_iter().map(|(action, from)| (action.as_str().to_owned(), from)).collect();
    let words = ["created", "published", "archived", "published", "removed", "restored"];
    assert_eq!(actions, words.map(|word| (format!("course.{word}"), Some("192.0.2.7".to_owned()))));
}

#[tokio::test]
async fn who_may_not_see_hears_nothing_and_who_may_not_change_is_refused() {
    let house = House::new();
    let (author, other) = (house.mentor("author").await, house.mentor("other").await);
    let (learner, admin) = (house.learner("lea").await, house.admin().await);
    let course = house.write(&author, "Knots", &["Bowline"]).await;
    let lesson = house.lesson(course.id, "Bowline").await;
    let client = Client::default();
    let tries = async |actor: &Actor| {
        let edit = CourseEdit { description: Some("Other.".into()), ..CourseEdit::default() };
        let lesson_edit = LessonEdit { content: Some("Other.".into()), ..LessonEdit::default() };
        let lyceum = &house.lyceum;
        let codes = [
            code(lyceum.edit_course(actor, &key(&course), edit, None).await),
            code(lyceum.publish_course(actor, &client, &key(&course)).await),
            code(lyceum.archive_course(actor, &client, &key(&course)).await),
            code(lyceum.add_lesson(actor, &key(&course), new_lesson("Hitch")).await),
            code(lyceum.edit_lesson(actor, lesson, lesson_edit, None).await),
            code(lyceum.order_lessons(actor, &key(&course), &[lesson], None).await),
            code(lyceum.removed_lessons(actor, &key(&course)).await),
            code(lyceum.export_course(actor, &key(&course)).await),
            code(lyceum.remove_lesson(actor, lesson, None).await),
            code(lyceum.remove_course(actor, &client, &key(&course), None).await),
        ];
        assert!(codes.iter().all(|code| *code == codes[0]), "{actor:?}: {codes:?}");
        codes[0]
    };
    for actor in [Actor::Anonymous, learner.actor(), other.actor()] {
        assert_eq!(tries(&actor).await, "not_found");
    }
    house.lyceum.publish_course(&author.actor(), &client, &key(&course)).await.unwrap();
    assert_eq!(tries(&Actor::Anonymous).await, "unauthenticated");
    assert_eq!(tries(&learner.actor()).await, "forbidden");
    assert_eq!(tries(&other.actor()).await, "forbidden");
    assert_eq!(code(house.lyceum.create_course(&learner.actor(), &client, new_course("Mine")).await), "forbidden");
    let former = house.change_user(other.user.id, |user| user.role = Role::Learner).await;
    assert_eq!(tries(&former.actor()).await, "forbidden");

    // What was removed is there for those alone who may bring it back.
    house.lyceum.remove_lesson(&author.actor(), lesson, None).await.unwrap();
    assert_eq!(code(house.lyceum.restore_lesson(&learner.actor(), lesson).await), "not_found");
    assert_eq!(code(house.lyceum.restore_lesson(&author.actor(), lesson).await), "ok");
    house.lyceum.remove_course(&author.actor(), &client, &key(&course), None).await.unwrap();
    let rival = house.mentor("rival").await;
    let removed = async |actor: &Actor| {
        house.lyceum.removed_courses(actor, PageRequest::default()).await.map(|page| page.items.len())
    };
    assert_eq!(code(removed(&learner.actor()).await), "forbidden");
    assert_eq!(code(house.lyceum.restore_course(&learner.actor(), &client, &key(&course)).await), "forbidden");
    assert_eq!(removed(&rival.actor()).await.unwrap(), 0);
    assert_eq!(code(house.lyceum.restore_course(&rival.actor(), &client, &key(&course)).await), "not_found");
    assert_eq!(removed(&author.actor()).await.unwrap(), 1);
    assert_eq!(removed(&admin.actor()).await.unwrap(), 1);
    assert_eq!(code(house.lyceum.restore_course(&admin.actor(), &client, &key(&course)).await), "ok");
}

#[tokio::test]
async fn a_name_that_was_chosen_is_free_or_refused_and_one_that_was_made_finds_a_number() {
    let house = House::new();
    let author = house.mentor("author").await;
    let (actor, client) = (author.actor(), Client::default());
    let first = house.write(&author, "Knots", &[]).await;
    let second = house.write(&author, "Knots", &[]).await;
    assert_eq!((first.slug.as_str(), second.slug.as_str()), ("knots", "knots-2"));
    // A removed course keeps its name.
    house.lyceum.remove_course(&actor, &client, &key(&second), None).await.unwrap();
    assert_eq!(house.write(&author, "Knots", &[]).await.slug.as_str(), "knots-3");
    let chosen = |slug: &str| Some(Slug::parse(slug).unwrap());
    for taken in ["knots", "knots-2"] {
        let new = NewCourse { slug: chosen(taken), ..new_course("Other") };
        assert_eq!(code(house.lyceum.create_course(&actor, &client, new).await), "slug_taken");
        let third = CourseKey::Slug(Slug::parse("knots-3").unwrap());
        let edit = CourseEdit { slug: chosen(taken), ..CourseEdit::default() };
        assert_eq!(code(house.lyceum.edit_course(&actor, &third, edit, None).await), "slug_taken");
    }
    let edit = CourseEdit { slug: chosen("bends"), title: Some(Title::parse("Bends").unwrap()), ..<_>::default() };
    let bends = house.lyceum.edit_course(&actor, &key(&first), edit.clone(), Some(1)).await.unwrap();
    assert_eq!((bends.slug.as_str(), bends.version), ("bends", 2));
    // The same again changes nothing.
    assert_eq!(house.lyceum.edit_course(&actor, &key(&bends), edit.clone(), Some(2)).await.unwrap(), bends);
    assert_eq!(code(house.lyceum.edit_course(&actor, &key(&bends), edit, Some(1)).await), "version_mismatch");
    let stale = house.lyceum.remove_course(&actor, &client, &key(&bends), Some(1)).await;
    assert_eq!(code(stale), "version_mismatch");

    let lesson = house.append(&author, &bends, new_lesson("Sheet bend")).await;
    let again = house.append(&author, &bends, new_lesson("Sheet bend")).await;
    assert_eq!((lesson.slug.as_str(), again.slug.as_str()), ("sheet-bend", "sheet-bend-2"));
    house.lyceum.remove_lesson(&actor, again.id, None).await.unwrap();
    let new = NewLesson { slug: chosen("sheet-bend-2"), ..new_lesson("Other") };
    assert_eq!(code(house.lyceum.add_lesson(&actor, &key(&bends), new).await), "slug_taken");
    let edit = LessonEdit { slug: chosen("sheet-bend-2"), ..LessonEdit::default() };
    assert_eq!(code(house.lyceum.edit_lesson(&actor, lesson.id, edit, None).await), "slug_taken");
    let own = LessonEdit { slug: chosen("sheet-bend"), ..LessonEdit::default() };
    assert_eq!(house.lyceum.edit_lesson(&actor, lesson.id, own, None).await.unwrap().0.version, 1);
    assert_eq!(house.append(&author, &bends, new_lesson("Sheet bend")).await.slug.as_str(), "sheet-bend-3");
}

#[tokio::test]
async fn a_course_that_comes_back_gives_way_to_its_book() {
    let house = House::new();
    let author = house.mentor("author").await;
    let first = house.publish(&author, "Knots", chapters(&["Bowline"])).await;
    house.lyceum.remove_course(&author.actor(), &author.client, &key(&first), None).await.unwrap();
    let second = house.publish(&author, "Knots", chapters(&["Bowline"])).await;
    assert_eq!((second.slug.as_str(), second.id == first.id), ("knots-2", false));
    let back = house.lyceum.restore_course(&author.actor(), &author.client, &key(&first)).await.unwrap();
    assert_eq!((back.id, back.source), (first.id, None));
    assert_eq!(house.publish(&author, "Knots", chapters(&["Bowline"])).await.id, second.id);
}

#[tokio::test]
async fn lessons_stand_in_order_and_have_their_numbers() {
    let house = House::new();
    let author = house.mentor("author").await;
    let actor = author.actor();
    let course = house.write(&author, "Knots", &[]).await;
    house.append(&author, &course, NewLesson { is_numbered: false, ..new_lesson("Before") }).await;
    house.append(&author, &course, new_lesson("Loops")).await;
    house.append(&author, &course, NewLesson { depth: 1, ..new_lesson("Bowline") }).await;
    house.append(&author, &course, new_lesson("Bends")).await;
    assert_eq!(house.table(&course).await, ["- Before", "1 Loops", "1.1 Bowline", "2 Bends"]);
    let added = house.append(&author, &course, NewLesson { position: Some(2), depth: 1, ..new_lesson("Splice") }).await;
    assert_eq!((added.position, added.number.unwrap().to_string()), (2, "1.1".to_owned()));
    assert_eq!(house.table(&course).await, ["- Before", "1 Loops", "1.1 Splice", "1.2 Bowline", "2 Bends"]);
    let last = house.append(&author, &course, NewLesson { position: Some(99), ..new_lesson("Words") }).await;
    assert_eq!((last.position, house.course_row(&course).await.lesson_count), (5, 6));

    let splice = house.lesson(course.id, "Splice").await;
    let raised = LessonEdit { depth: Some(0), ..LessonEdit::default() };
    let (raised, _) = house.lyceum.edit_lesson(&actor, splice, raised, Some(1)).await.unwrap();
    assert_eq!((raised.number.unwrap().to_string(), raised.version), ("2".to_owned(), 2));
    assert_eq!(house.table(&course).await, ["- Before", "1 Loops", "2 Splice", "2.1 Bowline", "3 Bends", "4 Words"]);
    let mute = LessonEdit { is_numbered: Some(false), ..LessonEdit::default() };
    house.lyceum.edit_lesson(&actor, splice, mute, None).await.unwrap();
    assert_eq!(house.table(&course).await, ["- Before", "1 Loops", "- Splice", "1.1 Bowline", "2 Bends", "3 Words"]);

    house.lyceum.remove_lesson(&actor, splice, None).await.unwrap();
    assert_eq!(house.table(&course).await, ["- Before", "1 Loops", "1.1 Bowline", "2 Bends", "3 Words"]);
    let removed = house.lyceum.removed_lessons(&actor, &key(&course)).await.unwrap();
    assert_eq!(removed.iter().map(|lesson| lesson.title.as_str()).collect::<Vec<_>>(), ["Splice"]);
    assert_eq!(code(house.lyceum.remove_lesson(&actor, splice, None).await), "not_found");
    let (back, _) = house.lyceum.restore_lesson(&actor, splice).await.unwrap();
    assert_eq!((back.position, house.lyceum.restore_lesson(&actor, splice).await.unwrap().0), (2, back.clone()));
    assert_eq!(house.table(&course).await, ["- Before", "1 Loops", "- Splice", "1.1 Bowline", "2 Bends", "3 Words"]);
}

#[tokio::test]
async fn an_order_names_every_lesson_once() {
    let house = House::new();
    let author = house.mentor("author").await;
    let actor = author.actor();
    let course = house.write(&author, "Knots", &["A1", "B2", "C3"]).await;
    let other = house.write(&author, "Sails", &["Jib"]).await;
    let id = async |title: &str| house.lesson(course.id, title).await;
    let (a, b, c) = (id("A1").await, id("B2").await, id("C3").await);
    let jib = house.lesson(other.id, "Jib").await;
    let order = async |ids: &[LessonId]| house.lyceum.order_lessons(&actor, &key(&course), ids, None).await;
    for wrong in [&[a, b][..], &[a, b, c, a], &[a, b, b], &[a, b, jib], &[a, b, c, jib], &[]] {
        match order(wrong).await {
            Err(Error::Invalid(violations)) => assert_eq!(violations.iter().next().unwrap().pointer, "/lesson_ids"),
            other => panic!("{other:?}"),
        }
    }
    let before = house.course_row(&course).await;
    assert_eq!(order(&[a, b, c]).await.unwrap().0, before, "nothing moved");
    let (after, outline) = order(&[c, a, b]).await.unwrap();
    assert_eq!(after.version, before.version + 1);
    assert_eq!(outline.0, house.store.read().outline(course.id).await.unwrap().0);
    assert_eq!(house.table(&course).await, ["1 C3", "2 A1", "3 B2"]);
    let stale = house.lyceum.order_lessons(&actor, &key(&course), &[a, b, c], Some(before.version)).await;
    assert_eq!(code(stale), "version_mismatch");
    // Lessons that were removed are not among them.
    house.lyceum.remove_lesson(&actor, a, None).await.unwrap();
    assert_eq!(code(order(&[a, b, c]).await), "validation_failed");
    assert_eq!(code(order(&[b, c]).await), "ok");
}

#[tokio::test]
async fn what_a_lesson_says_is_found_as_long_as_it_is_there_and_written() {
    let house = House::new();
    let author = house.mentor("author").await;
    let actor = author.actor();
    let course = house.write(&author, "Knots", &[]).await;
    let draft = NewLesson { is_draft: true, content: "A bight of rope.".into(), ..new_lesson("Bowline") };
    let lesson = house.append(&author, &course, draft).await;
    let edit = async |edit: LessonEdit| house.lyceum.edit_lesson(&actor, lesson.id, edit, None).await.unwrap().0;
    assert!(!house.is_found(&course, "bight").await);
    edit(LessonEdit { is_draft: Some(false), ..LessonEdit::default() }).await;
    assert!(house.is_found(&course, "bight").await);
    assert_eq!(house.course_row(&course).await.lesson_count, 1);
    let edited = edit(LessonEdit { content: Some("A hitch.".into()), ..LessonEdit::default() }).await;
    assert_eq!((edited.estimated_minutes, edited.version), (1, 3));
    assert!(!house.is_found(&course, "bight").await && house.is_found(&course, "hitch").await);
    house.lyceum.remove_lesson(&actor, lesson.id, None).await.unwrap();
    assert!(!house.is_found(&course, "hitch").await);
    house.lyceum.restore_lesson(&actor, lesson.id).await.unwrap();
    assert!(house.is_found(&course, "hitch").await);
    edit(LessonEdit { is_draft: Some(true), ..LessonEdit::default() }).await;
    assert!(!house.is_found(&course, "hitch").await);
    assert_eq!(house.course_row(&course).await.lesson_count, 0);
    let stale = LessonEdit { content: Some("Else.".into()), ..LessonEdit::default() };
    assert_eq!(code(house.lyceum.edit_lesson(&actor, lesson.id, stale, Some(1)).await), "version_mismatch");
    assert_eq!(code(house.lyceum.remove_lesson(&actor, lesson.id, Some(1)).await), "version_mismatch");
}

#[tokio::test]
async fn percentages_are_right_at_once_when_lessons_come_and_go() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let actor = author.actor();
    let course = house.publish(&author, "Knots", chapters(&["A1", "B2"])).await;
    let (a, b) = (house.lesson(course.id, "A1").await, house.lesson(course.id, "B2").await);
    house.lyceum.record_lesson(&learner.actor(), a, Completed).await.unwrap();
    let stand = async || {
        let stand = house.detail(&learner, &course).await.stand.unwrap();
        (stand.completed_lessons, stand.total_lessons, stand.percent().get())
    };
    assert_eq!(stand().await, (1, 2, 50));
    house.lyceum.remove_lesson(&actor, b, None).await.unwrap();
    assert_eq!(stand().await, (1, 1, 100));
    house.append(&author, &course, new_lesson("C3")).await;
    assert_eq!(stand().await, (1, 2, 50));
    let draft = |is_draft| LessonEdit { is_draft: Some(is_draft), ..LessonEdit::default() };
    house.lyceum.edit_lesson(&actor, a, draft(true), None).await.unwrap();
    assert_eq!(stand().await, (0, 1, 0));
    house.lyceum.restore_lesson(&actor, b).await.unwrap();
    house.lyceum.edit_lesson(&actor, a, draft(false), None).await.unwrap();
    assert_eq!(stand().await, (1, 3, 33));
    house.lyceum.remove_lesson(&actor, a, None).await.unwrap();
    assert_eq!(stand().await, (0, 2, 0));
    assert_eq!(house.lyceum.recount_progress(&Actor::System).await.unwrap(), 1);
    assert_eq!(house.lyceum.recount_progress(&Actor::System).await.unwrap(), 0);
    assert_eq!(stand().await, (0, 2, 0));
    assert_eq!(code(house.lyceum.recount_progress(&author.actor()).await), "forbidden");
}

#[tokio::test]
async fn of_two_authors_at_once_neither_breaks_the_order() {
    let house = House::new();
    let author = house.mentor("author").await;
    let course = house.write(&author, "Knots", &["A1"]).await;
    let first = NewLesson { position: Some(0), ..new_lesson("B2") };
    let unit = house.begin().await;
    let (b, c, ()) =
        tokio::join!(house.append(&author, &course, first), house.append(&author, &course, new_lesson("C3")), async {
            drop(unit);
        });
    assert_eq!((b.position, c.position), (0, 2));
    assert_eq!(house.table(&course).await, ["1 B2", "2 A1", "3 C3"]);
    assert_eq!(house.course_row(&course).await.lesson_count, 3);
    house.store.conflict_at_next_commits(2);
    house.lyceum.remove_lesson(&author.actor(), b.id, None).await.unwrap();
    assert_eq!(house.table(&course).await, ["1 A1", "2 C3"]);
}

#[tokio::test]
async fn a_course_has_only_so_many_lessons() {
    let house = House::with_rules(Rules { max_lessons: 2, ..Rules::default() });
    let author = house.mentor("author").await;
    let course = house.write(&author, "Knots", &["A1", "B2"]).await;
    let add = async || house.lyceum.add_lesson(&author.actor(), &key(&course), new_lesson("C3")).await;
    assert_eq!(code(add().await), "too_many");
    let a = house.lesson(course.id, "A1").await;
    house.lyceum.remove_lesson(&author.actor(), a, None).await.unwrap();
    assert_eq!(code(add().await), "ok");
    assert_eq!(code(house.lyceum.restore_lesson(&author.actor(), a).await), "too_many");
}

#[tokio::test]
async fn an_author_takes_the_whole_course_along() {
    let house = House::new();
    let author = house.mentor("author").await;
    let both = vec![chapter("Bowline", "A loop."), announced("Hitches"), chapter("Splices", "Later.")];
    let course = house.publish(&author, "Knots", both).await;
    let splices = house.lesson(course.id, "Splices").await;
    house.lyceum.remove_lesson(&author.actor(), splices, None).await.unwrap();
    let export = house.lyceum.export_course(&author.actor(), &key(&course)).await.unwrap();
    let lessons: Vec<_> = export.lessons.iter().map(|l| (l.title.as_str(), l.content.as_str())).collect();
    assert_eq!(lessons, [("Bowline", "A loop."), ("Hitches", "")]);
    assert_eq!((export.course.id, export.files.len()), (course.id, 0));
}

#[tokio::test]
async fn the_operators_courses_belong_to_the_house() {
    let house = House::new();
    let course =
        house.lyceum.create_course(&Actor::System, &Client::default(), new_course("House rules")).await.unwrap();
    assert_eq!(course.author, None);
    let found = house.lyceum.courses(&Actor::System, Browse::default(), PageRequest::default()).await.unwrap();
    assert_eq!(found.items, [course]);
}
