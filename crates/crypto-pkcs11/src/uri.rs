use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::UriError;

const SCHEME: &str = "pkcs11:";

/// What a path may show as it is in a URI (RFC 7512 section 2.3, pk11-query-res-avail, and unreserved characters).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The name of a private key in a token, a PKCS #11 URI (RFC 7512):
///
/// ```text
/// pkcs11:token=ra;object=ca-key?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:ra.pin
/// ```
///
/// `module-path` is needed; the PIN itself (`pin-value`) is refused, because whoever may read a configuration or a list of
/// processes would read it, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    text: String,
    module_path: PathBuf,
    pin_source: Option<PathBuf>,
    pub(crate) token: TokenName,
    object: Option<String>,
    id: Option<Vec<u8>>,
}

/// What a token must be called; what is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenName {
    pub(crate) label: Option<String>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) slot_id: Option<u64>,
}

impl TokenUri {
    /// Whether a text is meant to be such a URI, right or wrong.
    pub fn is_meant(text: &str) -> bool {
        text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    /// The file with the PIN.
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// The same URI, with the file of its PIN sought in that directory, unless its path is absolute.
    #[must_use]
    pub fn relative_to(mut self, directory: &Path) -> Self {
        let Some(relative) = self.pin_source.take() else { return self };
        let path = directory.join(relative);
        let encoded = utf8_percent_encode(&path.to_string_lossy(), PATH).to_string();
        // A path that is no Unicode cannot stand in a URI, but can be used all the same.
        self.text = replace_value(&self.text, "pin-source", &format!("file:{encoded}"));
        self.pin_source = Some(path);
        self
    }

    /// The file of the PKCS #11 module.
    pub(crate) fn module_path(&self) -> &Path {
        &self.module_path
    }

    /// The key's label in the token.
    pub(crate) fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// The key's identifier in the token.
    pub(crate) fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }
}

fn replace_value(uri: &str, name: &str, value: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let attributes = query.split('&').map(|attribute| match attribute.split_once('=') {
        Some((found, _)) if found == name => format!("{name}={value}"),
        _ => attribute.to_owned(),
    });
    format!("{path}?{}", attributes.collect::<Vec<_>>().join("&"))
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if !Self::is_meant(text) {
            return Err(UriError::NoUri);
        }
        let rest = text.get(SCHEME.len()..).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self {
            text: text.to_owned(),
            module_path: PathBuf::new(),
            pin_source: None,
            token: TokenName::default(),
            object: None,
            id: None,
        };
        let mut seen: Vec<&str> = Vec::new();
        let attributes = path.split(';').chain(query.split('&')).filter(|attribute| !attribute.is_empty());
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').ok_or(UriError::NoValue)?;
            if seen.contains(&name) {
                return Err(UriError::Twice(name.to_owned()));
            }
            seen.push(name);
            uri.set(name, value)?;
        }
        // RFC 7512 leaves the module to the system; without it, nobody can say which one was meant.
        if uri.module_path.as_os_str().is_empty() {
            return Err(UriError::NoModule);
        }
        Ok(uri)
    }
}

impl TokenUri {
    fn set(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        let bad = || UriError::BadValue(name.to_owned());
        let text = || match percent_decode_str(value).decode_utf8() {
            Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
            _ => Err(bad()),
        };
        match name {
            "token" => self.token.label = Some(text()?),
            "manufacturer" => self.token.manufacturer = Some(text()?),
            "model" => self.token.model = Some(text()?),
            "serial" => self.token.serial = Some(text()?),
            "slot-id" => self.token.slot_id = Some(text()?.parse().map_err(|_| bad())?),
            "object" => self.object = Some(text()?),
            "id" => self.id = Some(percent_decode_str(value).collect()),
            "type" if value == "private" => {}
            "type" => return Err(bad()),
            "module-path" => self.module_path = text()?.into(),
            "pin-source" => {
                let source = text()?;
                let path = source.strip_prefix("file:").filter(|path| !path.is_empty()).ok_or_else(bad)?;
                // file:///etc/pin, as RFC 8089 has it.
                self.pin_source = Some(path.strip_prefix("//").unwrap_or(path).into());
            }
            // Nothing of the URI is shown from here on: the PIN stands in it.
            "pin-value" => return Err(UriError::PinValue),
            _ => return Err(UriError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "module-path=/usr/lib/softhsm/libsofthsm2.so";

    #[test]
    fn a_uri_names_token_key_module_and_pin() {
        let text = format!("pkcs11:token=My%20RA;object=ca-key;id=%01%ff?{MODULE}&pin-source=file:ra.pin");
        let uri: TokenUri = text.parse().unwrap();
        assert_eq!(uri.token.label.as_deref(), Some("My RA"));
        assert_eq!(uri.object(), Some("ca-key"));
        assert_eq!(uri.id(), Some(&[0x01, 0xff][..]));
        assert_eq!(uri.pin_source(), Some(Path::new("ra.pin")));
        assert_eq!(uri.to_string(), text);
        let uri = uri.relative_to(Path::new("/etc/my ra"));
        assert_eq!(uri.pin_source(), Some(Path::new("/etc/my ra/ra.pin")));
        let again: TokenUri = uri.to_string().parse().unwrap();
        assert_eq!(again, uri);
        assert_eq!(again.relative_to(Path::new("/elsewhere")), uri);

        let all = format!(
            "pkcs11:token=t;manufacturer=m;model=o;serial=s;slot-id=7;type=private;object=k?{MODULE}&pin-source=file:///p"
        );
        let uri: TokenUri = all.parse().unwrap();
        assert_eq!(uri.token.slot_id, Some(7));
        assert_eq!(uri.pin_source(), Some(Path::new("/p")));
    }

    #[test]
    fn what_is_wrong_is_said_and_a_pin_never_shown() {
        for (uri, reason) in [
            ("ca.key.pem", "begins with pkcs11:"),
            ("pkcs11:", "module-path"),
            ("pkcs11:token=t;object=k", "module-path"),
            ("pkcs11:token=t;tokn=u?module-path=/m", "\"tokn\""),
            ("pkcs11:token=t;token=u?module-path=/m", "\"token\""),
            ("pkcs11:token?module-path=/m", "="),
            ("pkcs11:token=%ff?module-path=/m", "\"token\""),
            ("pkcs11:token=%00?module-path=/m", "\"token\""),
            ("pkcs11:slot-id=one?module-path=/m", "\"slot-id\""),
            ("pkcs11:type=cert?module-path=/m", "\"type\""),
            ("pkcs11:object=k?module-path=/m&pin-source=ra.pin", "\"pin-source\""),
            ("pkcs11:object=k?module-path=/m&pin-source=%7c/bin/pin", "\"pin-source\""),
            ("pkcs11:object=k?module-path=/m&pin-source=file:", "\"pin-source\""),
            ("pkcs11:object=k?module-path=/m&pin-value=4711", "pin-source=file:"),
            ("pkcs11:object=k;pin-value=4711?module-path=/m", "pin-source=file:"),
            ("pkcs11:library-version=3?module-path=/m", "\"library-version\""),
        ] {
            let error = uri.parse::<TokenUri>().unwrap_err();
            assert!(error.to_string().contains(reason), "{uri}: {error}");
            assert!(!format!("{error} {error:?}").contains("4711"), "{error:?}");
        }
    }
}
