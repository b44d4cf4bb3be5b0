"""pyca/cryptography makes and verifies with ML-DSA, by the OpenSSL that it brings along.

A request is a line of words in hexadecimal digits behind the first one; its answer is a line of them, `yes`, `no` or
`error TEXT`.
"""

import datetime
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.x509.oid import NameOID

KEYS = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey,
}
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "enb17")])
DER = serialization.Encoding.DER


def yes_or_no(check, *arguments):
    try:
        result = check(*arguments)
    except InvalidSignature:
        return "no"
    return "no" if result is False else "yes"


def key(kind):
    """A new private key, as PKCS #8."""
    made = KEYS[kind].generate()
    return made.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).hex()


def csr(pkcs8):
    """A certification request of its own, with a subjectAltName."""
    names = x509.SubjectAlternativeName([x509.DNSName("enb17.example")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(NAME).add_extension(names, critical=False)
    return builder.sign(load(pkcs8), None).public_bytes(DER).hex()


def certificate(pkcs8):
    """A certificate for its own key, which may sign others."""
    private = load(pkcs8)
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"],
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2046, 1, 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, None)
    )
    return made.public_bytes(DER).hex()


def verify_csr(octets):
    return yes_or_no(lambda: x509.load_der_x509_csr(bytes.fromhex(octets)).is_signature_valid)


def verify_certificate(octets, issuer):
    read = [x509.load_der_x509_certificate(bytes.fromhex(each)) for each in (octets, issuer)]
    return yes_or_no(read[0].verify_directly_issued_by, read[1])


def sign(pkcs8, octets):
    return load(pkcs8).sign(bytes.fromhex(octets)).hex()


def verify(spki, octets, signature):
    public = serialization.load_der_public_key(bytes.fromhex(spki))
    return yes_or_no(public.verify, bytes.fromhex(signature), bytes.fromhex(octets))


def load(pkcs8):
    return serialization.load_der_private_key(bytes.fromhex(pkcs8), None)


COMMANDS = {
    "key": key,
    "csr": csr,
    "certificate": certificate,
    "verify-csr": verify_csr,
    "verify-certificate": verify_certificate,
    "sign": sign,
    "verify": verify,
}

for line in sys.stdin:
    command, *arguments = line.split()
    try:
        print(COMMANDS[command](*arguments), flush=True)
    except Exception as error:  # whatever it is, the test has to hear of it
        print("error", type(error).__name__, str(error).replace("\n", " "), flush=True)
