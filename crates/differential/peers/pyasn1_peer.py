"""What pyasn1 and pyasn1-alt-modules read in a message.

A request is a line `KIND HEX`; its answer is a line of JSON: {"der": HEX, "fields": {...}} for what was
accepted, {"error": TEXT} for what was not.
"""

import json
import sys

from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import base, char, univ
from pyasn1_alt_modules import rfc4211, rfc5280, rfc6402, rfc9810

# An error describes all of a message's types: that takes ten times as long as decoding.
for kind in (base.SimpleAsn1Type, base.ConstructedAsn1Type):
    kind.__repr__ = lambda value: type(value).__name__

# RFC 4211 sections 6 and 7, RFC 9810 section 5.3.19.16; other types stay closed.
CONTROLS = {
    rfc4211.id_regCtrl_regToken: char.UTF8String(),
    rfc4211.id_regCtrl_authenticator: char.UTF8String(),
    rfc4211.id_regCtrl_pkiPublicationInfo: rfc4211.PKIPublicationInfo(),
    rfc4211.id_regCtrl_pkiArchiveOptions: rfc4211.PKIArchiveOptions(),
    rfc4211.id_regCtrl_oldCertID: rfc4211.CertId(),
    rfc4211.id_regCtrl_protocolEncrKey: rfc5280.SubjectPublicKeyInfo(),
    rfc9810.id_regCtrl_altCertTemplate: rfc5280.AttributeTypeAndValue(),
    rfc9810.id_regCtrl_algId: rfc5280.AlgorithmIdentifier(),
    rfc9810.id_regCtrl_rsaKeyLen: univ.Integer(),
    rfc4211.id_regInfo_utf8Pairs: char.UTF8String(),
    rfc4211.id_regInfo_certReq: rfc4211.CertRequest(),
}

INFOS = rfc9810.cmpInfoTypeAndValueMap


def octets(value):
    return bytes(value).hex() if value.isValue else None


def der(value):
    return encoder.encode(value).hex()


def universal(value):
    """A SEQUENCE that stands under an implicit tag, under its own."""
    return "30" + der(value)[2:]


def opened(spec, value):
    """The value opened and closed again; None when it is not what its type prescribes."""
    if spec is None:
        return bytes(value).hex()
    try:
        inside, rest = decoder.decode(bytes(value), asn1Spec=spec)
        return None if rest else der(inside)
    except PyAsn1Error:
        return None


def attribute(item):
    return [str(item["type"]), opened(CONTROLS.get(item["type"]), item["value"])]


def info(item):
    value = item["infoValue"]
    return [str(item["infoType"]), opened(INFOS.get(item["infoType"]), value) if value.isValue else "absent"]


def popo(proof):
    if not proof.isValue:
        return None
    kind = proof.getName()
    inner = kind.startswith("key") and proof[kind].getName()
    return f"{kind}.{inner}" if inner else kind


def request(message):
    template = message["certReq"]["certTemplate"]
    subject, key = template["subject"], template["publicKey"]
    controls, reg_info = message["certReq"]["controls"], message["regInfo"]
    return {
        "certReqId": str(int(message["certReq"]["certReqId"])),
        "subject": der(subject["rdnSequence"]) if subject.isValue else None,
        "publicKey": universal(key) if key.isValue else None,
        "controls": [attribute(item) for item in controls] if controls.isValue else [],
        "popo": popo(message["popo"]),
        "regInfo": [attribute(item) for item in reg_info] if reg_info.isValue else [],
    }


def pkcs10(value):
    info = value["certificationRequestInfo"]
    return {
        "subject": der(info["subject"]),
        "publicKey": der(info["subjectPublicKeyInfo"]),
        "attributes": [str(item["attrType"]) for item in info["attributes"]],
    }


def status(info):
    bits = info["failInfo"]
    return {
        "status": str(int(info["status"])),
        "failInfo": [bit for bit in range(27) if bits[bit : bit + 1] == (1,)] if bits.isValue else None,
    }


def response(item):
    pair = item["certifiedKeyPair"]
    kind = pair["certOrEncCert"].getName() if pair.isValue else None
    return {"certReqId": str(int(item["certReqId"])), **status(item["status"]), "certOrEncCert": kind}


def cert_status(item):
    info = item["statusInfo"]
    return {
        "certReqId": str(int(item["certReqId"])),
        "certHash": octets(item["certHash"]),
        **(status(info) if info.isValue else {}),
    }


def body(kind, content):
    if kind in ("ir", "cr", "kur", "krr", "ccr"):
        return [request(message) for message in content]
    if kind in ("ip", "cp", "kup", "ccp"):
        return [response(item) for item in content["response"]]
    if kind == "p10cr":
        return [pkcs10(content)]
    if kind == "krp":
        return [status(content["status"])]
    if kind == "rp":
        return [status(info) for info in content["status"]]
    if kind == "error":
        return [status(content["pKIStatusInfo"])]
    if kind == "certConf":
        return [cert_status(item) for item in content]
    if kind == "pollReq":
        return [str(int(item["certReqId"])) for item in content]
    if kind == "pollRep":
        return [
            {"certReqId": str(int(item["certReqId"])), "checkAfter": str(int(item["checkAfter"]))}
            for item in content
        ]
    if kind in ("genm", "genp"):
        return [info(item) for item in content]
    return []


def pki_message(message):
    header, kind = message["header"], message["body"].getName()
    return {
        "transactionID": octets(header["transactionID"]),
        "senderNonce": octets(header["senderNonce"]),
        "recipNonce": octets(header["recipNonce"]),
        "body": kind,
        "content": body(kind, message["body"][kind]),
    }


KINDS = {
    "PKCS10": (rfc6402.CertificationRequest(), lambda value: {"content": body("p10cr", value)}),
    "CertReqMessages": (rfc4211.CertReqMessages(), lambda value: {"content": body("cr", value)}),
    "PKIMessage": (rfc9810.PKIMessage(), pki_message),
}


def answer(kind, message):
    spec, fields = KINDS[kind]
    try:
        value, rest = decoder.decode(message, asn1Spec=spec)
        if rest:
            return {"error": "trailing octets"}
        return {"der": der(value), "fields": fields(value)}
    # A decoder that stumbles has not accepted.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    kind, _, message = line.strip("\n").partition(" ")
    print(json.dumps(answer(kind, bytes.fromhex(message))), flush=True)
