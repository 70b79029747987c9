//! Conversations and their lists.

use lyceum_domain::{
    conversations::{Conversation, ConversationFilter},
    courses::Title,
    ids::{ConversationId, UserId},
    mentor::{Cost, TokenUsage, UsageOutcome},
    store::{Store, Unique},
};

use crate::contract::{
    fixtures::{HOSTILE, SET_ASIDE, Turn, at},
    statements::{
        begin_turn, delete_conversation, end_turn, expect_conflict, expect_duplicate, first_page, found_conversation,
        keep_piece, said, stored_course, stored_turn, stored_user, update_conversation, used, walk,
    },
};

async fn find(store: &dyn Store, owner: UserId, id: ConversationId) -> Option<Conversation> {
    store.read().conversation(owner, id).await.expect("an answer")
}

async fn messages(store: &dyn Store, of: &Conversation) -> Vec<lyceum_domain::conversations::Message> {
    store.read().messages_page(of.owner, of.id, first_page()).await.expect("an answer").items
}

async fn listed(store: &dyn Store, owner: UserId, is_archived: Option<bool>) -> Vec<ConversationId> {
    let filter = ConversationFilter { is_archived, words: None };
    let page = store.read().conversations_page(owner, &filter, first_page()).await.expect("an answer");
    page.items.into_iter().map(|conversation| conversation.id).collect()
}

/// The first turn stores the conversation, the question, the answer without a word, and what it may cost; with and
/// without a course and a lesson. A second conversation of the id is a duplicate.
pub async fn a_first_turn_is_stored_whole(store: &dyn Store) {
    let owner = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let bare = Turn::first(owner.id);
    let mut full = Turn::first(owner.id);
    full.conversation.course = Some(course.id);
    full.question.lesson = Some(lessons[0].id);
    full.answer.lesson = Some(lessons[0].id);
    for turn in [&bare, &full] {
        begin_turn(store, turn, true).await.expect("a first turn");
        assert_eq!(found_conversation(store, &turn.conversation).await, turn.conversation);
        assert_eq!(messages(store, &turn.conversation).await, [turn.question.clone(), turn.answer.clone()]);
    }
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer"), [bare.usage.clone(), full.usage]);
    let again = Turn { conversation: bare.conversation, ..Turn::first(owner.id) };
    expect_duplicate(begin_turn(store, &again, true).await, Unique::Key);
}

/// A further turn adds its messages and its cost, and moves the time of the last message; the rest of the
/// conversation stays, the version too, so that two questions at once, or a new title, are no conflict.
pub async fn a_further_turn_moves_nothing_but_the_time(store: &dyn Store) {
    let owner = stored_user(store).await;
    let first = stored_turn(store, owner.id).await;
    let renamed = Conversation { title: Title::parse("Renamed").expect("a title"), ..first.conversation.clone() };
    update_conversation(store, &renamed).await.expect("saved");
    let second = Turn::next(&first.conversation, at(5));
    begin_turn(store, &second, false).await.expect("a further turn");
    let expected = Conversation { updated_at: at(5), version: 2, ..renamed };
    assert_eq!(found_conversation(store, &first.conversation).await, expected);
    let all = [first.question, first.answer, second.question, second.answer];
    assert_eq!(messages(store, &first.conversation).await, all);
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer"), [first.usage, second.usage]);
    update_conversation(store, &expected).await.expect("no conflict");
}

/// A further turn of a conversation that is gone (deleted in another window) or another's is a conflict, and nothing
/// of it is kept.
pub async fn a_turn_needs_its_conversation(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await, stored_user(store).await);
    let first = stored_turn(store, owner.id).await;
    let theirs = Conversation { owner: other.id, ..first.conversation.clone() };
    expect_conflict(begin_turn(store, &Turn::next(&theirs, at(5)), false).await);
    assert_eq!(messages(store, &first.conversation).await.len(), 2);
    assert!(delete_conversation(store, owner.id, first.conversation.id).await.expect("an answer"));
    expect_conflict(begin_turn(store, &Turn::next(&first.conversation, at(5)), false).await);
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer"), [first.usage]);
    assert_eq!(store.read().usage_of(other.id).await.expect("an answer"), []);
}

/// Whoever names another as the owner finds no conversation and no messages, and can neither change nor delete.
pub async fn another_owner_finds_nothing(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await, stored_user(store).await);
    let turn = stored_turn(store, owner.id).await;
    let id = turn.conversation.id;
    assert_eq!(find(store, other.id, id).await, None);
    assert_eq!(listed(store, other.id, None).await, []);
    assert_eq!(store.read().messages_page(other.id, id, first_page()).await.expect("an answer").items, []);
    assert_eq!(store.read().recent_messages(other.id, id, None, 9).await.expect("an answer"), []);
    expect_conflict(update_conversation(store, &Conversation { owner: other.id, ..turn.conversation.clone() }).await);
    assert!(!delete_conversation(store, other.id, id).await.expect("an answer"));
    assert_eq!(find(store, owner.id, id).await, Some(turn.conversation.clone()));
    assert_eq!(messages(store, &turn.conversation).await.len(), 2);
}

/// A save keeps all that changed, back to nothing too, and makes the stored version one higher; any title is kept
/// character by character.
pub async fn a_saved_conversation_has_the_next_version(store: &dyn Store) {
    let owner = stored_user(store).await;
    let (course, _) = stored_course(store, 0).await;
    let mut stored = stored_turn(store, owner.id).await.conversation;
    for (n, text) in (1..).zip(HOSTILE) {
        let changed = Conversation {
            title: Title::parse(&text.replace(['\n', '\t'], " ")).expect("a title"),
            course: (n % 2 == 1).then_some(course.id),
            is_archived: n % 2 == 1,
            updated_at: at(n),
            ..stored
        };
        update_conversation(store, &changed).await.expect("saved");
        stored = found_conversation(store, &changed).await;
        assert_eq!(stored, Conversation { version: changed.version + 1, ..changed });
    }
}

/// Who loaded a conversation before somebody else saved it cannot save it; nor is one saved that was never stored.
pub async fn a_stale_conversation_is_a_conflict(store: &dyn Store) {
    let owner = stored_user(store).await;
    let loaded = stored_turn(store, owner.id).await.conversation;
    update_conversation(store, &Conversation { is_archived: true, ..loaded.clone() }).await.expect("saved");
    let title = Title::parse("Too late").expect("a title");
    expect_conflict(update_conversation(store, &Conversation { title, ..loaded.clone() }).await);
    let expected = Conversation { is_archived: true, version: 2, ..loaded };
    assert_eq!(found_conversation(store, &expected).await, expected);
    expect_conflict(update_conversation(store, &Turn::first(owner.id).conversation).await);
}

/// A deleted conversation is gone with its messages, and a second deletion finds none; what it cost stays recorded,
/// and other conversations stay.
pub async fn a_deleted_conversation_is_gone_but_not_what_it_cost(store: &dyn Store) {
    let owner = stored_user(store).await;
    let (gone, kept) = (stored_turn(store, owner.id).await, stored_turn(store, owner.id).await);
    assert!(delete_conversation(store, owner.id, gone.conversation.id).await.expect("an answer"));
    assert!(!delete_conversation(store, owner.id, gone.conversation.id).await.expect("an answer"));
    assert_eq!(find(store, owner.id, gone.conversation.id).await, None);
    assert_eq!(messages(store, &gone.conversation).await, []);
    assert_eq!(listed(store, owner.id, None).await, [kept.conversation.id]);
    assert_eq!(messages(store, &kept.conversation).await.len(), 2);
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer"), [gone.usage, kept.usage]);
    let spending = store.read().spending(owner.id).await.expect("an answer").expect("some");
    assert_eq!(spending.today, used(2, 2 * u64::from(SET_ASIDE)));
}

/// Nothing of an answer under way is left of a deleted conversation: no piece, no manifest, nobody who follows it.
pub async fn a_deleted_conversation_has_nothing_under_way(store: &dyn Store) {
    let owner = stored_user(store).await;
    let (gone, kept) = (stored_turn(store, owner.id).await, stored_turn(store, owner.id).await);
    let under_way = store.write().under_way();
    for turn in [&gone, &kept] {
        keep_piece(store, turn.answer.id, 0, "Said.").await;
        under_way.follow(turn.answer.id, at(9)).await.expect("noted");
    }
    assert!(delete_conversation(store, owner.id, gone.conversation.id).await.expect("an answer"));
    for (turn, is_there) in [(&gone, false), (&kept, true)] {
        let answer = turn.answer.id;
        assert_eq!(said(store, owner.id, answer).await.is_some(), is_there);
        assert_eq!(store.read().message(owner.id, answer).await.expect("an answer").is_some(), is_there);
        assert_eq!(store.read().manifest(answer).await.expect("an answer").is_some(), is_there);
        assert_eq!(under_way.followed_at(answer).await.expect("an answer").is_some(), is_there);
        let abandoned = under_way.abandoned(&[turn.instance], 9).await.expect("an answer");
        assert_eq!(abandoned.len(), usize::from(is_there));
    }
    assert_eq!(said(store, owner.id, kept.answer.id).await.expect("an answer").answer.content, "Said.");
}

/// An answer that ends after its conversation was deleted brings nothing back and is no failure; what it cost is
/// recorded all the same.
pub async fn a_turn_that_ends_after_the_conversation_keeps_what_it_cost(store: &dyn Store) {
    let owner = stored_user(store).await;
    let mut turn = stored_turn(store, owner.id).await;
    assert!(delete_conversation(store, owner.id, turn.conversation.id).await.expect("an answer"));
    "Too late.".clone_into(&mut turn.answer.content);
    turn.usage.outcome = UsageOutcome::Complete;
    let tokens = TokenUsage { prompt_tokens: 9, completion_tokens: 3 };
    turn.usage.cost = Cost { tokens, is_estimated: true, micros: 1 };
    end_turn(store, &turn).await.expect("no failure");
    assert_eq!(find(store, owner.id, turn.conversation.id).await, None);
    assert_eq!(messages(store, &turn.conversation).await, []);
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer"), [turn.usage]);
}

/// The list of an owner's conversations is sorted by their last message or change, newest first.
pub async fn conversations_are_listed_newest_first(store: &dyn Store) {
    let owner = stored_user(store).await;
    let mut ids = Vec::new();
    for begun in [3, 1, 2] {
        let turn = Turn::first_at(owner.id, at(begun));
        begin_turn(store, &turn, true).await.expect("a first turn");
        ids.push(turn.conversation);
    }
    assert_eq!(listed(store, owner.id, None).await, [ids[0].id, ids[2].id, ids[1].id]);
    begin_turn(store, &Turn::next(&ids[1], at(9)), false).await.expect("a further turn");
    assert_eq!(listed(store, owner.id, None).await, [ids[1].id, ids[0].id, ids[2].id]);
}

/// The list can have the archived ones, the others, or both.
pub async fn archived_conversations_are_told_apart(store: &dyn Store) {
    let owner = stored_user(store).await;
    let (open, put_away) = (stored_turn(store, owner.id).await, stored_turn(store, owner.id).await);
    let archived = Conversation { is_archived: true, ..put_away.conversation };
    update_conversation(store, &archived).await.expect("saved");
    assert_eq!(listed(store, owner.id, Some(true)).await, [archived.id]);
    assert_eq!(listed(store, owner.id, Some(false)).await, [open.conversation.id]);
    assert_eq!(listed(store, owner.id, None).await, [archived.id, open.conversation.id]);
}

/// Page by page, of whatever size, each conversation is seen once, also if many have the same time.
pub async fn a_cursor_walks_each_conversation_once(store: &dyn Store) {
    let owner = stored_user(store).await;
    let mut expected = Vec::new();
    for n in 0..9_u64 {
        let turn = Turn::first_at(owner.id, at(if n < 6 { 5 } else { n }));
        begin_turn(store, &turn, true).await.expect("a first turn");
        expected.push(turn.conversation);
    }
    expected.sort_by_key(|conversation| std::cmp::Reverse((conversation.updated_at, conversation.id)));
    let filter = ConversationFilter::default();
    for size in [1, 2, 4, 8, 9, 10] {
        let walked = walk(size, async |page| store.read().conversations_page(owner.id, &filter, page).await).await;
        assert_eq!(walked, expected, "pages of {size}");
    }
}
