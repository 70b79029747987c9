//! From the numbers in an answer to what it rests on.

use crate::mentor::{NumberedPassage, Source};

/// What an answer cites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citations {
    /// The sources of the numbers that are there, each once, in the order of the numbers.
    pub sources: Vec<Source>,
    /// How many different numbers name no passage.
    pub dropped: u32,
}

/// Reads the numbers in square brackets, as `[1]`, `[2, 3]` or `[1][4]`, outside of code. One that names no passage of the
/// prompt names nothing, however sure the model is.
pub fn cited(answer: &str, passages: &[NumberedPassage]) -> Citations {
    let mut numbers = Vec::new();
    let mut rest = answer;
    while let Some(at) = rest.find('[') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find(']') else { break };
        numbers.extend(rest[..end].split(',').filter_map(|part| part.trim().parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    numbers.dedup();
    let mut citations = Citations::default();
    for number in numbers {
        match passages.iter().find(|passage| passage.number == number) {
            Some(passage) => citations.sources.push(passage.source.clone()),
            None => citations.dropped += 1,
        }
    }
    citations
}
