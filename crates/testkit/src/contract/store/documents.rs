//! Documents and their texts.
//!
//! Who takes unread documents takes all that wait, whoever's they are. So the cases here that do so work in a year that no
//! other has to do with, in one unit that is dropped.

use lyceum_domain::{
    ids::{DocumentId, UserId},
    store::{Store, Unique, UnitOfWork},
    subjects::{Document, DocumentKind, ExtractedText, FileName, Subject, TextState, UnreadDocument},
    time::Timestamp,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, at, document, in_year},
        statements::{
            begin, expect_conflict, expect_duplicate, first_page, insert_document, remove_document, settle_text,
            stored_document, stored_subject, stored_user, walk,
        },
    },
};

/// More documents than anybody has here.
const MANY: u32 = 1_000;

async fn found(store: &dyn Store, of: &Document) -> Option<Document> {
    store.read().document(of.owner, of.id).await.expect("an answer")
}

async fn text(store: &dyn Store, owner: UserId, id: DocumentId) -> Option<String> {
    store.read().document_text(owner, id).await.expect("an answer")
}

fn extracted(text: &str) -> ExtractedText {
    ExtractedText { text: text.to_owned(), is_cut: true }
}

fn ready() -> TextState {
    TextState::Ready { characters: 12, is_cut: true }
}

/// Everything that is known of a document is kept, whatever it is, was called and became of its text.
pub async fn a_document_comes_back_as_it_was(store: &dyn Store) {
    let subject = stored_subject(store, stored_user(store).await.id).await;
    let states = [
        TextState::Pending,
        ready(),
        TextState::Ready { characters: 0, is_cut: false },
        TextState::Unreadable { reason: HOSTILE.join("\n") },
    ];
    let kinds = [DocumentKind::Pdf, DocumentKind::Markdown, DocumentKind::Plain];
    for (n, state) in states.into_iter().enumerate() {
        let new = Document {
            kind: kinds[n % 3],
            size: u64::try_from(n).expect("small"),
            text: state,
            created_at: at(1),
            updated_at: at(2),
            ..document(&subject)
        };
        insert_document(store, &new, MANY).await.expect("a new document");
        assert_eq!(found(store, &new).await.as_ref(), Some(&new));
        expect_duplicate(insert_document(store, &new, MANY).await, Unique::Key);
    }
    for name in HOSTILE {
        let new = Document { name: FileName::from_client(name, "file"), ..document(&subject) };
        insert_document(store, &new, MANY).await.expect("a new document");
        assert_eq!(found(store, &new).await, Some(new));
    }
}

/// Nobody but its owner finds, reads or removes a document.
pub async fn a_document_is_its_owners(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let mine = stored_document(store, &stored_subject(store, owner).await).await;
    settle_text(store, mine.id, &ready(), Some(&extracted("Mine.")), at(1)).await.expect("kept");
    assert_eq!(found(store, &Document { owner: other, ..mine.clone() }).await, None);
    assert_eq!(text(store, other, mine.id).await, None);
    assert_eq!(remove_document(store, other, mine.id).await.expect("an answer"), None);
    assert_eq!(store.read().documents_of(other, first_page()).await.expect("an answer").items, []);
    assert_eq!(text(store, owner, mine.id).await.as_deref(), Some("Mine."));
    assert_eq!(found(store, &mine).await.map(|document| document.id), Some(mine.id));
}

/// A removed document is gone with its text, once, and says where its bytes are; others stay.
pub async fn a_removed_document_is_gone_with_its_text(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let subject = stored_subject(store, owner).await;
    let (gone, kept) = (stored_document(store, &subject).await, stored_document(store, &subject).await);
    for document in [&gone, &kept] {
        settle_text(store, document.id, &ready(), Some(&extracted("Text.")), at(1)).await.expect("kept");
    }
    assert_eq!(remove_document(store, owner, gone.id).await.expect("removed"), Some(gone.blob.clone()));
    assert_eq!(remove_document(store, owner, gone.id).await.expect("an answer"), None);
    assert_eq!(found(store, &gone).await, None);
    assert_eq!(text(store, owner, gone.id).await, None);
    assert_eq!(text(store, owner, kept.id).await.as_deref(), Some("Text."));
    settle_text(store, gone.id, &ready(), Some(&extracted("Too late.")), at(2)).await.expect("nothing happens");
    assert_eq!(text(store, owner, gone.id).await, None);
    assert_eq!(found(store, &gone).await, None);
}

/// The documents of a subject and those of an owner are listed newest first; page by page, of whatever size, each is seen
/// once, also if many are equally old.
pub async fn a_cursor_walks_each_document_once(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let subjects = [stored_subject(store, owner).await, stored_subject(store, owner).await];
    stored_document(store, &stored_subject(store, stored_user(store).await.id).await).await;
    let mut all = Vec::new();
    for n in 0..9_u64 {
        let created_at = at(if n < 6 { 5 } else { 20 - n });
        let new = Document { created_at, ..document(&subjects[usize::from(n % 2 == 0)]) };
        insert_document(store, &new, MANY).await.expect("a new document");
        all.push(new);
    }
    all.sort_by_key(|document| std::cmp::Reverse((document.created_at, document.id)));
    let of =
        |subject: &Subject| all.iter().filter(|document| document.subject == subject.id).cloned().collect::<Vec<_>>();
    for size in [1, 2, 4, 5, 8, 9, 10] {
        let walked = walk(size, async |page| store.read().documents_of(owner, page).await).await;
        assert_eq!(walked, all, "pages of {size}");
        for subject in &subjects {
            let page = async |page| store.read().documents_page(owner, subject.id, page).await;
            assert_eq!(walk(size, page).await, of(subject), "pages of {size}");
        }
    }
}

/// An owner has no more documents than allowed, over all subjects; a removed one makes room, and others' don't count.
pub async fn nobody_has_more_documents_than_allowed(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (one, two) = (stored_subject(store, owner).await, stored_subject(store, owner).await);
    stored_document(store, &stored_subject(store, stored_user(store).await.id).await).await;
    let first = document(&one);
    insert_document(store, &first, 2).await.expect("the first");
    insert_document(store, &document(&two), 2).await.expect("the second");
    for max in [0, 1, 2] {
        expect_conflict(insert_document(store, &document(&one), max).await);
    }
    assert!(remove_document(store, owner, first.id).await.expect("removed").is_some());
    insert_document(store, &document(&two), 2).await.expect("there is room");
    expect_conflict(insert_document(store, &document(&one), 2).await);
}

/// What was read is kept character by character, with what became of it; there is no text before, and none of a document
/// that cannot be read. Reading again takes the place of what was there.
pub async fn a_text_is_kept_as_it_was_read(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let waiting = stored_document(store, &stored_subject(store, owner).await).await;
    assert_eq!(text(store, owner, waiting.id).await, None);
    let long = format!("{}\n{}", HOSTILE.join("\n"), "A long text. 🦀\n".repeat(20_000));
    let unreadable = TextState::Unreadable { reason: HOSTILE.concat() };
    let settled: [(TextState, Option<&str>); 4] =
        [(ready(), Some(&long)), (ready(), Some("")), (unreadable, None), (ready(), Some("Again."))];
    for (n, (state, read)) in (1..).zip(settled) {
        let extracted = read.map(extracted);
        settle_text(store, waiting.id, &state, extracted.as_ref(), at(n)).await.expect("kept");
        assert!(text(store, owner, waiting.id).await.as_deref() == read, "{n}");
        let expected = Document { text: state, updated_at: at(n), ..waiting.clone() };
        assert_eq!(found(store, &waiting).await, Some(expected));
    }
}

/// A number of seconds after the time at which the cases below begin.
fn then(seconds: i64) -> Timestamp {
    in_year(1820, seconds)
}

/// Documents of a subject that came at these times.
async fn came<const N: usize>(unit: &mut Box<dyn UnitOfWork>, subject: &Subject, at: [i64; N]) -> [Document; N] {
    let documents = at.map(|at| Document { created_at: then(at), updated_at: then(at), ..document(subject) });
    for document in &documents {
        unit.subjects().insert_document(document, MANY).await.expect("a new document");
    }
    documents
}

/// Takes what waits at a time, for ten seconds.
async fn taken(unit: &mut Box<dyn UnitOfWork>, now: i64, limit: u32) -> Vec<(DocumentId, u32)> {
    let taken = unit.subjects().take_unread(then(now), then(now + 10), limit).await.expect("an answer");
    taken.into_iter().map(|UnreadDocument { document, attempts }| (document.id, attempts)).collect()
}

/// Those that wait the longest are taken first, no more than asked for, and not again while they are leased; then they
/// are, as often as it takes. A document is taken as it was stored.
pub async fn the_longest_waiting_are_taken_first(store: &dyn Store) {
    let subject = stored_subject(store, stored_user(store).await.id).await;
    let mut unit = begin(store).await;
    let [third, first, later, second] = came(&mut unit, &subject, [3, 1, 9, 2]).await;
    let whole = unit.subjects().take_unread(then(1), then(1), 1).await.expect("an answer");
    assert_eq!(whole, [UnreadDocument { document: first.clone(), attempts: 0 }], "a lease that is over at once");
    assert_eq!(taken(&mut unit, 5, 0).await, []);
    assert_eq!(taken(&mut unit, 5, 2).await, [(first.id, 1), (second.id, 0)]);
    assert_eq!(taken(&mut unit, 5, 9).await, [(third.id, 0)]);
    assert_eq!(taken(&mut unit, 14, 9).await, [(later.id, 0)]);
    let again: Vec<DocumentId> = taken(&mut unit, 15, 2).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(again.len(), 2, "the leases are over");
    assert!(again.iter().all(|id| [first.id, second.id, third.id].contains(id)));
}

/// What could not be read is tried again at its time, and says how often it was tried in vain; what was settled is not
/// tried again, and neither is what was never to be read.
pub async fn a_text_is_tried_until_it_is_settled(store: &dyn Store) {
    let subject = stored_subject(store, stored_user(store).await.id).await;
    let mut unit = begin(store).await;
    let [tried, read, unreadable, gone] = came(&mut unit, &subject, [1, 2, 3, 4]).await;
    let done = Document { text: ready(), created_at: then(0), ..document(&subject) };
    unit.subjects().insert_document(&done, MANY).await.expect("a new document");
    assert_eq!(taken(&mut unit, 5, 9).await.len(), 4);
    unit.subjects().settle_text(read.id, &ready(), Some(&extracted("Text.")), then(6)).await.expect("kept");
    let state = TextState::Unreadable { reason: "It is encrypted.".to_owned() };
    unit.subjects().settle_text(unreadable.id, &state, None, then(6)).await.expect("kept");
    assert!(unit.subjects().remove_document(gone.owner, gone.id).await.expect("removed").is_some());
    unit.subjects().postpone_text(gone.id, then(7)).await.expect("nothing happens");
    for (attempts, now) in [(1, 30), (2, 60), (3, 90)] {
        unit.subjects().postpone_text(tried.id, then(now)).await.expect("put off");
        assert_eq!(taken(&mut unit, now - 1, 9).await, []);
        assert_eq!(taken(&mut unit, now, 9).await, [(tried.id, attempts)]);
    }
    unit.subjects().postpone_text(DocumentId::new(&SequentialIds), then(1)).await.expect("nothing happens");
    assert_eq!(taken(&mut unit, 99, 9).await, []);
}
