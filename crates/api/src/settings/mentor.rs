//! The mentor: what answers cost, and how many are given at once.

use std::collections::BTreeMap;

use lyceum_domain::mentor::{Price, Prices};
use serde::{Deserialize, Serialize};

/// The name that stands for all models without a price of their own.
const OTHERS: &str = "*";

/// What answers cost, how many are given at once, and how long they go on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct MentorSettings {
    /// The currency of the prices, as ISO 4217 names it. Default `USD`.
    pub currency: String,
    /// What the tokens of each model cost, by the name that the model has in usage records; `*` for all others. A layer
    /// adds to the one below. Default nothing, for all models.
    pub prices: BTreeMap<String, PriceSettings>,
    /// Answers that are given at once. Default 2000.
    pub max_concurrent: usize,
    /// Questions that may wait for a place. Default 1000.
    pub max_waiting: usize,
    /// Questions of one user that may wait for a place. Default 50.
    pub max_waiting_per_user: usize,
    /// How long a question may wait for a place, in seconds. Default 10.
    pub queue_timeout_seconds: u64,
    /// How long an answer goes on after its last reader left, in milliseconds. Default 800.
    pub linger_milliseconds: u64,
    /// How many tokens of earlier messages the model is told. Default 2000.
    pub history_tokens: u32,
}

/// What the tokens of a model cost, in millionths of the currency for a million of them: 150000 is 0.15 for a million.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct PriceSettings {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
}

impl Default for MentorSettings {
    fn default() -> Self {
        Self {
            currency: "USD".to_owned(),
            prices: BTreeMap::from([(OTHERS.to_owned(), PriceSettings::default())]),
            max_concurrent: 2000,
            max_waiting: 1000,
            max_waiting_per_user: 50,
            queue_timeout_seconds: 10,
            linger_milliseconds: 800,
            history_tokens: 2000,
        }
    }
}

impl MentorSettings {
    /// As the domain reckons.
    pub fn prices(&self) -> Prices {
        let price = |price: &PriceSettings| Price { prompt: price.prompt, completion: price.completion };
        let named = self.prices.iter().filter(|(model, _)| *model != OTHERS);
        let others = self.prices.get(OTHERS).map(price).unwrap_or_default();
        Prices::new(named.map(|(model, of_model)| (model.clone(), price(of_model))), others)
    }
}
