use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;
use tokio::time::Interval;

use crate::reload_signal;

/// How often files are looked at for changes.
const INTERVAL: Duration = Duration::from_secs(1);

/// Files that a server reads again when they change, or when it is asked to by SIGHUP.
#[derive(Debug)]
pub struct FileWatch {
    paths: Vec<PathBuf>,
    seen: Vec<Version>,
    hangup: Signal,
    interval: Interval,
}

impl FileWatch {
    /// Begins with the files as they are now: make it before they are read.
    ///
    /// # Errors
    /// When the operating system takes no handler for the signal.
    pub fn new(paths: Vec<PathBuf>) -> io::Result<Self> {
        let seen = versions(&paths);
        Ok(Self { paths, seen, hangup: reload_signal()?, interval: tokio::time::interval(INTERVAL) })
    }

    /// Done when one has changed, or somebody asks. Nothing is lost when it is dropped before.
    pub async fn changed(&mut self) {
        loop {
            let asked = tokio::select! {
                _ = self.interval.tick() => false,
                _ = self.hangup.recv() => true,
            };
            let versions = versions(&self.paths);
            if asked || versions != self.seen {
                self.seen = versions;
                return;
            }
        }
    }
}

/// What tells one version of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version(Option<(SystemTime, u64)>);

impl Version {
    fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().and_then(|metadata| Some((metadata.modified().ok()?, metadata.len()))))
    }
}

fn versions(paths: &[PathBuf]) -> Vec<Version> {
    paths.iter().map(|path| Version::of(path)).collect()
}
