//! The commands of the manual procedure: docs/manual-procedure.md.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;
use nem_server::Operation;
use nem_server::by_hand::{self, ExportOptions, Form};

use crate::operator::Where;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write requests that are due into a file, to be signed elsewhere: from then on nothing about them goes online
    #[command(
        after_help = "Example:\n  nem export --config nem/nem.toml --out batch.pki\n  nem export --config nem/nem.toml --out requests.zip --form pkcs10 --group south --max 500"
    )]
    Export {
        #[command(flatten)]
        at: Where,
        /// Where to write; nothing is overwritten
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
        /// What to write
        #[arg(long, value_enum, default_value_t)]
        form: Form,
        /// For that RA/CA [default: the one with the lowest priority]
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
        /// Of stations of that group only
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// That many at most, those that wait longest
        #[arg(long, value_name = "N")]
        max: Option<usize>,
        /// In new transactions, also what an RA/CA may have: somebody made sure that nothing was issued for it
        #[arg(long)]
        anew: bool,
        /// Write the file of that export once more, because it was lost
        #[arg(long, value_name = "EXPORT", conflicts_with_all = ["form", "upstream", "group", "max", "anew"])]
        again: Option<String>,
    },
    /// Show what left in files, and how much of it is still out
    #[command(after_help = "Example:\n  nem exports --config nem/nem.toml")]
    Exports {
        #[command(flatten)]
        at: Where,
    },
    /// Take the answer to an export, or certificates: PEM, DER, PKCS #7, a folder or a zip archive
    #[command(after_help = "Example:\n  nem import --config nem/nem.toml answer.pki")]
    Import {
        #[command(flatten)]
        at: Where,
        /// The file or the folder
        path: PathBuf,
    },
    /// Let a request go on that is held or left in a file, or all of an export
    #[command(
        after_help = "Example:\n  nem release --config nem/nem.toml 00112233445566778899aabbccddeeff\n  nem release --config nem/nem.toml --export ffeeddccbbaa99887766554433221100"
    )]
    Release {
        #[command(flatten)]
        at: Where,
        /// The request, as `nem requests --json` names it
        #[arg(required_unless_present = "export", conflicts_with = "export")]
        request: Option<String>,
        /// All requests of that export that are still out
        #[arg(long, value_name = "EXPORT")]
        export: Option<String>,
        /// In new transactions: somebody made sure that nothing was, or will be, issued for the file
        #[arg(long, requires = "export")]
        anew: bool,
    },
}

/// Prints what was done.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Export { at, out, form, upstream, group, max, anew, again } => {
            let mut options = ExportOptions::new(out);
            (options.form, options.upstream, options.group) = (form, upstream, group);
            (options.max, options.anew, options.again) = (max, anew, again);
            let report = by_hand::export_requests(&at.config, &options)?;
            print(&if at.json { serde_json::to_string_pretty(&report)? } else { report.text() })
        }
        Command::Exports { at } => {
            let exports = by_hand::exports(&at.config)?;
            let text = if at.json {
                serde_json::to_string_pretty(&exports)?
            } else {
                by_hand::exports_table(&exports)
            };
            print(&text)
        }
        Command::Import { at, path } => {
            let report = by_hand::import_answers(&at.config, &path, at.json)?;
            print(&if at.json { serde_json::to_string_pretty(&report)? } else { report.text() })?;
            match report.unsettled() {
                0 => Ok(()),
                count => bail!("{count} of {} are not settled", report.total()),
            }
        }
        Command::Release { at, export: Some(export), anew, .. } => {
            let released = by_hand::release_export(&at.config, &export, anew)?;
            done(&at, &format!("{released} requests released"))
        }
        Command::Release { at, request, .. } => {
            let request = request.unwrap_or_default();
            done(&at, &nem_server::operate(&at.config, Operation::Release { request })?)
        }
    }
}

fn done(at: &Where, done: &str) -> Result<()> {
    print(&if at.json { serde_json::json!({ "done": done }).to_string() } else { done.to_owned() })
}

fn print(text: &str) -> Result<()> {
    Ok(host::print(text.trim_end())?)
}
