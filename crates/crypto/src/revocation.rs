//! Whether a certificate is revoked, as CRLs tell it that somebody hands in (RFC 5280 sections 5 and 6.3): nothing is fetched.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use asn1::UnixTime;
use der::{AnyRef, Decode, Header, SliceReader, Tag};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, ExpirationPolicy, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::{CrlError, PathError};

/// A certificate revocation list, not believed yet: its signature is verified with the key of the issuer whenever a
/// certificate is looked up. Clones share it.
///
/// ```text
/// CertificateList ::= SEQUENCE {
///     tbsCertList         TBSCertList,
///     signatureAlgorithm  AlgorithmIdentifier,
///     signatureValue      BIT STRING }
/// ```
///
/// RFC 5280 section 5.1.
#[derive(Clone)]
pub struct CertificateList(Arc<Inner>);

struct Inner {
    octets: Vec<u8>,
    list: CertRevocationList<'static>,
    issuer: Name,
    this_update: UnixTime,
    next_update: UnixTime,
    revoked: usize,
}

impl CertificateList {
    /// Decodes a CRL: version 2, complete, for all reasons, with nextUpdate; issued by the CA itself.
    ///
    /// # Errors
    /// When it is no CRL, or one of another kind, such as a delta CRL or an indirect one.
    pub fn from_der(octets: &[u8]) -> Result<Self, CrlError> {
        if is_version_1(octets) {
            return Err(CrlError::Unsupported(
                "it is of version 1; `openssl ca -gencrl` makes version 2 where its configuration has crlnumber",
            ));
        }
        let list = BorrowedCertRevocationList::from_der(octets).map_err(crl_error)?;
        let revoked = list.into_iter().count();
        let list = list.to_owned().map_err(crl_error)?;
        let head = Head::read(octets).map_err(|_| CrlError::Malformed)?;
        Ok(Self(Arc::new(Inner {
            octets: octets.to_vec(),
            list: list.into(),
            issuer: head.issuer,
            this_update: point_in_time(head.this_update),
            next_update: point_in_time(head.next_update),
            revoked,
        })))
    }

    /// The octets it was decoded from.
    pub fn octets(&self) -> &[u8] {
        &self.0.octets
    }

    /// Who issued it.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// When it was issued.
    pub fn this_update(&self) -> UnixTime {
        self.0.this_update
    }

    /// When the next one is due at the latest.
    pub fn next_update(&self) -> UnixTime {
        self.0.next_update
    }

    /// How many certificates it revokes.
    pub fn revoked(&self) -> usize {
        self.0.revoked
    }
}

/// What webpki knows of a CRL, and does not tell.
struct Head {
    issuer: Name,
    this_update: Time,
    next_update: Time,
}

impl Head {
    /// Reads the beginning only: the list of the revoked may be long.
    fn read(octets: &[u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(octets)?;
        enter_tbs_cert_list(&mut reader)?;
        u8::decode(&mut reader)?;
        AnyRef::decode(&mut reader)?;
        let issuer = Name::decode(&mut reader)?;
        let (this_update, next_update) = (Time::decode(&mut reader)?, Time::decode(&mut reader)?);
        Ok(Self { issuer, this_update, next_update })
    }
}

/// Version 1 has no version field.
fn is_version_1(octets: &[u8]) -> bool {
    let read = |mut reader: SliceReader<'_>| {
        enter_tbs_cert_list(&mut reader)?;
        Tag::peek(&reader)
    };
    SliceReader::new(octets).and_then(read) == Ok(Tag::Sequence)
}

fn enter_tbs_cert_list(reader: &mut SliceReader<'_>) -> der::Result<()> {
    for _certificate_list_then_tbs_cert_list in 0..2 {
        Header::decode(reader)?.tag().assert_eq(Tag::Sequence)?;
    }
    Ok(())
}

impl PartialEq for CertificateList {
    fn eq(&self, other: &Self) -> bool {
        self.0.octets == other.0.octets
    }
}

impl Eq for CertificateList {}

impl fmt::Debug for CertificateList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateList({}, {} revoked)", self.0.issuer, self.0.revoked)
    }
}

/// What to do where a CRL is missing or out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationPolicy {
    /// Certificates are looked up where there is a CRL of their issuer, however old; the others pass.
    IfAvailable,
    /// Every certificate of the path, the anchor excepted, needs a CRL of its issuer that is not out of date.
    Required,
}

/// CRLs, and what to do where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    lists: Vec<CertificateList>,
    policy: RevocationPolicy,
}

impl Revocation {
    /// Looks up the certificates of paths in these CRLs, given in any order: the newest of an issuer decides.
    pub fn new(mut lists: Vec<CertificateList>, policy: RevocationPolicy) -> Self {
        lists.sort_by_key(|list| core::cmp::Reverse(list.this_update()));
        Self { lists, policy }
    }

    /// The CRLs, newest first.
    pub fn lists(&self) -> &[CertificateList] {
        &self.lists
    }

    /// What is done where one is missing.
    pub const fn policy(&self) -> RevocationPolicy {
        self.policy
    }

    /// webpki takes the first CRL of an issuer, and does not look at thisUpdate.
    pub(crate) fn lists_at(&self, now: UnixTime) -> Vec<&CertRevocationList<'static>> {
        let issued = self.lists.iter().filter(|list| list.this_update().as_secs() <= now.as_secs());
        issued.map(|list| &list.0.list).collect()
    }

    /// `None` when there is nothing to ask.
    pub(crate) fn options<'a>(
        &self,
        lists: &'a [&'a CertRevocationList<'a>],
    ) -> Result<Option<RevocationOptions<'a>>, PathError> {
        let required = self.policy == RevocationPolicy::Required;
        let Ok(builder) = RevocationOptionsBuilder::new(lists) else {
            return if required { Err(PathError::RevocationUnknown) } else { Ok(None) };
        };
        let (unknown, expiration) = if required {
            (UnknownStatusPolicy::Deny, ExpirationPolicy::Enforce)
        } else {
            (UnknownStatusPolicy::Allow, ExpirationPolicy::Ignore)
        };
        let builder = builder.with_depth(RevocationCheckDepth::Chain);
        Ok(Some(builder.with_status_policy(unknown).with_expiration_policy(expiration).build()))
    }
}

fn point_in_time(time: Time) -> UnixTime {
    UnixTime::from_secs(time.to_unix_duration().as_secs())
}

fn crl_error(error: webpki::Error) -> CrlError {
    use webpki::Error;
    CrlError::Unsupported(match error {
        Error::UnsupportedCrlVersion => "it is not of version 2",
        Error::UnsupportedDeltaCrl => "it is a delta CRL; a complete one is needed",
        Error::UnsupportedIndirectCrl => {
            "it is an indirect CRL; one of the certificates' own issuer is needed"
        }
        Error::UnsupportedRevocationReasonsPartitioning => "it is for some reasons of revocation only",
        Error::UnsupportedCrlIssuingDistributionPoint => "its issuingDistributionPoint has no full name",
        Error::UnsupportedCriticalExtension => "it has a critical extension that is not known here",
        Error::UnsupportedRevocationReason => "it gives a reason of revocation that is not known here",
        _ => return CrlError::Malformed,
    })
}
