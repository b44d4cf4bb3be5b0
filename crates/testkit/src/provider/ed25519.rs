use crypto::{CryptoProvider, KeyKind, PublicKey, SignatureAlgorithm, VerifyError};

use super::single_bit_flips;
use crate::hex;

/// An Ed25519 signature from outside, in hexadecimal.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ed25519KnownAnswer {
    /// The private key.
    pub seed: &'static str,
    /// The public key.
    pub public_key: &'static str,
    /// What was signed.
    pub message: &'static str,
    /// The signature.
    pub signature: &'static str,
}

impl Ed25519KnownAnswer {
    /// The private key's octets.
    pub fn seed_octets(&self) -> [u8; 32] {
        octets(self.seed).try_into().expect("32 octets")
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_raw(KeyKind::Ed25519, &octets(self.public_key)).expect("an Ed25519 key")
    }

    /// What was signed.
    pub fn message_octets(&self) -> Vec<u8> {
        octets(self.message)
    }

    /// The signature's octets.
    pub fn signature_octets(&self) -> Vec<u8> {
        octets(self.signature)
    }
}

/// RFC 8032 section 7.1, tests 1 to 3.
pub const RFC_8032: [Ed25519KnownAnswer; 3] = [
    Ed25519KnownAnswer {
        seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        public_key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        message: "",
        signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    },
    Ed25519KnownAnswer {
        seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        public_key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        message: "72",
        signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
    Ed25519KnownAnswer {
        seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        public_key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        message: "af82",
        signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    },
];

/// RFC 8410 section 10.3: one private key, as PrivateKeyInfo and, with its public key, as OneAsymmetricKey.
pub const RFC_8410_PRIVATE_KEYS: [&str; 2] = [
    "-----BEGIN PRIVATE KEY-----\n\
     MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
     -----END PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\n\
     MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
     oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
     Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
     -----END PRIVATE KEY-----\n",
];

/// RFC 8410 section 10.1: the public key of [`RFC_8410_PRIVATE_KEYS`].
pub const RFC_8410_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
     MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
     -----END PUBLIC KEY-----\n";

pub(super) fn check(provider: &CryptoProvider) {
    for known in RFC_8032 {
        let (key, octets, signature) = (known.public_key(), known.message_octets(), known.signature_octets());
        let verify =
            |octets: &[u8], forged: &[u8]| provider.verify(SignatureAlgorithm::Ed25519, &key, octets, forged);
        assert_eq!(verify(&octets, &signature), Ok(()), "Ed25519 over {octets:02x?}");
        for (fault, forged) in forged_signatures(&signature) {
            assert_eq!(verify(&octets, &forged), Err(VerifyError::BadSignature), "Ed25519: {fault}");
        }
        let other_octets = [&octets[..], &[0]].concat();
        assert_eq!(verify(&other_octets, &signature), Err(VerifyError::BadSignature), "other octets");

        for flipped in single_bit_flips(key.key_octets()) {
            let Ok(other) = PublicKey::from_raw(KeyKind::Ed25519, &flipped) else { continue };
            let verified = provider.verify(SignatureAlgorithm::Ed25519, &other, &octets, &signature);
            assert_eq!(verified, Err(VerifyError::BadSignature), "Ed25519 with another key: {flipped:02x?}");
        }
    }
}

/// By fault.
fn forged_signatures(signature: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (r, s) = signature.split_at(32);
    let forged = |fault: &str, signature: Vec<u8>| (fault.to_owned(), signature);
    // y = p + 1, the point of order 1, as it must not be encoded
    let not_canonical = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    let mut all = vec![
        forged("empty", Vec::new()),
        forged("zero", vec![0; 64]),
        forged("all ones", vec![0xff; 64]),
        forged("S + L", [r, &sum(s, &octets(ORDER))].concat()),
        forged("S = L", [r, &octets(ORDER)].concat()),
        forged("S = 0", [r, &[0; 32]].concat()),
        forged("R not canonical", [&not_canonical, s].concat()),
        forged("R and S swapped", [s, r].concat()),
        forged("an octet too many", [signature, &[0]].concat()),
        forged("twice", signature.repeat(2)),
    ];
    all.extend((0..64).map(|length| forged("truncated", signature[..length].to_vec())));
    all.extend(single_bit_flips(signature).map(|flipped| (format!("{flipped:02x?}"), flipped)));
    all
}

/// The order L of the group, little-endian, RFC 8032 section 5.1.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// The sum of two little-endian numbers that fits into their length.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0_u16;
    let add = |(a, b): (&u8, &u8)| {
        let [high, low] = (u16::from(*a) + u16::from(*b) + carry).to_be_bytes();
        carry = u16::from(high);
        low
    };
    a.iter().zip(b).map(add).collect()
}

fn octets(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hexadecimal")
}
