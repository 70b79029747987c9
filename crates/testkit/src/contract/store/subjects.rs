//! Subjects.

use lyceum_domain::{
    ids::SubjectId,
    store::{Store, Unique},
    subjects::{Color, Subject},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, document, full_subject, subject},
        statements::{
            expect_conflict, expect_duplicate, first_page, insert_document, insert_subject, remove_subject,
            stored_document, stored_subject, stored_user, update_subject, walk,
        },
    },
};

async fn found(store: &dyn Store, of: &Subject) -> Option<Subject> {
    store.read().subject(of.owner, of.id).await.expect("an answer")
}

/// Everything that is known of a subject is kept, each text character by character, and what is not known is not known
/// afterwards either.
pub async fn a_subject_comes_back_as_it_was(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    for subject in [full_subject(owner), subject(owner)] {
        insert_subject(store, &subject, 10).await.expect("a new subject");
        assert_eq!(found(store, &subject).await.as_ref(), Some(&subject));
        expect_duplicate(insert_subject(store, &subject, 10).await, Unique::Key);
    }
}

/// Nobody but its owner finds, changes or removes a subject, or puts a document into it.
pub async fn a_subject_is_its_owners(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let mine = stored_subject(store, owner).await;
    let kept = stored_document(store, &mine).await;
    let foreign = Subject { owner: other, ..mine.clone() };
    assert_eq!(found(store, &foreign).await, None);
    expect_conflict(update_subject(store, &foreign).await);
    assert_eq!(remove_subject(store, other, mine.id, None).await.expect("an answer"), None);
    expect_conflict(insert_document(store, &document(&foreign), 10).await);
    let page = store.read().documents_page(other, mine.id, first_page()).await.expect("an answer");
    assert_eq!(page.items, []);
    assert_eq!(found(store, &mine).await.as_ref(), Some(&mine));
    let page = store.read().documents_page(owner, mine.id, first_page()).await.expect("an answer");
    assert_eq!(page.items, [kept]);
}

/// A save keeps all that changed, back to nothing too, and makes the stored version one higher.
pub async fn a_saved_subject_has_the_next_version(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let new = stored_subject(store, owner).await;
    let filled = Subject { id: new.id, ..full_subject(owner) };
    update_subject(store, &filled).await.expect("saved");
    assert_eq!(found(store, &new).await, Some(Subject { version: 2, ..filled }));
    update_subject(store, &Subject { version: 2, ..new.clone() }).await.expect("saved");
    assert_eq!(found(store, &new).await, Some(Subject { version: 3, ..new }));
}

/// Who loaded a subject before somebody else saved it cannot save it; nor is one saved that was never stored.
pub async fn a_stale_subject_is_a_conflict(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let loaded = stored_subject(store, owner).await;
    let saved = Subject { color: Some(Color::parse("#000000").expect("a colour")), ..loaded.clone() };
    update_subject(store, &saved).await.expect("saved");
    expect_conflict(update_subject(store, &loaded).await);
    expect_conflict(update_subject(store, &Subject { version: 9, ..loaded.clone() }).await);
    assert_eq!(found(store, &loaded).await, Some(Subject { version: 2, ..saved }));
    expect_conflict(update_subject(store, &subject(owner)).await);
}

/// The subjects of an owner are listed newest first, archived ones apart; page by page, of whatever size, each is seen
/// once, also if many are equally old.
pub async fn a_cursor_walks_each_subject_once(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    stored_subject(store, other).await;
    let mut all = Vec::new();
    for n in 0..9_u64 {
        let created_at = at(if n < 6 { 5 } else { 20 - n });
        let subject = Subject { created_at, is_archived: n % 3 == 0, ..subject(owner) };
        insert_subject(store, &subject, 10).await.expect("a new subject");
        all.push(subject);
    }
    all.sort_by_key(|subject| std::cmp::Reverse((subject.created_at, subject.id)));
    let (archived, current): (Vec<_>, Vec<_>) = all.into_iter().partition(|subject| subject.is_archived);
    for (is_archived, expected) in [(true, archived), (false, current)] {
        for size in [1, 2, 3, 5, 6, 7] {
            let walked = walk(size, async |page| store.read().subjects_page(owner, is_archived, page).await).await;
            assert_eq!(walked, expected, "pages of {size}");
        }
    }
}

/// A removed subject is gone with its documents, and says where their bytes are; other subjects keep theirs. It is
/// removed once, and only in the version that was seen, if one was.
pub async fn a_removed_subject_takes_its_documents_along(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (gone, kept) = (stored_subject(store, owner).await, stored_subject(store, owner).await);
    let mut blobs = Vec::new();
    let mut documents = Vec::new();
    for _ in 0..3 {
        let document = stored_document(store, &gone).await;
        blobs.push(document.blob.clone());
        documents.push(document);
    }
    let beside = stored_document(store, &kept).await;
    update_subject(store, &gone).await.expect("saved");
    for seen in [1, 3] {
        assert_eq!(remove_subject(store, owner, gone.id, Some(seen)).await.expect("an answer"), None, "{seen}");
    }
    assert!(found(store, &gone).await.is_some());
    let mut removed = remove_subject(store, owner, gone.id, Some(2)).await.expect("removed").expect("it was there");
    removed.sort();
    blobs.sort();
    assert_eq!(removed, blobs);
    assert_eq!(remove_subject(store, owner, gone.id, None).await.expect("an answer"), None);
    assert_eq!(found(store, &gone).await, None);
    for document in documents {
        assert_eq!(store.read().document(owner, document.id).await.expect("an answer"), None);
    }
    assert_eq!(store.read().documents_of(owner, first_page()).await.expect("an answer").items, [beside]);
    expect_conflict(insert_document(store, &document(&gone), 10).await);
    let of_kept = remove_subject(store, owner, kept.id, None).await.expect("removed").map(|blobs| blobs.len());
    assert_eq!(of_kept, Some(1));
    let empty = stored_subject(store, owner).await;
    assert_eq!(remove_subject(store, owner, empty.id, None).await.expect("removed"), Some(Vec::new()));
    assert_eq!(remove_subject(store, owner, SubjectId::new(&SequentialIds), None).await.expect("an answer"), None);
}

/// An owner has no more subjects than allowed, archived ones included; a removed one makes room, and others' don't count.
pub async fn nobody_has_more_subjects_than_allowed(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    stored_subject(store, other).await;
    let archived = Subject { is_archived: true, ..subject(owner) };
    insert_subject(store, &archived, 2).await.expect("the first");
    insert_subject(store, &subject(owner), 2).await.expect("the second");
    for max in [0, 1, 2] {
        expect_conflict(insert_subject(store, &subject(owner), max).await);
    }
    assert!(remove_subject(store, owner, archived.id, None).await.expect("removed").is_some());
    insert_subject(store, &subject(owner), 2).await.expect("there is room");
    expect_conflict(insert_subject(store, &subject(owner), 2).await);
    insert_subject(store, &subject(owner), 3).await.expect("more are allowed");
}
