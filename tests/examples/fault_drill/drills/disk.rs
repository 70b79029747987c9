//! The disk is full: a small file system of its own in memory, with the server's folder on it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{Outcome, Size};
use crate::{
    processes::is_root,
    site::{Kind, Site},
    tally::{Away, RECOVERY, Rules},
    watch::Watch,
};

/// How large it is: so large that as long as it is empty the server does not call it short of room.
const SIZE: &str = "size=256m";

/// A file system in a folder; it goes with this value, and must go before the folder.
struct Small(PathBuf);

impl Small {
    fn mount(folder: &Path) -> Result<Self, String> {
        if !is_root() {
            return Err("only root makes a small file system to fill up".to_owned());
        }
        fs::create_dir_all(folder).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "lyceum-drill"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self(folder.to_owned())),
            Ok(output) => Err(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("mount: {error}")),
        }
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).expect("a file");
        for size in [1 << 20, 1 << 12, 1] {
            while ballast.write(&vec![0; size]).is_ok_and(|written| written > 0) {}
        }
    }

    fn relieve(&self) {
        fs::remove_file(self.0.join("ballast")).expect("the ballast");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Something may still be closing its files.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Nothing can be written for a while; reading goes on.
pub async fn full(kind: Kind, size: Size) -> Outcome {
    let place = Site::prepare(kind).await?;
    let small = Small::mount(&place.house.data())?;
    let opened = place.open(size).await;
    let watch = Watch::begin(&opened.server, "storage");
    let from = Instant::now();
    small.fill();
    sleep(size.outage).await;
    let returning = Instant::now();
    small.relieve();
    let away = Away::until_now(from, returning);
    sleep(RECOVERY + Duration::from_secs(2)).await;
    let mut offences = Vec::new();
    let health = watch.judge(away, "degraded", &mut offences);
    let refusals = vec![(503, "database_unavailable"), (503, "storage_unavailable"), (409, "request_in_progress")];
    let rules = Rules { away: vec![away], refusals, breaks: false };
    let what = format!("a disk (tmpfs, 256 MiB) full for {:.0} s", size.outage.as_secs_f64());
    let refused = opened.working.tally().judge(&rules).refused.len();
    let (mut report, server) = place.close(opened, rules, &what).await;
    if refused == 0 {
        report.offences.push("nothing was refused: the disk was not full".to_owned());
    }
    drop(server);
    drop(small);
    report.add(health);
    report.offences.append(&mut offences);
    Ok(report)
}
