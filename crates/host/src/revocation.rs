use std::path::PathBuf;

use serde::Deserialize;

use crypto::{Revocation, RevocationPolicy};
use tracing::{info, warn};

use crate::files::read_crls;
use crate::{Error, now};

/// `revocation` in a configuration file: what to do where a CRL is missing or out of date.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RevocationSetting {
    /// `if-available`: certificates are looked up where there is a CRL.
    #[default]
    IfAvailable,
    /// `required`: every certificate needs one.
    Required,
}

impl RevocationSetting {
    /// What the validation of paths calls it.
    pub const fn policy(self) -> RevocationPolicy {
        match self {
            Self::IfAvailable => RevocationPolicy::IfAvailable,
            Self::Required => RevocationPolicy::Required,
        }
    }
}

/// Reads CRL files. Without any, nobody asks.
///
/// # Errors
/// When a file cannot be used.
pub fn read_revocation(files: &[PathBuf], policy: RevocationPolicy) -> Result<Option<Revocation>, Error> {
    let mut lists = Vec::new();
    for file in files {
        lists.extend(read_crls(file)?);
    }
    Ok((!files.is_empty()).then(|| Revocation::new(lists, policy)))
}

/// Logs which CRLs count from now on, and warns of those that are out of date.
pub fn log_revocation(revocation: &Revocation) {
    let now = now().as_secs();
    for list in revocation.lists() {
        let (issuer, revoked) = (list.issuer(), list.revoked());
        info!(%issuer, revoked, "CRL read");
        if list.next_update().as_secs() < now {
            warn!(%issuer, "the CRL is out of date; put the next one in its place");
        }
        if list.this_update().as_secs() > now {
            warn!(%issuer, "the CRL is from the future, and does not count until then");
        }
    }
}
