//! The language model.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::masking;

/// The language model, and how long to wait for it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct LlmSettings {
    /// Who answers. Default `offline`.
    pub provider: LlmProvider,
    /// The longest time to connect, in seconds. Default 5.
    pub connect_timeout_seconds: u64,
    /// The longest time to the first text of a stream, in seconds. Default 30.
    pub first_byte_timeout_seconds: u64,
    /// The longest silence between two pieces of a stream, in seconds. Default 30.
    pub read_timeout_seconds: u64,
    /// The longest time for everything together, retries included, in seconds. Default 120.
    pub total_timeout_seconds: u64,
    /// How often to ask again after a passing failure; 0 for never. Default 2.
    pub max_retries: u32,
    /// The wait before the first retry, in milliseconds; it doubles each time. Default 500.
    pub retry_delay_milliseconds: u64,
    /// The longest time spent waiting for retries, together, in seconds. Default 10.
    pub retry_budget_seconds: u64,
    /// The longest answer in bytes. Default `4_194_304` (4 MiB).
    pub max_response_bytes: usize,
    /// The longest answer in tokens; 0 for the model's own limit. Default 1024.
    pub max_tokens: u32,
    /// How free the answers are, from 0 to 2; `none` in a file or variable for the model's own. Default 0.3.
    #[serde(serialize_with = "masking::short_number")]
    pub temperature: Option<f32>,
    /// Qubrid, or another server that speaks as OpenAI's does.
    pub qubrid: QubridSettings,
    /// Who is asked when the first is out.
    pub second: SecondSettings,
    /// When a provider is given a rest.
    pub breaker: BreakerSettings,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LlmProvider {
    /// The built-in mentor that needs no network.
    Offline,
    /// Qubrid's API.
    Qubrid,
}

/// Qubrid, or another server that speaks as OpenAI's does. `Debug` and `Serialize` hide the key.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct QubridSettings {
    /// Where the API begins, before `/chat/completions`. Default `https://platform.qubrid.com/v1`.
    pub base_url: String,
    /// The bearer token. Default empty; the provider `qubrid` needs one.
    #[serde(serialize_with = "masking::secret")]
    pub api_key: SecretString,
    /// The model's name, `owner/name`. Default `openai/gpt-oss-120b`.
    pub model: String,
    /// Whether to ask for the token counts of streams; not every model takes it. Default `false`.
    pub stream_usage: bool,
}

/// The provider that is asked when the first is out, before anything of an answer is there. `Debug` and `Serialize` hide
/// the key. Time-outs, retries and limits are those of the first.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct SecondSettings {
    /// Who answers. Default `none`.
    pub provider: SecondProvider,
    /// What usage records call it, unless it is the built-in mentor. Default `second`.
    pub name: String,
    /// Where the API begins, before `/chat/completions`. Default empty; the provider `qubrid` needs one.
    pub base_url: String,
    /// The bearer token; empty for a server that asks for none. Default empty.
    #[serde(serialize_with = "masking::secret")]
    pub api_key: SecretString,
    /// The model's name. Default empty; the provider `qubrid` needs one.
    pub model: String,
    /// Whether to ask for the token counts of streams; not every model takes it. Default `false`.
    pub stream_usage: bool,
}

/// Who answers when the first is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondProvider {
    /// Nobody.
    None,
    /// The built-in mentor that needs no network.
    Offline,
    /// Another server that speaks as OpenAI's does.
    Qubrid,
}

/// When a provider that fails is not asked for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct BreakerSettings {
    /// So many failures in a row begin a rest. Default 15.
    pub failures: u32,
    /// How long the first rest lasts, in seconds; each further one lasts twice as long. Default 2.
    pub open_seconds: u64,
    /// The longest rest, in seconds, also for a provider that asks for a longer one: how long learners may wait for one that
    /// is back. A rest ends with one call. Default 2.
    pub longest_open_seconds: u64,
}

impl Default for SecondSettings {
    fn default() -> Self {
        Self {
            provider: SecondProvider::None,
            name: "second".to_owned(),
            base_url: String::new(),
            api_key: SecretString::default(),
            model: String::new(),
            stream_usage: false,
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 15, open_seconds: 2, longest_open_seconds: 2 }
    }
}

impl Default for LlmSettings {
    fn default() -> Self {
        Self {
            provider: LlmProvider::Offline,
            connect_timeout_seconds: 5,
            first_byte_timeout_seconds: 30,
            read_timeout_seconds: 30,
            total_timeout_seconds: 120,
            max_retries: 2,
            retry_delay_milliseconds: 500,
            retry_budget_seconds: 10,
            max_response_bytes: 4 << 20,
            max_tokens: 1024,
            temperature: Some(0.3),
            qubrid: QubridSettings::default(),
            second: SecondSettings::default(),
            breaker: BreakerSettings::default(),
        }
    }
}

impl Default for QubridSettings {
    fn default() -> Self {
        Self {
            base_url: "https://platform.qubrid.com/v1".to_owned(),
            api_key: SecretString::default(),
            model: "openai/gpt-oss-120b".to_owned(),
            stream_usage: false,
        }
    }
}
