//! A base station's side of enrolment: keys, certification requests, enrolment at a NEM, and a look into any message.
//! The commands of the program `enb` are the functions here.

mod attempts;
mod blocking;
mod commands;
mod direct;
mod directory;
mod enrol;
mod error;
mod inspect;
mod issued;
mod progress;

pub use commands::{inspect_file, keygen, write_request};
pub use direct::{
    CertificateOptions, CmpOptions, CmpSender, Inquiry, KeyAlgorithm, MacKind, RevocationReason, WantedKey,
    file_of, inquire, lines_of, request_certificate, revoke,
};
pub use enrol::{EnrolOptions, Identity, enrol};
pub use error::Error;
pub use inspect::{InspectError, Inspection, MAX_INSPECTED, inspect};
pub use issued::Enrolled;
pub use progress::Progress;
