//! Messages with one octet changed.

use std::collections::BTreeSet;
use std::ops::Range;

use der::{Decode, Header, Reader, SliceReader};
use x509_cert::Certificate;

use crate::{Message, Reading, ours};

/// A message of which one octet was changed.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // tests read them
pub struct Mutated {
    /// What became of it.
    pub message: Message,
    /// Where: the tags from the outermost inwards, and which part was changed, as in `/30/a0/05 length`.
    pub path: String,
    /// The changed octet's position.
    pub position: usize,
}

impl Mutated {
    /// Whether the change lies in something that our decoders do not look into: they take any other octets there as well.
    pub fn is_in_closed_value(&self) -> bool {
        let mut nodes = Vec::new();
        collect(&self.message.octets, 0, "", &mut nodes);
        nodes.iter().filter(|node| node.range().contains(&self.position)).any(|node| {
            let is_taken = |tag: Option<u8>| {
                let mut octets = self.message.octets.clone();
                octets.get_mut(node.value()).unwrap_or_default().fill(0xff);
                if let (Some(tag), Some(octet)) = (tag, octets.get_mut(node.begin)) {
                    *octet = tag;
                }
                let message = Message { octets, ..self.message.clone() };
                matches!(ours::read(&message), Reading::Accepted { unopened, .. } if unopened.is_empty())
            };
            // ANY, or something constructed that stays closed.
            is_taken(Some(OCTET_STRING)) || !node.is_primitive && is_taken(None)
        })
    }
}

const OCTET_STRING: u8 = 0x04;

/// One TLV of a message.
struct Node {
    path: String,
    begin: usize,
    header: usize,
    length: usize,
    is_primitive: bool,
    is_leaf: bool,
}

impl Node {
    fn value(&self) -> Range<usize> {
        let begin = self.begin + self.header;
        begin..begin + self.length
    }

    fn range(&self) -> Range<usize> {
        self.begin..self.value().end
    }
}

/// Every tag, length and value of these messages changed in a few ways, each alone. Certificates are changed as a whole;
/// what stands at the same place in several messages is changed in the first.
pub fn mutations(messages: &[Message]) -> Vec<Mutated> {
    let mut seen = BTreeSet::new();
    messages.iter().flat_map(|message| mutations_of(message, &mut seen)).collect()
}

fn mutations_of(message: &Message, seen: &mut BTreeSet<(String, Vec<u8>)>) -> Vec<Mutated> {
    let mut nodes = Vec::new();
    collect(&message.octets, 0, "", &mut nodes);
    let mut all = Vec::new();
    for node in &nodes {
        let octets = message.octets.get(node.range()).unwrap_or_default();
        if !seen.insert((node.path.clone(), octets.to_vec())) {
            continue;
        }
        let mut change = |what: &str, position: usize, change: &dyn Fn(u8) -> u8| {
            let mut octets = message.octets.clone();
            let Some(octet) = octets.get_mut(position) else { return };
            let before = *octet;
            *octet = change(before);
            if *octet == before {
                return;
            }
            let path = format!("{} {what}", node.path);
            let name = format!("{}:{path} at {position}: {before:02x} -> {octet:02x}", message.name);
            all.push(Mutated { message: Message { name, kind: message.kind, octets }, path, position });
        };
        for bit in [0x01, 0x20, 0x80] {
            change("tag", node.begin, &|tag| tag ^ bit);
        }
        change("tag", node.begin, &|_| 0x05);
        change("length", node.begin + 1, &|length| length.wrapping_add(1));
        change("length", node.begin + 1, &|length| length.wrapping_sub(1));
        change("length", node.begin + 1, &|_| 0x80);
        if node.is_leaf && node.length > 0 {
            let Range { start: first, end } = node.value();
            for octet in [0x00, 0x7f, 0x80, 0xff] {
                change("value", first, &|_| octet);
            }
            change("value", end - 1, &|octet| octet ^ 0x01);
            change("value", end - 1, &|_| 0x2b);
        }
    }
    all
}

/// As far as it is DER.
fn collect(octets: &[u8], begin: usize, outer: &str, nodes: &mut Vec<Node>) {
    let Ok(mut reader) = SliceReader::new(octets) else { return };
    while !reader.is_finished() {
        let before = usize::try_from(reader.position()).expect("a message is short");
        let Ok(whole) = reader.tlv_bytes() else { return };
        let Ok(mut inside) = SliceReader::new(whole) else { return };
        let Ok(tag) = Header::decode(&mut inside).map(|header| header.tag()) else { return };
        let header = usize::try_from(inside.position()).expect("it is short");
        let octet = whole.first().expect("it has a tag");
        let is_certificate = Certificate::from_der(whole).is_ok();
        let path = format!("{outer}/{octet:02x}{}", if is_certificate { "(certificate)" } else { "" });
        let value = whole.get(header..).unwrap_or_default();
        let is_leaf = !tag.is_constructed() || is_certificate;
        nodes.push(Node {
            path: path.clone(),
            begin: begin + before,
            header,
            length: value.len(),
            is_primitive: !tag.is_constructed(),
            is_leaf,
        });
        if !is_leaf {
            collect(value, begin + before + header, &path, nodes);
        }
    }
}
