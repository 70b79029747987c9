//! Listening, serving, and stopping well.

mod stopping;

use std::{
    net::TcpListener,
    path::Path,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_cors::Cors;
use actix_web::{
    App as ActixApp, HttpServer,
    http::header,
    middleware::{Compress, Condition, from_fn},
    web,
};
use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::stopping::Stopping;
use crate::{
    ambient::UuidV7Ids,
    app::{App, CookieRules, Shared},
    chores::{Chores, close_abandoned},
    demo,
    health::Health,
    http::{
        client::Proxies,
        edge::{EdgeRules, edge},
        limits::limits,
        panics::panics,
        upload::{Patience, UploadLimits},
    },
    instance::Instance,
    logs, metrics, openapi,
    output::say,
    routes,
    settings::{LogFormat, Settings},
    signals::StopSignals,
    wiring::{self, House},
};

/// Runs until a signal says stop, then finishes what is under way within the time the settings allow. A second signal
/// ends it at once.
pub async fn serve(settings: Settings, mut signals: StopSignals) -> anyhow::Result<()> {
    let started = Instant::now();
    let address = (settings.server.host.as_str(), settings.server.port);
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {}:{}", address.0, address.1))?;
    let port = listener.local_addr()?.port();
    listen_for_many(&listener, &settings)?;
    let (instance, house, demo_help) = tokio::select! {
        prepared = prepare(&settings, port) => prepared?,
        () = signals.next() => return Ok(()),
    };
    let uploads = uploads(&settings);
    uploads.sweep();
    let shared = Arc::new(Shared {
        cookies: CookieRules::new(&settings),
        origins: own_origins(&settings, port),
        proxies: Proxies::new(&settings.server.trusted_proxies, settings.environment.is_production()),
        uploads,
        metrics: Arc::clone(house.metrics()),
        health: Health::new(&settings.data_dir),
        turns: TaskTracker::new(),
        up: CancellationToken::new(),
        leaving: CancellationToken::new(),
        stopping: CancellationToken::new(),
        stop_turns: CancellationToken::new(),
        started,
    });
    let workers = settings.server.worker_threads();
    let (socket, at_work) = (listener.try_clone()?, Arc::new(Semaphore::new(0)));
    let mut serving = pin!(bind(&settings, listener, workers, &house, &shared, &at_work)?);
    let chores = tokio::select! {
        started = Chores::start(&house, &instance) => started?,
        () = signals.next() => return Ok(()),
    };
    watch(&settings, &shared, &house, &chores)?;
    let handle = serving.handle();
    tokio::select! {
        // A worker that cannot reach the database, for one.
        ended = &mut serving => return Ok(ended?),
        all = at_work.acquire_many(u32::try_from(workers)?) => drop(all?),
        () = signals.next() => return Ok(()),
    }
    shared.up.cancel();
    announce(&settings, port, started, demo_help);

    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = signals.next() => {}
    }
    let answers = house.answers();
    let stopping = Stopping { shared: &shared, answers, handle: &handle, listener: socket, settings: &settings.server };
    let stopping = async {
        tokio::select! {
            ended = serving => ended?,
            () = stopping.well() => {}
        }
        chores.stop().await;
        anyhow::Ok(())
    };
    tokio::select! {
        stopped = stopping => stopped?,
        () = signals.next() => stopping::at_once(&shared).await,
    }
    tracing::info!("stopped");
    Ok(())
}

/// Brings the database up to date, and in order: what servers left that are gone is ended before anybody is served. Gives
/// the help for the demo, if there is one.
async fn prepare(settings: &Settings, port: u16) -> anyhow::Result<(Arc<Instance>, Arc<House>, Option<String>)> {
    let applied = wiring::migrate(settings).await?;
    if !applied.is_empty() {
        tracing::info!(migrations = applied.len(), "the database schema was brought up to date");
    }
    let instance = Arc::new(Instance::enter(Path::new(&settings.data_dir), &UuidV7Ids)?);
    let house = Arc::new(House::new(settings, settings.server.base_url(port), instance.id())?);
    let lyceum = house.lyceum(1).await?;
    close_abandoned(&lyceum, &instance).await?;
    let demo_help = if settings.seed_demo { Some(demo::seed(&lyceum).await?) } else { None };
    Ok((instance, house, demo_help))
}

/// The standard library lets 128 wait to be let in.
fn listen_for_many(listener: &TcpListener, settings: &Settings) -> anyhow::Result<()> {
    let backlog = i32::try_from(settings.server.backlog)?;
    // A socket that listens may be told so once more.
    Ok(socket2::SockRef::from(listener).listen(backlog)?)
}

/// Lets others see what the server does: metrics, and a log whose level can be changed.
fn watch(settings: &Settings, shared: &Arc<Shared>, house: &House, chores: &Chores) -> anyhow::Result<()> {
    let metrics = house.metrics();
    metrics.house.watch_tasks(&shared.turns, tokio::runtime::Handle::current());
    let hangups = logs::Hangups::heard()?;
    chores.also(|stopping| hangups.follow(stopping));
    let Some(server) = metrics::listener::bind(settings, metrics)? else { return Ok(()) };
    chores.also(|stopping| metrics::listener::serve(server, stopping));
    let app = App { lyceum: chores.lyceum(), limits: house.limits()?, shared: Arc::clone(shared) };
    let metrics = Arc::clone(metrics);
    chores.also(|stopping| async move { metrics.backlog.keep(app, stopping).await });
    Ok(())
}

fn bind(
    settings: &Settings,
    listener: TcpListener,
    workers: usize,
    house: &Arc<House>,
    shared: &Arc<Shared>,
    at_work: &Arc<Semaphore>,
) -> anyhow::Result<actix_web::dev::Server> {
    let server = settings.server.clone();
    let cors_settings = settings.cors.clone();
    let (house, shared, at_work) = (Arc::clone(house), Arc::clone(shared), Arc::clone(at_work));
    let metrics = Arc::clone(house.metrics());
    let blocking = if server.max_blocking_threads == 0 { 16 } else { server.max_blocking_threads };
    let http = HttpServer::new(move || {
        let (house, shared, at_work) = (Arc::clone(&house), Arc::clone(&shared), Arc::clone(&at_work));
        ActixApp::new()
            .data_factory(move || {
                let (house, shared, at_work) = (Arc::clone(&house), Arc::clone(&shared), Arc::clone(&at_work));
                // On the worker's own runtime.
                async move {
                    let lyceum = house.lyceum(workers).await?;
                    let limits = house.limits()?;
                    let kept = lyceum.clone();
                    // As long as the worker lives: the turns that it runs wait for it.
                    actix_web::rt::spawn(async move { kept.keep_journal().await });
                    at_work.add_permits(1);
                    anyhow::Ok(App { lyceum, limits, shared })
                }
            })
            .app_data(EdgeRules { hsts: server.hsts })
            .app_data(Arc::clone(&metrics.http))
            .app_data(web::PayloadConfig::new(server.max_json_bytes))
            // The last one is the outermost.
            .wrap(from_fn(panics))
            .wrap(Compress::default())
            .wrap(from_fn(limits))
            .wrap(Condition::new(
                !cors_settings.origins.is_empty(),
                cors(&cors_settings.origins, cors_settings.max_age_seconds),
            ))
            .wrap(from_fn(edge))
            .service(web::scope("/api/v1").configure(routes::v1))
            .configure(routes::root)
            .configure(openapi::page)
            .default_service(web::to(openapi::unrouted))
    })
    .workers(workers)
    .worker_max_blocking_threads(blocking)
    .max_connections(settings.server.max_connections)
    .keep_alive(Duration::from_secs(settings.server.keep_alive_seconds))
    .client_request_timeout(Duration::from_secs(settings.server.client_request_timeout_seconds))
    // A client that is gone is noticed at once, not at the next write.
    .h1_allow_half_closed(false)
    // Else the last event of a stream waits for the client's delayed acknowledgement.
    .tcp_nodelay(true)
    .shutdown_timeout(settings.server.shutdown_timeout_seconds)
    .disable_signals()
    .listen(listener)?;
    Ok(http.run())
}

fn uploads(settings: &Settings) -> UploadLimits {
    let storage = &settings.storage;
    UploadLimits {
        document: storage.max_document_bytes,
        picture: storage.max_picture_bytes,
        import: storage.max_import_bytes,
        patience: Patience {
            silence: Duration::from_secs(storage.upload_silence_seconds),
            total: Duration::from_secs(storage.upload_timeout_seconds),
        },
        folder: Path::new(&settings.data_dir).join("uploads"),
    }
}

/// Pages that may act with a user's cookies: those that may call, and our own front end's.
fn own_origins(settings: &Settings, port: u16) -> Vec<String> {
    let public = url::Url::parse(&settings.server.base_url(port)).map(|url| url.origin().ascii_serialization());
    settings.cors.origins.iter().cloned().chain(public).collect()
}

fn cors(origins: &[String], max_age_seconds: u32) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_RANGE,
            header::RANGE,
            header::HeaderName::from_static("idempotency-key"),
            header::HeaderName::from_static("last-event-id"),
            header::HeaderName::from_static("traceparent"),
            header::HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([
            "Accept-Ranges",
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Idempotency-Replayed",
            "Location",
            "Retry-After",
            "X-Request-Id",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
        ])
        .supports_credentials()
        .max_age(usize::try_from(max_age_seconds).ok())
        // A foreign page is refused by its browser, which finds no permission; the request itself is answered.
        .block_on_origin_mismatch(false);
    for origin in origins {
        cors = cors.allowed_origin(origin);
    }
    cors
}

/// One line on standard output once the server answers and all its workers are at work, whatever the log level.
fn announce(settings: &Settings, port: u16, started: Instant, demo_help: Option<String>) {
    let host = &settings.server.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let url = format!("http://{host}:{port}");
    let milliseconds = started.elapsed().as_millis();
    if settings.log.format == LogFormat::Json {
        let line = serde_json::json!({
            "level": "INFO",
            "message": "listening",
            "url": url,
            "start_milliseconds": milliseconds,
            "version": env!("CARGO_PKG_VERSION"),
        });
        say!("{line}");
    } else {
        if let Some(help) = demo_help {
            say!("{help}");
        }
        say!(
            "Lyceum {} with {} and the {} mentor, up in {milliseconds} ms, listening on {url}",
            env!("CARGO_PKG_VERSION"),
            wiring::database_name(settings),
            match settings.llm.provider {
                crate::settings::LlmProvider::Offline => "offline",
                crate::settings::LlmProvider::Qubrid => "remote",
            },
        );
    }
}
