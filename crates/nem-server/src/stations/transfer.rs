//! `nem stations import` and `nem stations export`.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use host::files::write_atomically;
use nem::{Inventory, Station};

use super::{Entry, Format, read_stations};
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
    let names: HashMap<&str, usize> = imported.iter().map(|station| station.name.as_str()).zip(0..).collect();
    let stays = |station: &&Station| !names.contains_key(station.name.as_str());
    let others = before.iter().filter(stays);
    let others_count = others.clone().count();
    let mut counts = Imported { added: 0, replaced: before.len() - others_count, removed: 0 };
    counts.added = imported.len().saturating_sub(counts.replaced);
    let mut stations: Vec<Station> = Vec::new();
    if only_these {
        counts.removed = others_count;
    } else {
        stations.extend(others.cloned());
    }
    stations.extend(imported.iter().cloned());
    let inventory = Inventory::new(stations).with_context(|| file.display().to_string())?;
    let entries: Vec<Entry> = inventory.stations().iter().map(Entry::from).collect();
    let text = Format::of(&config.stations).write(&entries)?;
    write_atomically(&config.stations, text.as_bytes())?;
    Ok(counts)
}

/// The inventory as text, password hashes included. Blocks.
///
/// # Errors
/// When the configuration or the inventory cannot be used.
pub fn export(config: &Path, format: ExportFormat) -> Result<String> {
    let config = Config::read(config)?;
    let entries: Vec<Entry> = read_stations(&config.stations)?.iter().map(Entry::from).collect();
    match format {
        ExportFormat::Csv => Format::Csv.write(&entries),
        ExportFormat::Json => Format::Json.write(&entries),
    }
}
