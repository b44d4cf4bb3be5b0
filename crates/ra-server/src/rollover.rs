//! `raca rollover`: the CA gets a new key (RFC 9810 section 4.4).

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use cmp::RootCaKeyUpdateContent;
use crypto::KeyKind;
use crypto_aws_lc::KeyType;
use host::files::{certificates_pem, write_new};
use host::{InitKey, KeySignature, PassphraseSource, TokenUri, now};
use serde::{Deserialize, Serialize};

use crate::admin::{Answer, Command};
use crate::commands::carry_out;
use crate::config::Config;
use crate::generations::{
    CERTIFICATE, CREDENTIAL, Generation, KEY, NEW_WITH_OLD, OLD_WITH_NEW, folder, read_generations,
};
use crate::init::ROOT_VALIDITY;

/// What `raca rollover` is told. Whatever it is not told stays as it was with the key before.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RolloverOptions {
    /// The kind of the new key.
    pub alg: Option<KeyType>,
    /// What it signs with, if it is an RSA key.
    pub signature: Option<KeySignature>,
    /// The new key, when it is in a token; otherwise one is made in a file.
    pub ca_key: Option<TokenUri>,
    /// What encrypts the new key in its file, or the token's PIN.
    pub key_passphrase: Option<PassphraseSource>,
}

/// The new key of the CA. Paths as they were reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rollover {
    /// Which key it is: 1 follows the one that `raca init` made.
    pub number: u32,
    /// The new root: a trust anchor beside the old one.
    pub ca_certificate: String,
    /// The new root's key certified by the old one, for whoever knows only the old root.
    pub new_with_old: String,
    /// The old root's key certified by the new one, for whoever knows only the new root.
    pub old_with_new: String,
}

impl Rollover {
    /// For people.
    pub fn text(&self) -> String {
        let Self { number, ca_certificate, new_with_old, old_with_new } = self;
        format!(
            "key {number} of the CA issues from now on\nnew root (the operator's trust anchor, beside the old one): {ca_certificate}\n\
             newWithOld: {new_with_old}\noldWithNew: {old_with_new}"
        )
    }
}

/// Makes a new key and root certificate, with what leads from the old root to it and back, and has the CA issue with it from now on; a
/// running `raca serve` takes it up at once. What was issued before holds until it expires. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the CA is no root, or something cannot be written: the old key stays then.
pub fn rollover(config: &Path, options: &RolloverOptions) -> Result<Rollover> {
    let path = config;
    let config = Config::read(path)?;
    let rollovers = &config.rollovers;
    let shown = rollovers.display().to_string();
    fs::create_dir_all(rollovers).with_context(|| format!("{shown}: cannot be created"))?;
    let directory = File::open(rollovers).with_context(|| shown.clone())?;
    match directory.try_lock() {
        Err(TryLockError::WouldBlock) => bail!("{shown}: another `raca rollover` is at work"),
        other => other.map_err(std::io::Error::from).with_context(|| shown.clone())?,
    }
    let generations = read_generations(&config)?;
    let number = u32::try_from(generations.len())?;
    let present = generations.last().context("the CA has no key")?;

    let unfinished = rollovers.join(format!("{number}.new"));
    if unfinished.exists() {
        // A run that was killed left it; nobody has seen what is in it.
        fs::remove_dir_all(&unfinished).with_context(|| format!("{}", unfinished.display()))?;
    }
    fs::create_dir(&unfinished).with_context(|| format!("{}: cannot be created", unfinished.display()))?;
    make(present, options, &unfinished)?;
    File::open(&unfinished).and_then(|folder| folder.sync_all()).with_context(|| shown.clone())?;
    // From here on the new key is the CA's.
    let finished = folder(&config, number);
    fs::rename(&unfinished, &finished)
        .and_then(|()| directory.sync_all())
        .with_context(|| format!("{}: cannot be put into place", finished.display()))?;
    drop(directory);

    match carry_out(path, &Command::Rollover { number })? {
        Answer::Done => {}
        _ => bail!("the new key is in place, but the running `raca serve` is of another version; restart it"),
    }
    let file = |name: &str| finished.join(name).display().to_string();
    Ok(Rollover {
        number,
        ca_certificate: file(CERTIFICATE),
        new_with_old: file(NEW_WITH_OLD),
        old_with_new: file(OLD_WITH_NEW),
    })
}

/// All that belongs to the new key, in a folder that does not count yet.
fn make(present: &Generation, options: &RolloverOptions, folder: &Path) -> Result<()> {
    let kind = present.issuer.public_key().kind();
    let signature = options.signature.or(present.key.signature.filter(|_| options.alg.is_none()));
    let alg = match options.alg {
        Some(alg) => alg,
        None => key_type(kind).with_context(|| format!("there are no new {kind} keys; say --alg"))?,
    };
    let passphrase = options.key_passphrase.as_ref().or(present.key.passphrase.as_ref());
    let key = InitKey::prepare(options.ca_key.as_ref(), KEY, (alg, signature), passphrase)?;
    let configuration = format!("certificate = {CERTIFICATE:?}\n{}\n", key.configuration());
    let provider = crypto_aws_lc::provider();
    let (_, update) = present
        .issuer
        .successor(key.make(folder)?, ROOT_VALIDITY, &provider, now())
        .context("the CA cannot have a new key")?;
    let RootCaKeyUpdateContent { new_with_new, new_with_old, old_with_new, .. } = update;
    write(&folder.join(CERTIFICATE), Some(new_with_new))?;
    write(&folder.join(NEW_WITH_OLD), new_with_old)?;
    write(&folder.join(OLD_WITH_NEW), old_with_new)?;
    Ok(write_new(&folder.join(CREDENTIAL), configuration.as_bytes())?)
}

fn write(path: &Path, certificate: Option<EncodedCertificate>) -> Result<()> {
    let pem = certificates_pem(&Vec::from_iter(certificate))?;
    Ok(write_new(path, pem.as_bytes())?)
}

/// Of the same kind; a length that is no longer made has none.
fn key_type(kind: KeyKind) -> Option<KeyType> {
    match kind {
        KeyKind::P256 => Some(KeyType::P256),
        KeyKind::P384 => Some(KeyType::P384),
        KeyKind::P521 => Some(KeyType::P521),
        KeyKind::Rsa { bits: 3072 } => Some(KeyType::Rsa3072),
        KeyKind::Rsa { bits: 4096 } => Some(KeyType::Rsa4096),
        KeyKind::Ed25519 => Some(KeyType::Ed25519),
        KeyKind::MlDsa44 => Some(KeyType::MlDsa44),
        KeyKind::MlDsa65 => Some(KeyType::MlDsa65),
        KeyKind::MlDsa87 => Some(KeyType::MlDsa87),
        _ => None,
    }
}
