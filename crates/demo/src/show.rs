//! What the demo shows: progress on stderr, results on stdout.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nem_server::BatchEntry;
use serde_json::json;

use crate::fleet::Row;

pub(crate) struct Show {
    for_people: bool,
}

impl Show {
    pub(crate) const fn new(for_people: bool) -> Self {
        Self { for_people }
    }

    /// A bar of so many steps; nothing where there is no terminal.
    pub(crate) fn bar(&self, who: &'static str, steps: usize, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(u64::try_from(steps).ok(), ProgressDrawTarget::stderr());
        let template = "{prefix:<9} [{bar:30}] {pos}/{len} {spinner} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(who);
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
        let who = bar.prefix();
        bar.finish_and_clear();
        self.line(&who, &format!("{outcome} ({seconds:.1} s)"));
    }

    pub(crate) fn line(&self, who: &str, what: &str) {
        if self.for_people {
            eprintln!("{who:<9} {what}");
        }
    }

    /// How the fleet's messages went up; the NEM remembers a few hundred batches.
    pub(crate) fn batches(&self, batches: &[BatchEntry]) {
        let messages: usize = batches.iter().map(|batch| batch.messages).sum();
        let largest = batches.iter().map(|batch| batch.messages).max().unwrap_or_default();
        let count = batches.len();
        self.line("batches", &format!("the last {count}: {messages} messages, {largest} in the largest"));
    }

    pub(crate) fn result(&self, rows: &[Row], directory: &Path, raca: &Path, nem: &Path) -> Result<()> {
        let text = if self.for_people {
            table(rows, directory, raca, nem)
        } else {
            serde_json::to_string_pretty(&json!({
                "stations": rows, "directory": directory, "raca_config": raca, "nem_config": nem,
            }))?
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("stdout cannot be written")
    }
}

fn table(rows: &[Row], directory: &Path, raca: &Path, nem: &Path) -> String {
    let heading =
        format!("{:<8}  {:<47}  {:<20}  {:<20}  TIME\n", "STATION", "SERIAL", "NOT BEFORE", "NOT AFTER");
    let line = |row: &Row| {
        format!(
            "{:<8}  {:<47}  {:<20}  {:<20}  {} ms\n",
            row.station, row.serial_number, row.not_before, row.not_after, row.milliseconds
        )
    };
    let lines: String = rows.iter().map(line).collect();
    format!(
        "\n{heading}{lines}\n\
         {} certificates, each verified against the operator's CA, for its station's own key and name.\n\
         files:        {}\n\
         look further: cargo run -p nem-server -- stations --config {}\n\
         \x20             cargo run -p ra-server -- list --config {}\n\
         \x20             cargo run -p enb -- inspect FILE",
        rows.len(),
        directory.display(),
        nem.display(),
        raca.display(),
    )
}
