use super::*;
use crate::{
    breaker::BreakerSettings,
    test_model::{Act, TestModel, ask, bad, refused, request, secs, unavailable},
};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{sync::oneshot, time::advance};

fn breaker() -> Arc<Breaker> {
    Arc::new(Breaker::new("test", BreakerSettings { failures: 2, ..BreakerSettings::default() }))
}

fn guarded(model: &Arc<TestModel>, breaker: &Arc<Breaker>) -> Guarded {
    Guarded::new(model.clone(), breaker.clone())
}

fn down() -> Act {
    Act::Fails(unavailable(None))
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_during_a_rest_by_any_worker() {
    let (one, other, breaker) = (TestModel::new("a", [down(), down()]), TestModel::new("a", []), breaker());
    let (first, second) = (guarded(&one, &breaker), guarded(&other, &breaker));
    assert!(ask(&first).await.is_err() && ask(&first).await.is_err());
    for model in [&first, &second] {
        let error = ask(model).await.expect_err("a rest");
        assert!(
            matches!(&error, ChatError::Unavailable { retry_after, .. } if *retry_after == Some(secs(10))),
            "{error:?}"
        );
        assert!(model.check().await.is_err());
    }
    assert_eq!((one.calls(), other.calls()), (2, 0));
    advance(secs(10)).await;
    assert!(second.check().await.is_ok());
    assert_eq!(ask(&second).await.expect("an answer"), "a");
    assert_eq!(ask(&first).await.expect("an answer"), "a");
}

#[tokio::test(start_paused = true)]
async fn a_failure_within_an_answer_counts() {
    for act in [|| Act::BreaksOff(bad()), || Act::JustEnds] {
        let (model, breaker) = (TestModel::new("a", [act(), act()]), breaker());
        let guarded = guarded(&model, &breaker);
        assert!(ask(&guarded).await.is_err());
        assert_eq!(breaker.rest(), None);
        assert!(ask(&guarded).await.is_err());
        assert!(breaker.rest().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_within_an_answer_does_not() {
    let model = TestModel::new("a", (0..5).map(|_| Act::BreaksOff(refused())));
    let breaker = breaker();
    for _ in 0..5 {
        assert!(ask(&guarded(&model, &breaker)).await.is_err());
    }
    assert_eq!(breaker.rest(), None);
}

#[tokio::test(start_paused = true)]
async fn a_beginning_is_no_success_yet() {
    let (model, breaker) = (TestModel::new("a", [down(), down()]), breaker());
    let guarded = guarded(&model, &breaker);
    assert!(ask(&guarded).await.is_err() && ask(&guarded).await.is_err());
    advance(secs(10)).await;
    let mut probe = guarded.stream(request()).await.expect("an answer");
    assert!(matches!(probe.next().await, Some(Ok(ChatEvent::Delta(_)))));
    assert!(ask(&guarded).await.is_err(), "the probe is under way");
    assert!(matches!(probe.next().await, Some(Ok(ChatEvent::Done(_)))));
    assert!(ask(&guarded).await.is_ok(), "it ended, and nobody needs to drop it for that");
    assert!(probe.next().await.is_none() && probe.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_is_followed_by_another() {
    let (model, breaker) = (TestModel::new("a", [down(), down(), Act::Hangs, Act::HangsWithin]), breaker());
    let guarded = guarded(&model, &breaker);
    assert!(ask(&guarded).await.is_err() && ask(&guarded).await.is_err());
    advance(secs(10)).await;
    // The future, before the first byte.
    let mut call = Box::pin(guarded.stream(request()));
    assert!(call.as_mut().now_or_never().is_none());
    assert!(ask(&guarded).await.is_err());
    drop(call);
    // The stream, in the midst of the answer.
    let mut stream = guarded.stream(request()).await.expect("an answer");
    assert!(stream.next().await.is_some() && stream.next().now_or_never().is_none());
    assert!(ask(&guarded).await.is_err());
    drop(stream);
    assert!(ask(&guarded).await.is_ok());
    assert_eq!(model.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn of_many_who_come_after_the_rest_one_is_let_through() {
    let (model, breaker) = (TestModel::new("a", [down(), down()]), breaker());
    let guarded = guarded(&model, &breaker);
    assert!(ask(&guarded).await.is_err() && ask(&guarded).await.is_err());
    advance(secs(10)).await;
    let (says, waits) = oneshot::channel();
    model.then(Act::Waits(waits));
    let all = futures_util::future::join_all((0..50).map(|_| ask(&guarded)));
    let (answers, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        assert_eq!(model.calls(), 3);
        says.send(Err(unavailable(None))).expect("it waits");
    });
    assert!(answers.iter().all(Result::is_err));
    assert_eq!((model.calls(), breaker.rest()), (3, Some(secs(20))));
}

#[tokio::test]
async fn it_says_who_it_is() {
    let (model, breaker) = (TestModel::new("a", []), breaker());
    let guarded = guarded(&model, &breaker);
    assert_eq!((guarded.provider(), guarded.model(), guarded.temperature()), ("a", "test-1", Some(0.5)));
    let stream = guarded.stream(request()).await.expect("an answer");
    assert_eq!((stream.provider.as_str(), stream.model.as_str()), ("a", "test-1"));
}
