//! A base station's side of enrolment: keys, certification requests, enrolment at a NEM, and a look into any message.
//! The commands of the program `enb` are the functions here.

mod commands;
mod enrol;
mod error;
mod inspect;

pub use commands::{inspect_file, keygen, write_request};
pub use enrol::{EnrolOptions, Enrolled, Identity, Progress, enrol};
pub use error::Error;
pub use inspect::{InspectError, Inspection, MAX_INSPECTED, inspect};
