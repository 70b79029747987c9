//! Where the text is fetched: a small server of its own, so that nobody who reaches the house reaches it, and a house that
//! is full still answers it.

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, http::header, web};
use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use crate::settings::Settings;

/// Listens, if the settings say where. A port that is taken is a failure only where a server is deployed: on a developer's
/// machine it is another server of theirs.
pub fn bind(settings: &Settings, metrics: &Arc<Metrics>) -> anyhow::Result<Option<Server>> {
    let Some(address) = settings.telemetry.metrics_address() else { return Ok(None) };
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) if !settings.environment.is_deployed() => {
            tracing::warn!(%address, error = &error as &dyn std::error::Error, "metrics cannot be fetched");
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot listen on {address} (telemetry.metrics_bind)"));
        }
    };
    let url = format!("http://{}/metrics", listener.local_addr()?);
    let metrics = Arc::clone(metrics);
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::from(Arc::clone(&metrics))).route("/metrics", web::get().to(fetch))
    })
    .workers(1)
    .worker_max_blocking_threads(1)
    .max_connections(32)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    tracing::info!(url, "metrics can be fetched");
    Ok(Some(server))
}

/// Serves until the server stops.
pub async fn serve(server: Server, stopping: CancellationToken) {
    let handle = server.handle();
    tokio::select! {
        ended = server => {
            if let Err(error) = ended {
                tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be fetched any more");
            }
        }
        () = async { stopping.cancelled().await; handle.stop(false).await } => {}
    }
}

async fn fetch(metrics: web::Data<Metrics>) -> HttpResponse {
    metrics.backlog.refresh().await;
    match metrics.text() {
        Ok(text) => {
            let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
            HttpResponse::Ok().insert_header(kind).body(text)
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
