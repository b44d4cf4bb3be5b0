//! The ledger's exports: a DER of its own, as its requests have.

use asn1::UnixTime;
use cmp::SenderNonce;
use der::asn1::OctetString;
use der::{Decode, Encode, Enumerated, Sequence};
use nem::ledger::{Export, ExportForm, ExportId};

use crate::Error;

/// ```text
/// ExportEntry ::= SEQUENCE {
///   exportID OCTET STRING (SIZE (16)),
///   form     ENUMERATED { pki(0), pkcs10(1) },
///   upstream UTF8String,
///   nonce    OCTET STRING,
///   madeAt   INTEGER,              -- Unix time
///   file     UTF8String,
///   requests INTEGER,
///   written  BOOLEAN }
/// ```
#[derive(Sequence)]
struct ExportEntry {
    id: OctetString,
    form: FormName,
    upstream: String,
    nonce: SenderNonce,
    made_at: u64,
    file: String,
    requests: u64,
    written: bool,
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum FormName {
    Pki = 0,
    Pkcs10 = 1,
}

pub(super) fn export_to_der(export: &Export) -> Result<Vec<u8>, Error> {
    let entry = ExportEntry {
        id: OctetString::new(export.id.as_octets().as_slice()).map_err(Error::Encoding)?,
        form: match export.form {
            ExportForm::Pki => FormName::Pki,
            ExportForm::Pkcs10 => FormName::Pkcs10,
        },
        upstream: export.upstream.clone(),
        nonce: export.nonce.clone(),
        made_at: export.made_at.as_secs(),
        file: export.file.clone(),
        requests: export.requests,
        written: export.written,
    };
    entry.to_der().map_err(Error::Encoding)
}

pub(super) fn export_from_der(octets: &[u8]) -> Result<Export, Error> {
    let corrupt = |reason| Error::Corrupt { record: "export", reason };
    let entry = ExportEntry::from_der(octets).map_err(corrupt)?;
    let id = entry.id.as_bytes().try_into();
    let id = id.map_err(|_| corrupt(der::ErrorKind::Value { tag: der::Tag::OctetString }.into()))?;
    Ok(Export {
        id: ExportId::new(id),
        form: match entry.form {
            FormName::Pki => ExportForm::Pki,
            FormName::Pkcs10 => ExportForm::Pkcs10,
        },
        upstream: entry.upstream,
        nonce: entry.nonce,
        made_at: UnixTime::from_secs(entry.made_at),
        file: entry.file,
        requests: entry.requests,
        written: entry.written,
    })
}
