//! Stopping well. A server that is told to stop goes through three stages:
//!
//! 1. For a while it says that it is not ready and serves whoever comes all the same: load balancers need that time to
//!    look away. Its answers close their connections, so that the next request looks for another server.
//! 2. Nobody new is let in. Running requests, turns and streams go on until they end or the time is over.
//! 3. What still runs is told to end: turns write down what was said, streams get their last event.

use std::{net::TcpListener, pin::pin, time::Duration};

use actix_web::dev::ServerHandle;
use lyceum_application::mentor::LiveAnswers;

use crate::{app::Shared, settings::ServerSettings};

/// How long turns and streams get, at the end of the time to finish, for their last words.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// The same when somebody does not want to wait.
const LAST_WORD: Duration = Duration::from_millis(500);
/// The time that the web server needs to look away from its socket.
const PAUSE: Duration = Duration::from_millis(50);

/// What stopping needs.
pub(super) struct Stopping<'a> {
    pub shared: &'a Shared,
    /// The answers of this server.
    pub answers: &'a LiveAnswers,
    /// The web server, which hears it only while it is polled.
    pub handle: &'a ServerHandle,
    /// The socket that it listens on.
    pub listener: TcpListener,
    pub settings: &'a ServerSettings,
}

impl Stopping<'_> {
    /// Goes through the stages.
    pub(super) async fn well(self) {
        let Self { shared, answers, handle, listener, settings } = self;
        let delay = Duration::from_secs(settings.shutdown_delay_seconds);
        let time_to_finish = Duration::from_secs(settings.shutdown_timeout_seconds);
        shared.leaving.cancel();
        if !delay.is_zero() {
            tracing::info!(seconds = delay.as_secs(), "not ready any more");
            tokio::time::sleep(delay).await;
        }
        tracing::info!(seconds = time_to_finish.as_secs(), turns = shared.turns.len(), "stopping");
        shared.stopping.cancel();
        handle.pause().await;
        tokio::time::sleep(PAUSE).await;
        refuse(listener);

        // The turns run on the workers, which stop only then. Idle connections are closed at that moment, too.
        shared.turns.close();
        let mut finishing = pin!(async {
            shared.turns.wait().await;
            while answers.unwritten_ends() > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            handle.stop(true).await;
        });
        if tokio::time::timeout(time_to_finish.saturating_sub(LAST_WORDS), &mut finishing).await.is_ok() {
            return;
        }
        shared.stop_turns.cancel();
        if tokio::time::timeout(LAST_WORDS, finishing).await.is_err() {
            let unwritten = answers.unwritten_ends();
            tracing::warn!(turns = shared.turns.len(), unwritten, "not everything ended in time");
        }
    }
}

/// Ends the running turns without waiting for anybody else.
pub(super) async fn at_once(shared: &Shared) {
    tracing::warn!(turns = shared.turns.len(), "told to stop once more, so it stops at once");
    shared.leaving.cancel();
    shared.stopping.cancel();
    shared.turns.close();
    shared.stop_turns.cancel();
    // Those who are cut off all the same are ended by another server, or by the next one.
    let _ = tokio::time::timeout(LAST_WORD, shared.turns.wait()).await;
}

/// Refuses whoever comes from now on, so that they try elsewhere at once. Else the system would go on letting them in, to
/// a server that never looks at them, as long as the web server has the socket.
fn refuse(listener: TcpListener) {
    #[cfg(unix)]
    {
        // The one way that the standard library has to shut down a socket that listens.
        let socket = std::net::TcpStream::from(std::os::fd::OwnedFd::from(listener));
        if let Err(error) = socket.shutdown(std::net::Shutdown::Both) {
            tracing::debug!(%error, "the socket stays open until the end");
        }
    }
    #[cfg(not(unix))]
    drop(listener);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{io::ErrorKind, net::TcpStream};

    use super::*;

    #[test]
    fn a_socket_is_shut_for_all_who_have_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let other = listener.try_clone().expect("cloned");
        TcpStream::connect(address).expect("somebody listens");
        refuse(other);
        let error = TcpStream::connect(address).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        drop(listener);
    }
}
