//! What goes over the serial line: frames of a kind, a length in four octets, most significant first, and octets.

use alloc::vec::Vec;

/// A serial line.
pub trait Line {
    /// Writes an octet.
    fn write(&mut self, octet: u8);
    /// Reads the next octet, whenever it comes.
    fn read(&mut self) -> u8;
}

/// What the octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A PKIMessage for the RA/CA; one comes back.
    PkiMessage = b'm',
    /// A PKCS #10 request.
    CertReq = b'p',
    /// Another one, for an RSA key.
    RsaCertReq = b'q',
    /// A CertReqMessages.
    CertReqMessages = b'r',
    /// The certificate that was issued and confirmed.
    Certificate = b'c',
    /// A digest to be signed by a key elsewhere; the signature comes back.
    Digest = b'd',
    /// The same for an RSA key.
    RsaDigest = b'e',
    /// A signature of ML-DSA.
    Signature = b's',
    /// The SubjectPublicKeyInfo it was made with.
    PublicKey = b'k',
    /// A measurement: a name, a NUL, and numbers of four octets.
    Figures = b'f',
}

/// Larger messages are not taken: octets.
const MAX_LENGTH: usize = 16 * 1024;

/// Sends a frame.
pub fn send(line: &mut dyn Line, kind: Kind, octets: &[u8]) {
    line.write(kind as u8);
    let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    length.to_be_bytes().iter().chain(octets).for_each(|octet| line.write(*octet));
}

/// Receives a frame; `None` when it is too large.
pub fn receive(line: &mut dyn Line) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(core::array::from_fn(|_| line.read()));
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_LENGTH)?;
    Some((0..length).map(|_| line.read()).collect())
}
