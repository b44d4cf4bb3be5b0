//! A CA that generates keys, and stations that can have them enciphered.

use asn1::EncodedCertificate;
use ca::{KeyGeneration, Profile};
use cmp::end_entity::{Enrolment, Granted};
use cmp::{Error, KeyPackageOpener, RecipientKey, SignerRole, Trust};
use crmf::KeyGenerationBuilder;
use crypto::{ExtendedKeyUsage, GeneratedKey, KeyKind, SigningKey};
use crypto_aws_lc::{AgreementKey, KeyType, SoftwareKey, SoftwareKeyGenerator};
use der::Encode;
use der::asn1::ObjectIdentifier;
use der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use super::{House, NOW, Requester, certify_contents, ir, key, name};

pub fn profile(purposes: &'static [ObjectIdentifier], usage: impl Into<FlagSet<KeyUsages>>) -> Profile {
    let mut profile = Profile::NE;
    profile.purposes = purposes.into();
    profile.key_usage = Some(usage.into());
    profile
}

pub fn house() -> House {
    let mut house = House::new();
    let kga = house.credential(
        &profile(&[asn1::oids::rfc6402::KP_CM_KGA], KeyUsages::DigitalSignature),
        "CN=KGA,O=Operator",
        key(),
    );
    let kinds = vec![KeyKind::P256, KeyKind::Rsa { bits: 2048 }, KeyKind::MlDsa44];
    house.ca.key_generation = Some(KeyGeneration::new(
        kinds,
        Box::new(SoftwareKeyGenerator::new()),
        kga.certificate,
        Box::new(kga.key),
    ));
    house
}

/// Who may have signed a generated key.
pub fn authorities(house: &House) -> [Trust; 1] {
    let purpose = ExtendedKeyUsage::Required(asn1::oids::rfc6402::KP_CM_KGA);
    [Trust::new(SignerRole::CertificationAuthority, vec![house.root.clone()], purpose)]
}

/// A station whose key signs and has keys enciphered for it.
pub fn station(house: &House, key_type: KeyType) -> Requester {
    let key = SoftwareKey::generate(key_type).unwrap();
    let usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment | KeyUsages::KeyAgreement;
    let (contents, _) = profile(&[], usage).fit(name("CN=enb-0002,O=Vendor"), key.public_key(), &[]).unwrap();
    Requester::with(certify_contents(&house.vendor, &contents, NOW), key)
}

pub fn request(subject: &str, kind: Option<KeyKind>) -> Enrolment {
    ir(KeyGenerationBuilder::new(Some(name(subject)), kind).build().unwrap())
}

pub fn agreement(station: &Requester) -> AgreementKey {
    AgreementKey::from_pkcs8_der(&station.key.to_pkcs8_der().unwrap()).unwrap()
}

pub fn open(
    house: &House,
    granted: &mut Granted,
    key: RecipientKey<'_>,
    protected: Option<&EncodedCertificate>,
) -> Result<GeneratedKey, Error> {
    let authorities = authorities(house);
    let opener = KeyPackageOpener { key, protected, authorities: &authorities };
    granted.open_private_key(&opener, &house.provider, NOW).map(Option::unwrap)
}

/// The key signs for the certificate that came with it.
pub fn check(granted: &Granted, generated: &GeneratedKey) {
    let certificate = granted.check().unwrap();
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
    assert_eq!(generated.public_key.spki_octets(), spki);
    let key = SoftwareKey::from_pkcs8_der(&generated.private_key).unwrap();
    assert_eq!(key.public_key(), &generated.public_key);
}
