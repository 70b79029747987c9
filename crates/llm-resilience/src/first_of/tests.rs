use super::*;
use crate::{
    breaker::{Breaker, BreakerSettings},
    guarded::Guarded,
    test_model::{Act, TestModel, ask, bad, misconfigured, rate_limited, refused, request, secs, timeout, unavailable},
};
use futures_util::FutureExt as _;

fn pair(first: ChatError, second: Option<ChatError>) -> (FirstOf, [Arc<TestModel>; 2]) {
    let models = [TestModel::new("a", [Act::Fails(first)]), TestModel::new("b", second.map(Act::Fails))];
    (FirstOf::new(models[0].clone(), models[1].clone()), models)
}

#[tokio::test]
async fn the_first_is_asked_while_it_is_there() {
    let models = [TestModel::new("a", []), TestModel::new("b", [])];
    let model = FirstOf::new(models[0].clone(), models[1].clone());
    assert_eq!(ask(&model).await.expect("an answer"), "a");
    assert_eq!((models[0].calls(), models[1].calls()), (1, 0));
    assert_eq!((model.provider(), model.model(), model.temperature()), ("a", "test-1", Some(0.5)));
}

#[tokio::test]
async fn the_second_is_asked_when_the_first_is_out_and_says_so() {
    for out in [unavailable(None), rate_limited(Some(secs(5))), misconfigured()] {
        let (model, models) = pair(out, None);
        let stream = model.stream(request()).await.expect("an answer");
        assert_eq!((stream.provider.as_str(), stream.model.as_str()), ("b", "test-1"));
        assert_eq!((models[0].calls(), models[1].calls()), (1, 1));
        assert_eq!(ask(&model).await.expect("an answer"), "a", "the next one asks the first again");
    }
}

#[tokio::test]
async fn what_may_have_been_paid_for_is_not_asked_twice() {
    for error in [timeout(), bad(), refused()] {
        let code = error.code();
        let (model, models) = pair(error, None);
        assert_eq!(ask(&model).await.expect_err("no answer").code(), code);
        assert_eq!(models[1].calls(), 0, "{code}");
    }
}

#[tokio::test]
async fn after_the_first_byte_nobody_else_is_asked() {
    let models = [TestModel::new("a", [Act::BreaksOff(unavailable(None))]), TestModel::new("b", [])];
    let model = FirstOf::new(models[0].clone(), models[1].clone());
    assert_eq!(ask(&model).await.expect_err("it breaks off").code(), "unavailable");
    assert_eq!(models[1].calls(), 0);
}

#[tokio::test]
async fn of_two_failures_the_more_useful_one_is_told() {
    let s = |seconds| Some(secs(seconds));
    for (first, second, code, wait) in [
        (unavailable(s(9)), unavailable(s(4)), "unavailable", s(4)),
        (unavailable(s(4)), unavailable(s(9)), "unavailable", s(4)),
        (unavailable(None), rate_limited(s(9)), "rate_limited", s(9)),
        (rate_limited(s(9)), unavailable(None), "rate_limited", s(9)),
        (rate_limited(s(9)), unavailable(s(2)), "unavailable", s(2)),
        (unavailable(None), rate_limited(None), "unavailable", None),
        (misconfigured(), unavailable(s(3)), "unavailable", s(3)),
        (rate_limited(s(3)), misconfigured(), "rate_limited", s(3)),
        (unavailable(s(3)), refused(), "unavailable", s(3)),
        (misconfigured(), refused(), "refused", None),
        (misconfigured(), misconfigured(), "misconfigured", None),
        // It may have cost something.
        (unavailable(s(3)), timeout(), "timeout", None),
        (rate_limited(s(3)), bad(), "bad_response", None),
    ] {
        let (model, models) = pair(first, second.into());
        let checked = model.check().await.expect_err("neither is there");
        let error = ask(&model).await.expect_err("neither answers");
        assert_eq!((error.code(), super::wait(&error)), (code, wait));
        assert_eq!((checked.code(), super::wait(&checked)), (code, wait));
        assert_eq!((models[0].calls(), models[1].calls()), (1, 1));
    }
}

#[tokio::test]
async fn it_is_well_while_one_of_them_is() {
    assert!(pair(timeout(), None).0.check().await.is_ok());
    let second_only = FirstOf::new(TestModel::new("a", []), TestModel::new("b", [Act::Fails(bad())]));
    assert!(second_only.check().await.is_ok());
}

#[tokio::test]
async fn each_of_them_says_how_it_is() {
    let first_is_out = FirstOf::new(TestModel::new("a", [Act::Fails(bad())]), TestModel::new("b", []));
    let states = first_is_out.providers().await;
    let told: Vec<_> =
        states.iter().map(|state| (state.name.as_str(), state.trouble.as_ref().map(ChatError::code))).collect();
    assert_eq!(told, [("a", Some("bad_response")), ("b", None)]);
}

#[tokio::test]
async fn a_dropped_call_asks_nobody_else() {
    let models = [TestModel::new("a", [Act::Hangs]), TestModel::new("b", [])];
    let model = FirstOf::new(models[0].clone(), models[1].clone());
    assert!(model.stream(request()).now_or_never().is_none());
    assert_eq!((models[0].calls(), models[1].calls()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn behind_breakers_a_provider_that_is_out_costs_no_call() {
    let fails = (0..3).map(|_| Act::Fails(unavailable(None)));
    let models = [TestModel::new("a", fails), TestModel::new("b", [])];
    let guarded = |at: usize| {
        let breaker = Breaker::new("x", BreakerSettings { failures: 3, ..BreakerSettings::default() });
        Arc::new(Guarded::new(models[at].clone(), Arc::new(breaker)))
    };
    let model = FirstOf::new(guarded(0), guarded(1));
    for _ in 0..20 {
        assert_eq!(ask(&model).await.expect("an answer"), "b");
    }
    assert_eq!(models[0].calls(), 3);
    tokio::time::advance(secs(10)).await;
    assert_eq!(ask(&model).await.expect("an answer"), "a");
    assert_eq!(models[0].calls(), 4);
}
