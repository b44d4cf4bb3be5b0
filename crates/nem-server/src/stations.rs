//! `stations.toml`: the inventory as an operator writes it.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use host::{Names, parse_host_name, parse_name};
use nem::{Inventory, Station, VendorCertificate};
use serde::Deserialize;
use toml::Spanned;

/// More than the stations of any operator take.
const MAX_LENGTH: u64 = 512 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StationsFile {
    #[serde(default)]
    station: Vec<Spanned<StationEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StationEntry {
    name: String,
    vendor_subject: Option<Spanned<String>>,
    vendor_serial: Option<Spanned<String>>,
    subject: Spanned<String>,
    #[serde(default)]
    dns: Vec<Spanned<String>>,
    #[serde(default)]
    ip: Vec<Spanned<String>>,
    #[serde(default)]
    blocked: bool,
}

/// Reads the stations. Every error names the file and the line.
pub(crate) fn read(path: &Path) -> Result<Inventory> {
    let shown = path.display();
    let length = fs::metadata(path).with_context(|| format!("{shown}: cannot be read"))?.len();
    if length > MAX_LENGTH {
        bail!("{shown}: has {length} octets; at most {MAX_LENGTH} are read");
    }
    let text = fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
    parse(&text).with_context(|| shown.to_string())
}

fn parse(text: &str) -> Result<Inventory> {
    let file: StationsFile = toml::from_str(text)?;
    let stations = file.station.into_iter().map(|entry| {
        let line = line(text, entry.span().start);
        let entry = entry.into_inner();
        let name = entry.name.clone();
        station(text, entry).with_context(|| format!("station {name:?} (line {line})"))
    });
    Ok(Inventory::new(stations.collect::<Result<_>>()?)?)
}

fn station(text: &str, entry: StationEntry) -> Result<Station> {
    if entry.name.trim().is_empty() || entry.name.chars().any(char::is_control) {
        bail!("name: must be a text of one line");
    }
    let vendor_subject = entry.vendor_subject.map(|value| parsed(text, "vendor_subject", &value, parse_name));
    let vendor_serial = entry.vendor_serial.map(|value| parsed(text, "vendor_serial", &value, parse_serial));
    let mut names = Names::new(parsed(text, "subject", &entry.subject, parse_name)?);
    for host in &entry.dns {
        names.dns.push(parsed(text, "dns", host, parse_host_name)?);
    }
    for address in &entry.ip {
        names.ip.push(parsed(text, "ip", address, parse_address)?);
    }
    let vendor = VendorCertificate::new(vendor_subject.transpose()?, vendor_serial.transpose()?);
    let alternative_names = names.alternative_names()?;
    let mut station = Station::new(entry.name, vendor, names.subject);
    station.alternative_names = alternative_names;
    station.blocked = entry.blocked;
    Ok(station)
}

fn parsed<T>(
    text: &str,
    key: &str,
    value: &Spanned<String>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T> {
    parse(value.get_ref())
        .map_err(|reason| anyhow::anyhow!("{key} in line {}: {reason}", line(text, value.span().start)))
}

/// Counted from 1.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
}

/// Hexadecimal digits, as `openssl x509 -serial` prints them, with or without colons.
fn parse_serial(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = text.chars().filter(|c| *c != ':').collect();
    let octets: Option<Vec<u8>> = digits
        .rchunks(2)
        .rev()
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok())
        .collect();
    octets.filter(|octets| (1..=20).contains(&octets.len()) && !text.contains('+')).ok_or_else(|| {
        format!("{text:?} is no serial number: write 1 to 20 octets in hexadecimal digits, such as 4F:A2:07")
    })
}

fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no IP address; write it like 192.0.2.1 or 2001:db8::1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_read() {
        let inventory = parse(
            r#"
            [[station]]
            name = "Rotterdam 17"
            vendor_subject = "CN=SN 4711,O=Vendor"
            vendor_serial = "0:4f:A2"
            subject = "CN=enb17.operator.example,O=Operator"
            dns = ["enb17.operator.example"]
            ip = ["192.0.2.17", "2001:db8::17"]

            [[station]]
            name = "Delft 3"
            vendor_serial = "FF00"
            subject = "CN=enb3.operator.example"
            blocked = true
            "#,
        )
        .unwrap();
        let [first, second] = inventory.stations() else { panic!("{inventory:?}") };
        assert_eq!(first.vendor.serial_number.as_deref(), Some(&[0, 0x4f, 0xa2][..]));
        assert_eq!(first.alternative_names.len(), 3);
        assert!(!first.blocked && second.blocked);
        assert!(parse("").unwrap().stations().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let head = "[[station]]\nname = \"enb\"\n";
        for (text, reasons) in [
            ("[[station]\n", &["line 1"][..]),
            ("[[station]]\nname = \"enb\"\nsubjct = \"CN=a\"\n", &["line 3", "subjct"]),
            (&format!("{head}vendor_serial = \"1\"\n"), &["line 1", "subject"]),
            (&format!("{head}subject = \"CN=a\"\n"), &["enb", "neither a vendor subject"]),
            (&format!("{head}vendor_serial = \"1\"\nsubject = \"CM=a\"\n"), &["enb", "line 4", "\"CM\""]),
            (&format!("{head}vendor_serial = \"4g\"\nsubject = \"CN=a\"\n"), &["line 3", "hexadecimal"]),
            (&format!("{head}vendor_serial = \"+1\"\nsubject = \"CN=a\"\n"), &["line 3", "hexadecimal"]),
            (
                &format!("{head}vendor_serial = \"1\"\nsubject = \"CN=a\"\nip = [\"1.2.3\"]\n"),
                &["line 5", "1.2.3"],
            ),
            (
                &format!("{head}vendor_serial = \"1\"\nsubject = \"CN=a\"\ndns = [\"*.a\"]\n"),
                &["line 5", "*.a"],
            ),
            (
                &format!(
                    "{head}vendor_serial = \"1\"\nsubject = \"CN=a\"\n{head}vendor_serial = \"2\"\nsubject = \"CN=b\"\n"
                ),
                &["called enb"],
            ),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            for reason in reasons {
                assert!(error.contains(reason), "{text}\n{error}");
            }
        }
    }
}
