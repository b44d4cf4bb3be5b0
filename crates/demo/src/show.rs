//! What the demo shows: stages and progress on stderr, results on stdout.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nem_server::BatchEntry;
use serde::Serialize;
use serde_json::json;

use crate::account::Account;

/// Stations in the table; whoever wants all of them asks for JSON.
const ROWS: usize = 40;

pub(crate) struct Show {
    for_people: bool,
    stages: AtomicUsize,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) station: String,
    pub(crate) subject: String,
    /// `online` or `by hand`.
    pub(crate) way: &'static str,
    /// How many certificates the RA/CA issued to it.
    pub(crate) issued: usize,
    /// Of the certificate in its file.
    pub(crate) serial_number: Option<String>,
    pub(crate) not_before: Option<String>,
    pub(crate) not_after: Option<String>,
    pub(crate) milliseconds: Option<u128>,
    pub(crate) directory: PathBuf,
}

/// What happened while the RA/CA was away.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outage {
    /// Requests for which it had issued when it was killed, without an answer.
    pub(crate) caught: usize,
    /// Requests that left in a file.
    pub(crate) exported: u64,
    /// Certificates that `raca sign` issued.
    pub(crate) signed: usize,
    /// Those that it found in its registry.
    pub(crate) answered_before: usize,
    /// Certificates that came back.
    pub(crate) imported: usize,
    /// Requests that waited until it was back.
    pub(crate) late: usize,
    /// Confirmations that waited until it was back.
    pub(crate) confirmations: usize,
}

/// What stands at the end.
pub(crate) struct Ending<'a> {
    pub(crate) rows: &'a [Row],
    pub(crate) account: &'a Account,
    pub(crate) outage: &'a Outage,
    pub(crate) directory: &'a Path,
    pub(crate) raca_config: &'a Path,
    pub(crate) nem_config: &'a Path,
}

impl Show {
    pub(crate) const fn new(for_people: bool) -> Self {
        Self { for_people, stages: AtomicUsize::new(0) }
    }

    pub(crate) fn title(&self, stations: usize) {
        if self.for_people {
            eprintln!(
                "How base stations get their operator certificates: online, and by hand while the RA/CA is away.\n\
                 stations: {stations}"
            );
        }
    }

    /// A stage, and what it is for.
    pub(crate) fn stage(&self, who: &str, purpose: &str) {
        let number = self.stages.fetch_add(1, Ordering::Relaxed) + 1;
        if self.for_people {
            eprintln!("\n{number} {who:<8} {purpose}");
        }
    }

    pub(crate) fn line(&self, what: &str) {
        if self.for_people {
            eprintln!("           {what}");
        }
    }

    /// A bar of so many steps, or a sign that something goes on; nothing where there is no terminal.
    pub(crate) fn bar(&self, steps: usize, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(u64::try_from(steps).ok(), ProgressDrawTarget::stderr());
        let template = match steps {
            0 => "           {spinner} {msg} ({elapsed})",
            _ => "           [{bar:30}] {pos}/{len} {spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        if self.for_people {
            bar.enable_steady_tick(Duration::from_millis(100));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar
    }

    /// Ends a bar; its outcome stays.
    pub(crate) fn done(&self, bar: &ProgressBar, outcome: &str) {
        let seconds = bar.elapsed().as_secs_f32();
        bar.finish_and_clear();
        self.line(&format!("{outcome} ({seconds:.1} s)"));
    }

    /// How the fleet's messages went up; the NEM remembers a few hundred batches.
    pub(crate) fn batches(&self, batches: &[BatchEntry]) {
        let messages: usize = batches.iter().map(|batch| batch.messages).sum();
        let largest = batches.iter().map(|batch| batch.messages).max().unwrap_or_default();
        if largest > 0 {
            let batches = batches.len();
            self.line(&format!(
                "the last batches: {batches}, messages: {messages}, in the largest: {largest}"
            ));
        }
    }

    pub(crate) fn ending(&self, ending: &Ending<'_>) -> Result<()> {
        let text =
            if self.for_people { report(ending) } else { serde_json::to_string_pretty(&to_json(ending))? };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("stdout cannot be written")
    }
}

fn to_json(ending: &Ending<'_>) -> serde_json::Value {
    let Ending { rows, account, outage, directory, raca_config, nem_config } = ending;
    json!({
        "stations": rows,
        "outage": outage,
        "account": {
            "stations": rows.len(),
            "issued": account.issued,
            "renewed": account.renewed,
            "held": account.held,
            "deviations": account.deviations,
        },
        "directory": directory,
        "raca_config": raca_config,
        "nem_config": nem_config,
    })
}

fn report(ending: &Ending<'_>) -> String {
    let Ending { rows, account, directory, raca_config, nem_config, .. } = ending;
    let by_hand = rows.iter().filter(|row| row.way == "by hand").count();
    let Account { issued, renewed, held, deviations, .. } = account;
    let verdict = if deviations.is_empty() {
        "each enrolment and each renewal led to exactly one certificate; each station holds its latest, valid, for its own key and name; nothing else was issued.".to_owned()
    } else {
        let lines: String = deviations.iter().map(|deviation| format!("\n  {deviation}")).collect();
        format!("NOT as it should be:{lines}")
    };
    format!(
        "\n{table}\n\
         FINAL ACCOUNT\n  \
           stations                {stations:>6}\n  \
           issued by the RA/CA     {issued:>6}   by its registry, with the renewals of {renewed} stations\n  \
           held by the stations    {held:>6}   by their files: {online} online, {by_hand} by hand\n\
         {verdict}\n\n\
         files:        {directory}\n\
         look further: cargo run -p nem-server -- exports --config {nem}\n\
         \x20             cargo run -p ra-server -- list --config {raca}\n\
         \x20             cargo run -p enb -- inspect {directory}/batch.pki",
        table = table(rows),
        stations = rows.len(),
        online = held.saturating_sub(by_hand),
        directory = directory.display(),
        nem = nem_config.display(),
        raca = raca_config.display(),
    )
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<8}  {:<7}  {:>6}  {:<47}  {:<20}  TIME\n",
        "STATION", "WAY", "ISSUED", "SERIAL", "NOT AFTER"
    );
    for row in rows.iter().take(ROWS) {
        let serial_number = row.serial_number.as_deref().unwrap_or("-");
        let not_after = row.not_after.as_deref().unwrap_or("-");
        let milliseconds = row.milliseconds.unwrap_or_default();
        text.push_str(&format!(
            "{:<8}  {:<7}  {:>6}  {serial_number:<47}  {not_after:<20}  {milliseconds} ms\n",
            row.station, row.way, row.issued
        ));
    }
    if let Some(more) = rows.len().checked_sub(ROWS).filter(|more| *more > 0) {
        text.push_str(&format!("... and {more} more; --json prints all of them\n"));
    }
    text
}
