//! The inventory as operators write it: TOML, CSV or JSON, as the file's name says.

mod delimited;
mod entry;
mod keyed;
mod marking;
mod transfer;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nem::{Inventory, Station};

pub(crate) use entry::Entry;
pub(crate) use marking::mark;
pub use transfer::{ExportFormat, Imported, export, import};

/// More than the stations of any operator take.
const MAX_LENGTH: u64 = 1024 * 1024 * 1024;

/// How an inventory is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Toml,
    Csv,
    Json,
}

impl Format {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(ending) if ending.eq_ignore_ascii_case("csv") => Self::Csv,
            Some(ending) if ending.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }

    fn parse(self, text: &str) -> Result<Vec<Station>> {
        match self {
            Self::Toml => keyed::parse(text),
            Self::Csv => delimited::parse(text),
            Self::Json => entry::parse_json(text),
        }
    }

    fn write(self, stations: &[Station]) -> Result<String> {
        let entries = stations.iter().map(Entry::from);
        match self {
            Self::Toml => Ok(keyed::write(entries)),
            Self::Csv => delimited::write(entries),
            Self::Json => entry::write_json(entries),
        }
    }
}

/// Reads the stations. Every error names the file, and the line or the station.
pub(crate) fn read(path: &Path) -> Result<Inventory> {
    let shown = path.display().to_string();
    let stations = read_stations(path)?;
    Inventory::new(stations).context(shown)
}

fn read_stations(path: &Path) -> Result<Vec<Station>> {
    let shown = path.display();
    let length = fs::metadata(path).with_context(|| format!("{shown}: cannot be read"))?.len();
    if length > MAX_LENGTH {
        bail!("{shown}: has {length} octets; at most {MAX_LENGTH} are read");
    }
    let text = fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
    Format::of(path).parse(&text).with_context(|| shown.to_string())
}

#[cfg(test)]
mod tests;
