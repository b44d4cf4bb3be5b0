import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.cmp.*;
import org.bouncycastle.asn1.crmf.*;
import org.bouncycastle.asn1.pkcs.Attribute;
import org.bouncycastle.asn1.pkcs.CertificationRequest;
import org.bouncycastle.asn1.pkcs.CertificationRequestInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.util.encoders.Hex;

/**
 * What Bouncy Castle reads in a message.
 *
 * A request is a line `KIND HEX`; its answer is a line of JSON: {"der": HEX, "fields": {...}} for what was accepted,
 * {"error": TEXT} for what was not.
 */
public class BouncyCastle {
    static final List<String> BODIES = List.of("ir", "ip", "cr", "cp", "p10cr", "popdecc", "popdecr", "kur", "kup", "krr",
            "krp", "rr", "rp", "ccr", "ccp", "ckuann", "cann", "rann", "crlann", "pkiconf", "nested", "genm", "genp",
            "error", "certConf", "pollReq", "pollRep");
    static final List<String> PROOFS = List.of("raVerified", "signature", "keyEncipherment", "keyAgreement");
    static final List<String> KEY_PROOFS =
            List.of("thisMessage", "subsequentMessage", "dhMAC", "agreeMAC", "encryptedKey");

    /** RFC 4211 sections 6 and 7, RFC 9810 section 5.3.19.16; other types stay closed. */
    static final Map<String, Function<Object, ASN1Encodable>> CONTROLS = Map.ofEntries(
            Map.entry("1.3.6.1.5.5.7.5.1.1", ASN1UTF8String::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.2", ASN1UTF8String::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.3", PKIPublicationInfo::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.4", PKIArchiveOptions::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.5", CertId::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.6", SubjectPublicKeyInfo::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.7", AttributeTypeAndValue::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.11", AlgorithmIdentifier::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.1.12", ASN1Integer::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.2.1", ASN1UTF8String::getInstance),
            Map.entry("1.3.6.1.5.5.7.5.2.2", CertRequest::getInstance));

    public static void main(String[] arguments) throws IOException {
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = requests.readLine()) != null;) {
            String[] words = line.split(" ", 2);
            System.out.println(json(answer(words[0], Hex.decode(words[1]))));
        }
    }

    static Map<String, Object> answer(String kind, byte[] octets) {
        try {
            ASN1Primitive tree = ASN1Primitive.fromByteArray(octets);
            ASN1Object value = switch (kind) {
                case "PKCS10" -> CertificationRequest.getInstance(tree);
                case "CertReqMessages" -> CertReqMessages.getInstance(tree);
                case "PKIMessage" -> PKIMessage.getInstance(tree);
                default -> throw new IllegalArgumentException(kind);
            };
            if (value == null) {
                return fields("error", "nothing");
            }
            open(value);
            Object fields = value instanceof PKIMessage message ? message(message) : fields("content", content(value));
            return fields("der", der(value), "fields", fields);
        } catch (InvocationTargetException error) {
            return fields("error", error.getCause().toString());
        } catch (Exception | StackOverflowError error) {
            return fields("error", error.toString());
        }
    }

    /** Bouncy Castle opens many a field only when asked for it: asks for every one. */
    static void open(Object value) throws ReflectiveOperationException {
        if (value instanceof Object[] values) {
            for (Object each : values) {
                open(each);
            }
        } else if (value instanceof ASN1Object && !(value instanceof ASN1Primitive)) {
            for (Method method : value.getClass().getMethods()) {
                Class<?> type = method.getReturnType();
                boolean isField = ASN1Encodable.class.isAssignableFrom(type.isArray() ? type.getComponentType() : type);
                boolean isGetter = method.getName().matches("get.*|to.*Array") && method.getParameterCount() == 0;
                // A getter that throws parses what is octets for CMP, such as the key in SubjectPublicKeyInfo.
                if (isField && isGetter && method.getExceptionTypes().length == 0) {
                    open(method.invoke(value));
                }
            }
        }
    }

    static Object message(PKIMessage message) {
        PKIHeader header = message.getHeader();
        PKIBody body = message.getBody();
        return fields(
                "transactionID", octets(header.getTransactionID()),
                "senderNonce", octets(header.getSenderNonce()),
                "recipNonce", octets(header.getRecipNonce()),
                "body", BODIES.get(body.getType()),
                "content", content(body.getContent()));
    }

    /** The fields of each request, response or status. */
    static List<Object> content(ASN1Encodable content) {
        if (content instanceof CertReqMessages messages) {
            return list(messages.toCertReqMsgArray(), BouncyCastle::request);
        } else if (content instanceof CertRepMessage message) {
            return list(message.getResponse(), BouncyCastle::response);
        } else if (content instanceof CertificationRequest request) {
            return List.of(pkcs10(request.getCertificationRequestInfo()));
        } else if (content instanceof KeyRecRepContent recovery) {
            return List.of(status(recovery.getStatus()));
        } else if (content instanceof RevRepContent revocation) {
            return list(revocation.getStatus(), BouncyCastle::status);
        } else if (content instanceof ErrorMsgContent error) {
            return List.of(status(error.getPKIStatusInfo()));
        } else if (content instanceof CertConfirmContent confirmation) {
            return list(confirmation.toCertStatusArray(), BouncyCastle::certStatus);
        } else if (content instanceof PollReqContent polls) {
            return list(polls.getCertReqIdValues(), BigInteger::toString);
        } else if (content instanceof PollRepContent polls) {
            return IntStream.range(0, polls.size())
                    .mapToObj(i -> (Object) fields(
                            "certReqId", polls.getCertReqId(i).toString(), "checkAfter", polls.getCheckAfter(i).toString()))
                    .toList();
        } else if (content instanceof GenMsgContent info) {
            return list(info.toInfoTypeAndValueArray(), BouncyCastle::info);
        } else if (content instanceof GenRepContent info) {
            return list(info.toInfoTypeAndValueArray(), BouncyCastle::info);
        }
        return List.of();
    }

    static Object request(CertReqMsg message) {
        CertTemplate template = message.getCertReq().getCertTemplate();
        Controls controls = message.getCertReq().getControls();
        return fields(
                "certReqId", message.getCertReq().getCertReqId().toString(),
                "subject", der(template.getSubject()),
                "publicKey", der(template.getPublicKey()),
                "controls", list(controls == null ? null : controls.toAttributeTypeAndValueArray(), BouncyCastle::attribute),
                "popo", popo(message.getPopo()),
                "regInfo", list(message.getRegInfo(), BouncyCastle::attribute));
    }

    /** The type, and the value opened and closed again; null when it cannot be opened. */
    static Object attribute(AttributeTypeAndValue attribute) {
        List<Object> fields = new ArrayList<>(List.of(attribute.getType().getId()));
        ASN1Encodable value = attribute.getValue();
        try {
            ASN1Encodable opened = CONTROLS.getOrDefault(attribute.getType().getId(), ASN1Encodable.class::cast).apply(value);
            open(opened);
            fields.add(der(opened));
        } catch (ReflectiveOperationException | RuntimeException error) {
            fields.add(null);
        }
        return fields;
    }

    /** The type and the value, which Bouncy Castle leaves closed. */
    static Object info(InfoTypeAndValue info) {
        ASN1Encodable value = info.getInfoValue();
        return List.of(info.getInfoType().getId(), value == null ? "absent" : der(value));
    }

    static String popo(ProofOfPossession proof) {
        if (proof == null) {
            return null;
        }
        String kind = PROOFS.get(proof.getType());
        return proof.getObject() instanceof POPOPrivKey inner ? kind + "." + KEY_PROOFS.get(inner.getType()) : kind;
    }

    static Object pkcs10(CertificationRequestInfo info) {
        Object[] attributes = info.getAttributes() == null ? null : info.getAttributes().toArray();
        return fields(
                "subject", der(info.getSubject()),
                "publicKey", der(info.getSubjectPublicKeyInfo()),
                "attributes", list(attributes, item -> Attribute.getInstance(item).getAttrType().getId()));
    }

    static Map<String, Object> status(PKIStatusInfo info) {
        ASN1BitString bits = info.getFailInfo();
        return fields(
                "status", info.getStatus().toString(),
                "failInfo", bits == null ? null : IntStream.range(0, 27).filter(bit -> isSet(bits.getBytes(), bit)).boxed().toList());
    }

    static boolean isSet(byte[] octets, int bit) {
        return bit / 8 < octets.length && (octets[bit / 8] & 0x80 >> bit % 8) != 0;
    }

    static Object response(CertResponse response) {
        Map<String, Object> fields = fields("certReqId", response.getCertReqId().toString());
        fields.putAll(status(response.getStatus()));
        CertifiedKeyPair pair = response.getCertifiedKeyPair();
        boolean isClear = pair != null && pair.getCertOrEncCert().getCertificate() != null;
        fields.put("certOrEncCert", pair == null ? null : isClear ? "certificate" : "encryptedCert");
        return fields;
    }

    static Object certStatus(CertStatus status) {
        Map<String, Object> fields =
                fields("certReqId", status.getCertReqId().toString(), "certHash", octets(status.getCertHash()));
        if (status.getStatusInfo() != null) {
            fields.putAll(status(status.getStatusInfo()));
        }
        return fields;
    }

    static String octets(ASN1OctetString octets) {
        return octets == null ? null : Hex.toHexString(octets.getOctets());
    }

    static String der(ASN1Encodable value) {
        try {
            return value == null ? null : Hex.toHexString(value.toASN1Primitive().getEncoded(ASN1Encoding.DER));
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    static <T> List<Object> list(T[] items, Function<T, Object> fields) {
        return items == null ? List.of() : Stream.of(items).map(fields).toList();
    }

    static Map<String, Object> fields(Object... namesAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return fields;
    }

    static String json(Object value) {
        if (value instanceof Map<?, ?> fields) {
            return fields.entrySet().stream()
                    .map(field -> json(field.getKey()) + ":" + json(field.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        } else if (value instanceof List<?> items) {
            return items.stream().map(BouncyCastle::json).collect(Collectors.joining(",", "[", "]"));
        } else if (value instanceof String text) {
            return '"' + text.replaceAll("[^ -~]|[\"\\\\]", "?") + '"';
        }
        return String.valueOf(value);
    }
}
