//! Imports with files: what is stored, kept, replaced and removed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use lyceum_application::{
    Error,
    courses::{Import, Imported},
    idempotency::{Answer, Done, Once},
    sessions::Caller,
};
use lyceum_domain::{
    blobs::{BlobKey, BlobRemoval, Sha256},
    courses::{Course, CourseKey, CourseStatus, DraftFiles, FileDraft, FilePath, Slug},
    idempotency::IdempotencyKey,
    mentor::Cause,
    policy::Actor,
    store::Store as _,
    time::Clock as _,
};
use lyceum_testkit::{ambient::start, store::MemoryStore};

use crate::house::{House, at, book, chapters, code};

/// The files of a book, and which of them were read.
#[derive(Default)]
struct Folder {
    files: BTreeMap<FilePath, Vec<u8>>,
    read: Mutex<Vec<String>>,
    /// Cannot be read any more.
    broken: Option<FilePath>,
}

impl Folder {
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect();
        Self { files, ..Self::default() }
    }

    fn drafts(&self) -> Vec<FileDraft> {
        let draft = |(path, bytes): (&FilePath, &Vec<u8>)| FileDraft {
            path: path.clone(),
            size: bytes.len() as u64,
            sha256: digest(bytes),
        };
        self.files.iter().map(draft).collect()
    }

    fn was_read(&self) -> Vec<String> {
        self.read.lock().unwrap().clone()
    }
}

#[async_trait]
impl DraftFiles for Folder {
    async fn read(&self, path: &FilePath) -> Result<Vec<u8>, Cause> {
        if self.broken.as_ref() == Some(path) {
            return Err("the disk is gone".into());
        }
        self.read.lock().unwrap().push(path.to_string());
        Ok(self.files[path].clone())
    }
}

fn path(name: &str) -> FilePath {
    FilePath::parse(name).unwrap()
}

fn digest(bytes: &[u8]) -> Sha256 {
    use sha2::Digest as _;
    Sha256::new(sha2::Sha256::digest(bytes).into())
}

impl House {
    async fn take(&self, author: &Caller, folder: &Arc<Folder>) -> Result<Imported, Error> {
        let mut draft = book("Knots", chapters(&["Bowline"]));
        draft.files = folder.drafts();
        let files = Arc::clone(folder) as Arc<dyn DraftFiles>;
        let import = Import { draft, files, author: Some(author.user.id), publish: true };
        self.lyceum.import_course(&author.actor(), &at("192.0.2.3"), import).await
    }

    /// What a reader gets at each path.
    async fn served(&self, course: &Course) -> Vec<(String, String)> {
        let mut unit = self.begin().await;
        let files = unit.courses().files(course.id).await.unwrap();
        drop(unit);
        let mut served = Vec::new();
        for file in files {
            let key = CourseKey::Id(course.id);
            let (found, _) = self.lyceum.course_file(&Actor::Anonymous, &key, &file.path).await.unwrap();
            let bytes = self.blobs.bytes(&found.blob).expect("a blob");
            assert_eq!((found.size, found.sha256), (bytes.len() as u64, digest(&bytes)));
            served.push((file.path.to_string(), String::from_utf8(bytes.to_vec()).unwrap()));
        }
        served
    }

    /// The blobs that are to go by now.
    async fn due(&self) -> Vec<BlobKey> {
        let mut unit = self.begin().await;
        let now = self.clock.now();
        let due = unit.blob_removals().take_due(now, now, 100).await.unwrap();
        due.into_iter().map(|BlobRemoval { key, .. }| key).collect()
    }
}

fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn files_come_with_a_course_and_only_changed_ones_are_stored_again() {
    let house = House::new();
    let author = house.mentor("author").await;
    let folder = Arc::new(Folder::of(&[("src/a.png", "A"), ("src/b.png", "B"), ("src/c.png", "C")]));
    let course = house.take(&author, &folder).await.unwrap().course;
    assert_eq!(house.served(&course).await, pairs(&[("src/a.png", "A"), ("src/b.png", "B"), ("src/c.png", "C")]));
    house.clock.advance(Duration::from_hours(2));
    assert_eq!(house.due().await, [], "what rows name stays");

    let again = Arc::new(Folder::of(&[("src/a.png", "A"), ("src/b.png", "B"), ("src/c.png", "C")]));
    let unchanged = house.take(&author, &again).await.unwrap();
    assert_eq!((unchanged.course.version, again.was_read().len(), house.blobs.keys().len()), (course.version, 0, 3));

    let other = Arc::new(Folder::of(&[("src/a.png", "A"), ("src/b.png", "B2"), ("src/d.png", "D")]));
    let changed = house.take(&author, &other).await.unwrap().course;
    assert_eq!(other.was_read(), ["src/b.png", "src/d.png"]);
    assert_eq!(changed.version, course.version + 1, "a change of files is one of the course");
    assert_eq!(house.served(&course).await, pairs(&[("src/a.png", "A"), ("src/b.png", "B2"), ("src/d.png", "D")]));
    // What was replaced and what is gone goes from the store; what is in use stays.
    let due = house.due().await;
    assert_eq!(due.len(), 2);
    for key in due {
        assert!(["B", "C"].contains(&std::str::from_utf8(&house.blobs.bytes(&key).unwrap()).unwrap()));
    }

    let none = Arc::new(Folder::default());
    house.take(&author, &none).await.unwrap();
    assert_eq!((house.served(&course).await, house.due().await.len()), (Vec::new(), 5));
}

#[tokio::test]
async fn an_import_that_fails_leaves_nothing() {
    let house = House::new();
    let author = house.mentor("author").await;
    let files = [("src/a.png", "A"), ("src/b.png", "B")];
    let broken = Arc::new(Folder { broken: Some(path("src/b.png")), ..Folder::of(&files) });
    match house.take(&author, &broken).await {
        Err(Error::Internal(why)) => assert!(why.contains("src/b.png") && why.contains("the disk is gone"), "{why}"),
        other => panic!("{other:?}"),
    }
    house.blobs.go_away();
    let whole = Arc::new(Folder::of(&files));
    assert_eq!(code(house.take(&author, &whole).await), "storage_unavailable");
    house.blobs.recover();
    assert_eq!(code(house.lyceum.course(&author.actor(), &key("knots")).await), "not_found");
    // What was stored meanwhile is to go at once.
    let due = house.due().await;
    assert_eq!(due.len(), 4);
    assert!(house.blobs.keys().iter().all(|key| due.contains(key)), "{due:?}");
    let course = house.take(&author, &whole).await.unwrap().course;
    assert_eq!(house.served(&course).await, pairs(&files));
    assert_eq!(house.due().await, due, "and nothing that is in use");
}

/// Files that are so slow to come that meanwhile everything that is noted for removal is removed.
struct Slow(Arc<Folder>, MemoryStore);

#[async_trait]
impl DraftFiles for Slow {
    async fn read(&self, path: &FilePath) -> Result<Vec<u8>, Cause> {
        let mut unit = self.1.begin().await.unwrap();
        let later = start().plus(Duration::from_hours(2));
        for removal in unit.blob_removals().take_due(later, later, 10).await.unwrap() {
            unit.blob_removals().settle(&removal.key).await.unwrap();
        }
        unit.commit().await.unwrap();
        self.0.read(path).await
    }
}

#[tokio::test]
async fn a_note_that_fell_due_meanwhile_fails_the_import() {
    let house = House::new();
    let author = house.mentor("author").await;
    let folder = Arc::new(Folder::of(&[("src/a.png", "A")]));
    let mut draft = book("Knots", chapters(&["Bowline"]));
    draft.files = folder.drafts();
    let files = Arc::new(Slow(folder, house.store.clone()));
    let import = Import { draft, files, author: Some(author.user.id), publish: true };
    let refused = house.lyceum.import_course(&author.actor(), &at("192.0.2.3"), import).await;
    assert_eq!(code(refused), "upload_interrupted");
    assert_eq!(code(house.lyceum.course(&author.actor(), &key("knots")).await), "not_found");
}

#[tokio::test]
async fn an_import_that_is_sent_again_is_answered_again_and_not_done_again() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let folder = Arc::new(Folder::of(&[("src/a.png", "A")]));
    let send = async |caller: &Caller, archive: u8, publish: bool| {
        let mut draft = book("Knots", chapters(&["Bowline"]));
        draft.files = folder.drafts();
        let files = Arc::clone(&folder) as Arc<dyn DraftFiles>;
        let import = Import { draft, files, author: Some(caller.user.id), publish };
        let answer = |imported: &Imported| Answer { status: 201, body: imported.course.id.to_string() };
        let key = IdempotencyKey::parse("8e03978e").unwrap();
        let once = Once { key, operation: "POST /courses/import".to_owned(), answer };
        house.lyceum.import_course_once(caller, import, Sha256::new([archive; 32]), Some(once)).await
    };
    house.blobs.go_away();
    assert_eq!(code(send(&author, 1, false).await), "storage_unavailable");
    house.blobs.recover();
    // What failed can be tried again.
    let Ok(Done::Now(first)) = send(&author, 1, false).await else { panic!("it is done") };
    let Ok(Done::Before(again)) = send(&author, 1, false).await else { panic!("it was done") };
    assert_eq!(again, Answer { status: 201, body: first.course.id.to_string() });
    // Read once each time it was tried, and not again.
    assert_eq!((house.course_row(&first.course).await.version, folder.was_read().len()), (first.course.version, 2));
    for (archive, publish) in [(2, false), (1, true)] {
        assert_eq!(code(send(&author, archive, publish).await), "idempotency_key_reused");
    }
    assert_eq!(code(send(&learner, 1, false).await), "forbidden");
}

#[tokio::test]
async fn files_are_for_who_may_read_the_course() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let folder = Arc::new(Folder::of(&[("src/a.png", "A")]));
    let course = house.take(&author, &folder).await.unwrap().course;
    let file = async |actor: &Actor, name: &str| {
        code(house.lyceum.course_file(actor, &CourseKey::Id(course.id), &path(name)).await)
    };
    assert_eq!(file(&Actor::Anonymous, "src/a.png").await, "ok");
    assert_eq!(file(&Actor::Anonymous, "src/b.png").await, "not_found");
    house.change_course(course.id, |course| course.status = CourseStatus::Draft).await;
    assert_eq!(file(&learner.actor(), "src/a.png").await, "not_found");
    assert_eq!(file(&author.actor(), "src/a.png").await, "ok");
    let export = house.lyceum.export_course(&author.actor(), &CourseKey::Id(course.id)).await.unwrap();
    assert_eq!(export.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["src/a.png"]);
}

fn key(slug: &str) -> CourseKey {
    CourseKey::Slug(Slug::parse(slug).unwrap())
}
