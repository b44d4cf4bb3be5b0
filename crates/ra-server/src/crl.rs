//! The CRL of this CA: signed anew when it is due and when something was revoked, laid in a file and served.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ca::registry::{CrlRecord, Registry};
use crypto::CertificateList;
use host::files::crl_pem;
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use transfer::crl::{CrlLookup, CrlProvider};

use crate::authority::Authority;
use crate::generations::numbered;

/// The name that it is served by; that of a later key has the key's number in it.
const NAME: &str = "ca.crl";

/// How soon a list that could not be published is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// A CRL that was published. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CrlEntry {
    /// cRLNumber.
    pub number: u64,
    /// Since when it is good.
    pub this_update: String,
    /// Until when it is replaced.
    pub next_update: String,
    /// How many certificates stand on it.
    pub revoked: usize,
    /// Where it was laid, if the configuration says where.
    pub file: Option<String>,
    /// The list itself.
    pub pem: String,
}

impl CrlEntry {
    pub(crate) fn new(record: &CrlRecord, file: Option<String>) -> Result<Self> {
        let list = CertificateList::from_der(&record.octets)?;
        Ok(Self {
            number: record.number,
            this_update: list.this_update().to_string(),
            next_update: list.next_update().to_string(),
            revoked: list.revoked(),
            file,
            pem: crl_pem(&record.octets)?,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { number, this_update, next_update, revoked, .. } = self;
        let mut text =
            format!("CRL {number} of {this_update}, to be replaced by {next_update}: {revoked} revoked");
        if let Some(file) = &self.file {
            // Writing to a String does not fail.
            let _ = write!(text, "\nwritten to {file}");
        }
        text
    }
}

/// Publishes a list at once, since the last one may not tell what was revoked just before an end by kill -9, and from then on whenever
/// one is due.
pub(crate) async fn keep_current(authority: Arc<Authority>) -> Result<()> {
    loop {
        let publishing = authority.clone();
        let published = tokio::task::spawn_blocking(move || publishing.publish_crl()).await?;
        let interval = authority.current().config.crl.interval();
        let wait = match published {
            Ok(crl) => {
                info!(number = crl.number, "CRL published");
                interval
            }
            Err(reason) => {
                error!("the CRL could not be published, and the last one stands: {reason:#}");
                RETRY.min(interval)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = authority.crl_is_due.notified() => {}
        }
    }
}

impl CrlProvider for Authority {
    fn crl(&self, name: &str) -> CrlLookup {
        let present = self.current().key_number();
        match (0..=present).find(|number| numbered(NAME, *number) == name) {
            None => CrlLookup::Unknown,
            Some(number) if number < present => self.previous_crl(number).into(),
            Some(_) => {
                let latest = self.registry.crl().context("the CRL cannot be read");
                let latest = latest.inspect_err(|reason| error!("{reason:#}")).ok().flatten();
                latest.map(|crl| crl.octets).into()
            }
        }
    }
}
