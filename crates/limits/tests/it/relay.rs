//! A way to Redis that can go dead without a word, as when a machine vanishes or a firewall forgets.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Passes on what comes to a port of its own, until it is dropped.
pub struct Relay {
    address: SocketAddr,
    /// Which connections are passed on: those that came when it said so, for as long as it does.
    era: watch::Sender<u32>,
    _running: JoinSet<()>,
}

impl Relay {
    /// One to that port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (era, watched) = watch::channel(0);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.expect("a connection");
                let mut watched = watched.clone();
                connections.spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", port)).await.expect("Redis listens");
                    watched.borrow_and_update();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        // Both ends stay open, and hear nothing any more.
                        _ = watched.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, era, _running: running }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets all connections go dead that there are; further ones are passed on.
    pub fn forget(&self) {
        self.era.send_modify(|era| *era += 1);
    }
}
