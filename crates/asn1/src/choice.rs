use der::{Tag, TagNumber};

/// The tag `[number]` of something constructed: under an EXPLICIT tag, or in place of a SEQUENCE's.
pub const fn constructed(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The tag `[number]` in place of a primitive type's.
pub const fn primitive(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: false, number: TagNumber(number) }
}

/// Implements `der::Encode` for a CHOICE that is written by hand: the type has a method
/// `choice(&self) -> der::Result<der::Any>`, the alternative under its tag.
#[macro_export]
macro_rules! encode_choice {
    ($type:ty) => {
        impl ::der::Encode for $type {
            fn encoded_len(&self) -> ::der::Result<::der::Length> {
                self.choice()?.encoded_len()
            }

            fn encode(&self, writer: &mut impl ::der::Writer) -> ::der::Result<()> {
                self.choice()?.encode(writer)
            }
        }
    };
}
