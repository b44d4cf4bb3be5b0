//! A station's directory: its key, its certificate and the CA certificates above it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use asn1::EncodedCertificate;
use crypto::PublicKey;
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::{Decode, Encode};
use host::{KeySignature, PassphraseSource, files, read_software_key, sign_with, write_software_key};
use x509_cert::Certificate;

use crate::Error;

/// Where a station's files lie; locked for as long as this is there.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) chain: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|error| host::Error::File { path: path.to_owned(), error })?;
        Ok(Self {
            path: path.to_owned(),
            key: path.join("key.pem"),
            certificate: path.join("cert.pem"),
            chain: path.join("chain.pem"),
            _lock: lock(path)?,
        })
    }

    /// The same, of a station that has a certificate already.
    pub(crate) fn of_enrolled(path: &Path) -> Result<Self, Error> {
        if path.join("cert.pem").exists() {
            Self::open(path)
        } else {
            Err(Error::NotEnrolled(path.to_owned()))
        }
    }

    /// Writes what was issued. The certificate comes last: where it is, everything is.
    pub(crate) fn keep(
        &self,
        certificate: &EncodedCertificate,
        chain: &[EncodedCertificate],
    ) -> Result<(), Error> {
        let chain = files::certificates_pem(chain)?;
        let certificate = files::certificates_pem(std::slice::from_ref(certificate))?;
        files::write_atomically(&self.chain, chain.as_bytes())?;
        Ok(files::write_atomically(&self.certificate, certificate.as_bytes())?)
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

/// How a station's own key is made, read and used.
#[derive(Clone, Copy)]
pub(crate) struct OwnKey<'a> {
    /// The kind of key to make where there is none.
    pub(crate) key_type: KeyType,
    /// What it signs with, if it is an RSA key and that is not PKCS #1 v1.5 with SHA-256.
    pub(crate) signature: Option<KeySignature>,
    pub(crate) passphrase: Option<&'a PassphraseSource>,
}

impl OwnKey<'_> {
    pub(crate) fn read_or_make(&self, path: &Path) -> Result<SoftwareKey, Error> {
        if path.exists() {
            return self.read(path);
        }
        let key_type = self.key_type;
        if let Some(signature) = self.signature.filter(|_| !key_type.is_rsa()) {
            return Err(host::Error::Signature { key_type, signature }.into());
        }
        let key = SoftwareKey::generate(key_type)?;
        write_software_key(path, &key, self.passphrase)?;
        Ok(sign_with(key, self.signature)?)
    }

    pub(crate) fn read(&self, path: &Path) -> Result<SoftwareKey, Error> {
        let key = read_software_key(path, self.passphrase)?;
        Ok(sign_with(key, self.signature)?)
    }
}

/// The first certificate of a file, which is the one that counts.
pub(crate) fn decode(chain: &[EncodedCertificate]) -> Result<Certificate, Error> {
    let octets = chain.first().map(EncodedCertificate::octets).unwrap_or_default();
    Certificate::from_der(octets).map_err(Error::Malformed)
}

pub(crate) fn public_key(chain: &[EncodedCertificate]) -> Result<PublicKey, Error> {
    let spki = decode(chain)?.tbs_certificate().subject_public_key_info().to_der();
    PublicKey::from_spki_der(&spki.map_err(Error::Malformed)?)
        .map_err(|_| Error::Malformed(der::ErrorKind::Failed.into()))
}

pub(crate) fn octets(certificates: &[EncodedCertificate]) -> Vec<Vec<u8>> {
    certificates.iter().map(|certificate| certificate.octets().to_vec()).collect()
}
