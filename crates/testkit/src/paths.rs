//! Paths that OpenSSL makes, each with one thing wrong or just allowed: what TS 33.310 and RFC 5280 want of every certificate.

mod heaps;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use asn1::oids::rfc6402;
use asn1::{EncodedCertificate, UnixTime};
use crypto::{
    CertificatePath, CryptoProvider, ExtendedKeyUsage, KeyError, PathError, Revocation, RevocationPolicy,
};
use der::Document;
use tempfile::TempDir;

use crate::programs::{run_words, words};

const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
const CA: [&str; 2] = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const LEAF: [&str; 1] = ["keyUsage=critical,digitalSignature"];

/// Checks paths with this provider's signatures.
///
/// # Panics
/// When one ends otherwise than it must; the message tells which.
pub fn check(provider: &CryptoProvider) {
    let house = House::new(provider);
    house.weak_signatures();
    house.weak_keys();
    house.purposes();
    house.name_constraints();
    house.lengths();
    house.extensions();
    house.times();
    house.check_heaps();
    house.revocation();
}

/// A root, a CA under it, and whatever is made under them.
struct House<'a> {
    provider: &'a CryptoProvider,
    folder: TempDir,
}

impl<'a> House<'a> {
    fn new(provider: &'a CryptoProvider) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let configuration = "[req]\ndistinguished_name = dn\n[dn]\n[operator]\nO = Operator\n";
        fs::write(folder.path().join("openssl.cnf"), configuration).expect("writable");
        let house = Self { provider, folder };
        house.make("root", None, P256, "sha256", &CA);
        house.make("sub", Some("root"), P256, "sha256", &CA);
        house.make("leaf", Some("sub"), P256, "sha256", &LEAF);
        assert_eq!(house.validate("leaf", &["sub"], "root"), Ok(()));
        house
    }

    /// Makes `NAME.pem` and `NAME.key`, for `CN=NAME,O=Operator`.
    fn make(&self, name: &str, issuer: Option<&str>, key: &str, digest: &str, extensions: &[&str]) {
        let of_issuer = issuer.map(|issuer| format!("-CA {issuer}.pem -CAkey {issuer}.key"));
        let separated = format!(
            "req -x509 -config openssl.cnf -newkey {key} -nodes -{digest} -keyout {name}.key -out {name}.pem -days 3650 {}",
            of_issuer.unwrap_or_default()
        );
        let subject = format!("/O=Operator/CN={name}");
        let mut whole = vec!["-subj", &subject];
        whole.extend(extensions.iter().flat_map(|extension| ["-addext", extension]));
        run_words("openssl", &words(&separated, &whole), self.folder.path()).success();
    }

    fn certificate(&self, name: &str) -> EncodedCertificate {
        let text = fs::read_to_string(self.folder.path().join(format!("{name}.pem"))).expect("it was made");
        let (_, document) = Document::from_pem(&text).expect("OpenSSL makes PEM");
        EncodedCertificate::new(document.as_bytes()).expect("Document holds one SEQUENCE")
    }

    fn validate(&self, leaf: &str, intermediates: &[&str], anchor: &str) -> Result<(), PathError> {
        let intermediates: Vec<EncodedCertificate> =
            intermediates.iter().map(|name| self.certificate(name)).collect();
        self.validate_for(leaf, &intermediates, anchor, ExtendedKeyUsage::Any, now())
    }

    fn validate_for(
        &self,
        leaf: &str,
        intermediates: &[EncodedCertificate],
        anchor: &str,
        extended_key_usage: ExtendedKeyUsage,
        now: UnixTime,
    ) -> Result<(), PathError> {
        self.provider.validate_path(&CertificatePath {
            end_entity: &self.certificate(leaf),
            intermediates,
            anchors: &[self.certificate(anchor)],
            extended_key_usage,
            revocation: None,
            now,
        })
    }

    /// TS 33.310 section 6.1.1: neither SHA-1 nor MD5. What an anchor signed itself with means nothing.
    fn weak_signatures(&self) {
        for (key, digest) in [("rsa:2048", "sha1"), ("rsa:2048", "md5"), (P256, "sha1")] {
            self.make("a-root", None, key, "sha256", &CA);
            self.make("a-sub", Some("a-root"), key, digest, &CA);
            self.make("a-leaf", Some("a-sub"), key, "sha256", &LEAF);
            let weak_sub = self.validate("a-leaf", &["a-sub"], "a-root");
            assert_eq!(weak_sub, Err(PathError::BadSignature), "{key} {digest}: a CA's");
            self.make("a-leaf", Some("a-root"), key, digest, &LEAF);
            let weak_leaf = self.validate("a-leaf", &[], "a-root");
            assert_eq!(weak_leaf, Err(PathError::BadSignature), "{key} {digest}: the end entity's");
            self.make("a-root", None, key, digest, &CA);
            self.make("a-leaf", Some("a-root"), key, "sha256", &LEAF);
            assert_eq!(self.validate("a-leaf", &[], "a-root"), Ok(()), "{key} {digest}: the anchor's");
        }
    }

    fn weak_keys(&self) {
        for key in [
            "rsa:1024",
            "rsa:2040",
            "rsa:2048 -pkeyopt rsa_keygen_pubexp:3",
            "ec -pkeyopt ec_paramgen_curve:secp224r1",
            "ec -pkeyopt ec_paramgen_curve:prime192v1",
            "ec -pkeyopt ec_paramgen_curve:secp256k1",
            "ec -pkeyopt ec_paramgen_curve:brainpoolP256r1",
            "ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "ed448",
        ] {
            let digest = "sha256";
            self.make("b-leaf", Some("root"), key, digest, &LEAF);
            let weak_leaf = self.validate("b-leaf", &[], "root");
            assert!(matches!(weak_leaf, Err(PathError::Key(_))), "{key}: {weak_leaf:?}");
            let weak_anchor = self.validate_itself("b-leaf");
            assert!(matches!(weak_anchor, Err(PathError::Key(_))), "{key}: {weak_anchor:?}");

            self.make("b-sub", Some("root"), key, digest, &CA);
            self.make("b-leaf", Some("b-sub"), P256, digest, &LEAF);
            assert!(self.validate("b-leaf", &["b-sub"], "root").is_err(), "{key}: a CA's");
            self.make("b-root", None, key, digest, &CA);
            self.make("b-leaf", Some("b-root"), P256, digest, &LEAF);
            assert!(self.validate("b-leaf", &[], "b-root").is_err(), "{key}: the anchor's");
        }
        self.make("b-leaf", Some("root"), "rsa:1024", "sha256", &LEAF);
        let weak_leaf = self.validate("b-leaf", &[], "root");
        assert_eq!(weak_leaf, Err(PathError::Key(KeyError::RsaModulus { bits: 1024 })));
    }

    fn validate_itself(&self, name: &str) -> Result<(), PathError> {
        self.validate(name, &[], name)
    }

    /// RFC 9810 section 4.5: each management entity has its own extended key usage.
    fn purposes(&self) {
        let purposes = [rfc6402::KP_CMC_CA, rfc6402::KP_CMC_RA, rfc6402::KP_CM_KGA];
        for listed in purposes {
            let extension = format!("extendedKeyUsage={listed}");
            self.make("c-leaf", Some("root"), P256, "sha256", &[LEAF[0], &extension]);
            for required in purposes {
                for usage in
                    [ExtendedKeyUsage::Required(required), ExtendedKeyUsage::RequiredBelowAnchor(required)]
                {
                    let validated = self.validate_for("c-leaf", &[], "root", usage, now());
                    let expected =
                        if listed == required { Ok(()) } else { Err(PathError::ExtendedKeyUsage(required)) };
                    assert_eq!(validated, expected, "{listed} for {required}");
                }
            }
            let any = self.validate_for("c-leaf", &[], "root", ExtendedKeyUsage::Any, now());
            assert_eq!(any, Ok(()), "{listed}");
        }
        // anyExtendedKeyUsage names no purpose that somebody demands.
        self.make("c-leaf", Some("root"), P256, "sha256", &[LEAF[0], "extendedKeyUsage=2.5.29.37.0"]);
        let required = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
        assert!(self.validate_for("c-leaf", &[], "root", required, now()).is_err());
    }

    fn name_constraints(&self) {
        let constraint = Err(PathError::Constraint);
        for (constraints, name, expected) in [
            ("permitted;DNS:operator.example", "DNS:enb.operator.example", Ok(())),
            ("permitted;DNS:operator.example", "DNS:enb.elsewhere.example", constraint),
            ("permitted;DNS:operator.example", "DNS:enb.operator.example,DNS:elsewhere.example", constraint),
            ("permitted;DNS:operator.example", "DNS:notoperator.example", constraint),
            ("permitted;DNS:operator.example", "IP:192.0.2.1", Ok(())),
            ("excluded;DNS:operator.example", "DNS:enb.operator.example", constraint),
            ("excluded;DNS:operator.example", "DNS:elsewhere.example", Ok(())),
            ("permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.17", Ok(())),
            ("permitted;IP:192.0.2.0/255.255.255.0", "IP:198.51.100.1", constraint),
            ("permitted;IP:192.0.2.0/255.255.255.0", "IP:2001:db8::1", constraint),
            ("excluded;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.17", constraint),
            // Not supported, so refused even where it would fit.
            ("permitted;dirName:operator", "DNS:enb.operator.example", constraint),
            ("excluded;dirName:operator", "DNS:enb.operator.example", constraint),
            ("permitted;email:operator.example", "email:enb@operator.example", constraint),
            ("permitted;URI:.operator.example", "URI:https://enb.operator.example", constraint),
        ] {
            let constraints = format!("nameConstraints=critical,{constraints}");
            let name = format!("subjectAltName={name}");
            self.make("d-sub", Some("root"), P256, "sha256", &[CA[0], CA[1], &constraints]);
            self.make("d-leaf", Some("d-sub"), P256, "sha256", &[LEAF[0], &name]);
            assert_eq!(self.validate("d-leaf", &["d-sub"], "root"), expected, "{constraints}: {name}");
            // An anchor's count as well.
            self.make("d-root", None, P256, "sha256", &[CA[0], CA[1], &constraints]);
            self.make("d-leaf", Some("d-root"), P256, "sha256", &[LEAF[0], &name]);
            assert_eq!(self.validate("d-leaf", &[], "d-root"), expected, "{constraints}: {name}");
        }
    }

    fn lengths(&self) {
        let names: Vec<String> = (0..8).map(|number| format!("e-{number}")).collect();
        let mut issuer = "root";
        for name in &names {
            self.make(name, Some(issuer), P256, "sha256", &CA);
            issuer = name;
        }
        for length in 1..=names.len() {
            let path: Vec<&str> = names.iter().take(length).map(String::as_str).collect();
            self.make("e-leaf", path.last().copied(), P256, "sha256", &LEAF);
            let expected = if length <= 6 { Ok(()) } else { Err(PathError::Constraint) };
            assert_eq!(self.validate("e-leaf", &path, "root"), expected, "{length} CAs");
        }
        for (length, expected) in [(0, Err(PathError::Constraint)), (1, Ok(()))] {
            let constraint = format!("basicConstraints=critical,CA:TRUE,pathlen:{length}");
            self.make("e-0", Some("root"), P256, "sha256", &[&constraint, CA[1]]);
            self.make("e-1", Some("e-0"), P256, "sha256", &CA);
            self.make("e-leaf", Some("e-1"), P256, "sha256", &LEAF);
            assert_eq!(self.validate("e-leaf", &["e-1", "e-0"], "root"), expected, "pathlen:{length}");
        }
    }

    fn extensions(&self) {
        for (of_sub, of_leaf, expected) in [
            (&CA[..], &LEAF[..], Ok(())),
            (&CA[..1], &LEAF, Ok(())),
            (&CA, &["subjectAltName=DNS:enb.example"], Ok(())),
            // OpenSSL makes version 1 then.
            (&CA, &[], Err(PathError::Malformed)),
            (&CA[1..], &LEAF, Err(PathError::Constraint)),
            (&["basicConstraints=critical,CA:FALSE"], &LEAF, Err(PathError::Constraint)),
            (&[CA[0], "keyUsage=critical,cRLSign"], &LEAF, Err(PathError::KeyUsage)),
            (&CA, &["keyUsage=critical,keyAgreement"], Err(PathError::KeyUsage)),
            (&CA, &CA, Err(PathError::KeyUsage)),
            (&CA, &[CA[0], LEAF[0]], Err(PathError::CaAsEndEntity)),
            (&CA, &[LEAF[0], "1.2.3.4=critical,ASN1:NULL"], Err(PathError::Constraint)),
            (&CA, &[LEAF[0], "1.2.3.4=ASN1:NULL"], Ok(())),
            (&[CA[0], CA[1], "1.2.3.4=critical,ASN1:NULL"], &LEAF, Err(PathError::Constraint)),
            (&[CA[0], CA[1], "policyConstraints=requireExplicitPolicy:3"], &LEAF, Err(PathError::Constraint)),
        ] {
            self.make("f-sub", Some("root"), P256, "sha256", of_sub);
            self.make("f-leaf", Some("f-sub"), P256, "sha256", of_leaf);
            let validated = self.validate("f-leaf", &["f-sub"], "root");
            assert_eq!(validated, expected, "{of_sub:?} {of_leaf:?}");
        }
    }

    fn times(&self) {
        let years = |years: u64| Duration::from_secs(years * 366 * 86_400);
        let at =
            |now| self.validate_for("leaf", &[self.certificate("sub")], "root", ExtendedKeyUsage::Any, now);
        assert_eq!(at(now().saturating_add(years(9))), Ok(()));
        assert_eq!(at(now().saturating_add(years(11))), Err(PathError::Expired));
        assert_eq!(at(now().saturating_sub(years(1))), Err(PathError::NotYetValid));
    }

    /// What PKITS does not ask: old CRLs beside new ones, and the policies.
    fn revocation(&self) {
        let folder = self.folder.path().join("ca");
        fs::create_dir(&folder).expect("writable");
        let file = |name: &str| self.folder.path().join(name);
        let factory = crate::programs::Factory::of(&folder, &file("sub.pem"), &file("sub.key"));
        let list = |name: &str, days| {
            factory.crl(name, days);
            let text = fs::read_to_string(folder.join(name)).expect("it was made");
            let (_, document) = Document::from_pem(&text).expect("OpenSSL makes PEM");
            crypto::CertificateList::from_der(document.as_bytes()).expect("OpenSSL makes CRLs")
        };
        let old = list("old.crl", 0);
        fs::copy(file("leaf.pem"), folder.join("leaf.pem")).expect("writable");
        factory.revoke("leaf");
        let new = list("new.crl", 30);
        assert_eq!((old.revoked(), new.revoked()), (0, 1));
        self.make("h-leaf", Some("sub"), P256, "sha256", &LEAF);
        let validate_at = |leaf: &str, lists: &[&crypto::CertificateList], policy, now| {
            let lists = lists.iter().copied().cloned().collect();
            self.provider.validate_path(&CertificatePath {
                end_entity: &self.certificate(leaf),
                intermediates: &[self.certificate("sub")],
                anchors: &[self.certificate("root")],
                extended_key_usage: ExtendedKeyUsage::Any,
                revocation: Some(&Revocation::new(lists, policy)),
                now,
            })
        };
        let validate = |leaf, lists: &[_], policy| validate_at(leaf, lists, policy, now());
        let (if_available, required) = (RevocationPolicy::IfAvailable, RevocationPolicy::Required);
        assert_eq!(validate("leaf", &[], if_available), Ok(()));
        assert_eq!(validate("leaf", &[], required), Err(PathError::RevocationUnknown));
        assert_eq!(validate("leaf", &[&old], if_available), Ok(()), "the best that is known");
        for lists in [[&old, &new], [&new, &old]] {
            assert_eq!(validate("leaf", &lists, if_available), Err(PathError::Revoked));
            assert_eq!(validate("h-leaf", &lists, if_available), Ok(()));
            // Of the CA itself there is none.
            assert_eq!(validate("h-leaf", &lists, required), Err(PathError::RevocationUnknown));
        }
        // A CRL of tomorrow says nothing yet, and yesterday's still does.
        let month = Duration::from_secs(31 * 86_400);
        let earlier = new.this_update().saturating_sub(Duration::from_secs(1));
        let certificates_then = validate_at("leaf", &[&new], if_available, earlier);
        assert_ne!(certificates_then, Err(PathError::Revoked));
        let later = now().saturating_add(month);
        assert_eq!(validate_at("leaf", &[&new], if_available, later), Err(PathError::Revoked));
        assert_eq!(validate_at("h-leaf", &[&new], if_available, later), Ok(()));

        // An anchor is not asked about, nor is a path of which nothing lies below it.
        assert_eq!(
            self.provider.validate_path(&CertificatePath {
                end_entity: &self.certificate("leaf"),
                intermediates: &[],
                anchors: &[self.certificate("leaf")],
                extended_key_usage: ExtendedKeyUsage::Any,
                revocation: Some(&Revocation::new(vec![new], required)),
                now: now(),
            }),
            Ok(())
        );
    }
}

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    UnixTime::from_secs(now.as_secs())
}
