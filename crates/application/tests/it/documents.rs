//! Documents come in, are given out, and leave nothing behind.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use lyceum_application::Rules;
use lyceum_domain::{
    page::PageRequest,
    policy::Actor,
    subjects::{DocumentKind, TextState},
};

use crate::{
    house::{House, code},
    uploads::{LONG, broken, bytes, coming, content, endless},
};

#[tokio::test]
async fn a_document_is_given_out_as_it_came_in() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "C:\\tides.md", content(b"# Spring tides")).await.unwrap();
    assert_eq!((document.name.as_str(), document.kind, document.size), ("tides.md", DocumentKind::Markdown, 14));
    assert_eq!(document.sha256.to_string(), "cbe661dc1360e40c45ddcddd04324e4c32c3928e1db5193f65dd743b0bae1ad1");
    assert_eq!(document.text, TextState::Pending);
    // It is there to stay.
    house.keeps_blobs(1).await;
    assert_eq!(house.lyceum.document(&ada, document.id).await.unwrap(), document);
    let listed = house.lyceum.documents(&ada, subject, PageRequest::default()).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&document));
    let whole = house.lyceum.document_content(&ada, &document, None).await.unwrap();
    assert_eq!(bytes(whole).await, b"# Spring tides");
    let part = house.lyceum.document_content(&ada, &document, Some(2..8)).await.unwrap();
    assert_eq!((part.size, part.range.clone()), (14, 2..8));
    assert_eq!(bytes(part).await, b"Spring");
    let beyond = house.lyceum.document_content(&ada, &document, Some(14..15)).await;
    assert_eq!(code(beyond), "range_not_satisfiable");
}

#[tokio::test]
async fn what_is_no_document_is_not_read_to_its_end() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let refused = house.add(&ada, subject, "tides.txt", endless(b"GIF89a\0\0")).await.unwrap_err();
    assert_eq!(refused.code(), "unsupported_media_type");
    assert_eq!(refused.to_string(), "not taken: the file is neither a PDF nor text in UTF-8");
    for bad in [&b"<svg onload='x()'>"[..], b"%PDF-1.7\n cut off", b""] {
        assert_eq!(code(house.add(&ada, subject, "a.pdf", content(bad)).await), "unsupported_media_type");
    }
    // Without waiting for any note to fall due.
    house.sweep().await;
    assert_eq!(house.blobs.keys(), []);
    assert_eq!(house.lyceum.documents(&ada, subject, PageRequest::default()).await.unwrap().items, []);
}

#[tokio::test]
async fn what_is_too_large_is_not_read_to_its_end() {
    let house = House::with_rules(Rules { max_document_bytes: 10, ..Rules::default() });
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    assert_eq!(code(house.add(&ada, subject, "a", endless(b"0123456789a")).await), "too_large");
    assert_eq!(code(house.add(&ada, subject, "a", content(b"0123456789")).await), "ok");
    house.keeps_blobs(1).await;
}

#[tokio::test]
async fn what_breaks_off_is_not_kept() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    assert_eq!(code(house.add(&ada, subject, "a", broken(b"half of it")).await), "upload_interrupted");
    house.keeps_blobs(0).await;
}

#[tokio::test]
async fn what_takes_too_long_is_not_kept() {
    let house = House::with_rules(Rules { upload_timeout: Duration::from_millis(30), ..Rules::default() });
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    assert_eq!(code(house.add(&ada, subject, "a", endless(b"half of it")).await), "upload_interrupted");
    house.keeps_blobs(0).await;
}

#[tokio::test]
async fn without_the_blob_store_nothing_is_kept() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    house.blobs.go_away();
    assert_eq!(code(house.add(&ada, subject, "a", content(b"text")).await), "storage_unavailable");
    assert_eq!(house.lyceum.documents(&ada, subject, PageRequest::default()).await.unwrap().items, []);
    // The removal waits for the store, as an upload does.
    assert_eq!(house.lyceum.remove_due_blobs(&Actor::System).await.unwrap().postponed, 1);
    house.blobs.recover();
    let document = house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    house.blobs.go_away();
    assert_eq!(code(house.lyceum.document_content(&ada, &document, None).await), "storage_unavailable");
    house.blobs.recover();
    house.keeps_blobs(1).await;
}

#[tokio::test]
async fn who_is_killed_between_the_bytes_and_the_row_leaves_nothing() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let (pieces, content) = coming();
    {
        let mut add = pin!(house.add(&ada, subject, "a", content));
        assert!((&mut add).now_or_never().is_none());
        pieces.send(Ok("text".into())).await.unwrap();
        assert!((&mut add).now_or_never().is_none());
        // Nobody else can store a row as long as this is held.
        let unit = house.begin().await;
        drop(pieces);
        assert!((&mut add).now_or_never().is_none());
        drop(unit);
        assert_eq!(house.blobs.keys().len(), 1, "the bytes are there, the row is not");
    }
    house.sweep().await;
    assert_eq!(house.blobs.keys().len(), 1, "the note is not due yet");
    house.keeps_blobs(0).await;
}

#[tokio::test]
async fn a_blob_that_is_removed_too_early_takes_its_upload_along() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let (pieces, content) = coming();
    let sweep = async {
        pieces.send(Ok("text".into())).await.unwrap();
        house.clock.advance(LONG);
        house.sweep().await;
        drop(pieces);
    };
    let (added, ()) = tokio::join!(house.add(&ada, subject, "a", content), sweep);
    assert_eq!(code(added), "conflict");
    house.keeps_blobs(0).await;
}

#[tokio::test]
async fn a_deletion_is_tried_until_it_succeeds() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    house.blobs.fail_deletes(3);
    house.lyceum.delete_document(&ada, document.id).await.unwrap();
    assert_eq!(code(house.lyceum.document(&ada, document.id).await), "not_found");
    let mut waited = Duration::ZERO;
    while !house.blobs.keys().is_empty() {
        house.lyceum.remove_due_blobs(&Actor::System).await.unwrap();
        house.clock.advance(Duration::from_secs(10));
        waited += Duration::from_secs(10);
        assert!(waited < Duration::from_mins(10), "given up");
    }
    // 1, 2 and 4 minutes between the attempts.
    assert!(waited > Duration::from_mins(7), "{waited:?}");
}

#[tokio::test]
async fn what_is_others_is_not_there() {
    let house = House::new();
    let (ada, bob) = (house.learner("ada").await, house.learner("bob").await);
    let admin = house.admin().await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    for other in [&bob, &admin] {
        assert_eq!(code(house.add(other, subject, "b", content(b"text")).await), "not_found");
        assert_eq!(code(house.lyceum.document(other, document.id).await), "not_found");
        assert_eq!(code(house.lyceum.document_content(other, &document, None).await), "not_found");
        assert_eq!(code(house.lyceum.document_text(other, document.id).await), "not_found");
        assert_eq!(code(house.lyceum.documents(other, subject, PageRequest::default()).await), "not_found");
        assert_eq!(code(house.lyceum.delete_document(other, document.id).await), "not_found");
    }
    house.keeps_blobs(1).await;
}

#[tokio::test]
async fn many_at_once_do_not_pass_the_limit() {
    let house = House::with_rules(Rules { max_documents: 3, ..Rules::default() });
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let names: Vec<String> = (0..8).map(|n| format!("{n}.txt")).collect();
    let adds = names.iter().map(|name| house.add(&ada, subject, name, content(name.as_bytes())));
    let mut codes: Vec<_> = join_all(adds).await.into_iter().map(code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [vec!["ok"; 3], vec!["too_many"; 5]].concat());
    house.keeps_blobs(3).await;
}

#[tokio::test]
async fn a_subject_that_is_deleted_meanwhile_takes_the_document_along() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    house.add(&ada, subject, "before", content(b"text")).await.unwrap();
    let (pieces, content) = coming();
    let delete = async {
        pieces.send(Ok("text".into())).await.unwrap();
        house.lyceum.delete_subject(&ada, subject, None).await.unwrap();
        drop(pieces);
    };
    let (added, ()) = tokio::join!(house.add(&ada, subject, "meanwhile", content), delete);
    assert_eq!(code(added), "not_found");
    house.sweep().await;
    assert_eq!(house.blobs.keys(), []);
}

#[tokio::test]
async fn whoever_is_erased_takes_their_files_along() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    house.lyceum.set_portrait(&ada, content(b"picture"), None, None).await.unwrap();
    assert_eq!(house.blobs.keys().len(), 2);
    let name = lyceum_domain::users::Identifier::Username(ada.user.username.clone());
    house.lyceum.erase_account(&Actor::System, &name).await.unwrap();
    house.sweep().await;
    assert_eq!(house.blobs.keys(), []);
}

#[tokio::test]
async fn an_export_has_subjects_and_documents() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    house.lyceum.read_texts(&Actor::System).await.unwrap();
    let export = house.lyceum.export(&ada).await.unwrap();
    assert_eq!(export.subjects.iter().map(|subject| subject.id).collect::<Vec<_>>(), [subject]);
    let documents: Vec<_> = export.documents.iter().map(|(document, text)| (document.id, text.as_deref())).collect();
    assert_eq!(documents, [(document.id, Some("text"))]);
}
