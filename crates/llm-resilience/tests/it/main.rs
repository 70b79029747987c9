//! What is put around a model keeps what the model keeps.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use lyceum_domain::mentor::{ChatError, ChatModel};
use lyceum_llm_resilience::{Breaker, BreakerSettings, FirstOf, Guarded};
use lyceum_testkit::{
    chat::{ScriptedModel, stop},
    contract::chat_model::{ChatModelWorld, Ending, Played, Script},
};
use tokio::sync::mpsc;

fn broke_off() -> ChatError {
    ChatError::Unavailable { detail: "overloaded".to_owned(), retry_after: None, source: None }
}

/// A model whose upstream plays the script at every call.
fn scripted(script: Script) -> (ScriptedModel, mpsc::Receiver<()>) {
    let (model, upstream) = ScriptedModel::new();
    let (left, leaving) = mpsc::channel(1);
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        loop {
            let mut call = upstream.call().await;
            for piece in &script.pieces {
                call.says(piece);
            }
            match script.ending {
                Ending::Done => call.finishes(stop()),
                Ending::BreaksOff => call.breaks_off(),
                Ending::Fails => call.fails(broke_off()),
                Ending::Hangs => {
                    if call.was_hung_up().await {
                        let _ = left.send(()).await;
                    }
                }
            }
        }
    });
    (model, leaving)
}

fn guarded(model: impl ChatModel + 'static) -> Arc<dyn ChatModel> {
    Arc::new(Guarded::new(Arc::new(model), Arc::new(Breaker::new("scripted", BreakerSettings::default()))))
}

/// A model behind a breaker.
struct Behind;

/// Two of them: the first of each pair plays the script, or is out.
struct Pair {
    first_is_out: bool,
}

fn played(model: impl ChatModel + 'static, mut leaving: mpsc::Receiver<()>) -> Played {
    Played { model: Box::new(model), hung_up: Box::pin(async move { leaving.recv().await.is_some() }) }
}

#[async_trait]
impl ChatModelWorld for Behind {
    async fn play(&self, script: Script) -> Played {
        let (model, leaving) = scripted(script);
        let breaker = Arc::new(Breaker::new("scripted", BreakerSettings::default()));
        played(Guarded::new(Arc::new(model), breaker), leaving)
    }
}

#[async_trait]
impl ChatModelWorld for Pair {
    async fn play(&self, script: Script) -> Played {
        let (model, leaving) = scripted(script);
        let out = ScriptedModel::failing(broke_off);
        let pair = if self.first_is_out {
            FirstOf::new(guarded(out), guarded(model))
        } else {
            FirstOf::new(guarded(model), guarded(out))
        };
        played(pair, leaving)
    }
}

mod behind_a_breaker {
    lyceum_testkit::chat_model_contract!(super::Behind);
}

mod the_first_of_two {
    lyceum_testkit::chat_model_contract!(super::Pair { first_is_out: false });
}

mod the_second_of_two {
    lyceum_testkit::chat_model_contract!(super::Pair { first_is_out: true });
}
