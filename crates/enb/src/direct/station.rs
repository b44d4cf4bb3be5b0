//! A station that is about to ask for a certificate: its directory, its key, its credential, and the transaction under way.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asn1::EncodedCertificate;
use asn1::oids::rfc6402;
use cmp::end_entity::{CertificateRequest, Enrolment, Granted, RequestKind, SealedCertificate};
use cmp::{KemCiphertextInfo, KeyPackageOpener, SignerRole, Trust};
use crmf::{
    AttributeTypeAndValue, CertId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, Control,
    KeyGenerationBuilder, PopoPrivKey, SubsequentMessage,
};
use crypto::{
    CryptoProvider, DecapsulationKey, ExtendedKeyUsage, GeneratedKey, PublicKey, Requested, SigningKey,
};
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::{Decode, Encode};
use host::{PassphraseSource, files, read_kem_key, write_software_key};
use pkcs10::{CertReq, CertReqBuilder};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::certified_key::CertifiedKey;
use super::credential::{Credential, is_for_kem};
use super::line::Belief;
use super::state::{Issued, State, StateFile, Step};
use super::{CertificateOptions, CmpOptions, WantedKey};
use crate::directory::{Directory, OwnKey, decode, public_key};
use crate::{Enrolled, Error};

/// A station that is ready to send its request.
pub(super) struct Station {
    pub(super) provider: CryptoProvider,
    pub(super) credential: Credential,
    pub(super) belief: Belief,
    pub(super) directory: Directory,
    pub(super) state_file: StateFile,
    pub(super) kind: RequestKind,
    /// Who the RA/CA is, and how it is asked.
    recipient: Name,
    implicit_confirm: bool,
    cert_profile: Option<String>,
    key: CertifiedKey,
    key_passphrase: Option<PassphraseSource>,
    subject: Option<Name>,
    extensions: Vec<Extension>,
    /// The certificate that is updated.
    updated: Option<Certificate>,
}

/// What a run begins with.
#[allow(clippy::large_enum_variant)] // there is one at a time
pub(super) enum Prepared {
    /// With a request, or with what is known of an earlier run's.
    Ready(Station, Option<State>),
    /// With nothing: an earlier run had everything but the last file.
    Finished(Enrolled),
}

/// Where the key lies that an update is to certify, and one that was generated, until they are.
const NEXT_KEY: &str = "next-key.pem";

impl Station {
    /// Reads what is given, and makes what is not there yet: directory and key.
    pub(super) fn prepare(options: &CmpOptions, wanted: &CertificateOptions) -> Result<Prepared, Error> {
        let provider = crypto_aws_lc::provider();
        let update = wanted.kind == RequestKind::Kur;
        let (signs, generated) =
            (matches!(wanted.key, WantedKey::Signing(_)), matches!(wanted.key, WantedKey::Generated(_)));
        if wanted.kind == RequestKind::P10cr && !signs {
            return Err(Error::SignedRequest);
        }
        // Nothing is left behind by a run that was given the wrong files.
        let read = if generated { Credential::read_with_opener } else { Credential::read };
        let given = wanted.sender.as_ref().map(|sender| read(sender, &provider)).transpose()?;
        if let Some(credential) = &given {
            Belief::read(options, credential)?;
        }
        let extensions = wanted.names.extensions()?;
        let directory = match update {
            true => Directory::of_enrolled(&wanted.directory)?,
            false => Directory::open(&wanted.directory)?,
        };
        let state_file = StateFile::in_directory(&directory.path);
        let state = state_file.read()?;
        if let Some(State { kind, step: Step::Issued(issued), .. }) = &state
            && kind == wanted.kind.name()
        {
            return install(&directory, &state_file, issued).map(Prepared::Finished);
        }
        let next_key = directory.path.join(NEXT_KEY);
        if state.is_none() {
            // Of a transaction that was given up.
            remove_if_there(&next_key)?;
        }
        let own_key = OwnKey {
            key_type: match wanted.key {
                WantedKey::Signing(key_type) => key_type,
                _ => KeyType::P256,
            },
            signature: wanted.signature,
            passphrase: wanted.key_passphrase.as_ref(),
        };
        let mut station = if update {
            let current = files::read_certificates(&directory.certificate)?;
            let updated = decode(&current)?;
            let mut chain = current;
            chain.truncate(1);
            chain.extend(
                files::read_certificates(&directory.chain)
                    .unwrap_or_default()
                    .into_iter()
                    .filter(is_below_root),
            );
            let credential = own_credential(&directory, &own_key, &chain, generated)?;
            let tbs = updated.tbs_certificate();
            let alternative_names = |extension: &&Extension| {
                extension.extn_id == <SubjectAltName as const_oid::AssociatedOid>::OID
            };
            let all = tbs.extensions().map_or(&[][..], Vec::as_slice);
            Self {
                belief: Belief::read(options, &credential)?,
                credential,
                kind: wanted.kind,
                recipient: options.recipient.clone(),
                implicit_confirm: wanted.implicit_confirm,
                cert_profile: wanted.cert_profile.clone(),
                key: CertifiedKey::read_or_make(wanted.key, &own_key, &next_key)?,
                key_passphrase: wanted.key_passphrase.clone(),
                subject: Some(tbs.subject().clone()),
                extensions: all.iter().filter(alternative_names).cloned().collect(),
                updated: Some(updated),
                provider,
                directory,
                state_file,
            }
        } else {
            if directory.certificate.exists() {
                return Err(Error::AlreadyEnrolled(directory.path));
            }
            if generated && directory.key.exists() {
                return Err(host::Error::Exists(directory.key).into());
            }
            let credential = given.ok_or(cmp::Error::BadCredential)?;
            Self {
                belief: Belief::read(options, &credential)?,
                credential,
                kind: wanted.kind,
                recipient: options.recipient.clone(),
                implicit_confirm: wanted.implicit_confirm,
                cert_profile: wanted.cert_profile.clone(),
                key: CertifiedKey::read_or_make(wanted.key, &own_key, &directory.key)?,
                key_passphrase: wanted.key_passphrase.clone(),
                subject: Some(wanted.names.subject.clone()).filter(|subject| !subject.is_empty()),
                extensions,
                updated: None,
                provider,
                directory,
                state_file,
            }
        };
        if let Some(state) = &state
            && (state.kind != station.kind.name()
                || state.asked.0 != station.asked()?
                || state.sender.0 != station.credential.octets())
        {
            return Err(Error::OtherTransaction(station.state_file.path().to_owned()));
        }
        if let Some(state) = &state
            && let Some(ciphertext) = &state.ciphertext
        {
            let ciphertext = KemCiphertextInfo::from_der(&ciphertext.0).map_err(Error::Malformed)?;
            let transaction_id = state.transaction(station.kind)?.transaction_id;
            station.credential.open_ciphertext(&ciphertext, transaction_id)?;
        }
        Ok(Prepared::Ready(station, state))
    }

    /// What is asked for, to tell whether a later run asks for the same.
    pub(super) fn asked(&self) -> Result<Vec<u8>, Error> {
        let mut asked = self.key.octets();
        asked.extend(self.subject.clone().unwrap_or_default().to_der().map_err(Error::Malformed)?);
        asked.extend(self.extensions.to_der().map_err(Error::Malformed)?);
        asked.push(u8::from(self.implicit_confirm));
        asked.extend(self.cert_profile.iter().flat_map(|name| name.bytes()));
        Ok(asked)
    }

    /// What the certificate is held against.
    pub(super) fn requested<'a>(&'a self, granted: &'a Granted) -> Requested<'a> {
        let public_key = match &self.key {
            CertifiedKey::Signing(key) => key.public_key().spki_octets(),
            CertifiedKey::Enciphering(key) => key.public_key().spki_octets(),
            CertifiedKey::Generated(_) => &granted.transaction().public_key,
        };
        let subject = self.subject.as_ref();
        Requested { public_key, subject, extensions: &self.extensions, key_use: self.key.key_use() }
    }

    /// Deciphers the certificate for a key that does not sign.
    pub(super) fn open_certificate(&self, sealed: SealedCertificate) -> Result<Granted, Error> {
        let CertifiedKey::Enciphering(key) = &self.key else {
            return Err(Error::Protocol(cmp::Error::InconsistentAnswer));
        };
        sealed.open(&key.recipient(), &self.provider).map_err(Error::Undecipherable)
    }

    /// Deciphers the key that was generated, if one was to be, and verifies that its certificate is for it and that somebody signed it who
    /// may generate keys under one of the anchors.
    pub(super) fn open_private_key(
        &self,
        granted: &mut Granted,
        anchors: &[EncodedCertificate],
    ) -> Result<Option<GeneratedKey>, Error> {
        let (CertifiedKey::Generated(_), Some(opener)) = (&self.key, self.credential.opener()) else {
            return Ok(None);
        };
        let purpose = ExtendedKeyUsage::Required(rfc6402::KP_CM_KGA);
        let authorities = [Trust::new(SignerRole::CertificationAuthority, anchors.to_vec(), purpose)];
        let protected = self.credential.identity().certificate();
        let opener = KeyPackageOpener { key: opener.recipient(), protected, authorities: &authorities };
        granted.open_private_key(&opener, &self.provider, host::now()).map_err(Error::Undecipherable)
    }

    /// Writes a key that was generated, so that only its owner may read it. What an earlier run wrote there is the same, or was not taken.
    pub(super) fn keep_generated(&self, generated: &GeneratedKey) -> Result<(), Error> {
        self.forget_generated()?;
        let key = SoftwareKey::from_pkcs8_der(&generated.private_key)?;
        Ok(write_software_key(&self.directory.path.join(NEXT_KEY), &key, self.key_passphrase.as_ref())?)
    }

    /// Removes a key that was generated and came to nothing.
    pub(super) fn forget_generated(&self) -> Result<(), Error> {
        match self.key {
            CertifiedKey::Generated(_) => remove_if_there(&self.directory.path.join(NEXT_KEY)),
            _ => Ok(()),
        }
    }

    /// The request, before it is protected.
    pub(super) fn enrolment(&self) -> Result<Enrolment, Error> {
        let request = match self.kind {
            RequestKind::Ir => CertificateRequest::Ir(self.cert_req_messages()?),
            RequestKind::Cr => CertificateRequest::Cr(self.cert_req_messages()?),
            RequestKind::Kur => CertificateRequest::Kur(self.cert_req_messages()?),
            _ => {
                let CertifiedKey::Signing(key) = &self.key else { return Err(Error::SignedRequest) };
                let mut builder =
                    CertReqBuilder::new(self.subject.clone().unwrap_or_default(), key.public_key());
                builder.extensions.clone_from(&self.extensions);
                let octets = builder.sign(key).map_err(host::Error::Request)?;
                CertificateRequest::P10cr(Box::new(CertReq::from_der(&octets).map_err(host::Error::Request)?))
            }
        };
        let mut enrolment = Enrolment::new(request);
        enrolment.recipient = self.recipient.clone();
        enrolment.implicit_confirm = self.implicit_confirm;
        enrolment.cert_profile.clone_from(&self.cert_profile);
        Ok(enrolment)
    }

    /// One CertReqMsg.
    fn cert_req_messages(&self) -> Result<CertReqMessages, Error> {
        let proof = PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert);
        let message = match &self.key {
            CertifiedKey::Signing(key) => self.signed_request(key)?,
            CertifiedKey::Enciphering(key) if key.agrees() => {
                self.builder(key.public_key())?.key_agreement(proof).map_err(refused)?
            }
            CertifiedKey::Enciphering(key) => {
                self.builder(key.public_key())?.key_encipherment(proof).map_err(refused)?
            }
            CertifiedKey::Generated(kind) => {
                let mut builder = KeyGenerationBuilder::new(self.subject.clone(), *kind);
                builder.extensions.clone_from(&self.extensions);
                builder.controls = self.controls()?;
                builder.build().map_err(refused)?
            }
        };
        CertReqMessages::new(vec![message]).map_err(refused)
    }

    fn builder(&self, public_key: &PublicKey) -> Result<CertReqMsgBuilder, Error> {
        let mut builder = CertReqMsgBuilder::new(self.subject.clone(), public_key);
        builder.extensions.clone_from(&self.extensions);
        builder.controls = self.controls()?;
        Ok(builder)
    }

    /// Which certificate is updated.
    fn controls(&self) -> Result<Vec<AttributeTypeAndValue>, Error> {
        let updated = self.updated.iter().map(|updated| {
            let tbs = updated.tbs_certificate();
            let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
            Control::OldCertId(CertId::new(issuer, tbs.serial_number().clone())).close().map_err(refused)
        });
        updated.collect()
    }

    /// Without a subject the proof of possession is bound to who sends it (TS 33.310 section 9.5.4.2).
    fn signed_request(&self, key: &SoftwareKey) -> Result<CertReqMsg, Error> {
        let public_key = key.public_key();
        let mut builder = self.builder(public_key)?;
        match (&self.subject, self.credential.secret()) {
            (Some(_), _) => {}
            (None, Some(secret)) => {
                let made = crmf::PasswordMac::pbmac1(&self.provider)
                    .and_then(|kind| kind.authenticate(&self.provider, secret, public_key.spki_octets()));
                builder.public_key_mac = Some(made.map_err(refused)?);
            }
            (None, None) => {
                let name = self.credential.identity().name().clone();
                builder.sender = Some(GeneralName::DirectoryName(name));
            }
        }
        builder.sign(key).map_err(refused)
    }
}

/// The certificate in the directory, with its key.
fn own_credential(
    directory: &Directory,
    own_key: &OwnKey<'_>,
    chain: &[EncodedCertificate],
    opens: bool,
) -> Result<Credential, Error> {
    let certified = public_key(chain)?;
    let is_its_key = |key: &PublicKey| {
        if *key == certified {
            return Ok(());
        }
        let (certificate, key) = (directory.certificate.clone(), directory.key.display().to_string());
        Err(host::Error::OtherKey { certificate, key })
    };
    if is_for_kem(chain) {
        let key = read_kem_key(&directory.key, own_key.passphrase)?;
        is_its_key(key.public_key())?;
        return Credential::decapsulating(chain, key);
    }
    let key = own_key.read(&directory.key)?;
    is_its_key(key.public_key())?;
    if opens { Credential::opening(chain, key) } else { Credential::signing(chain, Arc::new(key)) }
}

fn refused(error: crmf::Error) -> Error {
    Error::Cmp(cmp::Error::CertReqMsg(error))
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(host::Error::File { path: path.to_owned(), error }.into())
        }
        _ => Ok(()),
    }
}

/// Writes what was issued where it belongs. May be done again when it was interrupted.
pub(super) fn install(
    directory: &Directory,
    state_file: &StateFile,
    issued: &Issued,
) -> Result<Enrolled, Error> {
    let (certificate, chain) = issued.open()?;
    let next_key: PathBuf = directory.path.join(NEXT_KEY);
    if next_key.exists() {
        fs::rename(&next_key, &directory.key)
            .map_err(|error| host::Error::File { path: next_key.clone(), error })?;
    }
    directory.keep(&certificate, &chain)?;
    state_file.remove()?;
    let decoded = Certificate::from_der(certificate.octets()).map_err(Error::Malformed)?;
    Ok(Enrolled::new(&certificate, &decoded, chain, directory))
}

/// extraCerts has no root (RFC 9483 section 3.3).
fn is_below_root(certificate: &EncodedCertificate) -> bool {
    !crate::issued::is_self_issued(certificate)
}
