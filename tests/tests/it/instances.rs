//! Several servers over one database: what one does for all, and restarting them in turn.

use std::time::{Duration, Instant};

use lyceum_e2e::{
    database::Database,
    house::House,
    on_both_databases,
    rolling::{Plan, restart},
    server::Server,
    wait::{eventually, within},
};

on_both_databases!(a_job_is_done_by_one_server_and_taken_over_when_it_dies);

const JOBS: [&str; 2] = ["tidy", "recount"];
/// Half a minute, and what a busy machine needs.
const TAKEN_OVER: Duration = Duration::from_secs(45);

/// How often a server took a job, and how often it let go of it.
fn took(server: &Server, job: &str) -> [usize; 2] {
    ["this server does the job now", "this server let go of the job"].map(|what| {
        let lines = server.log().lines().filter(|line| line.contains(what)).map(str::to_owned).collect::<Vec<_>>();
        lines.iter().filter(|line| line.contains(job)).count()
    })
}

async fn a_job_is_done_by_one_server_and_taken_over_when_it_dies(database: Database) {
    let house = House::new(database);
    let first = house.start().await;
    for job in JOBS {
        eventually("a server for the job", async || (took(&first, job) == [1, 0]).then_some(())).await;
    }
    let second = house.start().await;
    // It looks again and again, and finds that another server is at it.
    tokio::time::sleep(Duration::from_secs(8)).await;
    // A command works beside them.
    house.run(&["user", "purge"]).succeeded();
    for job in JOBS {
        assert_eq!((took(&first, job), took(&second, job)), ([1, 0], [0, 0]), "{job}");
    }

    let killed = Instant::now();
    first.kill();
    for job in JOBS {
        within(TAKEN_OVER, "an heir for the job", async || (took(&second, job) == [1, 0]).then_some(())).await;
    }
    // It died less than a renewal after its last sign of life, and is believed to live for so long after it.
    assert!(killed.elapsed() > Duration::from_secs(12), "taken over after {:?}", killed.elapsed());

    // Who leaves in peace leaves its jobs to the next one at once.
    let third = house.start().await;
    let mut second = second;
    second.terminate();
    let status = second.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", second.log());
    for job in JOBS {
        assert_eq!(took(&second, job), [1, 1], "{job}");
    }
    let left = Instant::now();
    for job in JOBS {
        eventually("a server for the job", async || (took(&third, job) == [1, 0]).then_some(())).await;
    }
    assert!(left.elapsed() < Duration::from_secs(15), "taken {:?} after it was free", left.elapsed());
}

/// As many behind one balancer, which has to know of a stop only from `/health/ready`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_two_servers_in_turn_fails_nobody() {
    let Some(database) = Database::postgres("restarting_two_servers_in_turn").await else { return };
    let tally = restart(database, Plan { rounds: 1, people: 4, between: Duration::from_secs(1) }).await;
    assert_eq!(tally.failures(), 0, "{tally}");
    assert!(tally.total() > 50, "{tally}");
}
