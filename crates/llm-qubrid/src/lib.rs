//! `ChatModel` over Qubrid's HTTP API, or any OpenAI-compatible server's.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `settings` | what an operator chooses, checked once |
//! | `wire` | what is sent and what comes back, as types |
//! | `failure` | what went wrong, as the port's errors; details safe for logs |
//! | `retry` | when to ask again, and for how long |
//! | `reply` | a JSON body to an answer |
//! | `events` | the bytes of an event stream to events, within limits |
//! | `answer` | events to the steps of an answer |
//! | `reasoning` | what a model thinks aloud, kept out of the answer |
//! | `patience` | the time-outs of one call |
//! | `health` | how the last call went |

mod answer;
mod events;
mod failure;
mod health;
mod patience;
mod qubrid;
mod reasoning;
mod reply;
mod retry;
mod settings;
mod wire;

pub use qubrid::QubridModel;
pub use settings::{QubridSettings, SettingsError, TraceHeaders};
