//! What calls cost in money.

use std::future::pending;

use lyceum_application::Rules;
use lyceum_domain::mentor::{ChatError, Completion, Price, Prices, TokenUsage, UsageRecord};
use lyceum_testkit::chat::{Call, ScriptedModel, stop};
use tokio::join;

use super::scene::a_moment;
use crate::house::{House, hear, question};

fn price(prompt: u64, completion: u64) -> Price {
    Price { prompt, completion }
}

/// What a call of a model cost that is asked as `model`.
async fn cost(model: &str, play: impl FnOnce(&mut Call)) -> UsageRecord {
    let prices = Prices::new(
        [
            ("scripted-1".to_owned(), price(1_000_000, 2_000_000)),
            ("scripted-1-exact".to_owned(), price(10_000_000, 20_000_000)),
        ],
        price(3_000_000, 0),
    );
    let (scripted, upstream) = ScriptedModel::new();
    let house = House::with(scripted.named("scripted", model), Rules { prices, ..Rules::default() });
    let ada = house.learner("ada").await;
    let turn = house.ask(&ada, question("Why?")).await;
    let reader = turn.reader();
    let playing = async {
        let mut call = upstream.call().await;
        call.says("It bears.");
        a_moment().await;
        play(&mut call);
        hear(reader).await
    };
    house.living(async { join!(playing, turn.run(pending())) }).await;
    house.outcome(&ada).await.1
}

fn said(model: &str) -> Completion {
    Completion { model: model.to_owned(), ..stop() }
}

#[tokio::test(start_paused = true)]
async fn a_call_costs_what_the_model_costs_that_answered_else_the_one_that_was_asked_else_any() {
    for (asked, answered, micros) in [
        ("scripted-1", "scripted-1", 20 + 2 * 10),
        ("scripted-1", "scripted-1-exact", 10 * 20 + 20 * 10),
        ("scripted-1", "scripted-1-2026", 20 + 2 * 10),
        ("another", "another", 3 * 20),
        ("another", "scripted-1", 20 + 2 * 10),
    ] {
        let usage = cost(asked, |call| call.finishes(said(answered))).await;
        assert_eq!((usage.model.as_str(), usage.cost.micros), (answered, micros), "{asked}");
        assert_eq!(usage.cost.tokens, stop().usage.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn an_estimate_costs_as_much_as_a_count() {
    let failed = cost("scripted-1", |call| call.fails(ChatError::Timeout { detail: "next piece".into() })).await;
    let silent = cost("scripted-1", |call| call.finishes(Completion { usage: None, ..said("scripted-1") })).await;
    for usage in [failed, silent] {
        let TokenUsage { prompt_tokens, completion_tokens } = usage.cost.tokens;
        assert!(usage.cost.is_estimated && prompt_tokens > 100 && completion_tokens > 0);
        assert_eq!(usage.cost.micros, u64::from(prompt_tokens) + 2 * u64::from(completion_tokens));
    }
}
