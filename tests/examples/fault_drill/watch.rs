//! What the server says of itself while something is away.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use lyceum_e2e::{answer::Answer, server::Server};
use tokio::{task::JoinSet, time::sleep};

use crate::tally::{Away, RECOVERY};

/// How often it is asked.
const PACE: Duration = Duration::from_millis(250);
/// How soon it has to say that a part is away: so long it remembers that the part was well, and looking takes a moment.
fn notice(component: &str) -> Duration {
    Duration::from_secs(match component {
        // Each look is a write.
        "storage" => 13,
        "rate_limiter" => 8,
        _ => 4,
    })
}

/// What `/health` said, and when.
#[derive(Debug, Clone)]
struct Said {
    at: Instant,
    status: String,
    component: String,
}

/// Asks again and again until it is dropped.
pub struct Watch {
    component: &'static str,
    said: Arc<Mutex<Vec<Said>>>,
    offences: Arc<Mutex<Vec<String>>>,
    _asking: JoinSet<()>,
}

impl Watch {
    /// Watches a server, and this part of it.
    pub fn begin(server: &Server, component: &'static str) -> Self {
        let said = Arc::<Mutex<Vec<Said>>>::default();
        let offences = Arc::<Mutex<Vec<String>>>::default();
        let mut asking = JoinSet::new();
        let (http, url) = (server.fresh_client(), server.url.clone());
        let (into, against) = (Arc::clone(&said), Arc::clone(&offences));
        asking.spawn(async move {
            loop {
                let live = Answer::of_checked(http.get(format!("{url}/health/live"))).await;
                if !live.is_ok_and(|answer| answer.status == 200) {
                    against.lock().expect("no panic").push("/health/live did not answer 200".to_owned());
                }
                if let Ok(answer) = Answer::of_checked(http.get(format!("{url}/health"))).await {
                    let text =
                        |pointer| answer.body.pointer(pointer).and_then(|text| text.as_str()).unwrap_or_default();
                    let status = text("/status").to_owned();
                    if (answer.status == 503) != (status == "down") {
                        against.lock().expect("no panic").push(format!("/health is {status} with {}", answer.status));
                    }
                    let component = text(&format!("/components/{component}/status")).to_owned();
                    into.lock().expect("no panic").push(Said { at: Instant::now(), status, component });
                }
                sleep(PACE).await;
            }
        });
        Self { component, said, offences, _asking: asking }
    }

    /// Judges what was said: `status` while the part was away, and `ok` before and after. A line for the report.
    pub fn judge(&self, away: Away, status: &str, offences: &mut Vec<String>) -> String {
        offences.append(&mut self.offences.lock().expect("no panic"));
        let said = self.said.lock().expect("no panic");
        let of = self.component;
        let named = said.iter().find(|said| said.at > away.from && said.component != "ok");
        let noticed = named.map(|said| said.at.saturating_duration_since(away.from));
        let notice = notice(of);
        let is_long = away.returning - away.from > notice;
        for said in said.iter() {
            let is_ok = said.component == "ok" && said.status == "ok";
            let is_away = said.at > away.from + notice && said.at < away.returning;
            let is_back = said.at < away.from || said.at > away.until + RECOVERY;
            if is_away && (said.status != status || said.component == "ok") {
                offences.push(format!("/health is {} ({of} {}) while {of} is away", said.status, said.component));
                break;
            }
            if is_back && !is_ok {
                offences.push(format!("/health is {} ({of} {}) while all is well", said.status, said.component));
                break;
            }
        }
        match noticed {
            Some(after) => format!("health {status} after {:.1} s", after.as_secs_f64()),
            None if is_long => {
                offences.push(format!("/health never said that {of} is away"));
                String::new()
            }
            None => String::new(),
        }
    }
}
