//! A station that is about to ask for a certificate: its directory, its key, its credential, and the transaction under way.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use asn1::EncodedCertificate;
use cmp::end_entity::{CertificateRequest, Enrolment, RequestKind};
use crmf::{CertId, CertReqMessages, CertReqMsgBuilder, Control};
use crypto::{CryptoProvider, Requested, SigningKey};
use crypto_aws_lc::SoftwareKey;
use der::{Decode, Encode};
use host::files;
use pkcs10::{CertReq, CertReqBuilder};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::credential::Credential;
use super::line::Belief;
use super::state::{Issued, State, StateFile, Step};
use super::{CertificateOptions, CmpOptions};
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
    key: SoftwareKey,
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

/// Where the key lies that an update is to certify.
const NEXT_KEY: &str = "next-key.pem";

impl Station {
    /// Reads what is given, and makes what is not there yet: directory and key.
    pub(super) fn prepare(options: &CmpOptions, wanted: &CertificateOptions) -> Result<Prepared, Error> {
        let provider = crypto_aws_lc::provider();
        let update = wanted.kind == RequestKind::Kur;
        // Nothing is left behind by a run that was given the wrong files.
        let given = wanted.sender.as_ref().map(|sender| Credential::read(sender, &provider)).transpose()?;
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
        let own_key = OwnKey {
            key_type: wanted.key_type,
            signature: wanted.signature,
            passphrase: wanted.key_passphrase.as_ref(),
        };
        let station = if update {
            let current = files::read_certificates(&directory.certificate)?;
            let current_key = own_key.read(&directory.key)?;
            if public_key(&current)? != *current_key.public_key() {
                let key = directory.key.display().to_string();
                return Err(host::Error::OtherKey { certificate: directory.certificate, key }.into());
            }
            let updated = decode(&current)?;
            let mut chain = current;
            chain.truncate(1);
            chain.extend(
                files::read_certificates(&directory.chain)
                    .unwrap_or_default()
                    .into_iter()
                    .filter(is_below_root),
            );
            let credential = Credential::signing(&chain, Arc::new(current_key))?;
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
                key: own_key.read_or_make(&directory.path.join(NEXT_KEY))?,
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
            let credential = given.ok_or(cmp::Error::BadCredential)?;
            Self {
                belief: Belief::read(options, &credential)?,
                credential,
                kind: wanted.kind,
                recipient: options.recipient.clone(),
                implicit_confirm: wanted.implicit_confirm,
                cert_profile: wanted.cert_profile.clone(),
                key: own_key.read_or_make(&directory.key)?,
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
        Ok(Prepared::Ready(station, state))
    }

    /// What is asked for, to tell whether a later run asks for the same.
    pub(super) fn asked(&self) -> Result<Vec<u8>, Error> {
        let mut asked = self.key.public_key().spki_octets().to_vec();
        asked.extend(self.subject.clone().unwrap_or_default().to_der().map_err(Error::Malformed)?);
        asked.extend(self.extensions.to_der().map_err(Error::Malformed)?);
        asked.push(u8::from(self.implicit_confirm));
        asked.extend(self.cert_profile.iter().flat_map(|name| name.bytes()));
        Ok(asked)
    }

    /// What the certificate is held against.
    pub(super) fn requested(&self) -> Requested<'_> {
        let public_key = self.key.public_key().spki_octets();
        Requested { public_key, subject: self.subject.as_ref(), extensions: &self.extensions }
    }

    /// The request, before it is protected.
    pub(super) fn enrolment(&self) -> Result<Enrolment, Error> {
        let request = match self.kind {
            RequestKind::Ir => CertificateRequest::Ir(self.cert_req_messages()?),
            RequestKind::Cr => CertificateRequest::Cr(self.cert_req_messages()?),
            RequestKind::Kur => CertificateRequest::Kur(self.cert_req_messages()?),
            _ => {
                let mut builder =
                    CertReqBuilder::new(self.subject.clone().unwrap_or_default(), self.key.public_key());
                builder.extensions.clone_from(&self.extensions);
                let octets = builder.sign(&self.key).map_err(host::Error::Request)?;
                CertificateRequest::P10cr(Box::new(CertReq::from_der(&octets).map_err(host::Error::Request)?))
            }
        };
        let mut enrolment = Enrolment::new(request);
        enrolment.recipient = self.recipient.clone();
        enrolment.implicit_confirm = self.implicit_confirm;
        enrolment.cert_profile.clone_from(&self.cert_profile);
        Ok(enrolment)
    }

    /// One CertReqMsg. Without a subject its proof of possession is bound to who sends it (TS 33.310 section 9.5.4.2).
    fn cert_req_messages(&self) -> Result<CertReqMessages, Error> {
        let refused = |error| Error::Cmp(cmp::Error::CertReqMsg(error));
        let public_key = self.key.public_key();
        let mut builder = CertReqMsgBuilder::new(self.subject.clone(), public_key);
        builder.extensions.clone_from(&self.extensions);
        if let Some(updated) = &self.updated {
            let tbs = updated.tbs_certificate();
            let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
            builder.controls = vec![Control::OldCertId(CertId::new(issuer, tbs.serial_number().clone()))];
        }
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
        let message = builder.sign(&self.key).map_err(refused)?;
        CertReqMessages::new(vec![message]).map_err(refused)
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
