use std::fmt;

use serde_json::Value;

/// What a message is to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // tests match all of them
pub enum Kind {
    /// RFC 2986
    Pkcs10,
    /// RFC 4211
    CertReqMessages,
    /// RFC 9810
    PkiMessage,
}

/// The name by which peers know it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pkcs10 => "PKCS10",
            Self::CertReqMessages => "CertReqMessages",
            Self::PkiMessage => "PKIMessage",
        })
    }
}

/// Something to read.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // tests make them
pub struct Message {
    /// For people.
    pub name: String,
    /// What it is to be read as.
    pub kind: Kind,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// What a decoder says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // tests match both
pub enum Reading {
    /// It is one.
    Accepted {
        /// What its values encode to.
        der: Vec<u8>,
        /// The fields that are compared; every decoder writes them the same way. Controls and the like are lists of
        /// two: the type, and the value opened and closed again, or null when it cannot be opened.
        fields: Value,
        /// The values that could not be opened, in hexadecimal digits, and why; others do not say.
        unopened: Vec<(String, String)>,
    },
    /// It is none, for that reason.
    Refused(String),
}

/// How a peer's reading differs from ours.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // tests match all of them
pub enum Difference {
    /// The peer takes it (or opens a value in it) as DER, and we refuse it for that reason.
    PeerTakes(String),
    /// We take it (or open a value in it), and the peer does not, for that reason.
    PeerRefuses(String),
    /// We take it, and the peer too, but not as DER: it encodes to other octets.
    PeerEncodesOtherwise,
    /// Both take it, and read other values in it: ours and theirs.
    Fields(Value, Value),
}

impl Difference {
    /// Compares two readings of those octets.
    pub fn between(octets: &[u8], ours: &Reading, theirs: &Reading) -> Option<Self> {
        match (ours, theirs) {
            (Reading::Refused(why), Reading::Accepted { der, .. }) if der == octets => {
                Some(Self::PeerTakes(why.clone()))
            }
            (Reading::Refused(_), _) => None,
            (Reading::Accepted { .. }, Reading::Refused(why)) => Some(Self::PeerRefuses(why.clone())),
            (Reading::Accepted { .. }, Reading::Accepted { der, .. }) if der != octets => {
                Some(Self::PeerEncodesOtherwise)
            }
            (Reading::Accepted { fields: ours, unopened, .. }, Reading::Accepted { fields: theirs, .. }) => {
                difference(ours, theirs, unopened)
            }
        }
    }
}

/// The first that there is.
fn difference(ours: &Value, theirs: &Value, unopened: &[(String, String)]) -> Option<Difference> {
    match (ours, theirs) {
        (ours, theirs) if ours == theirs => None,
        (Value::Array(ours), Value::Array(theirs)) => match (ours.as_slice(), theirs.as_slice()) {
            ([Value::String(oid), Value::Null], [same, Value::String(value)]) if oid == same => {
                // Elsewhere the peer opened what is no DER.
                let (_, why) = unopened.iter().find(|(octets, _)| octets == value)?;
                Some(Difference::PeerTakes(why.clone()))
            }
            ([Value::String(oid), Value::String(_)], [same, Value::Null]) if oid == same => {
                Some(Difference::PeerRefuses("cannot open the value".into()))
            }
            ([Value::String(oid), Value::String(_)], [same, Value::String(_)]) if oid == same => {
                Some(Difference::PeerEncodesOtherwise)
            }
            _ if ours.len() == theirs.len() => {
                ours.iter().zip(theirs).find_map(|(ours, theirs)| difference(ours, theirs, unopened))
            }
            _ => Some(Difference::Fields(ours.clone().into(), theirs.clone().into())),
        },
        (Value::Object(ours), Value::Object(theirs)) if ours.keys().eq(theirs.keys()) => {
            ours.values().zip(theirs.values()).find_map(|(ours, theirs)| difference(ours, theirs, unopened))
        }
        _ => Some(Difference::Fields(ours.clone(), theirs.clone())),
    }
}
