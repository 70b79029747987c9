//! What learners think of answers, and single messages.

use lyceum_domain::{
    conversations::{Comment, Feedback, Message, MessageStatus, Rating},
    ids::MessageId,
    store::Store,
};

use crate::ambient::SequentialIds;
use crate::contract::{
    fixtures::{HOSTILE, at},
    statements::{
        begin_turn, close_abandoned, delete_conversation, end_turn, first_page, found_conversation, said, set_feedback,
        stored_turn, stored_user,
    },
};

fn feedback(rating: Rating, comment: Option<&str>) -> Feedback {
    Feedback { rating, comment: comment.map(|text| Comment::parse(text).expect("a comment")) }
}

/// A message is found by its id, for its owner alone: a question and an answer, until the conversation is deleted.
pub async fn a_message_is_its_owners(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let turn = stored_turn(store, owner).await;
    stored_turn(store, other).await;
    let find = async |owner, id| store.read().message(owner, id).await.expect("an answer");
    for message in [&turn.question, &turn.answer] {
        assert_eq!(find(owner, message.id).await.as_ref(), Some(message));
        assert_eq!(find(other, message.id).await, None);
    }
    assert_eq!(find(owner, MessageId::new(&SequentialIds)).await, None);
    assert!(delete_conversation(store, owner, turn.conversation.id).await.expect("an answer"));
    for message in [&turn.question, &turn.answer] {
        assert_eq!(find(owner, message.id).await, None);
    }
}

/// What the owner thinks of an answer is kept with it, any comment character by character, replaced by what they think
/// later and taken back. The conversation does not move.
pub async fn feedback_comes_and_goes(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let turn = stored_turn(store, owner).await;
    end_turn(store, &turn).await.expect("ended");
    let opinions = HOSTILE.iter().map(|comment| Some(feedback(Rating::Down, Some(comment))));
    let plain = [Some(feedback(Rating::Up, None)), Some(feedback(Rating::Down, None)), None, None];
    for (n, opinion) in (1..).zip(plain.into_iter().chain(opinions)) {
        assert!(set_feedback(store, owner, turn.answer.id, opinion.as_ref(), at(n)).await.expect("an answer"));
        let expected = Message { feedback: opinion, updated_at: at(n), ..turn.answer.clone() };
        assert_eq!(store.read().message(owner, turn.answer.id).await.expect("an answer").as_ref(), Some(&expected));
        let id = turn.conversation.id;
        let listed = store.read().messages_page(owner, id, first_page()).await.expect("an answer").items;
        assert_eq!(listed, [turn.question.clone(), expected.clone()]);
        assert_eq!(said(store, owner, turn.answer.id).await.map(|said| said.answer), Some(expected));
    }
    assert_eq!(found_conversation(store, &turn.conversation).await, turn.conversation);
}

/// Only one's own answers are thought something of: neither questions nor another's answers nor what is not there.
pub async fn feedback_is_for_ones_own_answers(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let (turn, theirs) = (stored_turn(store, owner).await, stored_turn(store, other).await);
    let up = feedback(Rating::Up, None);
    for message in [turn.question.id, theirs.answer.id, theirs.question.id, MessageId::new(&SequentialIds)] {
        assert!(!set_feedback(store, owner, message, Some(&up), at(1)).await.expect("an answer"));
        assert!(!set_feedback(store, owner, message, None, at(1)).await.expect("an answer"));
    }
    for message in [turn.question, theirs.question, theirs.answer, turn.answer] {
        let of = if message.conversation == turn.conversation.id { owner } else { other };
        assert_eq!(store.read().message(of, message.id).await.expect("an answer"), Some(message));
    }
}

/// An answer that ends leaves what the owner thinks of it, which may have come while it was under way or before it was
/// written down a second time. Each sibling has its own.
pub async fn an_ending_leaves_the_feedback(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turn = stored_turn(store, owner).await;
    let sibling = turn.again(at(1));
    begin_turn(store, &sibling, false).await.expect("begun");
    let down = feedback(Rating::Down, Some("It stopped."));
    assert!(set_feedback(store, owner, turn.answer.id, Some(&down), at(2)).await.expect("an answer"));
    "An answer.".clone_into(&mut turn.answer.content);
    turn.answer.status = MessageStatus::Stopped;
    turn.answer.updated_at = at(3);
    let expected = Message { feedback: Some(down), ..turn.answer.clone() };
    end_turn(store, &turn).await.expect("ended");
    store.write().end_turn(&turn.ending()).await.expect("ended");
    assert_eq!(store.read().message(owner, turn.answer.id).await.expect("an answer"), Some(expected));

    let up = feedback(Rating::Up, None);
    assert!(set_feedback(store, owner, sibling.answer.id, Some(&up), at(2)).await.expect("an answer"));
    assert!(close_abandoned(store, &sibling).await.expect("an answer"));
    let expected = Message { feedback: Some(up), ..sibling.answer };
    assert_eq!(store.read().message(owner, expected.id).await.expect("an answer"), Some(expected));
}
