//! The Certificate Management Protocol (RFC 9810) in the Lightweight CMP Profile (RFC 9483).
//!
//! A message passes through three types, and only a check leads from one to the next:
//!
//! * [`PkiMessage`] is decoded, with its octets kept, and believed in nothing.
//! * [`ValidatedMessage`] went up the ladder of RFC 9483 section 3.5 ([`Validator`]): its protection holds over
//!   the received octets, and its signer has a path to an anchor configured for the role it plays, or shares a secret.
//! * The states of [`end_entity`] (who requests) and [`management_entity`] (who answers) take validated messages only.
//!
//! What is sent is built as a [`ProtectedPart`]: octets to sign out, signature in; or a MAC by a [`MacCredential`].
#![no_std]

extern crate alloc;

mod announcement;
mod body;
mod cert_conf;
mod cert_rep;
pub mod end_entity;
#[cfg(feature = "enveloped-data")]
mod enveloped_data;
mod error;
mod error_msg;
mod first_contact;
mod general_info;
mod header;
mod info_value;
#[cfg(feature = "enveloped-data")]
mod key_package;
mod key_recovery;
mod long_batch;
pub mod management_entity;
mod message;
mod message_time;
mod nested;
mod poll;
mod pop_challenge;
mod protection;
mod quirks;
mod reading;
mod refusal;
mod replaced;
mod revocation;
mod root_update;
mod status;
mod support;
mod trust;
mod validation;
mod version;

pub use announcement::{
    CaKeyUpdAnnContent, CaKeyUpdContent, CrlAnnContent, RevAnnContent, RootCaKeyUpdateContent,
};
pub use body::{BodyKind, PkiBody};
pub use cert_conf::{CertConfirmContent, CertStatus};
pub use cert_rep::{CertOrEncCert, CertRepMessage, CertResponse, CertifiedKeyPair};
pub use crmf::CertReqId;
#[cfg(feature = "enveloped-data")]
pub use enveloped_data::RecipientKey;
pub use error::Error;
pub use error_msg::ErrorMsgContent;
pub use general_info::{GeneralInfo, InfoTypeAndValue};
pub use header::{PkiHeader, RecipNonce, SenderNonce, TransactionId};
pub use info_value::{CertReqTemplateContent, CrlSource, CrlStatus, InfoValue, KemCiphertextInfo};
#[cfg(feature = "enveloped-data")]
pub use key_package::{KeyGenerationAuthority, KeyPackageOpener};
pub use key_recovery::KeyRecRepContent;
pub use long_batch::{BatchLayout, LongBatch, ReceivedBatch, ValidatedBatch};
pub use message::PkiMessage;
pub use message_time::MessageTime;
pub use nested::{
    Answers, AwaitingBatch, Batch, NestedMessageContent, Opened, Unbundled, add_protection, bundle, unbundle,
};
pub use poll::{PollRepContent, PollRepItem, PollReqContent, PollReqItem};
pub use pop_challenge::{Challenge, PopoDecKeyChallContent, PopoDecKeyRespContent, Rand};
pub use protection::{Encapsulation, KemTrust, MacCredential, ProtectedPart, Reference, SenderIdentity};
pub use quirks::{Quirk, Quirks, UnknownQuirk};
pub use reading::{Deviation, ReadingPolicy};
pub use refusal::UnprotectedRefusal;
pub use replaced::{keeps_its_protection, replace_protection};
pub use revocation::{RevDetails, RevRepContent, RevReqContent};
pub use status::{PkiFailureInfo, PkiFreeText, PkiStatus, PkiStatusInfo};
pub use support::{GenMsgContent, GenRepContent};
pub use trust::{Credential, SecretTrust, Signer, SignerRole, Trust};
pub use validation::{Expectation, ValidatedMessage, Validator};
pub use version::Pvno;
