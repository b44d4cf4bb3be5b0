//! Policies for peers that break a rule of protection, each by its name and off by default.

use alloc::string::String;
use core::fmt;

/// What a peer gets wrong about protection and an operator can put up with, where the peer cannot be mended. None of them lets an
/// unprotected message through that is not a refusal.
///
/// What is wrong in the syntax is a [`Deviation`](crate::Deviation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quirk {
    /// `unprotected-errors`: a refusal may come without protection (RFC 9483 section 3.6.4 has it protected where that is
    /// possible). EJBCA sends all errors so that come before it has authenticated the sender. Anybody on the way can then make a
    /// request fail. See [`Validator::unprotected_refusal`](crate::Validator::unprotected_refusal).
    UnprotectedErrors,
    /// `answer-by-other-kind`: a request with a MAC may be answered with a signature (RFC 9483 section 3.2 has the same kind in both
    /// directions). EJBCA in its HMAC mode and LightweightCmpRa do so. The signer must be trusted as the RA/CA.
    AnswerByOtherKind,
    /// `pbes2-in-pbmac1`: the key derivation function of PBMAC1 may be called id-PBES2 instead of id-PBKDF2 (RFC 8018 appendix
    /// A.5). Bouncy Castle writes it so. It is answered with id-PBKDF2.
    Pbes2InPbmac1,
    /// `sha1-in-mac`: PasswordBasedMac may name SHA-1 and HMAC-SHA-1 (RFC 9481 section 6.1 no longer does). OpenSSL's mock server
    /// answers so, whatever it was asked with. It is verified, and answered with SHA-256 in its place.
    Sha1InMac,
    /// `signer-without-digital-signature`: an anchor that signs messages itself need not have digitalSignature in its keyUsage (RFC
    /// 9483 section 3.5 wants it). EJBCA signs its answers with the CA's own key. The signer must be trusted as the RA/CA.
    SignerWithoutDigitalSignature,
    /// `root-from-extra-certs`: whoever has no trust anchor takes it from the extraCerts of the ip (TS 33.310 section 9.5.4.3). RFC
    /// 9483 section 3.2 has the anchors configured. Anybody on the way can be the RA/CA then. See
    /// [`Validator::first_contact`](crate::Validator::first_contact).
    RootFromExtraCerts,
    /// `sender-of-another`: the sender field and the senderKID of an answer need not be those of its signer's certificate (RFC 9483
    /// section 3.1). EJBCA copies senderKID from the request, and older ones send an rp under a reversed name. The signer must be
    /// trusted as the RA/CA.
    SenderOfAnother,
    /// `signer-changes`: the answers of one transaction may be signed with different certificates (RFC 9483 section 3.2 has one). EJBCA
    /// does so. Each signer must be trusted as the RA/CA.
    SignerChanges,
    /// `nested-answers`: the answer to a single message may come inside a nested message (RFC 9483 section 5.2.2 has nested ones
    /// between RAs and CAs, answered by nested ones). LightweightCmpRa does so with everything where nesting is switched on. Nothing is
    /// believed of what is around the answer; see [`PkiMessage::answer_inside`](crate::PkiMessage::answer_inside).
    NestedAnswers,
}

impl Quirk {
    /// Every quirk there is.
    pub const ALL: [Self; 9] = [
        Self::UnprotectedErrors,
        Self::AnswerByOtherKind,
        Self::Pbes2InPbmac1,
        Self::Sha1InMac,
        Self::SignerWithoutDigitalSignature,
        Self::RootFromExtraCerts,
        Self::SenderOfAnother,
        Self::SignerChanges,
        Self::NestedAnswers,
    ];

    /// The name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnprotectedErrors => "unprotected-errors",
            Self::AnswerByOtherKind => "answer-by-other-kind",
            Self::Pbes2InPbmac1 => "pbes2-in-pbmac1",
            Self::Sha1InMac => "sha1-in-mac",
            Self::SignerWithoutDigitalSignature => "signer-without-digital-signature",
            Self::RootFromExtraCerts => "root-from-extra-certs",
            Self::SenderOfAnother => "sender-of-another",
            Self::SignerChanges => "signer-changes",
            Self::NestedAnswers => "nested-answers",
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::UnprotectedErrors => 1,
            Self::AnswerByOtherKind => 2,
            Self::Pbes2InPbmac1 => 4,
            Self::Sha1InMac => 16,
            Self::SignerWithoutDigitalSignature => 8,
            Self::RootFromExtraCerts => 32,
            Self::SenderOfAnother => 64,
            Self::SignerChanges => 128,
            Self::NestedAnswers => 256,
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not among those of the quirks that can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownQuirk {
    /// The name.
    pub name: String,
    /// Which quirks can be had.
    pub known: &'static [Quirk],
}

impl fmt::Display for UnknownQuirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no quirk {:?} here; there are", self.name)?;
        self.known.iter().try_for_each(|quirk| write!(f, " {:?}", quirk.name()))
    }
}

impl core::error::Error for UnknownQuirk {}

/// A set of [`Quirk`]s; empty by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u16);

impl Quirks {
    /// Every peer keeps to the rules.
    pub const NONE: Self = Self(0);

    /// Whether this one is put up with.
    pub const fn contains(self, quirk: Quirk) -> bool {
        self.0 & quirk.bit() != 0
    }

    /// Puts up with this one, too.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | quirk.bit())
    }

    /// Those of the `known` ones that are named.
    ///
    /// # Errors
    /// At the first name of none of them.
    pub fn from_names<'a>(
        names: impl IntoIterator<Item = &'a str>,
        known: &'static [Quirk],
    ) -> Result<Self, UnknownQuirk> {
        let find = |name: &'a str| {
            let quirk = known.iter().copied().find(|quirk| quirk.name() == name);
            quirk.ok_or_else(|| UnknownQuirk { name: name.into(), known })
        };
        names.into_iter().map(find).collect()
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_quirk_is_known_by_its_name_and_is_off_until_it_is_named() {
        let mut quirks = Quirks::default();
        for quirk in Quirk::ALL {
            assert_eq!(Quirks::from_names([quirk.name()], &Quirk::ALL), Ok(Quirks::NONE.with(quirk)));
            assert!(!quirks.contains(quirk));
            quirks = quirks.with(quirk);
            assert!(quirks.contains(quirk));
        }
        assert_eq!(Quirk::ALL.into_iter().collect::<Quirks>(), quirks);
    }

    #[test]
    fn other_names_are_refused_with_the_list_of_those_that_can_be_had() {
        for name in ["", "all", "Unprotected-Errors", "unprotected-errors ", "unprotected-answers"] {
            let error = Quirks::from_names([name], &Quirk::ALL).unwrap_err().to_string();
            assert!(Quirk::ALL.iter().all(|quirk| error.contains(quirk.name())), "{error}");
        }
        let error = Quirks::from_names(["pbes2-in-pbmac1"], &[Quirk::UnprotectedErrors]).unwrap_err();
        assert_eq!(error.known, [Quirk::UnprotectedErrors]);
    }
}
