//! `stations.toml`: a table `[[station]]` for each.

use std::fmt::Write;

use anyhow::{Result, anyhow};
use nem::Station;
use serde::Deserialize;
use toml::Spanned;

use super::Entry;
use super::entry::Fault;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StationsFile {
    #[serde(default)]
    station: Vec<Spanned<Entry>>,
}

pub(super) fn parse(text: &str) -> Result<Vec<Station>> {
    let file: StationsFile = toml::from_str(text)?;
    let stations = file.station.into_iter().map(|entry| {
        let span = entry.span();
        let entry = entry.into_inner();
        entry.station().map_err(|Fault { part, reason }| {
            let (line, of_part) = (line(text, span.start), line_of_part(text, span.start, part));
            let name = &entry.name;
            match of_part {
                Some(of_part) => {
                    anyhow!("station {name:?} (line {line}): {part} in line {of_part}: {reason}")
                }
                None => anyhow!("station {name:?} (line {line}): {part}: {reason}"),
            }
        })
    });
    stations.collect()
}

/// Counted from 1.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
}

/// The line after the station's first one that begins with the key, before the next station's.
fn line_of_part(text: &str, offset: usize, part: &str) -> Option<usize> {
    let first = line(text, offset);
    let lines = text.lines().enumerate().skip(first);
    let (at, _) = lines.take_while(|(_, line)| !line.trim_start().starts_with("[[")).find(|(_, line)| {
        line.trim_start().strip_prefix(part).is_some_and(|rest| rest.trim_start().starts_with('='))
    })?;
    Some(at + 1)
}

/// The text with that state of that station; all else stays as it is written, comments included. `None` when there is no such
/// station.
pub(super) fn with_state(text: &str, name: &str, state: &str) -> Result<Option<String>> {
    let file: StationsFile = toml::from_str(text)?;
    let Some(entry) = file.station.iter().find(|entry| entry.get_ref().name == name) else { return Ok(None) };
    let start = entry.span().start;
    let stands = ["state", "blocked"].map(|part| line_of_part(text, start, part));
    let (header, mut out) = (line(text, start), String::with_capacity(text.len() + 32));
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if !stands.contains(&Some(number)) {
            out.push_str(line);
        }
        if number == header {
            if !line.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&format!("state = {}\n", quoted(state)));
        }
    }
    Ok(Some(out))
}

pub(super) fn write(entries: impl Iterator<Item = Entry>) -> String {
    let mut text = String::from("# Written by `nem stations import`.\n");
    for entry in entries {
        text.push_str("\n[[station]]\n");
        let mut line = |key: &str, value: &Option<String>| {
            if let Some(value) = value {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        };
        line("name", &Some(entry.name));
        line("vendor_subject", &entry.vendor_subject);
        line("vendor_serial", &entry.vendor_serial);
        line("vendor_issuer", &entry.vendor_issuer);
        line("vendor_fingerprint", &entry.vendor_fingerprint);
        line("subject", &Some(entry.subject));
        line("profile", &entry.profile);
        line("state", &entry.state);
        line("account", &entry.account);
        line("password_hash", &entry.password_hash);
        line("tunnel_address", &entry.tunnel_address);
        for (key, values) in [("dns", &entry.dns), ("ip", &entry.ip), ("groups", &entry.groups)] {
            if !values.is_empty() {
                let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
                let _ = writeln!(text, "{key} = [{}]", values.join(", "));
            }
        }
    }
    text
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
