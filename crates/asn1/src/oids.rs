//! Object identifiers that `const-oid`'s database is not linked for, sorted by the document that defines them.

use const_oid::ObjectIdentifier as Oid;

const fn oid(text: &str) -> Oid {
    Oid::new_unwrap(text)
}

/// X.520 section 6.2: attributes of names.
pub mod x520 {
    use super::{Oid, oid};

    /// id-at-commonName
    pub const COMMON_NAME: Oid = oid("2.5.4.3");
    /// id-at-serialNumber
    pub const SERIAL_NUMBER: Oid = oid("2.5.4.5");
    /// id-at-countryName
    pub const COUNTRY_NAME: Oid = oid("2.5.4.6");
    /// id-at-localityName
    pub const LOCALITY_NAME: Oid = oid("2.5.4.7");
    /// id-at-stateOrProvinceName
    pub const STATE_OR_PROVINCE_NAME: Oid = oid("2.5.4.8");
    /// id-at-organizationName
    pub const ORGANIZATION_NAME: Oid = oid("2.5.4.10");
    /// id-at-organizationalUnitName
    pub const ORGANIZATIONAL_UNIT_NAME: Oid = oid("2.5.4.11");
    /// id-domainComponent (RFC 4519 section 2.4)
    pub const DOMAIN_COMPONENT: Oid = oid("0.9.2342.19200300.100.1.25");
}

/// RFC 5280 section 4.2: certificate extensions.
pub mod rfc5280 {
    use super::{Oid, oid};

    /// id-ce-subjectKeyIdentifier
    pub const SUBJECT_KEY_IDENTIFIER: Oid = oid("2.5.29.14");
    /// id-ce-keyUsage
    pub const KEY_USAGE: Oid = oid("2.5.29.15");
    /// id-ce-subjectAltName
    pub const SUBJECT_ALT_NAME: Oid = oid("2.5.29.17");
    /// id-ce-basicConstraints
    pub const BASIC_CONSTRAINTS: Oid = oid("2.5.29.19");
    /// id-ce-authorityKeyIdentifier
    pub const AUTHORITY_KEY_IDENTIFIER: Oid = oid("2.5.29.35");
    /// id-ce-policyConstraints
    pub const POLICY_CONSTRAINTS: Oid = oid("2.5.29.36");
    /// id-ce-extKeyUsage
    pub const EXTENDED_KEY_USAGE: Oid = oid("2.5.29.37");
    /// id-kp-serverAuth
    pub const KP_SERVER_AUTH: Oid = oid("1.3.6.1.5.5.7.3.1");
    /// id-kp-clientAuth
    pub const KP_CLIENT_AUTH: Oid = oid("1.3.6.1.5.5.7.3.2");
    /// anyExtendedKeyUsage
    pub const ANY_EXTENDED_KEY_USAGE: Oid = oid("2.5.29.37.0");
}

/// RFC 4945 section 5.1.3.12: extended key usages for IPsec.
pub mod rfc4945 {
    use super::{Oid, oid};

    /// id-kp-ipsecIKE
    pub const KP_IPSEC_IKE: Oid = oid("1.3.6.1.5.5.7.3.17");
}

/// RFC 6402 section 2.10 and RFC 9480: the extended key usages that authorise a PKI management entity.
pub mod rfc6402 {
    use super::{Oid, oid};

    /// id-kp-cmcCA
    pub const KP_CMC_CA: Oid = oid("1.3.6.1.5.5.7.3.27");
    /// id-kp-cmcRA
    pub const KP_CMC_RA: Oid = oid("1.3.6.1.5.5.7.3.28");
    /// id-kp-cmKGA (RFC 9480 section 2.2)
    pub const KP_CM_KGA: Oid = oid("1.3.6.1.5.5.7.3.32");
}

/// RFC 2985: PKCS #9 attributes of certification requests.
pub mod rfc2985 {
    use super::{Oid, oid};

    /// unstructuredName
    pub const UNSTRUCTURED_NAME: Oid = oid("1.2.840.113549.1.9.2");
    /// challengePassword
    pub const CHALLENGE_PASSWORD: Oid = oid("1.2.840.113549.1.9.7");
    /// extensionRequest
    pub const EXTENSION_REQUEST: Oid = oid("1.2.840.113549.1.9.14");
}

/// What Microsoft's enrolment tools send, and no RFC describes.
pub mod microsoft {
    use super::{Oid, oid};

    /// szOID_CERT_EXTENSIONS: extensionRequest before there was one
    pub const CERT_EXTENSIONS: Oid = oid("1.3.6.1.4.1.311.2.1.14");
}

/// RFC 4211 sections 6 and 7, and RFC 9810: CRMF controls and registration information.
pub mod rfc4211 {
    use super::{Oid, oid};

    /// id-regCtrl-regToken
    pub const REG_CTRL_REG_TOKEN: Oid = oid("1.3.6.1.5.5.7.5.1.1");
    /// id-regCtrl-authenticator
    pub const REG_CTRL_AUTHENTICATOR: Oid = oid("1.3.6.1.5.5.7.5.1.2");
    /// id-regCtrl-pkiPublicationInfo
    pub const REG_CTRL_PKI_PUBLICATION_INFO: Oid = oid("1.3.6.1.5.5.7.5.1.3");
    /// id-regCtrl-pkiArchiveOptions
    pub const REG_CTRL_PKI_ARCHIVE_OPTIONS: Oid = oid("1.3.6.1.5.5.7.5.1.4");
    /// id-regCtrl-oldCertID
    pub const REG_CTRL_OLD_CERT_ID: Oid = oid("1.3.6.1.5.5.7.5.1.5");
    /// id-regCtrl-protocolEncrKey
    pub const REG_CTRL_PROTOCOL_ENCR_KEY: Oid = oid("1.3.6.1.5.5.7.5.1.6");
    /// id-regCtrl-altCertTemplate, RFC 9810
    pub const REG_CTRL_ALT_CERT_TEMPLATE: Oid = oid("1.3.6.1.5.5.7.5.1.7");
    /// id-regCtrl-algId, RFC 9810
    pub const REG_CTRL_ALG_ID: Oid = oid("1.3.6.1.5.5.7.5.1.11");
    /// id-regCtrl-rsaKeyLen, RFC 9810
    pub const REG_CTRL_RSA_KEY_LEN: Oid = oid("1.3.6.1.5.5.7.5.1.12");
    /// id-regInfo-utf8Pairs
    pub const REG_INFO_UTF8_PAIRS: Oid = oid("1.3.6.1.5.5.7.5.2.1");
    /// id-regInfo-certReq
    pub const REG_INFO_CERT_REQ: Oid = oid("1.3.6.1.5.5.7.5.2.2");
}

/// RFC 9810 section 5.1.1 and 5.3.19: InfoTypeAndValue types, and MAC algorithms.
pub mod rfc9810 {
    use super::{Oid, oid};

    /// id-it-caProtEncCert
    pub const IT_CA_PROT_ENC_CERT: Oid = oid("1.3.6.1.5.5.7.4.1");
    /// id-it-signKeyPairTypes
    pub const IT_SIGN_KEY_PAIR_TYPES: Oid = oid("1.3.6.1.5.5.7.4.2");
    /// id-it-encKeyPairTypes
    pub const IT_ENC_KEY_PAIR_TYPES: Oid = oid("1.3.6.1.5.5.7.4.3");
    /// id-it-preferredSymmAlg
    pub const IT_PREFERRED_SYMM_ALG: Oid = oid("1.3.6.1.5.5.7.4.4");
    /// id-it-caKeyUpdateInfo
    pub const IT_CA_KEY_UPDATE_INFO: Oid = oid("1.3.6.1.5.5.7.4.5");
    /// id-it-currentCRL
    pub const IT_CURRENT_CRL: Oid = oid("1.3.6.1.5.5.7.4.6");
    /// id-it-unsupportedOIDs
    pub const IT_UNSUPPORTED_OIDS: Oid = oid("1.3.6.1.5.5.7.4.7");
    /// id-it-keyPairParamReq
    pub const IT_KEY_PAIR_PARAM_REQ: Oid = oid("1.3.6.1.5.5.7.4.10");
    /// id-it-keyPairParamRep
    pub const IT_KEY_PAIR_PARAM_REP: Oid = oid("1.3.6.1.5.5.7.4.11");
    /// id-it-revPassphrase
    pub const IT_REV_PASSPHRASE: Oid = oid("1.3.6.1.5.5.7.4.12");
    /// id-it-implicitConfirm
    pub const IT_IMPLICIT_CONFIRM: Oid = oid("1.3.6.1.5.5.7.4.13");
    /// id-it-confirmWaitTime
    pub const IT_CONFIRM_WAIT_TIME: Oid = oid("1.3.6.1.5.5.7.4.14");
    /// id-it-origPKIMessage
    pub const IT_ORIG_PKI_MESSAGE: Oid = oid("1.3.6.1.5.5.7.4.15");
    /// id-it-suppLangTags
    pub const IT_SUPP_LANG_TAGS: Oid = oid("1.3.6.1.5.5.7.4.16");
    /// id-it-caCerts
    pub const IT_CA_CERTS: Oid = oid("1.3.6.1.5.5.7.4.17");
    /// id-it-rootCaKeyUpdate
    pub const IT_ROOT_CA_KEY_UPDATE: Oid = oid("1.3.6.1.5.5.7.4.18");
    /// id-it-certReqTemplate
    pub const IT_CERT_REQ_TEMPLATE: Oid = oid("1.3.6.1.5.5.7.4.19");
    /// id-it-rootCaCert
    pub const IT_ROOT_CA_CERT: Oid = oid("1.3.6.1.5.5.7.4.20");
    /// id-it-certProfile
    pub const IT_CERT_PROFILE: Oid = oid("1.3.6.1.5.5.7.4.21");
    /// id-it-crlStatusList
    pub const IT_CRL_STATUS_LIST: Oid = oid("1.3.6.1.5.5.7.4.22");
    /// id-it-crls
    pub const IT_CRLS: Oid = oid("1.3.6.1.5.5.7.4.23");
    /// id-it-KemCiphertextInfo
    pub const IT_KEM_CIPHERTEXT_INFO: Oid = oid("1.3.6.1.5.5.7.4.24");
    /// id-PasswordBasedMac
    pub const PASSWORD_BASED_MAC: Oid = oid("1.2.840.113533.7.66.13");
    /// id-DHBasedMac
    pub const DH_BASED_MAC: Oid = oid("1.2.840.113533.7.66.30");
    /// id-KemBasedMac
    pub const KEM_BASED_MAC: Oid = oid("1.2.840.113533.7.66.16");
}

/// RFC 8018: PKCS #5.
pub mod rfc8018 {
    use super::{Oid, oid};

    /// id-PBKDF2
    pub const PBKDF2: Oid = oid("1.2.840.113549.1.5.12");
    /// id-PBES2
    pub const PBES2: Oid = oid("1.2.840.113549.1.5.13");
    /// id-hmacWithSHA1
    pub const HMAC_WITH_SHA1: Oid = oid("1.2.840.113549.2.7");
    /// id-hmacWithSHA256
    pub const HMAC_WITH_SHA256: Oid = oid("1.2.840.113549.2.9");
    /// id-hmacWithSHA384
    pub const HMAC_WITH_SHA384: Oid = oid("1.2.840.113549.2.10");
    /// id-hmacWithSHA512
    pub const HMAC_WITH_SHA512: Oid = oid("1.2.840.113549.2.11");
    /// id-PBMAC1
    pub const PBMAC1: Oid = oid("1.2.840.113549.1.5.14");
}

/// RFC 5652: CMS.
pub mod rfc5652 {
    use super::{Oid, oid};

    /// id-data
    pub const DATA: Oid = oid("1.2.840.113549.1.7.1");
    /// id-signedData
    pub const SIGNED_DATA: Oid = oid("1.2.840.113549.1.7.2");
    /// id-contentType
    pub const CONTENT_TYPE: Oid = oid("1.2.840.113549.1.9.3");
    /// id-messageDigest
    pub const MESSAGE_DIGEST: Oid = oid("1.2.840.113549.1.9.4");
}

/// RFC 5958: private keys in CMS.
pub mod rfc5958 {
    use super::{Oid, oid};

    /// id-ct-KP-aKeyPackage
    pub const KEY_PACKAGE: Oid = oid("2.16.840.1.101.2.1.2.78.5");
}

/// RFC 3565: AES-CBC and AES key wrap in CMS.
pub mod rfc3565 {
    use super::{Oid, oid};

    /// id-aes128-CBC
    pub const AES128_CBC: Oid = oid("2.16.840.1.101.3.4.1.2");
    /// id-aes192-CBC
    pub const AES192_CBC: Oid = oid("2.16.840.1.101.3.4.1.22");
    /// id-aes256-CBC
    pub const AES256_CBC: Oid = oid("2.16.840.1.101.3.4.1.42");
    /// id-aes128-wrap
    pub const AES128_WRAP: Oid = oid("2.16.840.1.101.3.4.1.5");
    /// id-aes192-wrap
    pub const AES192_WRAP: Oid = oid("2.16.840.1.101.3.4.1.25");
    /// id-aes256-wrap
    pub const AES256_WRAP: Oid = oid("2.16.840.1.101.3.4.1.45");
}

/// RFC 5753: elliptic curves in CMS.
pub mod rfc5753 {
    use super::{Oid, oid};

    /// dhSinglePass-stdDH-sha256kdf-scheme
    pub const STD_DH_SHA256_KDF: Oid = oid("1.3.132.1.11.1");
    /// dhSinglePass-stdDH-sha384kdf-scheme
    pub const STD_DH_SHA384_KDF: Oid = oid("1.3.132.1.11.2");
    /// dhSinglePass-stdDH-sha512kdf-scheme
    pub const STD_DH_SHA512_KDF: Oid = oid("1.3.132.1.11.3");
}

/// RFC 9629: key encapsulation in CMS.
pub mod rfc9629 {
    use super::{Oid, oid};

    /// id-ori-kem
    pub const ORI_KEM: Oid = oid("1.2.840.113549.1.9.16.13.3");
}

/// RFC 9044: AES-GMAC.
pub mod rfc9044 {
    use super::{Oid, oid};

    /// id-aes128-GMAC
    pub const AES128_GMAC: Oid = oid("2.16.840.1.101.3.4.1.9");
    /// id-aes192-GMAC
    pub const AES192_GMAC: Oid = oid("2.16.840.1.101.3.4.1.29");
    /// id-aes256-GMAC
    pub const AES256_GMAC: Oid = oid("2.16.840.1.101.3.4.1.49");
}

/// SHA-1, for peers that know nothing better.
pub mod legacy {
    use super::{Oid, oid};

    /// id-sha1, RFC 5912
    pub const SHA1: Oid = oid("1.3.14.3.2.26");
    /// hMAC-SHA1, RFC 4211 section 4.4; the other identifier of the same is [`HMAC_WITH_SHA1`](super::rfc8018::HMAC_WITH_SHA1).
    pub const HMAC_SHA1: Oid = oid("1.3.6.1.5.5.8.1.2");
}

/// RFC 5912 / 5480 / 4055: public keys and signatures.
pub mod rfc5912 {
    use super::{Oid, oid};

    /// id-RSASSA-PSS
    pub const RSASSA_PSS: Oid = oid("1.2.840.113549.1.1.10");
    /// id-mgf1
    pub const MGF1: Oid = oid("1.2.840.113549.1.1.8");
    /// rsaEncryption
    pub const RSA_ENCRYPTION: Oid = oid("1.2.840.113549.1.1.1");
    /// id-RSAES-OAEP
    pub const RSAES_OAEP: Oid = oid("1.2.840.113549.1.1.7");
    /// id-pSpecified
    pub const P_SPECIFIED: Oid = oid("1.2.840.113549.1.1.9");
    /// sha256WithRSAEncryption
    pub const SHA256_WITH_RSA_ENCRYPTION: Oid = oid("1.2.840.113549.1.1.11");
    /// sha384WithRSAEncryption
    pub const SHA384_WITH_RSA_ENCRYPTION: Oid = oid("1.2.840.113549.1.1.12");
    /// sha512WithRSAEncryption
    pub const SHA512_WITH_RSA_ENCRYPTION: Oid = oid("1.2.840.113549.1.1.13");
    /// id-ecPublicKey
    pub const EC_PUBLIC_KEY: Oid = oid("1.2.840.10045.2.1");
    /// secp256r1
    pub const SECP256R1: Oid = oid("1.2.840.10045.3.1.7");
    /// secp384r1
    pub const SECP384R1: Oid = oid("1.3.132.0.34");
    /// secp521r1
    pub const SECP521R1: Oid = oid("1.3.132.0.35");
    /// ecdsa-with-SHA256
    pub const ECDSA_WITH_SHA256: Oid = oid("1.2.840.10045.4.3.2");
    /// ecdsa-with-SHA384
    pub const ECDSA_WITH_SHA384: Oid = oid("1.2.840.10045.4.3.3");
    /// ecdsa-with-SHA512
    pub const ECDSA_WITH_SHA512: Oid = oid("1.2.840.10045.4.3.4");
    /// id-sha256
    pub const SHA256: Oid = oid("2.16.840.1.101.3.4.2.1");
    /// id-sha384
    pub const SHA384: Oid = oid("2.16.840.1.101.3.4.2.2");
    /// id-sha512
    pub const SHA512: Oid = oid("2.16.840.1.101.3.4.2.3");
}

/// RFC 8410: Edwards curves; one identifier names key and signature.
pub mod rfc8410 {
    use super::{Oid, oid};

    /// id-Ed25519
    pub const ED25519: Oid = oid("1.3.101.112");
}

/// RFC 8619: HKDF.
pub mod rfc8619 {
    use super::{Oid, oid};

    /// id-alg-hkdf-with-sha256
    pub const HKDF_WITH_SHA256: Oid = oid("1.2.840.113549.1.9.16.3.28");
    /// id-alg-hkdf-with-sha384
    pub const HKDF_WITH_SHA384: Oid = oid("1.2.840.113549.1.9.16.3.29");
    /// id-alg-hkdf-with-sha512
    pub const HKDF_WITH_SHA512: Oid = oid("1.2.840.113549.1.9.16.3.30");
}

/// RFC 9881: ML-DSA; one identifier names key and signature.
pub mod rfc9881 {
    use super::{Oid, oid};

    /// id-ml-dsa-44
    pub const ML_DSA_44: Oid = oid("2.16.840.1.101.3.4.3.17");
    /// id-ml-dsa-65
    pub const ML_DSA_65: Oid = oid("2.16.840.1.101.3.4.3.18");
    /// id-ml-dsa-87
    pub const ML_DSA_87: Oid = oid("2.16.840.1.101.3.4.3.19");
}

/// RFC 9935: ML-KEM; one identifier names key and mechanism.
pub mod rfc9935 {
    use super::{Oid, oid};

    /// id-alg-ml-kem-512
    pub const ML_KEM_512: Oid = oid("2.16.840.1.101.3.4.4.1");
    /// id-alg-ml-kem-768
    pub const ML_KEM_768: Oid = oid("2.16.840.1.101.3.4.4.2");
    /// id-alg-ml-kem-1024
    pub const ML_KEM_1024: Oid = oid("2.16.840.1.101.3.4.4.3");
}
