//! `ChatModel` over other `ChatModel`s: what is done when a provider is out.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `breaker` | whether a provider is asked at all, shared by all who ask it |
//! | `recent` | how the calls of the last minute went |
//! | `guarded` | a model behind a breaker |
//! | `first_of` | a model, and another one for when it is out |
//!
//! They are put together so that each provider has a breaker of its own, and what is at rest costs no time:
//!
//! ```ignore
//! // Once for the process:
//! let breakers = [Arc::new(Breaker::new("qubrid", settings)), Arc::new(Breaker::new("other", settings))];
//! // For each web worker, with its own connections:
//! let first = Guarded::new(Arc::new(qubrid.sibling()?), breakers[0].clone());
//! let second = Guarded::new(Arc::new(other.sibling()?), breakers[1].clone());
//! let model = FirstOf::new(Arc::new(first), Arc::new(second));
//! ```

mod breaker;
mod first_of;
mod guarded;
mod recent;
#[cfg(test)]
mod test_model;

pub use breaker::{Breaker, BreakerSettings, BreakerStatus};
pub use first_of::FirstOf;
pub use guarded::Guarded;
