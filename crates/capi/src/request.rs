//! What goes into a request for a certificate, whichever form it takes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::c_char;
use core::net::IpAddr;

use asn1::RawDer;
use asn1::UnixTime;
use asn1::oids::{rfc4211, rfc5280};
use const_oid::ObjectIdentifier;
use crmf::{
    AttributeTypeAndValue, CertId, CertReqId, CertReqMsgBuilder, Control, KeyGenerationBuilder,
    OptionalValidity, PasswordMac, PkMacValue, RegInfo,
};
use crypto::{KeyKind, PublicKey, SharedSecret};
use der::asn1::{Ia5String, OctetString};
use der::{Decode, Encode};
use pkcs10::CertReqBuilder;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::boundary::{call, call_with};
use crate::buffer::{Buffer, Variable, octets, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::name;
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_LIMIT, CELLCERT_ERR_REQUEST, CELLCERT_ERR_STATE};

/// rfc822Name: a mail address
pub const CELLCERT_ALTERNATIVE_EMAIL: i32 = 1;
/// dNSName: a host's name
pub const CELLCERT_ALTERNATIVE_DNS: i32 = 2;
/// directoryName: a distinguished name in DER
pub const CELLCERT_ALTERNATIVE_NAME: i32 = 4;
/// uniformResourceIdentifier
pub const CELLCERT_ALTERNATIVE_URI: i32 = 6;
/// iPAddress: 4 or 16 octets
pub const CELLCERT_ALTERNATIVE_IP: i32 = 7;

/// How many alternative names one request may ask for.
const MAX_ALTERNATIVE_NAMES: usize = 64;

/// A request for a certificate: what it asks for, and once it is signed, its octets. Make it a PKCS #10 request with the
/// cellcert_pkcs10_ calls, or a CRMF request with the cellcert_crmf_ calls.
pub struct Request(Handle<Inner>);

opaque!(Request, Inner, b"Rqst");

#[derive(Clone)]
pub(crate) struct Inner {
    /// None when the RA/CA is to generate it.
    public_key: Option<PublicKey>,
    subject: Option<Name>,
    alternative_names: Vec<GeneralName>,
    extensions: Vec<Extension>,
    challenge_password: Option<SharedSecret>,
    unstructured_name: Option<String>,
    cert_req_id: i64,
    validity: Option<OptionalValidity>,
    controls: Vec<AttributeTypeAndValue>,
    reg_info: Vec<AttributeTypeAndValue>,
    sender: Option<GeneralName>,
    public_key_mac: Option<PkMacValue>,
    pub(crate) octets: Option<Vec<u8>>,
}

impl Inner {
    const fn new(public_key: Option<PublicKey>) -> Self {
        Self {
            public_key,
            subject: None,
            alternative_names: Vec::new(),
            extensions: Vec::new(),
            challenge_password: None,
            unstructured_name: None,
            cert_req_id: 0,
            validity: None,
            controls: Vec::new(),
            reg_info: Vec::new(),
            sender: None,
            public_key_mac: None,
            octets: None,
        }
    }

    fn public_key(&self) -> Result<&PublicKey, Failure> {
        self.public_key.as_ref().ok_or(Failure::code(CELLCERT_ERR_STATE))
    }

    fn extensions(&self) -> Result<Vec<Extension>, Failure> {
        let mut extensions = self.extensions.clone();
        if !self.alternative_names.is_empty() {
            let names = SubjectAltName(self.alternative_names.clone()).to_der()?;
            extensions.push(Extension {
                extn_id: rfc5280::SUBJECT_ALT_NAME,
                // RFC 5280 section 4.2.1.6
                critical: self.subject.as_ref().is_some_and(Name::is_empty),
                extn_value: OctetString::new(names)?,
            });
        }
        Ok(extensions)
    }

    pub(crate) fn pkcs10(&self) -> Result<CertReqBuilder, Failure> {
        let mut builder = CertReqBuilder::new(self.subject.clone().unwrap_or_default(), self.public_key()?);
        builder.extensions = self.extensions()?;
        builder.challenge_password = self.challenge_password.clone();
        builder.unstructured_name = self.unstructured_name.clone();
        Ok(builder)
    }

    pub(crate) fn crmf(&self) -> Result<CertReqMsgBuilder, Failure> {
        let mut builder = CertReqMsgBuilder::new(self.subject.clone(), self.public_key()?);
        builder.cert_req_id = CertReqId::new(self.cert_req_id);
        builder.validity = self.validity.clone();
        builder.extensions = self.extensions()?;
        builder.controls = self.controls.clone();
        builder.reg_info = self.reg_info.clone();
        builder.sender = self.sender.clone();
        builder.public_key_mac = self.public_key_mac.clone();
        Ok(builder)
    }

    /// For a key that is to be generated, of that kind or of any. Without a proof of possession there is no room for what else CRMF can say.
    pub(crate) fn key_generation(&self, kind: Option<KeyKind>) -> Result<KeyGenerationBuilder, Failure> {
        if self.public_key.is_some() {
            return Err(Failure::code(CELLCERT_ERR_STATE));
        }
        if self.validity.is_some() || self.sender.is_some() || !self.reg_info.is_empty() {
            return Err(Failure::code(CELLCERT_ERR_REQUEST));
        }
        let mut builder = KeyGenerationBuilder::new(self.subject.clone(), kind);
        builder.cert_req_id = CertReqId::new(self.cert_req_id);
        builder.extensions = self.extensions()?;
        builder.controls = self.controls.clone();
        Ok(builder)
    }
}

/// Begins a request for a key, a SubjectPublicKeyInfo in DER. It asks for no subject and no extensions yet.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_new(
    context: *const Context,
    public_key: *const u8,
    public_key_len: usize,
    out: *mut *mut Request,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (out, public_key) = unsafe { (Variable::new(out)?, octets(public_key, public_key_len)?) };
        let request = handle::make::<Request>(Inner::new(Some(PublicKey::from_spki_der(public_key)?)));
        Ok(move || out.give(request))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Begins a request for a certificate whose key the RA/CA is to generate (RFC 9483 section 4.1.6), for cellcert_crmf_generate_key. Calls that
/// need a key return CELLCERT_ERR_STATE.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_new_without_key(
    context: *const Context,
    out: *mut *mut Request,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let out = unsafe { Variable::new(out) }?;
        let request = handle::make::<Request>(Inner::new(None));
        Ok(move || out.give(request))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Frees a request and sets the variable to NULL.
///
/// # Safety
/// `request` points to a variable with a request, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_free(request: *mut *mut Request) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(request) })
}

/// The request's octets, once it is signed: a CertificationRequest or a CertReqMsg in DER. CELLCERT_ERR_STATE before that, and after
/// something was changed.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_octets(
    request: *const Request,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (request, buffer): (Locked<'_, Request>, _) = unsafe { (lock(request)?, Buffer::new(out, len)?) };
        buffer.deliver(request.octets.clone().ok_or(Failure::code(CELLCERT_ERR_STATE))?)
    })
}

/// Changes a copy, and puts it in place when all went well. What was signed is signed no more.
///
/// # Safety
/// The pointers are null or handles that are not freed.
pub(crate) unsafe fn change(
    context: *const Context,
    request: *const Request,
    work: impl FnOnce(&mut Inner, &ContextInner) -> Result<(), Failure>,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let mut request: Locked<'_, Request> = unsafe { lock(request) }?;
        let mut changed = request.clone();
        changed.octets = None;
        work(&mut changed, context)?;
        Ok(move || *request = changed)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Asks for a subject, a distinguished name in DER (see cellcert_name). PKCS #10 without it asks for the NULL-DN; CRMF without it leaves
/// the name to the CA (TS 33.310 section 9.5.4.2), and needs cellcert_request_set_sender or cellcert_request_set_public_key_mac.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_subject(
    context: *const Context,
    request: *const Request,
    subject: *const u8,
    subject_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            request.subject = Some(name::decode(octets(subject, subject_len)?)?);
            Ok(())
        })
    }
}

/// Asks for one more subjectAltName of that kind, one of the CELLCERT_ALTERNATIVE_ constants.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_add_alternative_name(
    context: *const Context,
    request: *const Request,
    kind: i32,
    value: *const u8,
    value_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            if request.alternative_names.len() >= MAX_ALTERNATIVE_NAMES {
                return Err(Failure::code(CELLCERT_ERR_LIMIT));
            }
            request.alternative_names.push(alternative_name(kind, octets(value, value_len)?)?);
            Ok(())
        })
    }
}

fn alternative_name(kind: i32, value: &[u8]) -> Result<GeneralName, Failure> {
    let wrong = || Failure::code(CELLCERT_ERR_ARGUMENT);
    let text = || {
        let text = core::str::from_utf8(value).ok().filter(|text| !text.is_empty()).ok_or(wrong())?;
        Ia5String::new(text).map_err(|_| wrong())
    };
    Ok(match kind {
        CELLCERT_ALTERNATIVE_EMAIL => GeneralName::Rfc822Name(text()?),
        CELLCERT_ALTERNATIVE_DNS => GeneralName::DnsName(text()?),
        CELLCERT_ALTERNATIVE_NAME => GeneralName::DirectoryName(name::decode(value)?),
        CELLCERT_ALTERNATIVE_URI => GeneralName::UniformResourceIdentifier(text()?),
        CELLCERT_ALTERNATIVE_IP => {
            let short = <[u8; 4]>::try_from(value).map(IpAddr::from);
            let long = || <[u8; 16]>::try_from(value).map(IpAddr::from);
            GeneralName::from(short.or_else(|_| long()).map_err(|_| wrong())?)
        }
        _ => return Err(wrong()),
    })
}

/// Asks for an extension: an Extension (RFC 5280 section 4.1) in DER. subjectAltName is cellcert_request_add_alternative_name's.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_add_extension(
    context: *const Context,
    request: *const Request,
    extension: *const u8,
    extension_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            if request.extensions.len() >= pkcs10::MAX_EXTENSIONS {
                return Err(Failure::code(CELLCERT_ERR_LIMIT));
            }
            request.extensions.push(Extension::from_der(octets(extension, extension_len)?)?);
            Ok(())
        })
    }
}

/// PKCS #10: sets challengePassword (RFC 2985 section 5.4.1). It travels in the clear: only inside TLS.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_challenge_password(
    context: *const Context,
    request: *const Request,
    password: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            request.challenge_password = Some(SharedSecret::new(text(password)?.to_string()));
            Ok(())
        })
    }
}

/// PKCS #10: sets unstructuredName (RFC 2985 section 5.4.3).
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_unstructured_name(
    context: *const Context,
    request: *const Request,
    unstructured_name: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            request.unstructured_name = Some(text(unstructured_name)?.to_string());
            Ok(())
        })
    }
}

/// CRMF: sets certReqId, 0 by default.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_cert_req_id(
    context: *const Context,
    request: *const Request,
    cert_req_id: i64,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            request.cert_req_id = cert_req_id;
            Ok(())
        })
    }
}

/// CRMF: asks for a validity, in seconds since 1970-01-01T00:00:00Z. 0 leaves a bound to the CA; not both.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_validity(
    context: *const Context,
    request: *const Request,
    not_before: u64,
    not_after: u64,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let bounds = OptionalValidity::new(bound(not_before)?, bound(not_after)?);
            request.validity = Some(bounds);
            Ok(())
        })
    }
}

/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5).
fn bound(seconds: u64) -> Result<Option<Time>, Failure> {
    if seconds == 0 {
        return Ok(None);
    }
    let time = UnixTime::from_secs(seconds).to_generalized_time();
    let time = time.map_err(|_| Failure::code(CELLCERT_ERR_ARGUMENT))?;
    let date = time.to_date_time();
    Ok(Some(match der::asn1::UtcTime::from_date_time(date) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(time),
    }))
}

/// CRMF without subject: binds the proof of possession to the name under which the sender of the message is authenticated, a
/// distinguished name in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_sender(
    context: *const Context,
    request: *const Request,
    sender: *const u8,
    sender_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let sender = name::decode(octets(sender, sender_len)?)?;
            request.sender = Some(GeneralName::DirectoryName(sender));
            Ok(())
        })
    }
}

/// CRMF without subject and without such a name: binds the proof of possession to a secret shared with the CA, by a PBMAC1 over the public
/// key (RFC 4211 section 4.4).
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_public_key_mac(
    context: *const Context,
    request: *const Request,
    secret: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, context| {
            let spki = request.public_key()?.spki_octets();
            let secret = SharedSecret::new(text(secret)?.to_string());
            let mac = PasswordMac::pbmac1(&context.provider)?;
            request.public_key_mac = Some(mac.authenticate(&context.provider, &secret, spki)?);
            Ok(())
        })
    }
}

/// CRMF, for kur: names the certificate that is to be updated (RFC 4211 section 6.5), given in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_set_old_certificate(
    context: *const Context,
    request: *const Request,
    certificate: *const u8,
    certificate_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let id = cert_id(octets(certificate, certificate_len)?)?;
            request.controls.retain(|control| control.oid != rfc4211::REG_CTRL_OLD_CERT_ID);
            request.controls.push(Control::OldCertId(id).close()?);
            Ok(())
        })
    }
}

/// A certificate by its issuer and serial number.
pub(crate) fn cert_id(certificate: &[u8]) -> Result<CertId, Failure> {
    let certificate = Certificate::from_der(certificate)?;
    let tbs = certificate.tbs_certificate();
    Ok(CertId::new(GeneralName::DirectoryName(tbs.issuer().clone()), tbs.serial_number().clone()))
}

/// CRMF: adds regToken (RFC 4211 section 6.1), a secret that is used once.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_add_reg_token(
    context: *const Context,
    request: *const Request,
    token: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            add(
                &mut request.controls,
                Control::RegToken(SharedSecret::new(text(token)?.to_string())).close()?,
            )
        })
    }
}

/// CRMF: adds authenticator (RFC 4211 section 6.2), a secret that is used again and again.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_add_authenticator(
    context: *const Context,
    request: *const Request,
    secret: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            add(
                &mut request.controls,
                Control::Authenticator(SharedSecret::new(text(secret)?.to_string())).close()?,
            )
        })
    }
}

/// CRMF: adds a control of any type, an object identifier as "1.3.6.1.5.5.7.5.1.1", with its value in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_add_control(
    context: *const Context,
    request: *const Request,
    oid: *const c_char,
    value: *const u8,
    value_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let value = RawDer::new(octets(value, value_len)?)?;
            let control = AttributeTypeAndValue::new(object_identifier(text(oid)?)?, value);
            add(&mut request.controls, control)
        })
    }
}

/// CRMF: adds utf8Pairs to regInfo (RFC 4211 section 7.1), as "name?value%name?value%".
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_request_add_reg_info(
    context: *const Context,
    request: *const Request,
    pairs: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            add(&mut request.reg_info, RegInfo::Utf8Pairs(text(pairs)?.to_string()).close()?)
        })
    }
}

fn add<T>(list: &mut Vec<T>, item: T) -> Result<(), Failure> {
    /// How many controls, or pieces of information, one request may have.
    const MAX: usize = 32;
    if list.len() >= MAX {
        return Err(Failure::code(CELLCERT_ERR_LIMIT));
    }
    list.push(item);
    Ok(())
}

pub(crate) fn object_identifier(text: &str) -> Result<ObjectIdentifier, Failure> {
    ObjectIdentifier::new(text).map_err(|_| Failure::code(CELLCERT_ERR_ARGUMENT))
}
