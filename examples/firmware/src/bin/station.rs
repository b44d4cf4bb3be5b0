//! The station: makes its key and its requests, enrols at the RA/CA at the other end of the serial line, and shows what it
//! got.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::CStr;

use asn1::UnixTime;
use crypto::KeyKind;
use crypto_rustcrypto::EcKey;
use der::Encode;
use firmware::board::{self, Entropy, Serial};
use firmware::frame::{Kind, receive, send};
use firmware::station::{Failure, Station};
use firmware::subject::subject;
use semihosting::eprintln;

#[unsafe(no_mangle)]
fn firmware_main() -> i32 {
    match enrol() {
        Ok(()) => 0,
        Err(reason) => {
            match reason {
                Reason::Missing(file) => eprintln!("not provisioned: {}", file.to_string_lossy()),
                Reason::Board(what) => eprintln!("{what}"),
                Reason::Station(failure) => eprintln!("{failure}"),
            }
            1
        }
    }
}

enum Reason {
    Missing(&'static CStr),
    Board(&'static str),
    Station(Failure),
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        Self::Station(failure)
    }
}

fn enrol() -> Result<(), Reason> {
    let vendor_certificate = provisioned(c"vendor.der")?;
    let vendor_key = EcKey::from_pkcs8_der(&provisioned(c"vendor-key.der")?)
        .map_err(|_| Reason::Board("the vendor's key is malformed"))?;
    let root = provisioned(c"operator-root.der")?;
    let subject = subject("Vendor", "enb1").map_err(Failure::Provisioned)?;
    let provider = crypto_rustcrypto::provider(Box::new(Entropy));
    let station = Station::new(&provider, &vendor_certificate, &vendor_key, &root, subject)?;
    let mut line = Serial::open();

    let key =
        EcKey::generate(KeyKind::P256, &Entropy).map_err(|_| Reason::Board("no key: entropy failed"))?;
    send(&mut line, Kind::CertReq, &station.certification_request(&key)?);
    let request = station.cert_req_messages(&key)?;
    send(
        &mut line,
        Kind::CertReqMessages,
        &request.to_der().map_err(crmf::Error::Encoding).map_err(Failure::from)?,
    );

    let (message, awaiting) = station.initialization_request(request, now()?)?;
    let granted = station.certificate(awaiting, &exchange(&mut line, &message)?, &key, now()?)?;
    let certificate = granted.certificate().octets().to_vec();
    let (message, awaiting) = station.certificate_confirmation(granted, now()?)?;
    station.confirmed(awaiting, &exchange(&mut line, &message)?, now()?)?;
    send(&mut line, Kind::Certificate, &certificate);

    let usage = board::heap().usage();
    eprintln!("enrolled; at most {} octets of heap", usage.peak);
    Ok(())
}

fn provisioned(name: &'static CStr) -> Result<Vec<u8>, Reason> {
    board::provisioned(name).ok_or(Reason::Missing(name))
}

fn now() -> Result<UnixTime, Reason> {
    board::now().map(UnixTime::from_secs).ok_or(Reason::Board("there is no clock"))
}

fn exchange(line: &mut Serial, message: &[u8]) -> Result<Vec<u8>, Reason> {
    send(line, Kind::PkiMessage, message);
    receive(line).ok_or(Reason::Board("the reply is too large"))
}
