//! Beginning and ending turns.

use lyceum_domain::{
    conversations::{Conversation, Message},
    courses::Title,
    ids::MessageId,
    mentor::{Allowance, Counted, Quota, Reserved, UsageRecord, Window},
    store::Store,
};

use crate::ambient::SequentialIds;
use crate::contract::{
    fixtures::{SET_ASIDE, Turn, at, quoted_text, reservation},
    statements::{
        begin, begin_turn, delete_conversation, end_turn, erase, expect_conflict, find_course, first_page,
        found_conversation, said, spending_at, stored_turn, stored_user, update_conversation, used,
    },
};

async fn messages(store: &dyn Store, of: &Conversation) -> Vec<Message> {
    store.read().messages_page(of.owner, of.id, first_page()).await.expect("an answer").items
}

async fn usage(store: &dyn Store, of: &Turn) -> Vec<UsageRecord> {
    store.read().usage_of(of.conversation.owner).await.expect("an answer")
}

/// So many requests and tokens.
fn allowance(requests: Option<u32>, tokens: Option<u64>) -> Allowance {
    Allowance { requests, tokens }
}

/// A turn sets aside the most that it may cost, or what is left if that makes an answer; the record of the call says how
/// much.
pub async fn a_turn_sets_aside_what_it_may_cost(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let quota = Quota { day: allowance(None, Some(2_300)), month: allowance(Some(9), None) };
    for (n, granted, together) in [(1, SET_ASIDE, 1_000), (2, SET_ASIDE, 2_000), (3, 300, 2_300)] {
        let turn = Turn { reservation: reservation(quota, at(0)), ..Turn::first(owner) };
        let reserved = begin_turn(store, &turn, true).await.expect("a first turn");
        assert_eq!(reserved, Reserved::Granted { tokens: granted });
        let counted = Counted { requests: 1, tokens: granted };
        assert_eq!(usage(store, &turn).await.last(), Some(&UsageRecord { counted, ..turn.usage.clone() }));
        let spending = spending_at(store, owner, at(0)).await;
        assert_eq!((spending.today, spending.this_month), (used(n, together), used(n, together)));
    }
}

/// Once an allowance is used up, a turn leaves nothing: no conversation, no message, no record, nothing set aside; and the
/// answer says which allowance it is.
pub async fn a_used_up_allowance_leaves_nothing(store: &dyn Store) {
    let tokens = u64::from(SET_ASIDE / 10);
    for (day, month, window) in [
        (allowance(Some(1), None), Allowance::default(), Window::Day),
        (allowance(None, Some(999 + tokens)), Allowance::default(), Window::Day),
        (Allowance::default(), allowance(Some(1), Some(1_000_000)), Window::Month),
        (Allowance::default(), allowance(Some(1_000_000), Some(999 + tokens)), Window::Month),
    ] {
        let owner = stored_user(store).await.id;
        let first = stored_turn(store, owner).await;
        let spending = spending_at(store, owner, at(5)).await;
        for is_new in [true, false] {
            let next = if is_new { Turn::first_at(owner, at(5)) } else { Turn::next(&first.conversation, at(5)) };
            let quoted = quoted_text();
            let reservation = reservation(Quota { day, month }, at(5));
            let next = Turn { reservation, quoted: vec![quoted.clone()], ..next };
            let single = store.write().begin_turn(&next.opening(is_new)).await.expect("an answer");
            assert_eq!(single, Reserved::UsedUp(window));
            let in_unit = begin_turn(store, &next, is_new).await.expect("an answer");
            assert_eq!(in_unit, Reserved::UsedUp(window));

            let found = store.read().conversation(owner, next.conversation.id).await.expect("an answer");
            assert_eq!(found, (!is_new).then(|| first.conversation.clone()));
            for message in [next.question.id, next.answer.id] {
                assert_eq!(store.read().message(owner, message).await.expect("an answer"), None);
            }
            assert_eq!(said(store, owner, next.answer.id).await, None);
            assert_eq!(store.read().manifest(next.answer.id).await.expect("an answer"), None);
            assert_eq!(store.read().quoted_texts(&[quoted.digest]).await.expect("an answer"), []);
            assert!(!store.write().under_way().request_stop(owner, next.answer.id).await.expect("an answer"));
            assert_eq!(usage(store, &first).await, std::slice::from_ref(&first.usage));
            assert_eq!(spending_at(store, owner, at(5)).await, spending);
        }
    }
}

/// That an allowance is used up breaks no unit: what else is in it is kept.
pub async fn a_used_up_allowance_breaks_no_unit(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let quota = Quota { day: allowance(Some(0), None), month: Allowance::default() };
    let turn = Turn { reservation: reservation(quota, at(0)), ..Turn::first(owner) };
    let course = crate::contract::fixtures::course(None);
    let mut unit = begin(store).await;
    unit.courses().insert(&course).await.expect("a new course");
    let reserved = unit.conversations().begin_turn(&turn.opening(true)).await.expect("an answer");
    assert_eq!(reserved, Reserved::UsedUp(Window::Day));
    unit.commit().await.expect("kept");
    assert_eq!(find_course(store, course.id).await, Some(course));
    assert_eq!(store.read().spending(owner).await.expect("an answer").map(|spending| spending.today), None);
}

/// A turn of a dropped unit leaves nothing, and nothing set aside.
pub async fn a_turn_of_a_dropped_unit_is_none(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let turn = Turn::first(owner);
    let mut unit = begin(store).await;
    let reserved = unit.conversations().begin_turn(&turn.opening(true)).await.expect("begun");
    assert_eq!(reserved, Reserved::Granted { tokens: SET_ASIDE });
    drop(unit);
    assert_eq!(messages(store, &turn.conversation).await, []);
    assert_eq!(usage(store, &turn).await, []);
    assert_eq!(store.read().spending(owner).await.expect("an answer"), None);
}

/// A question can be answered once more: the earlier answer stays beside the new one, the question is there once, and each
/// answer has its call.
pub async fn a_question_is_answered_once_more(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut first = stored_turn(store, owner).await;
    "An answer.".clone_into(&mut first.answer.content);
    end_turn(store, &first).await.expect("ended");
    let mut again = first.again(at(5));
    let reserved = begin_turn(store, &again, false).await.expect("begun");
    assert_eq!(reserved, Reserved::Granted { tokens: SET_ASIDE });
    "Another one.".clone_into(&mut again.answer.content);
    end_turn(store, &again).await.expect("ended");
    let third = first.again(at(7));
    begin_turn(store, &third, false).await.expect("begun");

    let all = [first.question.clone(), first.answer, again.answer, third.answer];
    assert_eq!(messages(store, &first.conversation).await, all);
    assert!(all[1..].iter().all(|answer| answer.parent == Some(first.question.id)));
    let expected = Conversation { updated_at: at(7), ..first.conversation.clone() };
    assert_eq!(found_conversation(store, &first.conversation).await, expected);
    assert_eq!(store.read().usage_of(owner).await.expect("an answer"), [first.usage, again.usage, third.usage]);
    assert_eq!(spending_at(store, owner, at(7)).await.today, used(3, 3 * u64::from(SET_ASIDE)));
}

/// What is answered once more is a question of that very conversation, which is the owner's: not an answer, not what is
/// not there, not another conversation's, not another's. All else is a conflict and leaves nothing.
pub async fn only_a_question_of_the_conversation_is_answered_once_more(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let (first, second) = (stored_turn(store, owner).await, stored_turn(store, owner).await);
    let theirs = stored_turn(store, other).await;
    let before = spending_at(store, owner, at(5)).await;
    let answering = |question: MessageId| {
        let mut turn = first.again(at(5));
        turn.answer.parent = Some(question);
        turn
    };
    let nothing = MessageId::new(&SequentialIds);
    for question in [first.answer.id, nothing, second.question.id, theirs.question.id] {
        expect_conflict(begin_turn(store, &answering(question), false).await);
        expect_conflict(store.write().begin_turn(&answering(question).opening(false)).await);
    }
    // Another's conversation, and their question in it.
    let mut foreign = theirs.again(at(5));
    (foreign.conversation.owner, foreign.usage.user) = (owner, owner);
    expect_conflict(begin_turn(store, &foreign, false).await);

    for turn in [&first, &second, &theirs] {
        assert_eq!(messages(store, &turn.conversation).await, [turn.question.clone(), turn.answer.clone()]);
        assert_eq!(found_conversation(store, &turn.conversation).await, turn.conversation);
    }
    assert_eq!(usage(store, &first).await, [first.usage.clone(), second.usage]);
    assert_eq!(usage(store, &theirs).await, [theirs.usage]);
    assert_eq!(spending_at(store, owner, at(5)).await, before);
}

fn title(text: &str) -> Title {
    Title::parse(text).expect("a title")
}

/// The title that the model found is taken while the conversation is as it began. That is a change: who loaded it before
/// cannot put the old title back, and no later ending changes it again.
pub async fn a_title_is_taken_once(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turn = stored_turn(store, owner).await;
    let loaded = turn.conversation.clone();
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(found_conversation(store, &loaded).await, loaded, "no title was found");

    turn.title = Some(title("What it's all \"about\" 🦀"));
    end_turn(store, &turn).await.expect("ended");
    let expected = Conversation { title: title("What it's all \"about\" 🦀"), version: 2, ..loaded.clone() };
    assert_eq!(found_conversation(store, &loaded).await, expected);
    expect_conflict(update_conversation(store, &loaded).await);
    turn.title = Some(title("Something else"));
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(found_conversation(store, &loaded).await, expected);
}

/// A conversation that its owner changed meanwhile keeps the title that it has.
pub async fn a_title_is_not_taken_from_who_gave_one(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    for (name, is_archived) in [(Some("Mine"), false), (None, true)] {
        let mut turn = stored_turn(store, owner).await;
        let title_now = name.map_or_else(|| turn.conversation.title.clone(), title);
        let changed = Conversation { title: title_now, is_archived, updated_at: at(1), ..turn.conversation.clone() };
        update_conversation(store, &changed).await.expect("saved");
        turn.title = Some(title("The model's"));
        end_turn(store, &turn).await.expect("ended");
        let expected = Conversation { version: 2, ..changed };
        assert_eq!(found_conversation(store, &expected).await, expected);
    }
}

/// An answer that ends after its owner was erased brings nothing back and is no failure, however it ends.
pub async fn a_turn_that_ends_after_its_owner_leaves_nothing(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turn = stored_turn(store, owner).await;
    assert!(erase(store, owner, at(900)).await.expect("erased"));
    "Too late.".clone_into(&mut turn.answer.content);
    end_turn(store, &turn).await.expect("no failure");
    store.write().end_turn(&turn.ending()).await.expect("no failure");
    store.write().close_call(&turn.usage).await.expect("no failure");
    assert_eq!(usage(store, &turn).await, []);
    assert_eq!(store.read().spending(owner).await.expect("an answer"), None);
    assert_eq!(store.read().message(owner, turn.answer.id).await.expect("an answer"), None);
}

/// What is set aside for an answer whose conversation is deleted meanwhile stays, until it ends.
pub async fn a_deleted_conversation_gives_nothing_back(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turn = stored_turn(store, owner).await;
    assert!(delete_conversation(store, owner, turn.conversation.id).await.expect("an answer"));
    assert_eq!(spending_at(store, owner, at(0)).await.today, used(1, u64::from(SET_ASIDE)));
    turn.usage = crate::contract::fixtures::ended(&turn.usage, 90);
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(usage(store, &turn).await, [turn.usage.clone()]);
    assert_eq!(spending_at(store, owner, at(0)).await.today, used(1, 90));
}
