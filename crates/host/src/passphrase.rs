use std::fmt;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use secrecy::SecretString;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::Error;
use crate::key::deserialize_text;
use crate::secrets::read_private_line;

/// What somebody may have written in its place is a passphrase, so it is not shown.
const FORMS: &str = "where a passphrase or PIN comes from is written file:PATH (a file with one line, which only its owner \
                     may read), env:NAME (an environment variable) or prompt (asked for at the terminal)";

/// Where a passphrase or a PIN comes from: `file:PATH`, `env:NAME` or `prompt`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassphraseSource {
    /// The first and only line of a file that nobody but its owner may use.
    File(PathBuf),
    /// An environment variable. It cannot be wiped, and the operating system may show it to the same user's processes.
    Environment(String),
    /// Asked for at the terminal.
    Prompt,
}

impl PassphraseSource {
    /// The same source, with its file sought in that directory, unless its path is absolute.
    #[must_use]
    pub fn relative_to(self, directory: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(directory.join(path)),
            other => other,
        }
    }

    /// Gets it. `key` is for what, as people know it.
    ///
    /// # Errors
    /// When there is none, or the file is open to others.
    pub fn read(&self, key: &str) -> Result<SecretString, Error> {
        let refuse = |reason: String| Err(Error::Passphrase { key: key.to_owned(), reason });
        let text = match self {
            Self::File(path) => read_private_line(path)?,
            Self::Environment(name) => match std::env::var(name) {
                Ok(text) => Zeroizing::new(text),
                Err(std::env::VarError::NotPresent) => {
                    return refuse(format!("the environment variable {name} is not set"));
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return refuse(format!("the environment variable {name} is no text in UTF-8"));
                }
            },
            Self::Prompt => ask(&format!("Passphrase or PIN of {key}: "), key)?,
        };
        if text.is_empty() {
            return refuse("is empty".to_owned());
        }
        // Into memory of just its length; ours is wiped.
        Ok(SecretString::from(text.as_str()))
    }

    /// Gets it for a key that is to be encrypted. At the terminal it is asked for twice.
    ///
    /// # Errors
    /// As [`PassphraseSource::read`]; also when what is typed differs.
    pub fn read_new(&self, key: &str) -> Result<SecretString, Error> {
        use secrecy::ExposeSecret;

        let passphrase = self.read(key)?;
        if *self == Self::Prompt {
            let again = ask(&format!("The same again, for {key}: "), key)?;
            if again.as_str() != passphrase.expose_secret() {
                let reason = "the two that were typed differ".to_owned();
                return Err(Error::Passphrase { key: key.to_owned(), reason });
            }
        }
        Ok(passphrase)
    }
}

fn ask(prompt: &str, key: &str) -> Result<Zeroizing<String>, Error> {
    let refuse = |reason: String| Error::Passphrase { key: key.to_owned(), reason };
    if !io::stdin().is_terminal() {
        return Err(refuse(
            "is to be asked for at the terminal, and there is none; configure file:PATH or env:NAME instead"
                .to_owned(),
        ));
    }
    match rpassword::prompt_password(prompt) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => Err(refuse(format!("cannot be asked for: {error}"))),
    }
}

impl FromStr for PassphraseSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            None if text == "prompt" => Ok(Self::Prompt),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Environment(name.to_owned()))
            }
            _ => Err(FORMS),
        }
    }
}

impl fmt::Display for PassphraseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Prompt => f.write_str("prompt"),
        }
    }
}

impl<'de> Deserialize<'de> for PassphraseSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, FORMS)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_source_is_written_in_one_of_three_forms() {
        for text in ["file:ca.pass", "file:/etc/ca.pass", "env:RACA_CA_PASS", "prompt"] {
            assert_eq!(text.parse::<PassphraseSource>().unwrap().to_string(), text);
        }
        for typo in
            ["", "file:", "env:", "env:A=B", "Prompt", "prompt:", "pass:hunter2", "hunter2", "fil:hunter2"]
        {
            let error = typo.parse::<PassphraseSource>().unwrap_err();
            assert!(error.contains("file:PATH") && error.contains("env:NAME") && error.contains("prompt"));
        }
        for wrong in ["\"hunter2\"", "4711", "-4711", "47.11", "true", "[4711]", "{\"a\": 4711}", "null"] {
            let error = serde_json::from_str::<PassphraseSource>(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("47"), "{error}");
        }
        let source: PassphraseSource = serde_json::from_str("\"file:ca.pass\"").unwrap();
        assert_eq!(source.relative_to(Path::new("/etc")).to_string(), "file:/etc/ca.pass");
    }

    #[test]
    fn a_passphrase_comes_from_where_it_was_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pass");
        fs::write(&path, "hunter2\n").unwrap();
        let source = PassphraseSource::File(path.clone());
        let error = source.read("ca.key.pem").unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains("ca.pass"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(source.read("ca.key.pem").unwrap().expose_secret(), "hunter2");
        fs::write(&path, "\n").unwrap();
        let error = source.read("ca.key.pem").unwrap_err().to_string();
        assert!(error.contains("is empty") && error.contains("ca.key.pem"), "{error}");

        let environment = |name: &str| PassphraseSource::Environment(name.to_owned()).read("ca.key.pem");
        assert!(environment("PATH").is_ok());
        let error = environment("NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(error.contains("NO_SUCH_VARIABLE") && error.contains("ca.key.pem"), "{error}");
    }
}
