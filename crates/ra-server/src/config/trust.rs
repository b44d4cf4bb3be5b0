//! `[trust]`: whom to believe, and what they may have.

use std::path::PathBuf;

use ca::Profile;
use host::RevocationSetting;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trust {
    #[serde(default)]
    pub(crate) vendor_cas: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) ra_cas: Vec<PathBuf>,
    /// Vendors with profiles of their own.
    #[serde(default)]
    pub(crate) vendors: Vec<VendorOf>,
    /// RAs that are named one by one, or have profiles of their own.
    #[serde(default)]
    pub(crate) ras: Vec<RaOf>,
    /// What everybody may have by CMP who has no list of his own, the default first.
    #[serde(default = "default_profiles")]
    pub(super) profiles: Vec<String>,
    #[serde(default)]
    pub(super) vendor_names: Names,
    /// Of the CAs above.
    #[serde(default)]
    pub(crate) crls: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) revocation: RevocationSetting,
    #[serde(default)]
    pub(crate) shared_secrets: Vec<SharedSecretOf>,
}

/// A vendor, known by its CA's certificates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VendorOf {
    pub(crate) ca: PathBuf,
    pub(crate) profiles: Vec<String>,
}

/// An RA: one known by its certificate, whatever that is for; or those that a CA certifies as RAs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RaOf {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) ca: Option<PathBuf>,
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
}

impl Default for Trust {
    /// Nobody but this CA's own.
    fn default() -> Self {
        Self {
            vendor_cas: Vec::new(),
            ra_cas: Vec::new(),
            vendors: Vec::new(),
            ras: Vec::new(),
            profiles: default_profiles(),
            vendor_names: Names::default(),
            crls: Vec::new(),
            revocation: RevocationSetting::default(),
            shared_secrets: Vec::new(),
        }
    }
}

fn default_profiles() -> Vec<String> {
    Vec::from([Profile::NE.name.into_owned()])
}

/// A station without a certificate, known by a secret and its reference number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SharedSecretOf {
    pub(crate) reference: String,
    pub(crate) secret_file: PathBuf,
    /// The name that the station gets; without it, the reference as commonName.
    pub(crate) subject: Option<String>,
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Names {
    #[default]
    Own,
    Any,
}
