//! Searching: what is found, by whom, and in which order.

use lyceum_application::{
    courses::{Found, Search, SearchKind},
    sessions::Caller,
};
use lyceum_domain::{
    courses::{Course, CourseKey, CourseStatus},
    policy::Actor,
    users::{Scope, Scopes},
};

use crate::house::{House, announced, chapter, code};

impl House {
    async fn search(&self, actor: &Actor, words: &str) -> Found {
        let search = Search { words: words.to_owned(), kind: None, course: None, limit: 20 };
        self.lyceum.search(actor, &search).await.unwrap()
    }

    /// Titles of the courses and of the lessons that are found.
    async fn titles_found(&self, actor: &Actor, words: &str) -> Vec<String> {
        let Found { courses, lessons } = self.search(actor, words).await;
        let courses = courses.iter().map(|hit| hit.title.to_string());
        courses.chain(lessons.iter().map(|hit| hit.title.to_string())).collect()
    }
}

async fn library() -> (House, Caller, Course) {
    let house = House::new();
    let author = house.mentor("author").await;
    let lessons =
        vec![chapter("Bowline", "The bight of a rope."), announced("Hitches"), chapter("Splices", "Strands.")];
    let course = house.publish(&author, "Knots", lessons).await;
    (house, author, course)
}

#[tokio::test]
async fn courses_come_first_then_lessons_with_what_fits() {
    let (house, author, _) = library().await;
    house.publish(&author, "Sails", vec![chapter("Reefing", "Tie the reef with knots.")]).await;
    let found = house.search(&Actor::Anonymous, "knot").await;
    assert_eq!(found.courses.iter().map(|hit| hit.title.as_str()).collect::<Vec<_>>(), ["Knots"]);
    let hit = &found.lessons[0];
    assert_eq!(
        (hit.title.as_str(), hit.course_title.as_str(), hit.course_slug.as_str()),
        ("Reefing", "Sails", "sails")
    );
    let marked = hit.excerpt.0.iter().find(|part| part.is_match).expect("a mark");
    assert_eq!(marked.text.to_lowercase(), "knots");
    for nothing in ["", "  ", "%", "'; --", "\"", "zebra", "bight zebra"] {
        assert!(house.titles_found(&Actor::Anonymous, nothing).await.is_empty(), "{nothing:?}");
    }
    assert_eq!(house.titles_found(&Actor::Anonymous, "rope bight").await, ["Bowline"]);
}

#[tokio::test]
async fn a_kind_a_course_and_a_limit_narrow_it() {
    let (house, author, course) = library().await;
    for n in 0..7 {
        let text = format!("A rope of kind {n}.");
        house.publish(&author, &format!("Rope {n}"), vec![chapter("Rope", &text)]).await;
    }
    let found = async |kind, course, limit| {
        let search = Search { words: "rope".into(), kind, course, limit };
        let found = house.lyceum.search(&Actor::Anonymous, &search).await.unwrap();
        (found.courses.len(), found.lessons.len())
    };
    assert_eq!(found(None, None, 20).await, (5, 8));
    assert_eq!(found(None, None, 7).await, (5, 2));
    assert_eq!(found(None, None, 3).await, (3, 0));
    assert_eq!(found(Some(SearchKind::Courses), None, 20).await, (7, 0));
    assert_eq!(found(Some(SearchKind::Lessons), None, 4).await, (0, 4));
    let key = CourseKey::Slug(course.slug.clone());
    assert_eq!(found(None, Some(key), 20).await, (0, 1));
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_read() {
    let (house, author, course) = library().await;
    let (learner, other, admin) = (house.learner("lea").await, house.mentor("other").await, house.admin().await);
    house.lyceum.enrol(&learner.actor(), &CourseKey::Id(course.id)).await.unwrap();
    let found = async |actor: &Actor| house.titles_found(actor, "bight").await.len();
    let of = async |status: CourseStatus| {
        house.change_course(course.id, |course| course.status = status).await;
        let mut all = vec![found(&Actor::Anonymous).await];
        for caller in [&learner, &other, &author, &admin] {
            all.push(found(&caller.actor()).await);
        }
        all
    };
    assert_eq!(of(CourseStatus::Published).await, [1, 1, 1, 1, 1]);
    assert_eq!(of(CourseStatus::Archived).await, [0, 1, 0, 1, 1]);
    assert_eq!(of(CourseStatus::Draft).await, [0, 0, 0, 1, 1]);
    // A key that is not good for learning tells no more than the catalogue does.
    let key = |scope| Actor::User { id: author.user.id, role: author.user.role, key: Scopes::new([scope]).ok() };
    assert_eq!((found(&key(Scope::Learning)).await, found(&key(Scope::Ai)).await), (1, 0));
    let search = Search { words: "bight".into(), kind: None, course: Some(CourseKey::Id(course.id)), limit: 5 };
    assert_eq!(code(house.lyceum.search(&learner.actor(), &search).await), "not_found");
    of(CourseStatus::Published).await;
    house.lyceum.remove_course(&author.actor(), &author.client, &CourseKey::Id(course.id), None).await.unwrap();
    assert_eq!(found(&admin.actor()).await, 0);
}
