//! What tokens cost, in whole micro-units of a currency: money is never a float.

use std::collections::BTreeMap;

use crate::mentor::TokenUsage;

/// Millionths of one unit of the currency that the operator chose.
pub type Micros = u64;

/// What a model's tokens cost, in micro-units for a million of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// A million tokens of the prompt.
    pub prompt: Micros,
    /// A million tokens of the answer.
    pub completion: Micros,
}

impl Price {
    /// What these tokens cost, rounded up.
    pub fn of(self, tokens: TokenUsage) -> Micros {
        let part = |count: u32, price: Micros| u128::from(count) * u128::from(price);
        let millionths = part(tokens.prompt_tokens, self.prompt) + part(tokens.completion_tokens, self.completion);
        u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// The prices of all models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    by_model: BTreeMap<String, Price>,
    other: Price,
}

impl Prices {
    /// The prices of these models, by the names that usage records have them under, and of all others.
    pub fn new(by_model: impl IntoIterator<Item = (String, Price)>, other: Price) -> Self {
        Self { by_model: by_model.into_iter().collect(), other }
    }

    /// The price of a model: as it answered, else as it was asked, else the one of all others.
    pub fn of(&self, answered: &str, asked: &str) -> Price {
        self.by_model.get(answered).or_else(|| self.by_model.get(asked)).copied().unwrap_or(self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_price_is_by_the_million_and_rounded_up() {
        let price = Price { prompt: 150_000, completion: 600_000 };
        let tokens = |prompt_tokens, completion_tokens| TokenUsage { prompt_tokens, completion_tokens };
        assert_eq!(price.of(tokens(0, 0)), 0);
        assert_eq!(price.of(tokens(1, 0)), 1);
        assert_eq!(price.of(tokens(1_000_000, 1_000_000)), 750_000);
        assert_eq!(Price { prompt: u64::MAX, completion: u64::MAX }.of(tokens(u32::MAX, u32::MAX)), u64::MAX);
    }

    #[test]
    fn a_model_is_found_as_it_answered_or_as_it_was_asked() {
        let price = |prompt| Price { prompt, completion: 0 };
        let prices = Prices::new([("a".to_owned(), price(1)), ("a-2026".to_owned(), price(2))], price(3));
        assert_eq!(
            [prices.of("a-2026", "a"), prices.of("a-1999", "a"), prices.of("b", "c")].map(|p| p.prompt),
            [2, 1, 3]
        );
    }

    proptest! {
        #[test]
        fn no_part_of_a_call_is_free(prompt_tokens in 0..2_000_000_u32, completion_tokens in 0..2_000_000_u32) {
            let price = Price { prompt: 7, completion: 11 };
            let tokens = TokenUsage { prompt_tokens, completion_tokens };
            let exact = f64::from(prompt_tokens) * 7e-6 + f64::from(completion_tokens) * 11e-6;
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let charged = price.of(tokens) as f64;
            prop_assert!(charged >= exact - 1e-6 && charged < exact + 1.0);
        }
    }
}
