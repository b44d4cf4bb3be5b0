//! `stations.csv` (RFC 4180): a line with the columns' names, and then a line per station. Lists have blanks between their parts.

use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use nem::Station;

use super::Entry;
use super::entry::Fault;

const COLUMNS: [&str; 14] = [
    "name",
    "vendor_subject",
    "vendor_serial",
    "vendor_issuer",
    "vendor_fingerprint",
    "subject",
    "dns",
    "ip",
    "profile",
    "groups",
    "state",
    "account",
    "password_hash",
    "tunnel_address",
];

pub(super) fn parse(text: &str) -> Result<Vec<Station>> {
    let mut reader = ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = columns(reader.headers()?)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (mut stations, mut records) = (Vec::new(), Vec::with_capacity(TOGETHER));
    loop {
        records.clear();
        records.extend(reader.records().take(TOGETHER).collect::<Result<Vec<_>, _>>()?);
        if records.is_empty() {
            return Ok(stations);
        }
        let shares = records.chunks(records.len().div_ceil(threads));
        // Each thread has a share of the lines, and they are put together in their order.
        let shares: Vec<Result<Vec<Station>>> = thread::scope(|scope| {
            let columns = &columns;
            let work = |share| scope.spawn(move || read_share(columns, share));
            let working: Vec<_> = shares.map(work).collect();
            working
                .into_iter()
                .map(|share| share.join().unwrap_or_else(|_| bail!("cannot be read")))
                .collect()
        });
        for share in shares {
            stations.extend(share?);
        }
    }
}

/// Lines that are read together: enough to keep several processors busy.
const TOGETHER: usize = 1 << 16;

fn read_share(columns: &[&str], records: &[StringRecord]) -> Result<Vec<Station>> {
    let station = |record: &StringRecord| {
        let line = record.position().map_or(0, csv::Position::line);
        let entry = entry(columns, record);
        entry.station().map_err(|Fault { part, reason }| {
            anyhow!("station {:?} (line {line}): {part}: {reason}", entry.name)
        })
    };
    records.iter().map(station).collect()
}

/// Which column is which.
fn columns(headers: &StringRecord) -> Result<Vec<&'static str>> {
    let columns: Vec<&'static str> = headers
        .iter()
        .map(|header| {
            COLUMNS.into_iter().find(|column| *column == header).with_context(|| {
                format!("line 1: there is no column {header:?}; they are {}", COLUMNS.join(", "))
            })
        })
        .collect::<Result<_>>()?;
    let twice = columns
        .iter()
        .enumerate()
        .find(|(at, column)| columns.iter().take(*at).any(|other| other == *column));
    match twice {
        Some((_, column)) => Err(anyhow!("line 1: the column {column} stands there twice")),
        None => Ok(columns),
    }
}

fn entry(columns: &[&str], record: &StringRecord) -> Entry {
    let mut entry = Entry::default();
    for (column, text) in columns.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        let some = || Some(text.to_owned());
        let list = || text.split_whitespace().map(ToOwned::to_owned).collect();
        match *column {
            "name" => entry.name = text.to_owned(),
            "vendor_subject" => entry.vendor_subject = some(),
            "vendor_serial" => entry.vendor_serial = some(),
            "vendor_issuer" => entry.vendor_issuer = some(),
            "vendor_fingerprint" => entry.vendor_fingerprint = some(),
            "subject" => entry.subject = text.to_owned(),
            "dns" => entry.dns = list(),
            "ip" => entry.ip = list(),
            "profile" => entry.profile = some(),
            "groups" => entry.groups = list(),
            "state" => entry.state = some(),
            "account" => entry.account = some(),
            "password_hash" => entry.password_hash = some(),
            _ => entry.tunnel_address = some(),
        }
    }
    entry
}

pub(super) fn write(entries: impl Iterator<Item = Entry>) -> Result<String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for entry in entries {
        writer.write_record([
            entry.name,
            entry.vendor_subject.unwrap_or_default(),
            entry.vendor_serial.unwrap_or_default(),
            entry.vendor_issuer.unwrap_or_default(),
            entry.vendor_fingerprint.unwrap_or_default(),
            entry.subject,
            entry.dns.join(" "),
            entry.ip.join(" "),
            entry.profile.unwrap_or_default(),
            entry.groups.join(" "),
            entry.state.unwrap_or_default(),
            entry.account.unwrap_or_default(),
            entry.password_hash.unwrap_or_default(),
            entry.tunnel_address.unwrap_or_default(),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
