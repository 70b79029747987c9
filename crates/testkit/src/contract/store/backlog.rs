//! What waits to be done by the server itself.

use lyceum_domain::{backlog::Backlog, blobs::BlobKey, store::Store, subjects::Document};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{document, in_year},
        statements::{begin, insert_document, stored_subject, stored_user},
    },
};

/// Blobs that are to go and texts that are to be read are counted from the moment that they are due.
pub async fn what_waits_is_counted_when_it_is_due(store: &dyn Store) {
    // Later than anything that other cases have due, so that they never take it.
    let due = in_year(9500, 0);
    let subject = stored_subject(store, stored_user(store).await.id).await;
    let unread = Document { created_at: due, updated_at: due, ..document(&subject) };
    insert_document(store, &unread, 1_000).await.expect("a new document");
    let mut unit = begin(store).await;
    let keys: [BlobKey; 2] = std::array::from_fn(|_| BlobKey::document(&SequentialIds));
    unit.blob_removals().schedule(&keys, due).await.expect("noted");
    unit.commit().await.expect("kept");
    let at = |seconds| async move { store.read().backlog(in_year(9500, seconds)).await.expect("an answer") };
    // Others are at work meanwhile: a look counts in which nothing moved.
    for _ in 0..1_000 {
        let (before, then, after) = (at(-1).await, at(0).await, at(-1).await);
        if before == after {
            let more = Backlog { blobs_to_remove: before.blobs_to_remove + 2, texts_to_read: before.texts_to_read + 1 };
            assert_eq!(then, more);
            return;
        }
    }
    panic!("others never stood still");
}
