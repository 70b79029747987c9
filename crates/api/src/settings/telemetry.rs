//! Metrics and traces.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What the server tells of itself besides its log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TelemetrySettings {
    /// Where Prometheus fetches metrics: an address and a port, or `off`. Default `127.0.0.1:9464`, in test `off`. Use
    /// [`metrics_address`](Self::metrics_address).
    pub metrics_bind: String,
    /// Where traces go by OTLP over HTTP (`http://collector:4318`); empty for nowhere. Default empty.
    pub otlp_endpoint: String,
    /// Of so many traces in a hundred the server records its part, unless the caller decided. Default 100.
    pub trace_percent: u8,
    /// What traces and metrics call this service. Default `lyceum`.
    pub service_name: String,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            metrics_bind: "127.0.0.1:9464".to_owned(),
            otlp_endpoint: String::new(),
            trace_percent: 100,
            service_name: "lyceum".to_owned(),
        }
    }
}

impl TelemetrySettings {
    /// The address of the metrics; `None` if they are off.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_bind.parse().ok()
    }
}
