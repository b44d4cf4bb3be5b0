//! `nem stations import` and `nem stations export`.

use std::collections::HashSet;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use host::files::write_atomically;
use nem::{Inventory, Station};

use super::{Format, read_stations};
use crate::config::Config;

/// What `nem stations export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// RFC 4180, a line per station.
    Csv,
    /// A list of objects.
    Json,
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is neither csv nor json")),
        }
    }
}

/// What an import changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Stations that were not there before.
    pub added: usize,
    /// Stations that were there, and are as imported now.
    pub replaced: usize,
    /// Stations that are gone.
    pub removed: usize,
}

/// Takes the stations of a CSV, JSON or TOML file into the inventory: those that it knows by name are replaced, and with
/// `only_these` all others are removed. A running `nem serve` takes the change up by itself. Blocks.
///
/// # Errors
/// When the configuration, the inventory or the file cannot be used, or the stations would be no inventory together: then nothing
/// is changed.
pub fn import(config: &Path, file: &Path, only_these: bool) -> Result<Imported> {
    let config = Config::read(config)?;
    let imported = read_stations(file)?;
    let before = read_stations(&config.stations)?;
    let names: HashSet<String> = imported.iter().map(|station| station.name.clone()).collect();
    let (replaced, mut stations): (Vec<Station>, Vec<Station>) =
        before.into_iter().partition(|station| names.contains(&station.name));
    let added = imported.len().saturating_sub(replaced.len());
    let mut counts = Imported { added, replaced: replaced.len(), removed: 0 };
    // A fleet is large: it is not kept twice.
    drop((replaced, names));
    if only_these {
        counts.removed = stations.len();
        stations.clear();
    }
    stations.extend(imported);
    let inventory = Inventory::new(stations).with_context(|| file.display().to_string())?;
    let text = Format::of(&config.stations).write(inventory.stations())?;
    write_atomically(&config.stations, text.as_bytes())?;
    Ok(counts)
}

/// The inventory as text, password hashes included. Blocks.
///
/// # Errors
/// When the configuration or the inventory cannot be used.
pub fn export(config: &Path, format: ExportFormat) -> Result<String> {
    let config = Config::read(config)?;
    let stations = read_stations(&config.stations)?;
    match format {
        ExportFormat::Csv => Format::Csv.write(&stations),
        ExportFormat::Json => Format::Json.write(&stations),
    }
}
