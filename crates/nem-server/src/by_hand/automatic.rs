//! What happens by itself while no RA/CA answers: it is told, files are laid into a folder, and what lies in another is taken.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use asn1::UnixTime;
use host::batch_file::is_cut_off;
use nem::CommandError;
use serde::Deserialize;
use tracing::{error, info, warn};

use super::{ExportOptions, export, import};
use crate::current::Current;
use crate::service::Service;

/// `[by_hand]` in `nem.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ByHand {
    outage_after_seconds: u64,
    /// Where files with requests are laid during an outage.
    pub(crate) drop: Option<PathBuf>,
    /// Where answers are taken from, at any time.
    pub(crate) answers: Option<PathBuf>,
    max_requests: usize,
    poll_seconds: u64,
}

impl Default for ByHand {
    fn default() -> Self {
        Self { outage_after_seconds: 600, drop: None, answers: None, max_requests: 10_000, poll_seconds: 5 }
    }
}

impl ByHand {
    pub(crate) fn check(&self) -> Result<()> {
        if self.poll_seconds == 0 {
            bail!("by_hand.poll_seconds: must be at least 1");
        }
        if self.max_requests == 0 {
            bail!("by_hand.max_requests: must be at least 1");
        }
        if self.drop.is_some() && self.drop == self.answers {
            bail!(
                "by_hand.answers: is the folder of by_hand.drop, too; what leaves would be taken for answers"
            );
        }
        Ok(())
    }
}

/// Looks after outages and folders, for ever, by what the configuration says at the time.
pub(crate) async fn run(current: Arc<Current>) {
    let (service, settings) = (current.service.clone(), current.config().by_hand.clone());
    let mut watcher = Watcher { service, settings, told: None, seen: HashMap::new() };
    loop {
        watcher.settings.clone_from(&current.config().by_hand);
        tokio::time::sleep(Duration::from_secs(watcher.settings.poll_seconds)).await;
        let looked = tokio::task::spawn_blocking(move || {
            watcher.look();
            watcher
        });
        match looked.await {
            Ok(back) => watcher = back,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

struct Watcher {
    service: Arc<Service>,
    settings: ByHand,
    /// The outage that was told.
    told: Option<UnixTime>,
    /// What lay in the folder of answers the last time: a file that grows is not whole.
    seen: HashMap<PathBuf, Seen>,
}

/// How a file was, and at how many looks in a row.
struct Seen {
    size: (u64, Option<SystemTime>),
    looks: u64,
}

/// For how long a file that says that more is to come may stand still: disks and gateways do.
const PATIENCE_SECONDS: u64 = 60;

impl Watcher {
    fn look(&mut self) {
        if let Some(folder) = self.settings.answers.clone()
            && let Err(error) = self.take_answers(&folder)
        {
            error!("{}: answers cannot be taken: {error:#}", folder.display());
        }
        let after = Duration::from_secs(self.settings.outage_after_seconds);
        let since = self.service.act(|nem, now| nem.outage().filter(|since| now.abs_diff(*since) >= after));
        match (since, self.told) {
            (Some(since), None) => warn!(%since, "no RA/CA answers: this is an outage; see `nem export`"),
            (None, Some(since)) => info!(%since, "an RA/CA answers again: the outage is over"),
            _ => {}
        }
        self.told = since;
        if since.is_some()
            && let Some(folder) = self.settings.drop.clone()
            && let Err(error) = self.drop_requests(&folder)
        {
            error!("{}: requests cannot be laid there: {error:#}", folder.display());
        }
    }

    fn drop_requests(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let stamp: String = host::now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let free = |number: &u32| !folder.join(format!("nem-{stamp}-{number}.pki")).exists();
        let number = (1..).find(free).unwrap_or_default();
        let mut options = ExportOptions::new(folder.join(format!("nem-{stamp}-{number}.pki")));
        options.max = Some(self.settings.max_requests);
        match export(&self.service, &options) {
            Ok(report) => {
                warn!(
                    export = report.export,
                    file = report.file,
                    requests = report.requests,
                    "requests left in a file"
                );
                Ok(())
            }
            Err(error) => match error.downcast_ref::<CommandError>() {
                Some(CommandError::NothingToExport(_)) => Ok(()),
                _ => Err(error),
            },
        }
    }

    fn take_answers(&mut self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut seen = HashMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let metadata = fs::metadata(&path)?;
            if name.starts_with('.')
                || name.ends_with(".tmp")
                || name.ends_with(".part")
                || !metadata.is_file()
            {
                continue;
            }
            let size = (metadata.len(), metadata.modified().ok());
            let before = self.seen.get(&path).filter(|seen| seen.size == size);
            let looks = before.map_or(0, |seen| seen.looks.saturating_add(1));
            let due = if is_cut_off(&path)? { PATIENCE_SECONDS / self.settings.poll_seconds } else { 1 };
            if looks >= due.max(1) {
                self.take_file(folder, &path, &name)?;
            } else {
                seen.insert(path, Seen { size, looks });
            }
        }
        self.seen = seen;
        Ok(())
    }

    /// Nothing is deleted: the file goes into `done` or `refused`, with what became of it beside it.
    fn take_file(&self, folder: &Path, path: &Path, name: &str) -> Result<()> {
        let outcome = import(&self.service, path, false);
        let (place, text) = match &outcome {
            Ok(report) if report.unsettled() == 0 => ("done", report.text()),
            Ok(report) => ("refused", report.text()),
            Err(error) => ("refused", format!("{error:#}\n")),
        };
        match &outcome {
            Ok(report) => info!(file = name, "answers taken: {}", report.summary()),
            Err(error) => error!(file = name, "no answers are taken: {error:#}"),
        }
        let place = folder.join(place);
        fs::create_dir_all(&place)?;
        let free = |number: &u32| !place.join(numbered(name, *number)).exists();
        let name = numbered(name, (0..).find(free).unwrap_or_default());
        fs::rename(path, place.join(&name))?;
        host::files::write_atomically(&place.join(format!("{name}.report.txt")), text.as_bytes())?;
        Ok(())
    }
}

fn numbered(name: &str, number: u32) -> String {
    if number == 0 { name.to_owned() } else { format!("{number}-{name}") }
}
