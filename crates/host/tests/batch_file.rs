//! Batches in files: what is written in pieces is what would have been written at once, and nothing else is read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::Path;

use cmp::end_entity::{CertificateRequest, Enrolment};
use cmp::{
    Expectation, LongBatch, PkiBody, PkiMessage, ReadingPolicy, SenderIdentity, SenderNonce, SignerRole,
    TransactionId, Trust, Validator,
};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::SoftwareKey;
use host::Error;
use host::batch_file::{BatchFile, BatchWriter, is_cut_off};
use pkcs10::{CertReq, CertReqBuilder};
use testkit::vectors::{NOW, own_certificate, own_text};

struct Nem {
    key: SoftwareKey,
    identity: SenderIdentity,
}

impl Nem {
    fn new() -> Self {
        let key = SoftwareKey::from_pem(&own_text("openssl-mock/nem-ra.key.pem")).unwrap();
        let certificate = own_certificate("openssl-mock/nem-ra.crt.pem");
        let identity = SenderIdentity::new(certificate, vec![], key.algorithm()).unwrap();
        Self { key, identity }
    }

    fn message(&self, number: usize) -> Vec<u8> {
        let subject = format!("CN=enb{number}").parse().unwrap();
        let csr = CertReqBuilder::new(subject, self.key.public_key()).sign(&self.key).unwrap();
        let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr).unwrap()));
        let started = Enrolment::new(request).start(&self.identity, &crypto_aws_lc::provider(), NOW).unwrap();
        started.0.sign(&self.key).unwrap()
    }

    fn write(&self, path: &Path, messages: &[Vec<u8>]) {
        let provider = crypto_aws_lc::provider();
        let ids = (TransactionId::random(&provider).unwrap(), SenderNonce::random(&provider).unwrap());
        let mut writer = BatchWriter::create(path).unwrap();
        messages.iter().for_each(|message| writer.push(message).unwrap());
        let around = LongBatch::new(ids, writer.octets(), &self.identity, &provider, NOW).unwrap();
        writer.sign(&around, &self.key).unwrap();
        assert!(!path.exists(), "it has no name before it is whole");
        writer.publish().unwrap();
    }
}

fn validate(file: &BatchFile) -> Result<cmp::ValidatedBatch, cmp::Error> {
    let anchors = vec![own_certificate("openssl-mock/oper-ca.crt.pem")];
    let trust = [Trust::new(SignerRole::RegistrationAuthority, anchors, ExtendedKeyUsage::Any)];
    let (provider, received) = (crypto_aws_lc::provider(), file.received().clone());
    Validator::new(&provider, &trust).validate_batch(received, file.digest(), &Expectation::First, NOW)
}

#[test]
fn a_batch_comes_out_as_it_went_in() {
    let (nem, folder) = (Nem::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("batch.pki");
    let messages: Vec<Vec<u8>> = (0..200).map(|number| nem.message(number)).collect();
    nem.write(&path, &messages);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    // As anybody else reads it.
    let octets = fs::read(&path).unwrap();
    let mut policy = ReadingPolicy::default();
    policy.message_size = octets.len();
    let whole = PkiMessage::inspect(&octets, &policy).unwrap();
    let PkiBody::Nested(inside) = whole.body() else { panic!("{:?}", whole.body().kind()) };
    assert!(inside.iter().map(asn1::RawDer::octets).eq(messages.iter().map(Vec::as_slice)));
    // And in pieces.
    let file = BatchFile::open(&path, &policy).unwrap().unwrap();
    let validated = validate(&file).unwrap();
    assert_eq!(Some(validated.transaction_id()), whole.header().transaction_id.as_ref());
    let read: Vec<Vec<u8>> = file.messages().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, messages);
    // Nothing is overwritten.
    let writer = {
        let provider = crypto_aws_lc::provider();
        let ids = (TransactionId::random(&provider).unwrap(), SenderNonce::random(&provider).unwrap());
        let mut writer = BatchWriter::create(&path).unwrap();
        writer.push(&messages[0]).unwrap();
        let around = LongBatch::new(ids, writer.octets(), &nem.identity, &provider, NOW).unwrap();
        writer.sign(&around, &nem.key).unwrap();
        writer
    };
    assert!(matches!(writer.publish(), Err(Error::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), octets);
}

#[test]
fn what_was_changed_or_cut_off_is_not_believed() {
    let (nem, folder) = (Nem::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("batch.pki");
    let messages: Vec<Vec<u8>> = (0..3).map(|number| nem.message(number)).collect();
    nem.write(&path, &messages);
    let whole = fs::read(&path).unwrap();
    let mut policy = ReadingPolicy::default();
    policy.message_size = whole.len();
    let open = |octets: &[u8]| {
        fs::write(&path, octets).unwrap();
        BatchFile::open(&path, &policy)
    };
    let position = whole.windows(messages[1].len()).position(|part| part == messages[1]).unwrap();
    // In the header, in a message, in the signature or the certificates: wherever it is.
    for at in (0..whole.len()).step_by(whole.len() / 97).chain([position, position + 1, whole.len() - 1]) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let believed = open(&changed).is_ok_and(|file| file.is_some_and(|file| validate(&file).is_ok()));
        // What stands behind the signer's certificate in extraCerts is not protected (RFC 9810 section 5.1.3).
        assert!(
            !believed
                || PkiMessage::inspect(&changed, &policy).is_ok_and(|message| {
                    let anchors = vec![own_certificate("openssl-mock/oper-ca.crt.pem")];
                    let trust =
                        [Trust::new(SignerRole::RegistrationAuthority, anchors, ExtendedKeyUsage::Any)];
                    let provider = crypto_aws_lc::provider();
                    Validator::new(&provider, &trust).validate(message, &Expectation::First, NOW).is_ok()
                }),
            "{at}"
        );
    }
    for length in (0..whole.len()).step_by(41) {
        assert!(!matches!(open(&whole[..length]), Ok(Some(_))), "{length}");
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert!(open(&longer).unwrap_err().to_string().contains("not whole"));
    policy.nested_messages = 2;
    fs::write(&path, &whole).unwrap();
    let error = BatchFile::open(&path, &policy).unwrap_err();
    assert!(matches!(&error, Error::Batch { error: cmp::Error::TooMany { .. }, .. }), "{error}");
    policy.message_size = whole.len() - 1;
    assert!(matches!(BatchFile::open(&path, &policy), Err(Error::Batch { .. })));
}

#[test]
fn what_is_changed_while_it_is_read_is_found_out() {
    let (nem, folder) = (Nem::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("batch.pki");
    let messages: Vec<Vec<u8>> = (0..2).map(|number| nem.message(number)).collect();
    nem.write(&path, &messages);
    let mut policy = ReadingPolicy::default();
    policy.message_size = 1 << 20;
    let file = BatchFile::open(&path, &policy).unwrap().unwrap();
    let mut octets = fs::read(&path).unwrap();
    let position = octets.windows(messages[1].len()).position(|part| part == messages[1]).unwrap();
    octets[position + messages[1].len() - 1] ^= 1;
    fs::write(&path, octets).unwrap();
    let read: Vec<_> = file.messages().unwrap().collect();
    assert_eq!(read.len(), 3, "two messages, and the error");
    assert!(read[2].as_ref().unwrap_err().to_string().contains("changed while it was read"));
}

#[test]
fn what_is_no_batch_is_left_to_others() {
    let (nem, folder) = (Nem::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("file");
    let policy = ReadingPolicy::default();
    fs::write(&path, nem.message(1)).unwrap();
    assert!(BatchFile::open(&path, &policy).unwrap().is_none(), "a request by itself");
    fs::remove_file(&path).unwrap();
    nem.write(&path, &[nem.message(1)]);
    assert!(
        BatchFile::open(&path, &policy).unwrap().is_none(),
        "one message may be one with added protection"
    );
    for text in [&b""[..], b"-----BEGIN", &[0x30], &[0x30, 0x80], &[0xff; 40]] {
        fs::write(&path, text).unwrap();
        assert!(matches!(BatchFile::open(&path, &policy), Err(Error::Batch { .. })), "{text:?}");
    }
    assert!(matches!(BatchFile::open(&folder.path().join("nowhere"), &policy), Err(Error::File { .. })));
}

#[test]
fn what_is_cut_off_says_so() {
    let (nem, folder) = (Nem::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("file");
    let whole = nem.message(1);
    for length in [1, 2, 3, 4, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(is_cut_off(&path).unwrap(), "{length}");
    }
    for octets in [&whole[..], &[&whole[..], &[0]].concat(), b"", b"-----BEGIN", &[0x30, 0x80, 0, 0, 0, 0, 0]]
    {
        fs::write(&path, octets).unwrap();
        assert!(!is_cut_off(&path).unwrap(), "{octets:?}");
    }
}
