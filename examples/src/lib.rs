//! Small programs that compose the crates: `cargo run -p examples --example NAME`.
//!
//! * `csr_with_key_elsewhere`: a certification request whose key is in a secure element.
//! * `enrol_in_memory`: a station's `ir`, the RA/CA's `ip`, certConf and pkiconf, without a network.
//! * `nem_in_a_loop`: a NEM driven by a plain blocking loop, with files and no server.
//! * `verify_message FILE`: whether a CMP message's protection verifies with the certificate it brings along.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
