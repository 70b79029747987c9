//! What answers were made from.

use lyceum_domain::{
    blobs::Sha256,
    conversations::TurnOpening,
    ids::MessageId,
    mentor::{Manifest, QuotedText, Reserved},
    store::Store,
};

use crate::ambient::SequentialIds;
use crate::contract::{
    fixtures::{HOSTILE, Turn, at, full_manifest, in_year, quoted_text, sha256},
    statements::{begin, begin_turn, delete_conversation, end_turn, stored_turn, stored_user},
};

async fn texts(store: &dyn Store, digests: &[Sha256]) -> Vec<QuotedText> {
    let mut texts = store.read().quoted_texts(digests).await.expect("an answer");
    texts.sort_by_key(|quoted| quoted.digest);
    texts
}

fn sorted(mut texts: Vec<QuotedText>) -> Vec<QuotedText> {
    texts.sort_by_key(|quoted| quoted.digest);
    texts
}

/// A manifest comes back as it was, with whose it is, whatever its texts hold and however little there is; and stays when
/// the answer ends.
pub async fn a_manifest_comes_back_as_it_was(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let bare = stored_turn(store, other).await;
    let found = store.read().manifest(bare.answer.id).await.expect("an answer");
    assert_eq!(found, Some((other, bare.manifest)));
    for text in HOSTILE {
        let turn = Turn { manifest: full_manifest(text), ..Turn::first(owner) };
        begin_turn(store, &turn, true).await.expect("a first turn");
        end_turn(store, &turn).await.expect("ended");
        let found = store.read().manifest(turn.answer.id).await.expect("an answer");
        assert_eq!(found, Some((owner, turn.manifest)));
    }
}

/// Any temperature comes back to the last bit.
pub async fn any_temperature_comes_back(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    for temperature in [0.0, 0.1, 0.7, 1.0 / 3.0, 1.3, 2.0] {
        let manifest = Manifest { temperature: Some(temperature), ..full_manifest("text") };
        let turn = Turn { manifest, ..Turn::first(owner) };
        begin_turn(store, &turn, true).await.expect("a first turn");
        let (_, found) = store.read().manifest(turn.answer.id).await.expect("an answer").expect("a manifest");
        assert_eq!(found.temperature.map(f32::to_bits), Some(temperature.to_bits()));
    }
}

/// Each answer has a manifest of its own, siblings too; questions have none, nor what is not there, nor what was deleted.
pub async fn each_answer_has_a_manifest_of_its_own(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let first = stored_turn(store, owner).await;
    let again = Turn { manifest: full_manifest("again"), ..first.again(at(5)) };
    begin_turn(store, &again, false).await.expect("begun");
    let manifest = async |of: MessageId| store.read().manifest(of).await.expect("an answer").map(|(_, found)| found);
    assert_eq!(manifest(first.answer.id).await, Some(first.manifest));
    assert_eq!(manifest(again.answer.id).await, Some(again.manifest));
    assert_eq!(manifest(first.question.id).await, None);
    assert_eq!(manifest(MessageId::new(&SequentialIds)).await, None);
    assert!(delete_conversation(store, owner, first.conversation.id).await.expect("an answer"));
    assert_eq!(manifest(first.answer.id).await, None);
    assert_eq!(manifest(again.answer.id).await, None);
}

/// A passage's text is kept once under its digest, as it was first told, however often and by whomever it is quoted.
pub async fn a_quoted_text_is_kept_once(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let [one, two, three] = std::array::from_fn(|_| quoted_text());
    let changed = QuotedText { text: "Something else.".to_owned(), ..one.clone() };
    for (user, quoted) in [
        (owner, vec![one.clone(), two.clone(), one.clone()]),
        (other, vec![changed, three.clone()]),
        (other, vec![two.clone()]),
    ] {
        let opening = TurnOpening { quoted, ..Turn::first(user).opening(true) };
        store.write().begin_turn(&opening).await.expect("begun");
    }
    let digests = [three.digest, sha256(), one.digest, two.digest];
    assert_eq!(texts(store, &digests).await, sorted(vec![one.clone(), two, three]));
    assert_eq!(texts(store, &[one.digest]).await, [one]);
    assert_eq!(texts(store, &[sha256()]).await, []);
    assert_eq!(texts(store, &[]).await, []);
}

/// Very many texts are kept and found at once, each character by character.
pub async fn many_quoted_texts_are_kept_at_once(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let quoted: Vec<QuotedText> = (0..100).map(|_| quoted_text()).collect();
    let turn = Turn { quoted: quoted.clone(), ..Turn::first(owner) };
    begin_turn(store, &turn, true).await.expect("a first turn");
    let digests: Vec<Sha256> = quoted.iter().map(|quoted| quoted.digest).collect();
    assert_eq!(texts(store, &digests).await, sorted(quoted));
}

/// Texts that nobody has quoted for a while go when no answer quotes them any more, no more than so many at once; those
/// that one still quotes are looked at again after as long, and one that is quoted again stays.
///
/// Whoever removes texts removes others' too: so there is no other case but the one that does so at the same moment, in
/// earlier years.
pub async fn a_text_that_no_answer_quotes_any_more_goes(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let [one, two, three] = std::array::from_fn(|_| quoted_text());
    let digests = [one.digest, two.digest, three.digest];
    let quoting = |quoted: &[&QuotedText], begun| Turn {
        quoted: quoted.iter().copied().cloned().collect(),
        ..Turn::first_at(owner, begun)
    };
    let forget = async |before: i64, now: i64, limit: u32| {
        let mut unit = begin(store).await;
        let (before, now) = (in_year(before, 0), in_year(now, 0));
        let gone = unit.conversations().forget_texts(before, now, limit).await.expect("an answer");
        unit.commit().await.expect("kept");
        gone
    };
    let ask = async |turn: &Turn| assert!(matches!(begin_turn(store, turn, true).await, Ok(Reserved::Granted { .. })));
    let delete = async |turn: &Turn| {
        assert!(delete_conversation(store, owner, turn.conversation.id).await.expect("an answer"));
    };
    let first = quoting(&[&one, &two], in_year(1935, 0));
    let second = quoting(&[&two, &three], in_year(1935, 1));
    ask(&first).await;
    ask(&second).await;
    delete(&first).await;
    forget(1935, 1937, 100).await;
    assert_eq!(texts(store, &digests).await.len(), 3, "they were quoted since");
    assert!(forget(1936, 1937, 100).await >= 1);
    assert_eq!(texts(store, &digests).await, sorted(vec![two.clone(), three.clone()]));

    // An answer quotes them: they count as quoted in 1937.
    delete(&second).await;
    forget(1937, 1938, 100).await;
    assert_eq!(texts(store, &digests).await.len(), 2, "they were looked at");
    let again = quoting(&[&two], in_year(1939, 0));
    ask(&again).await;
    delete(&again).await;
    forget(1938, 1940, 100).await;
    assert_eq!(texts(store, &digests).await, std::slice::from_ref(&two), "it was quoted again");
    let third = quoting(&[&one, &three], in_year(1939, 1));
    ask(&third).await;
    delete(&third).await;
    let mut rounds = 0;
    while !texts(store, &digests).await.is_empty() {
        assert!(forget(1941, 1942, 1).await <= 1);
        rounds += 1;
        assert!(rounds < 100, "they never go");
    }
    assert!(rounds >= 3, "one at a time, not three in {rounds} rounds");
}
