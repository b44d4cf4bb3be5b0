//! Files as a NEM makes them.
#![allow(clippy::unwrap_used, unreachable_pub)]

use std::fs;
use std::path::Path;

use cmp::end_entity::{CertificateRequest, Enrolment};
use cmp::{PkiMessage, SenderIdentity, bundle};
use crypto::SigningKey;
use crypto_aws_lc::SoftwareKey;
use host::files::read_certificates;
use host::now;
use pkcs10::{CertReq, CertReqBuilder};
use tempfile::TempDir;
use testkit::programs::run;
use x509_cert::name::Name;

/// An RA/CA, and a NEM that it certified.
pub struct House {
    folder: TempDir,
    key: SoftwareKey,
    identity: SenderIdentity,
}

impl House {
    pub fn new(raca: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        run(raca, "init --dir ra", path).success();
        let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nem.key -out nem.csr -subj /O=Operator/CN=nem";
        run("openssl", request, path).success();
        run(raca, "issue --config ra/raca.toml --csr nem.csr --profile ra --out nem.pem", path).success();
        let key = SoftwareKey::from_pem(&fs::read_to_string(path.join("nem.key")).unwrap()).unwrap();
        let certificate = read_certificates(&path.join("nem.pem")).unwrap().remove(0);
        let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap();
        Self { folder, key, identity }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the NEM sends for a station, which has the NEM's own key: possession of it is as good as of any other.
    pub fn request(&self, subject: &str) -> PkiMessage {
        let csr =
            CertReqBuilder::new(subject.parse().unwrap(), self.key.public_key()).sign(&self.key).unwrap();
        let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr).unwrap()));
        let started =
            Enrolment::new(request).start(&self.identity, &crypto_aws_lc::provider(), now()).unwrap();
        PkiMessage::from_der(&started.0.sign(&self.key).unwrap()).unwrap()
    }

    pub fn batch(&self, file: &str, messages: &[PkiMessage]) {
        let provider = crypto_aws_lc::provider();
        let (part, _) = bundle(messages, Name::default(), &self.identity, &provider, now()).unwrap();
        fs::write(self.path().join(file), part.sign(&self.key).unwrap()).unwrap();
    }
}
