//! Many at once who ask the mentor.

use std::sync::Arc;

use lyceum_domain::{
    conversations::{MessageStatus, Piece, Said},
    ids::UserId,
    mentor::{Allowance, Quota, Reserved, Window},
    store::{Store, StoreError},
};

use super::{at_once, until_kept};
use crate::contract::{
    fixtures::{SET_ASIDE, Turn, at, call, ended, in_year, quoted_text, reservation},
    statements::{
        begin_turn, close_abandoned, delete_conversation, end_turn, said, spending_at, stored_turn, stored_user, used,
    },
};

/// Fifty turns of one user that begin at the same moment, half of them in units, a few of them calls outside of any
/// conversation. What was granted to each, `None` if the day was used up.
async fn fifty_turns(store: &Arc<dyn Store>, user: UserId, day: Allowance) -> Vec<Option<u32>> {
    let reservation = reservation(Quota { day, month: Allowance::default() }, at(0));
    let results = at_once(50, |i| {
        let (store, turn) = (Arc::clone(store), Turn { reservation, ..Turn::first(user) });
        until_kept(move || {
            let (store, turn) = (Arc::clone(&store), turn.clone());
            async move {
                match i % 5 {
                    0 | 1 => begin_turn(&*store, &turn, true).await,
                    2 => store.write().open_call(&call(user, at(0)), &turn.reservation).await,
                    _ => store.write().begin_turn(&turn.opening(true)).await,
                }
            }
        })
    });
    let granted = |result: Result<Reserved, StoreError>| match result.expect("an answer") {
        Reserved::Granted { tokens } => Some(tokens),
        Reserved::UsedUp(window) => {
            assert_eq!(window, Window::Day);
            None
        }
    };
    results.await.into_iter().map(granted).collect()
}

/// Of fifty turns at the same moment with an allowance of ten, ten begin, though the user never asked before; the others
/// leave nothing.
pub async fn of_fifty_turns_at_once_ten_begin(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    let granted = fifty_turns(&store, user, Allowance { requests: Some(10), tokens: None }).await;
    assert_eq!(granted.iter().flatten().count(), 10);
    assert_eq!(store.read().usage_of(user).await.expect("an answer").len(), 10);
    assert_eq!(spending_at(&*store, user, at(0)).await.today, used(10, 10 * u64::from(SET_ASIDE)));
}

/// However many turns begin at the same moment, together they never get more tokens than there are; and no token stays
/// unused with which one could begin.
pub async fn turns_at_once_keep_to_the_tokens(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    let tokens = 7 * u64::from(SET_ASIDE) + 300;
    let granted = fifty_turns(&store, user, Allowance { requests: None, tokens: Some(tokens) }).await;
    let mut granted: Vec<u32> = granted.into_iter().flatten().collect();
    granted.sort_unstable();
    assert_eq!(granted, [[300].as_slice(), &[SET_ASIDE; 7]].concat());
    assert_eq!(spending_at(&*store, user, at(0)).await.today, used(8, tokens));
    let records = store.read().usage_of(user).await.expect("an answer");
    assert_eq!(records.iter().map(|record| u64::from(record.counted.tokens)).sum::<u64>(), tokens);
}

/// Turns that begin and end at the same moment, some of them written down twice, are each charged once.
pub async fn turns_that_end_at_once_are_charged_once(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(stored_turn(&*store, user).await);
    }
    let results = at_once(30, |i| {
        let n = u32::try_from(i).expect("few");
        // The first ten are there; each is ended by two at once, who say the same. The others are begun first.
        let mut turn = open.get(i % 20).cloned().unwrap_or_else(|| Turn::first(user));
        let is_new = i % 20 >= 10;
        let (store, tokens) = (Arc::clone(&store), 100 + n % 20);
        async move {
            if is_new {
                let begun = until_kept(|| async { store.write().begin_turn(&turn.opening(true)).await });
                assert_eq!(begun.await.expect("begun"), Reserved::Granted { tokens: SET_ASIDE });
            }
            turn.usage = ended(&turn.usage, tokens);
            until_kept(|| async {
                match n % 3 {
                    0 => end_turn(&*store, &turn).await,
                    1 => store.write().end_turn(&turn.ending()).await,
                    _ => store.write().close_call(&turn.usage).await,
                }
            })
            .await
            .expect("ended");
        }
    });
    results.await;
    let expected = (0..20).map(|n| 100 + n).sum();
    assert_eq!(spending_at(&*store, user, at(0)).await.today, used(20, expected));
    assert_eq!(store.read().usage_of(user).await.expect("an answer").len(), 20);
}

/// Of many who close an abandoned answer at the same moment, one does, also if its own server ends it then; what it cost
/// is what its own server says.
pub async fn of_many_that_close_an_abandoned_answer_one_does(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    for is_alive in [false, true] {
        let turn = stored_turn(&*store, user).await;
        let before = spending_at(&*store, user, at(0)).await.today.tokens - u64::from(SET_ASIDE);
        let results = at_once(8, |i| {
            let (store, mut turn) = (Arc::clone(&store), turn.clone());
            async move {
                turn.usage = ended(&turn.usage, if is_alive && i == 4 { 200 } else { 300 });
                until_kept(|| async {
                    if is_alive && i == 4 {
                        return end_turn(&*store, &turn).await.map(|()| false);
                    }
                    close_abandoned(&*store, &turn).await
                })
                .await
            }
        });
        let closed = results.await.into_iter().filter(|result| *result.as_ref().expect("an answer")).count();
        assert!(if is_alive { closed <= 1 } else { closed == 1 }, "{closed} closed it");
        let took = if is_alive { 200 } else { 300 };
        assert_eq!(spending_at(&*store, user, at(0)).await.today.tokens, before + took);
    }
}

/// Pieces of one answer that are kept at the same moment, some of them by two, are each there once; those that come while
/// the answer ends do no harm.
pub async fn pieces_kept_at_once_are_each_there_once(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    let mut turn = stored_turn(&*store, user).await;
    let keep = |i: usize, after: u32| {
        let message = turn.answer.id;
        let pieces: Vec<Piece> =
            (0..10).map(|n| Piece { message, offset: after + 2 * n, text: format!("{n} ") }).collect();
        let store = Arc::clone(&store);
        async move {
            let pieces = if i.is_multiple_of(2) { &pieces[..6] } else { &pieces[4..] };
            store.write().under_way().keep_pieces(pieces).await
        }
    };
    for result in at_once(10, |i| keep(i, 0)).await {
        result.expect("kept");
    }
    let found = said(&*store, user, turn.answer.id).await.expect("an answer that is there");
    assert_eq!(found.answer.content, "0 1 2 3 4 5 6 7 8 9 ");

    "0 1 2".clone_into(&mut turn.answer.content);
    turn.answer.status = MessageStatus::Complete;
    let results = at_once(10, |i| {
        let (store, turn, kept) = (Arc::clone(&store), turn.clone(), keep(i, 20));
        async move { if i == 5 { until_kept(|| end_turn(&*store, &turn)).await } else { kept.await } }
    });
    for result in results.await {
        result.expect("kept or passed over");
    }
    assert_eq!(said(&*store, user, turn.answer.id).await, Some(Said { answer: turn.answer, is_under_way: false }));
}

/// Of a turn that quotes a text and somebody who removes it at that moment, either may be first: the text is there.
pub async fn a_text_that_is_quoted_as_it_goes_is_there(store: Arc<dyn Store>) {
    for round in 0..20 {
        let owner = stored_user(&*store).await.id;
        let text = quoted_text();
        let quoting = |begun| Turn { quoted: vec![text.clone()], ..Turn::first_at(owner, begun) };
        let long_ago = quoting(in_year(1905, round));
        begin_turn(&*store, &long_ago, true).await.expect("a first turn");
        assert!(delete_conversation(&*store, owner, long_ago.conversation.id).await.expect("an answer"));
        let again = quoting(in_year(1908, round));
        let asked = at_once(2, |who| {
            let (store, again) = (Arc::clone(&store), again.clone());
            async move {
                if who == 0 {
                    return store.write().begin_turn(&again.opening(true)).await.map(drop);
                }
                let mut unit = store.begin().await?;
                unit.conversations().forget_texts(in_year(1907, 0), in_year(1909, 0), 100).await?;
                unit.commit().await
            }
        })
        .await;
        for done in asked {
            done.expect("neither is in the other's way");
        }
        let found = store.read().quoted_texts(&[text.digest]).await.expect("an answer");
        assert_eq!(found, [text]);
    }
}
