//! `nem block` and `nem unblock`: a station's state in the inventory.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use host::files::write_atomically;
use nem::{Station, StationState};

use super::{Format, keyed, read, read_stations};

/// Writes the station's state into the inventory. Blocks.
///
/// # Errors
/// When there is no such station, or the inventory cannot be read or written; then it stays as it was.
pub(crate) fn mark(path: &Path, station: &str, state: StationState) -> Result<()> {
    let shown = path.display();
    let unknown = || format!("{shown}: there is no station {station:?}; `nem stations` shows them");
    // The whole of it must be an inventory before a part is changed.
    if read(path)?.station(station).is_none() {
        bail!(unknown());
    }
    let format = Format::of(path);
    let text = if format == Format::Toml {
        let text = fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
        keyed::with_state(&text, station, state.name())?.with_context(unknown)?
    } else {
        let mut stations: Vec<Station> = read_stations(path)?;
        let marked = stations.iter_mut().find(|known| known.name == station);
        marked.with_context(unknown)?.state = state;
        format.write(&stations)?
    };
    let marked = format.parse(&text).ok().and_then(|stations| {
        stations.into_iter().find(|known| known.name == station).map(|station| station.state)
    });
    if marked != Some(state) {
        bail!(
            "{shown}: write state = \"{state}\" for station {station:?} yourself; its entry is no table [[station]]"
        );
    }
    write_atomically(path, text.as_bytes())?;
    Ok(())
}
