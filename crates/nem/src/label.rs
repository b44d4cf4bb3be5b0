use alloc::string::String;
use core::fmt;

/// What a station calls a request of its own: the name of the file it uploads, without the ending.
///
/// 1 to 64 letters, digits, `.`, `_` and `-` of ASCII, the first one no `.`: such a name is no path, and is the same in every
/// file system and URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// The longest one, in octets.
    pub const MAX_LENGTH: usize = 64;

    /// `None` when it is not as it must be.
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-');
        let good = (1..=Self::MAX_LENGTH).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(allowed);
        good.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Label;

    #[test]
    fn a_label_is_no_path_and_no_surprise() {
        for good in ["enb1", "2026-11-25_a.b", "-", "A", &"x".repeat(64)] {
            assert_eq!(Label::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../a",
            "a\\b",
            "a b",
            "a\0",
            "a\n",
            "ü",
            "a%2fb",
            "~",
            "*",
            "a:b",
            &"x".repeat(65),
        ] {
            assert_eq!(Label::new(bad), None, "{bad:?}");
        }
    }
}
