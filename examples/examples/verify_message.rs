//! Who signed a CMP message, and whether an operator's CA vouches for that.
//!
//! `cargo run -p examples --example verify_message -- MESSAGE.der CA.pem`

use std::path::Path;

use cmp::{Expectation, PkiMessage, ReadingPolicy, SenderNonce, SignerRole, Trust, Validator};
use crypto::ExtendedKeyUsage;
use host::files::{read, read_certificates};

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [message, anchors] = arguments.as_slice() else {
        return Err("give two files: a message (DER) and the CA certificates to believe (PEM)".into());
    };
    let octets = read(Path::new(message), 64 * 1024)?;
    let anchors = read_certificates(Path::new(anchors))?;

    let message = PkiMessage::inspect(&octets, &ReadingPolicy::default())?;
    println!("body:     {}", message.body().kind().name());
    let header = message.header().clone();
    println!(
        "sender:   {}",
        header.sender_name().map_or("not a distinguished name".into(), ToString::to_string)
    );

    let trust = [Trust::new(SignerRole::CertificationAuthority, anchors, ExtendedKeyUsage::Any)];
    let provider = crypto_aws_lc::provider();
    let mut validator = Validator::new(&provider, &trust);
    validator.time_window = None; // it may be an old one
    // An answer echoes the nonce of what it answers, which its receiver knows; here the message is taken at its word.
    let nonces: Vec<SenderNonce> = header
        .recip_nonce
        .iter()
        .map(|nonce| SenderNonce::new(nonce.as_octets()))
        .collect::<Result<_, _>>()?;
    let expectation = match &header.transaction_id {
        Some(id) if !nonces.is_empty() => {
            Expectation::Within { transaction_id: id, nonces: &nonces, signer: None }
        }
        _ => Expectation::First,
    };
    let validated = validator.validate(message, &expectation, host::now())?;
    println!("verifies: signed by {}", validated.signer().name);
    Ok(())
}
