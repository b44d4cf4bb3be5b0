//! What CSRs, CRMF and CMP have in common: names, algorithms, keys, extensions, certificates.

use std::net::IpAddr;

use ::crmf::{PbmParameter, Pbmac1Params};
use asn1::EncodedCertificate;
use asn1::oids::{rfc4211, rfc4945, rfc6402, rfc8018, rfc9810};
use const_oid::{AssociatedOid, ObjectIdentifier};
use crypto::{DigestAlgorithm, PublicKey};
use der::asn1::{BitString, GeneralizedTime, OctetString};
use der::{AnyRef, Decode, DecodeOwned};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::tree::{Fields, Value};

pub(super) fn name(name: &Name) -> String {
    if name.is_empty() { "NULL-DN".to_owned() } else { name.to_string() }
}

pub(super) fn general_name(general_name: &GeneralName) -> Fields {
    let text = |name: &str, value: String| Fields::new().with(name, value);
    match general_name {
        GeneralName::OtherName(other) => text("otherName", oid_name(other.type_id)),
        GeneralName::Rfc822Name(address) => text("rfc822Name", address.to_string()),
        GeneralName::DnsName(host) => text("dNSName", host.to_string()),
        GeneralName::DirectoryName(directory_name) => text("directoryName", name(directory_name)),
        GeneralName::EdiPartyName(_) => text("ediPartyName", "not looked into".to_owned()),
        GeneralName::UniformResourceIdentifier(uri) => text("uniformResourceIdentifier", uri.to_string()),
        GeneralName::IpAddress(octets) => text("iPAddress", ip_address(octets.as_bytes())),
        GeneralName::RegisteredId(oid) => text("registeredID", oid_name(*oid)),
    }
}

fn ip_address(octets: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    address.map_or_else(|_| hex(octets), |address| address.to_string())
}

/// The name that the RFCs have for it, or its numbers.
pub(super) fn oid_name(oid: ObjectIdentifier) -> String {
    const OF_OURS: [(ObjectIdentifier, &str); 17] = [
        (rfc4945::KP_IPSEC_IKE, "id-kp-ipsecIKE"),
        (rfc6402::KP_CMC_CA, "id-kp-cmcCA"),
        (rfc6402::KP_CMC_RA, "id-kp-cmcRA"),
        (rfc8018::PBMAC1, "id-PBMAC1"),
        (rfc4211::REG_CTRL_ALT_CERT_TEMPLATE, "id-regCtrl-altCertTemplate"),
        (rfc4211::REG_CTRL_ALG_ID, "id-regCtrl-algId"),
        (rfc4211::REG_CTRL_RSA_KEY_LEN, "id-regCtrl-rsaKeyLen"),
        (rfc9810::IT_CA_CERTS, "id-it-caCerts"),
        (rfc9810::IT_ROOT_CA_KEY_UPDATE, "id-it-rootCaKeyUpdate"),
        (rfc9810::IT_CERT_REQ_TEMPLATE, "id-it-certReqTemplate"),
        (rfc9810::IT_ROOT_CA_CERT, "id-it-rootCaCert"),
        (rfc9810::IT_CERT_PROFILE, "id-it-certProfile"),
        (rfc9810::IT_CRL_STATUS_LIST, "id-it-crlStatusList"),
        (rfc9810::IT_CRLS, "id-it-crls"),
        (rfc9810::IT_KEM_CIPHERTEXT_INFO, "id-it-KemCiphertextInfo"),
        (rfc9810::IT_ORIG_PKI_MESSAGE, "id-it-origPKIMessage"),
        (rfc9810::KEM_BASED_MAC, "id-KemBasedMac"),
    ];
    let ours = OF_OURS.into_iter().find(|(known, _)| *known == oid).map(|(_, name)| name);
    ours.or_else(|| const_oid::db::DB.by_oid(&oid)).map_or_else(|| oid.to_string(), str::to_owned)
}

pub(super) fn algorithm(algorithm: &AlgorithmIdentifierOwned) -> String {
    oid_name(algorithm.oid)
}

/// The algorithm of a protection: a MAC's with how its key is derived.
pub(super) fn protection_algorithm(algorithm: &AlgorithmIdentifierOwned) -> Value {
    let Some(parameters) = &algorithm.parameters else { return self::algorithm(algorithm).into() };
    let derived = if let Ok(pbm) = parameters.decode_as::<PbmParameter>() {
        Fields::new()
            .with("salt", octets(&pbm.salt))
            .with("owf", self::algorithm(&pbm.owf))
            .with("iterationCount", i64::from(pbm.iteration_count))
            .with("mac", self::algorithm(&pbm.mac))
    } else if let Some((pbmac1, pbkdf2)) = parameters
        .decode_as::<Pbmac1Params>()
        .ok()
        .and_then(|pbmac1| pbmac1.pbkdf2().ok().map(|pbkdf2| (pbmac1, pbkdf2)))
    {
        Fields::new()
            .with("salt", octets(&pbkdf2.salt))
            .with("iterationCount", i64::from(pbkdf2.iteration_count))
            .with_some("keyLength", pbkdf2.key_length.map(i64::from))
            .with_some("prf", pbkdf2.prf.as_ref().map(self::algorithm))
            .with("messageAuthScheme", self::algorithm(&pbmac1.message_auth_scheme))
    } else {
        return self::algorithm(algorithm).into();
    };
    Fields::new().with(self::algorithm(algorithm), derived).into()
}

/// The key in a few words, and what to recognise it by.
pub(super) fn public_key(spki: &[u8]) -> Fields {
    let fields = match SubjectPublicKeyInfoRef::<'_>::from_der(spki) {
        Err(error) => return Fields::new().with("malformed", error.to_string()),
        Ok(info) => {
            let curve = info.algorithm.parameters.and_then(|value: AnyRef<'_>| value.decode_as().ok());
            Fields::new()
                .with("algorithm", oid_name(info.algorithm.oid))
                .with_some("parameters", curve.map(oid_name))
        }
    };
    let fields = match PublicKey::from_spki_der(spki) {
        Ok(key) => fields.with("kind", key.kind().to_string()),
        Err(error) => fields.with("refused", error.to_string()),
    };
    fields.with("SHA-256", sha256(spki))
}

pub(super) fn sha256(octets: &[u8]) -> String {
    hex(&crypto_aws_lc::provider().digest(DigestAlgorithm::Sha256, octets))
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(super) fn octets(octets: &OctetString) -> String {
    hex(octets.as_bytes())
}

pub(super) fn signature(bits: &BitString) -> String {
    count(bits.raw_bytes().len())
}

pub(super) fn count(octets: usize) -> String {
    if octets == 1 { "1 octet".to_owned() } else { format!("{octets} octets") }
}

pub(super) fn generalized_time(time: &GeneralizedTime) -> String {
    time.to_date_time().to_string()
}

pub(super) fn time(time: &Time) -> String {
    time.to_date_time().to_string()
}

pub(super) fn serial_number(serial_number: &SerialNumber) -> String {
    hex(serial_number.as_bytes())
}

/// Each extension by its name; the usual ones opened.
pub(super) fn extensions(extensions: &[Extension]) -> Fields {
    extensions.iter().fold(Fields::new(), |fields, extension| {
        let name = oid_name(extension.extn_id);
        let name = name.strip_prefix("id-ce-").unwrap_or(&name);
        let critical = if extension.critical { " (critical)" } else { "" };
        fields.with(format!("{name}{critical}"), extension_value(extension))
    })
}

fn extension_value(extension: &Extension) -> Value {
    let value = extension.extn_value.as_bytes();
    let shown = match extension.extn_id {
        SubjectAltName::OID => open(value, |names: SubjectAltName| {
            Value::List(names.0.iter().map(|n| general_name(n).into()).collect())
        }),
        KeyUsage::OID => open(value, |usage: KeyUsage| key_usage(&usage).into()),
        ExtendedKeyUsage::OID => open(value, |usage: ExtendedKeyUsage| {
            Value::List(usage.0.iter().map(|purpose| oid_name(*purpose).into()).collect())
        }),
        SubjectKeyIdentifier::OID => open(value, |id: SubjectKeyIdentifier| octets(&id.0).into()),
        BasicConstraints::OID => open(value, |constraints: BasicConstraints| {
            let fields = Fields::new().with("cA", if constraints.ca { "TRUE" } else { "FALSE" });
            fields.with_some("pathLenConstraint", constraints.path_len_constraint.map(i64::from)).into()
        }),
        _ => Ok(count(value.len()).into()),
    };
    shown.unwrap_or_else(|error| format!("{}, malformed: {error}", count(value.len())).into())
}

fn open<T: DecodeOwned<Error = der::Error>>(
    octets: &[u8],
    show: impl FnOnce(T) -> Value,
) -> der::Result<Value> {
    T::from_der(octets).map(show)
}

fn key_usage(usage: &KeyUsage) -> String {
    let names = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ];
    names.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// What to recognise a certificate by.
pub(super) fn certificate(certificate: &EncodedCertificate) -> Fields {
    let fields = match Certificate::from_der(certificate.octets()) {
        Err(error) => Fields::new().with("malformed", error.to_string()),
        Ok(decoded) => {
            let tbs = decoded.tbs_certificate();
            Fields::new()
                .with("subject", name(tbs.subject()))
                .with("issuer", name(tbs.issuer()))
                .with("serialNumber", serial_number(tbs.serial_number()))
                .with("notBefore", time(&tbs.validity().not_before))
                .with("notAfter", time(&tbs.validity().not_after))
        }
    };
    fields.with("SHA-256", sha256(certificate.octets()))
}
