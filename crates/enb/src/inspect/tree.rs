use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What was found, in the order and by the names of the RFC: printed indented, or serialised for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    List(Vec<Value>),
    Fields(Fields),
}

/// Named values, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Absent fields are not printed.
    pub(crate) fn with_some(self, name: impl Into<String>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Lists without elements are not printed.
    pub(crate) fn with_list<V: Into<Value>>(
        self,
        name: impl Into<String>,
        list: impl IntoIterator<Item = V>,
    ) -> Self {
        let list: Vec<Value> = list.into_iter().map(Into::into).collect();
        if list.is_empty() { self } else { self.with(name, Value::List(list)) }
    }

    pub(crate) fn print(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| value.print(f, name, depth))
    }
}

impl Value {
    fn print(&self, f: &mut fmt::Formatter<'_>, name: &str, depth: usize) -> fmt::Result {
        let indent = depth * 2;
        match self {
            Self::Text(text) => {
                write!(f, "{:indent$}{name}: ", "")?;
                print_text(f, text)?;
                writeln!(f)
            }
            Self::Number(number) => writeln!(f, "{:indent$}{name}: {number}", ""),
            Self::List(values) if values.is_empty() => writeln!(f, "{:indent$}{name}: none", ""),
            Self::List(values) => values
                .iter()
                .enumerate()
                .try_for_each(|(n, value)| value.print(f, &format!("{name}[{n}]"), depth)),
            Self::Fields(fields) => {
                writeln!(f, "{:indent$}{name}", "")?;
                fields.print(f, depth.saturating_add(1))
            }
        }
    }
}

/// Text from outside cannot drive a terminal: control characters, and those that turn the direction of writing, are
/// shown by their numbers.
fn print_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns { write!(f, "{}", c.escape_unicode()) } else { write!(f, "{c}") }
    })
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::List(values) => values.serialize(serializer),
            Self::Fields(fields) => fields.serialize(serializer),
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Fields(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(fields: &Fields) -> String {
        struct Print<'a>(&'a Fields);
        impl fmt::Display for Print<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.print(f, 0)
            }
        }
        Print(fields).to_string()
    }

    #[test]
    fn the_same_tree_for_people_and_for_programs() {
        let fields = Fields::new()
            .with("header", Fields::new().with("pvno", 2).with_some("freeText", None::<String>))
            .with_list("status", ["accepted", "rejection"])
            .with_list("none", Vec::<Value>::new());
        assert_eq!(printed(&fields), "header\n  pvno: 2\nstatus[0]: accepted\nstatus[1]: rejection\n");
        assert_eq!(
            serde_json::to_string(&fields).unwrap(),
            r#"{"header":{"pvno":2},"status":["accepted","rejection"]}"#
        );
    }

    #[test]
    fn text_from_outside_cannot_drive_a_terminal() {
        let fields = Fields::new().with("statusString", "\u{1b}[2Jno\u{202e}");
        assert_eq!(printed(&fields), "statusString: \\u{1b}[2Jno\\u{202e}\n");
    }
}
