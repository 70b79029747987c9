//! Reading what the tokens of each model cost.

use figment::value::{Dict, Value};

use super::whole;

/// A table of prices, if each model has a name, and both prices and nothing else.
pub(super) fn of_table(models: &Dict, max: u64) -> Option<Value> {
    let price = |number: &Value| match number {
        Value::Num(_, number) => {
            whole(number).and_then(|price| u64::try_from(price).ok()).filter(|price| *price <= max)
        }
        _ => None,
    };
    let mut known = Dict::new();
    for (model, prices) in models {
        let prices = prices.as_dict().filter(|prices| prices.len() == 2)?;
        let (prompt, completion) = (price(prices.get("prompt")?)?, price(prices.get("completion")?)?);
        if model.trim() != model || model.is_empty() || model.chars().any(char::is_control) {
            return None;
        }
        let prices = Dict::from([("prompt".to_owned(), prompt.into()), ("completion".to_owned(), completion.into())]);
        known.insert(model.clone(), prices.into());
    }
    Some(known.into())
}

/// The same as a variable has it: `MODEL=PROMPT:COMPLETION,…`, each model once.
pub(super) fn of_text(text: &str) -> Option<Dict> {
    let mut models = Dict::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (model, prices) = item.rsplit_once('=')?;
        let (prompt, completion) = prices.split_once(':')?;
        let price = |text: &str| Some(Value::from(text.trim().parse::<u64>().ok()?));
        let prices = [("prompt".to_owned(), price(prompt)?), ("completion".to_owned(), price(completion)?)];
        if models.insert(model.trim().to_owned(), Dict::from(prices).into()).is_some() {
            return None;
        }
    }
    Some(models)
}
