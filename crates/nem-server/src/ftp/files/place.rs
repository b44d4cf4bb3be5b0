//! What paths name.

use std::path::{Component, Path};

use crate::service::Form;

pub(super) const REQUESTS: &str = "requests";
pub(super) const CERTIFICATES: &str = "certificates";
/// How a file with a PKIMessage ends.
pub(super) const MESSAGE: &str = "pki";

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Requests,
    Certificates,
    File { folder: &'static str, stem: String, ending: String },
}

impl Place {
    /// `None`: there can be nothing. Names are looked up and never joined to a path of the machine.
    pub(super) fn new(path: &Path) -> Option<Self> {
        let mut names: Vec<&str> = Vec::new();
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir => {
                    names.pop();
                }
                Component::Normal(name) => names.push(name.to_str()?),
                Component::Prefix(_) => return None,
            }
        }
        match names.as_slice() {
            [] => Some(Self::Root),
            [REQUESTS] => Some(Self::Requests),
            [CERTIFICATES] => Some(Self::Certificates),
            [folder, name] => {
                let folder = [REQUESTS, CERTIFICATES].into_iter().find(|known| known == folder)?;
                let (stem, ending) = name.rsplit_once('.')?;
                Some(Self::File { folder, stem: stem.to_owned(), ending: ending.to_ascii_lowercase() })
            }
            _ => None,
        }
    }
}

pub(super) fn form_of(ending: &str) -> Option<Form> {
    match ending {
        "p10" | "csr" => Some(Form::Pkcs10),
        "crmf" => Some(Form::CertReqMessages),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_nowhere_but_to_the_two_folders() {
        let place = |path: &str| Place::new(Path::new(path));
        assert_eq!(place("/"), Some(Place::Root));
        assert_eq!(place("/../../.."), Some(Place::Root));
        assert_eq!(place("/certificates/../requests/."), Some(Place::Requests));
        let file = |folder, stem: &str, ending: &str| {
            Some(Place::File { folder, stem: stem.to_owned(), ending: ending.to_owned() })
        };
        assert_eq!(place("/requests/a.b.P10"), file(REQUESTS, "a.b", "p10"));
        assert_eq!(place("/etc/../requests/../certificates/a.pem"), file(CERTIFICATES, "a", "pem"));
        for nothing in
            ["/etc/passwd", "/requests/a/b.p10", "/requests/a", "/a.p10", "/requests/x/../../etc/a.b"]
        {
            assert_eq!(place(nothing), None, "{nothing}");
        }
    }
}
