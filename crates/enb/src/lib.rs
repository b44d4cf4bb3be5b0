//! A base station's side of enrolment: keys, certification requests, enrolment at a NEM, and a look into any message.
//! The commands of the program `enb` are the functions here.

mod commands;
mod enrol;
mod error;
mod files;
mod inspect;
mod name;
mod request;

pub use commands::{inspect_file, keygen, write_request};
pub use enrol::{EnrolOptions, Enrolled, Identity, Progress, enrol};
pub use error::Error;
pub use inspect::{InspectError, Inspection, MAX_INSPECTED, inspect};
pub use name::parse_name;
pub use request::{Names, certification_request, parse_host_name};
