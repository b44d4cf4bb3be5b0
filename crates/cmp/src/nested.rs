//! NestedMessageContent: the body nested, RFC 9810 section 5.1.3.4 and RFC 9483 section 5.2.2.

use alloc::vec::Vec;

use asn1::RawDer;

/// Messages inside a message: `PKIMessages ::= SEQUENCE SIZE (1..MAX) OF PKIMessage`.
///
/// They stay closed: each is one TLV of octets, to be opened one by one with [`crate::PkiMessage::inspect`]. No input
/// decides how deep a decoder recurses.
pub type NestedMessageContent = Vec<RawDer>;
