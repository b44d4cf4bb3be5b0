//! Whoever answers requests: a CA, or an RA in its stead (RFC 9483 section 4.1, RFC 9810 section 5.3).
//!
//! ```text
//! validated ir, cr, kur, p10cr --VerifiedRequest::verify--> VerifiedRequest --grant--> AwaitingCertConf --handle--> done
//!                                                          |    +-- implicit confirmation granted: done
//!                                                          +--wait--> AwaitingPollReq --handle--> grant, or wait again
//! ```
//!
//! Who may have what is decided elsewhere; here stand the messages, their order, and the proof of possession.

mod grant;
mod reply;
mod request;
mod revocation;

pub use grant::Grant;
pub use reply::{AwaitingCertConf, AwaitingPollReq, Confirmation, OpenRequest, ReplyTo, Responder};
pub(crate) use request::verify_pop;
pub use request::{Possession, VerifiedRequest};
pub use revocation::RevocationRequest;
