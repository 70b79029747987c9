//! A JSON body to an answer.

use lyceum_domain::mentor::{ChatError, Completion};
use reqwest::Response;
use tokio::time::Instant;

use crate::{
    answer::Ending,
    failure::{Redactor, unusable},
    patience::{Awaited, Patience},
    reasoning::ThinkFilter,
    wire::{Complaint, Data, Reply},
};

/// Reads the body, up to the limit.
pub(crate) async fn body(
    mut response: Response,
    limit: usize,
    patience: Patience,
    first: Awaited,
    redactor: &Redactor,
) -> Result<Vec<u8>, ChatError> {
    let too_long = || unusable(format!("the answer is longer than {limit} bytes"));
    let announced = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(too_long());
    }
    let mut body = Vec::with_capacity(announced);
    let mut awaited = first;
    loop {
        let chunk = patience.wait(awaited, response.chunk()).await?;
        let Some(chunk) = chunk.map_err(|error| redactor.broke_off(error))? else { return Ok(body) };
        if body.len() + chunk.len() > limit {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
        awaited = Awaited::Next { since: Instant::now() };
    }
}

/// The text and the end of a whole answer: `choices[0].message.content`, else `content`, else `data.content`.
pub(crate) fn answer(body: &[u8], model: &str, redactor: &Redactor) -> Result<(String, Completion), ChatError> {
    let mut reply: Reply = serde_json::from_slice(body).map_err(|error| redactor.unlike("the answer", &error))?;
    let mut ending = Ending::new(model);
    ending.note(&mut reply, redactor);
    let choice = reply.choices.and_then(|choices| choices.into_iter().next());
    let part = choice.and_then(|choice| choice.message.or(choice.delta)).unwrap_or_default();
    ending.has_thought = part.reasoning_content.is_some_and(|thought| !thought.is_empty());
    let nested = match reply.data {
        Some(Data::Nested { content }) => Some(content),
        _ => None,
    };
    let text = [part.content, reply.content, nested].into_iter().flatten().find(|text| !text.is_empty());
    if let (None, Some(error)) = (&text, &reply.error) {
        return Err(redactor.complaint(&Complaint::of(error)));
    }
    let mut filter = ThinkFilter::default();
    let mut text = filter.push(text.unwrap_or_default());
    text.push_str(&filter.finish());
    Ok((text, ending.end(&filter)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::mentor::{FinishReason, TokenUsage};

    fn read(body: &str) -> Result<(String, Completion), ChatError> {
        answer(body.as_bytes(), "asked/model", &Redactor::new(&"qb_secret".into()))
    }

    fn text(body: &str) -> String {
        read(body).expect("an answer").0
    }

    #[test]
    fn every_shape_is_read() {
        assert_eq!(text(r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Bonjour"}}]}"#), "Bonjour");
        assert_eq!(text(r#"{"content":"Bonjour","metrics":{"tps":1}}"#), "Bonjour");
        assert_eq!(text(r#"{"data":{"content":"Bonjour"}}"#), "Bonjour");
        assert_eq!(text(r#"{"data":[1],"content":"Bonjour","choices":null}"#), "Bonjour");
        assert_eq!(text(r#"{"choices":[{"message":{"content":"first"}}],"content":"second"}"#), "first");
        assert_eq!(text(r#"{"choices":[],"content":"second","data":{"content":"third"}}"#), "second");
    }

    #[test]
    fn what_is_said_beside_the_text_is_kept() {
        let (_, completion) = read(
            r#"{"model":"x/y","choices":[{"message":{"content":"a"},"finish_reason":"length"}],
                "usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15},"x_metrics":{"tps":55.5}}"#,
        )
        .expect("an answer");
        let usage = Some(TokenUsage { prompt_tokens: 12, completion_tokens: 3 });
        assert_eq!(completion, Completion { finish_reason: FinishReason::Length, usage, model: "x/y".to_owned() });
        let (_, completion) = read(r#"{"content":"a","usage":{}}"#).expect("an answer");
        assert_eq!((completion.usage, completion.model.as_str()), (None, "asked/model"));
    }

    #[test]
    fn reasoning_is_no_answer() {
        let with = |content: &str| {
            format!(r#"{{"choices":[{{"message":{{"content":{content},"reasoning_content":"hm"}}}}]}}"#)
        };
        assert_eq!(text(&with(r#""<think>hm</think>\n\nYes.""#)), "Yes.");
        for content in ["null", "\"\"", "\"<think>hm\"", "\" \""] {
            let failed = read(&with(content)).expect_err("no answer").to_string();
            assert!(failed.contains("only reasoning"), "{failed}");
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in ["", "{}", "[]", "null", "{\"choices\":[]}", "{\"content\":7}", "{\"content\":\"a", "<html>"] {
            assert_eq!(read(body).expect_err("no answer").code(), "bad_response", "{body}");
        }
        let filtered = r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#;
        assert_eq!(read(filtered).expect_err("no answer").code(), "refused");
        assert_eq!(read(r#"{"error":{"code":503}}"#).expect_err("no answer").code(), "unavailable");
        assert_eq!(read(r#"{"error":{"type":"rate_limit"}}"#).expect_err("no answer").code(), "rate_limited");
        let echo = read(r#"{"error":"qb_secret is bad"}"#).expect_err("no answer");
        assert!(!format!("{echo:?}").contains("qb_secret"), "{echo:?}");
    }
}
