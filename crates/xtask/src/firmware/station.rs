//! The program of `examples/firmware` enrols at `raca`, on two machines; and refuses what it must.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use testkit::programs::{Factory, run};

use super::emulator::{Board, House, run_program};
use super::toolchain::{Build, Unpacked};

/// Builds for the four targets, and runs the station on two.
pub(crate) fn check() -> Result<(), String> {
    let compiler = Unpacked::compiler()?;
    for target in ["armv7r-none-eabihf", "riscv32imac-unknown-none-elf"] {
        Build { target, arguments: &["--package", "nostd-check"] }.run(&compiler)?;
    }
    let emulators = Unpacked::emulators()?;
    for board in [Board::Mps2An386, Board::Virt] {
        let build = Build { target: board.target(), arguments: &["--bin", "station"] };
        let program = build.run(&compiler)?.join("station");
        let enrolled = || enrol(&emulators, board, &program);
        // Servers and peers of the test kit say by a panic what went wrong.
        catch_unwind(AssertUnwindSafe(enrolled)).map_err(|_| format!("{board:?}: see above"))??;
    }
    Ok(())
}

fn enrol(emulators: &Unpacked, board: Board, program: &std::path::Path) -> Result<(), String> {
    let house = House::new()?;
    let path = house.path();
    let enrolled = run_program(emulators, board, program, &house, &|reply| reply)?;
    if enrolled.code != Some(0) {
        return Err(format!("{board:?} ended with {:?}: {}", enrolled.code, enrolled.console));
    }
    for (kind, file) in [(b'p', "request.der"), (b'r', "messages.der"), (b'c', "certificate.der")] {
        fs::write(path.join(file), enrolled.only(kind)?).map_err(|error| error.to_string())?;
    }
    let verified = run("openssl", "req -inform DER -in request.der -verify -noout", path);
    if !verified.stderr.contains("verify OK") {
        return Err(format!("openssl req -verify: {}", verified.stderr));
    }
    run("openssl", "x509 -inform DER -in certificate.der -out certificate.pem", path).success();
    run("openssl", "verify -CAfile ra/ca.pem certificate.pem", path).success();
    let asked = run("openssl", "req -inform DER -in request.der -noout -pubkey", path).success();
    let got = run("openssl", "x509 -in certificate.pem -noout -pubkey", path).success();
    let messages =
        crmf::CertReqMessages::from_der(enrolled.only(b'r')?).map_err(|error| error.to_string())?;
    let [message] = messages.messages() else { return Err("not exactly one CertReqMsg".to_owned()) };
    let provider = crypto_rustcrypto::provider(Box::new(testkit::InsecureCountingRandom::starting_at(0)));
    message.verify_pop(&provider, None).map_err(|error| error.to_string())?;
    if asked != got {
        return Err("the certificate is for another key".to_owned());
    }

    refused(emulators, board, program, &house, &forged, "the signature does not verify")?;
    // Another operator's root is pinned.
    let other = tempfile::tempdir().map_err(|error| error.to_string())?;
    Factory::new(other.path());
    run("openssl", "x509 -in factory.pem -outform DER -out root.der", other.path()).success();
    fs::copy(other.path().join("root.der"), path.join("operator-root.der"))
        .map_err(|error| error.to_string())?;
    refused(emulators, board, program, &house, &|reply| reply, "no path leads to a trust anchor")
}

/// One bit of the protection changed on the way.
fn forged(mut reply: Vec<u8>) -> Vec<u8> {
    let message = cmp::PkiMessage::from_der(&reply);
    let protection = message.as_ref().ok().and_then(|message| message.protection()?.as_bytes());
    let place = protection.and_then(|protection| {
        reply.windows(protection.len()).position(|octets| octets == protection)?.checked_add(protection.len())
    });
    if let Some(octet) = place.and_then(|end| reply.get_mut(end.checked_sub(1)?)) {
        *octet ^= 1;
    }
    reply
}

fn refused(
    emulators: &Unpacked,
    board: Board,
    program: &std::path::Path,
    house: &House,
    reply: &dyn Fn(Vec<u8>) -> Vec<u8>,
    reason: &str,
) -> Result<(), String> {
    let refused = run_program(emulators, board, program, house, reply)?;
    if refused.code == Some(1) && refused.console.contains(reason) && refused.only(b'c').is_err() {
        Ok(())
    } else {
        Err(format!("{board:?} should have said {reason:?}: {:?} {}", refused.code, refused.console))
    }
}
