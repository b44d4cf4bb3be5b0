//! The station's directory: its key, the request under way, its certificate.

use std::fs;
use std::path::{Path, PathBuf};

use asn1::EncodedCertificate;
use crypto::{KeyUse, Requested, SigningKey};
use crypto_aws_lc::SoftwareKey;
use host::{files, read_tls_credential, tls_key};
use pkcs10::{CertReq, CertReqBuilder};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::name::Name;

use super::{EnrolOptions, Identity};
use crate::directory::{Directory, OwnKey, decode, octets, public_key};
use crate::{Enrolled, Error};

/// Longer than any request of a station.
const MAX_REQUEST_LENGTH: u64 = 64 * 1024;

/// A station that is ready to upload its request.
pub(super) struct Station {
    pub(super) key: SoftwareKey,
    pub(super) subject: Name,
    pub(super) extensions: Vec<Extension>,
    pub(super) request: Vec<u8>,
    pub(super) continued: bool,
    pub(super) renewal: bool,
    pub(super) nem_anchors: Vec<Vec<u8>>,
    pub(super) operator_anchors: Option<Vec<EncodedCertificate>>,
    pub(super) directory: Directory,
    /// The vendor's; with a renewal the operator's, with the station's own key.
    tls_identity: transfer::tls::Identity,
    request_path: PathBuf,
}

impl Station {
    /// Reads what is given, and makes what is not there yet: directory, key, request.
    pub(super) fn prepare(options: &EnrolOptions) -> Result<Self, Error> {
        let nem_anchors = octets(&files::read_certificates(&options.nem_ca)?);
        let operator_anchors = options.operator_ca.as_deref().map(files::read_certificates).transpose()?;
        let own_key = OwnKey {
            key_type: options.key_type,
            signature: options.signature,
            passphrase: options.key_passphrase.as_ref(),
        };
        match &options.identity {
            Identity::Vendor { certificate, key: vendor_key, names } => {
                let (chain, vendor_key) = read_tls_credential(certificate, vendor_key)?;
                let extensions = names.extensions()?;
                let directory = Directory::open(&options.directory)?;
                if directory.certificate.exists() {
                    return Err(Error::AlreadyEnrolled(directory.path));
                }
                let key = own_key.read_or_make(&directory.key)?;
                let request_path = directory.path.join("enrolment.csr.pem");
                let (request, continued) = request(&request_path, &names.subject, &extensions, &key)?;
                Ok(Self {
                    key,
                    subject: names.subject.clone(),
                    extensions,
                    request,
                    continued,
                    renewal: false,
                    nem_anchors,
                    operator_anchors,
                    directory,
                    tls_identity: transfer::tls::Identity::new(octets(&chain), vendor_key),
                    request_path,
                })
            }
            Identity::Operator => {
                let directory = Directory::of_enrolled(&options.directory)?;
                let mut chain = files::read_certificates(&directory.certificate)?;
                let key = own_key.read(&directory.key)?;
                if public_key(&chain)? != *key.public_key() {
                    let key = directory.key.display().to_string();
                    return Err(host::Error::OtherKey { certificate: directory.certificate, key }.into());
                }
                let tls_key = tls_key(&key)?;
                let current = decode(&chain)?;
                let tbs = current.tbs_certificate();
                let subject = tbs.subject().clone();
                let all = tbs.extensions().map_or(&[][..], Vec::as_slice);
                // RFC 7030 section 4.2.2: subject and subjectAltName stay as they are.
                let alternative_names = |extension: &&Extension| {
                    extension.extn_id == <SubjectAltName as const_oid::AssociatedOid>::OID
                };
                let extensions: Vec<Extension> = all.iter().filter(alternative_names).cloned().collect();
                // Named after what it renews: a request that has been answered is never taken for a new one.
                let serial = tbs.serial_number().to_string().replace(':', "");
                let request_path = directory.path.join(format!("renewal-of-{serial}.csr.pem"));
                let (request, continued) = request(&request_path, &subject, &extensions, &key)?;
                if let Ok(above) = files::read_certificates(&directory.chain) {
                    chain.extend(above);
                }
                Ok(Self {
                    key,
                    subject,
                    extensions,
                    request,
                    continued,
                    renewal: true,
                    nem_anchors,
                    operator_anchors,
                    directory,
                    tls_identity: transfer::tls::Identity::new(octets(&chain), tls_key),
                    request_path,
                })
            }
        }
    }

    /// What was asked for.
    pub(super) fn requested(&self) -> Requested<'_> {
        let public_key = self.key.public_key().spki_octets();
        let subject = Some(&self.subject);
        Requested { public_key, subject, extensions: &self.extensions, key_use: KeyUse::Signing }
    }

    /// As whom to appear in TLS.
    pub(super) fn tls_identity(&self) -> transfer::tls::Identity {
        self.tls_identity.clone()
    }

    /// Writes what was issued.
    pub(super) fn keep(&self, enrolled: &Enrolled) -> Result<(), Error> {
        self.directory.keep(&enrolled.certificate, &enrolled.chain)?;
        self.forget_request();
        Ok(())
    }

    /// The next run makes a new request.
    pub(super) fn forget_request(&self) {
        if let Err(error) = fs::remove_file(&self.request_path) {
            tracing::warn!(file = %self.request_path.display(), reason = %error, "a finished request stays behind");
        }
    }
}

/// The request of an earlier run when it asks for the same, or a new one; the flag says which.
fn request(
    path: &Path,
    subject: &Name,
    extensions: &[Extension],
    key: &SoftwareKey,
) -> Result<(Vec<u8>, bool), Error> {
    if let Ok(text) = files::read(path, MAX_REQUEST_LENGTH)
        && let Ok(octets) = files::parse_request(&text)
        && asks_for(&octets, subject, extensions, key)
    {
        return Ok((octets, true));
    }
    let mut builder = CertReqBuilder::new(subject.clone(), key.public_key());
    builder.extensions = extensions.to_vec();
    let octets = builder.sign(key).map_err(host::Error::Request)?;
    files::write_atomically(path, files::request_pem(&octets)?.as_bytes())?;
    Ok((octets, false))
}

fn asks_for(request: &[u8], subject: &Name, extensions: &[Extension], key: &SoftwareKey) -> bool {
    let verified =
        CertReq::from_der(request).and_then(|request| request.verify_pop(&crypto_aws_lc::provider()));
    verified.is_ok_and(|verified| {
        verified.subject() == subject
            && verified.extensions() == extensions
            && verified.public_key() == key.public_key()
    })
}
