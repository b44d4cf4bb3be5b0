//! The station's directory: its key, the request under way, its certificate.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use asn1::EncodedCertificate;
use crypto::{PublicKey, SigningKey};
use crypto_aws_lc::SoftwareKey;
use der::{Decode, Encode};
use host::{files, read_software_key, read_tls_credential, sign_with, tls_key, write_software_key};
use pkcs10::{CertReq, CertReqBuilder};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::name::Name;

use super::{EnrolOptions, Enrolled, Identity};
use crate::Error;

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
    pub(super) paths: Paths,
    /// The vendor's; with a renewal the operator's, with the station's own key.
    tls_identity: transfer::tls::Identity,
    request_path: PathBuf,
    /// Held for as long as the station works in its directory.
    _lock: File,
}

/// Where a station's files lie.
pub(super) struct Paths {
    pub(super) key: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) chain: PathBuf,
}

impl Paths {
    fn new(directory: &Path) -> Self {
        Self {
            key: directory.join("key.pem"),
            certificate: directory.join("cert.pem"),
            chain: directory.join("chain.pem"),
        }
    }
}

impl Station {
    /// Reads what is given, and makes what is not there yet: directory, key, request.
    pub(super) fn prepare(options: &EnrolOptions) -> Result<Self, Error> {
        let nem_anchors = octets(&files::read_certificates(&options.nem_ca)?);
        let operator_anchors = options.operator_ca.as_deref().map(files::read_certificates).transpose()?;
        let directory = &options.directory;
        let paths = Paths::new(directory);
        match &options.identity {
            Identity::Vendor { certificate, key: vendor_key, names } => {
                let (chain, vendor_key) = read_tls_credential(certificate, vendor_key)?;
                let extensions = names.extensions()?;
                fs::create_dir_all(directory)
                    .map_err(|error| host::Error::File { path: directory.clone(), error })?;
                let lock = lock(directory)?;
                if paths.certificate.exists() {
                    return Err(Error::AlreadyEnrolled(directory.clone()));
                }
                let key = own_key(&paths.key, options)?;
                let request_path = directory.join("enrolment.csr.pem");
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
                    paths,
                    tls_identity: transfer::tls::Identity::new(octets(&chain), vendor_key),
                    request_path,
                    _lock: lock,
                })
            }
            Identity::Operator => {
                if !paths.certificate.exists() {
                    return Err(Error::NotEnrolled(directory.clone()));
                }
                let lock = lock(directory)?;
                let mut chain = files::read_certificates(&paths.certificate)?;
                let key = read_own_key(&paths.key, options)?;
                if public_key(&chain)? != *key.public_key() {
                    let key = paths.key.display().to_string();
                    return Err(host::Error::OtherKey { certificate: paths.certificate, key }.into());
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
                let request_path = directory.join(format!("renewal-of-{serial}.csr.pem"));
                let (request, continued) = request(&request_path, &subject, &extensions, &key)?;
                if let Ok(above) = files::read_certificates(&paths.chain) {
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
                    paths,
                    tls_identity: transfer::tls::Identity::new(octets(&chain), tls_key),
                    request_path,
                    _lock: lock,
                })
            }
        }
    }

    /// As whom to appear in TLS.
    pub(super) fn tls_identity(&self) -> transfer::tls::Identity {
        self.tls_identity.clone()
    }

    /// Writes what was issued. The certificate comes last: where it is, everything is.
    pub(super) fn keep(&self, enrolled: &Enrolled) -> Result<(), Error> {
        let chain = files::certificates_pem(&enrolled.chain)?;
        let certificate = files::certificates_pem(std::slice::from_ref(&enrolled.certificate))?;
        files::write_atomically(&self.paths.chain, chain.as_bytes())?;
        files::write_atomically(&self.paths.certificate, certificate.as_bytes())?;
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

/// flock on the directory; the operating system gives it back when the process ends, however it ends.
fn lock(directory: &Path) -> Result<File, Error> {
    let file_error = |error| host::Error::File { path: directory.to_owned(), error };
    let file = File::open(directory).map_err(file_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(file_error(error).into()),
    }
}

fn own_key(path: &Path, options: &EnrolOptions) -> Result<SoftwareKey, Error> {
    if path.exists() {
        return read_own_key(path, options);
    }
    let key_type = options.key_type;
    if let Some(signature) = options.signature.filter(|_| !key_type.is_rsa()) {
        return Err(host::Error::Signature { key_type, signature }.into());
    }
    let key = SoftwareKey::generate(key_type)?;
    write_software_key(path, &key, options.key_passphrase.as_ref())?;
    Ok(sign_with(key, options.signature)?)
}

fn read_own_key(path: &Path, options: &EnrolOptions) -> Result<SoftwareKey, Error> {
    let key = read_software_key(path, options.key_passphrase.as_ref())?;
    Ok(sign_with(key, options.signature)?)
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

/// The first certificate of a file, which is the one that counts.
fn decode(chain: &[EncodedCertificate]) -> Result<Certificate, Error> {
    let octets = chain.first().map(EncodedCertificate::octets).unwrap_or_default();
    Certificate::from_der(octets).map_err(Error::Malformed)
}

fn public_key(chain: &[EncodedCertificate]) -> Result<PublicKey, Error> {
    let spki = decode(chain)?.tbs_certificate().subject_public_key_info().to_der();
    PublicKey::from_spki_der(&spki.map_err(Error::Malformed)?)
        .map_err(|_| Error::Malformed(der::ErrorKind::Failed.into()))
}

fn octets(certificates: &[EncodedCertificate]) -> Vec<Vec<u8>> {
    certificates.iter().map(|certificate| certificate.octets().to_vec()).collect()
}
