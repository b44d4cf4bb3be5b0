import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.cmp.*;
import org.bouncycastle.asn1.pkcs.CertificationRequest;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.cmp.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.util.encoders.Hex;

/**
 * An RA/CA made of Bouncy Castle that takes batches apart (RFC 9483 section 5.2.2.2), verifies every signature, issues, and
 * answers in one nested message, the last one first.
 *
 * The first line is its PKCS #8 key and its certificate, each in hexadecimal digits. Every other line is a message, and is answered by
 * a message, or by `error TEXT`.
 */
public class BouncyCastleAuthority {
    static PrivateKey key;
    static X509CertificateHolder certificate;

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        String[] credential = lines.readLine().split(" ");
        byte[] pkcs8 = Hex.decode(credential[0]);
        String algorithm = PrivateKeyInfo.getInstance(pkcs8).getPrivateKeyAlgorithm().getAlgorithm().getId();
        key = KeyFactory.getInstance(algorithm, "BC").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        certificate = new X509CertificateHolder(Hex.decode(credential[1]));
        System.out.println("ready");
        for (String line; (line = lines.readLine()) != null;) {
            try {
                PKIMessage answer = answer(new GeneralPKIMessage(Hex.decode(line)));
                System.out.println(Hex.toHexString(answer.getEncoded("DER")));
            } catch (Exception error) {
                System.out.println("error " + error.toString().replace('\n', ' '));
            }
        }
    }

    static PKIMessage answer(GeneralPKIMessage message) throws Exception {
        verify(message);
        PKIBody body = message.getBody();
        return switch (body.getType()) {
            case PKIBody.TYPE_NESTED -> {
                List<PKIMessage> answers = new ArrayList<>();
                for (PKIMessage inner : PKIMessages.getInstance(body.getContent()).toPKIMessageArray()) {
                    answers.add(0, answer(new GeneralPKIMessage(inner.getEncoded())));
                }
                PKIMessage[] all = answers.toArray(new PKIMessage[0]);
                yield protect(message, new PKIBody(PKIBody.TYPE_NESTED, new PKIMessages(all)));
            }
            case PKIBody.TYPE_P10_CERT_REQ -> protect(message, issue(CertificationRequest.getInstance(body.getContent())));
            case PKIBody.TYPE_CERT_CONFIRM -> protect(message, new PKIBody(PKIBody.TYPE_CONFIRM, new PKIConfirmContent()));
            default -> throw new IllegalArgumentException("body " + body.getType());
        };
    }

    /** By the first certificate that comes along; whether it is an RA's is no matter here. */
    static void verify(GeneralPKIMessage message) throws Exception {
        ProtectedPKIMessage signed = new ProtectedPKIMessage(message);
        X509CertificateHolder signer = signed.getCertificates()[0];
        if (!signed.verify(new JcaContentVerifierProviderBuilder().setProvider("BC").build(signer))) {
            throw new IOException("a message's protection does not hold");
        }
    }

    static PKIBody issue(CertificationRequest octets) throws Exception {
        PKCS10CertificationRequest request = new PKCS10CertificationRequest(octets);
        JcaContentVerifierProviderBuilder verifier = new JcaContentVerifierProviderBuilder().setProvider("BC");
        if (!request.isSignatureValid(verifier.build(request.getSubjectPublicKeyInfo()))) {
            throw new IOException("a request's proof of possession does not hold");
        }
        long now = System.currentTimeMillis();
        X509v3CertificateBuilder builder = new X509v3CertificateBuilder(
                certificate.getSubject(),
                new BigInteger(64, new SecureRandom()).add(BigInteger.ONE),
                new Date(now - 60_000),
                new Date(now + 86_400_000),
                request.getSubject(),
                request.getSubjectPublicKeyInfo());
        CMPCertificate issued = new CMPCertificate(builder.build(signer()).toASN1Structure());
        // -1, as the answer to p10cr has it (RFC 9810 section 5.3.4).
        CertResponse response = new CertResponse(
                new org.bouncycastle.asn1.ASN1Integer(-1),
                new PKIStatusInfo(PKIStatus.granted),
                new CertifiedKeyPair(new CertOrEncCert(issued)),
                null);
        return new PKIBody(PKIBody.TYPE_CERT_REP, new CertRepMessage(null, new CertResponse[] {response}));
    }

    static PKIMessage protect(GeneralPKIMessage question, PKIBody body) throws Exception {
        PKIHeader header = question.getHeader();
        byte[] nonce = new byte[16];
        new SecureRandom().nextBytes(nonce);
        ProtectedPKIMessageBuilder builder = new ProtectedPKIMessageBuilder(
                new org.bouncycastle.asn1.x509.GeneralName(certificate.getSubject()), header.getSender());
        builder.setBody(body);
        builder.setMessageTime(new Date());
        builder.setTransactionID(header.getTransactionID().getOctets());
        builder.setSenderNonce(nonce);
        ASN1OctetString echoed = header.getSenderNonce();
        builder.setRecipNonce(echoed.getOctets());
        builder.addCMPCertificate(certificate);
        return builder.build(signer()).toASN1Structure();
    }

    static ContentSigner signer() throws Exception {
        return new JcaContentSignerBuilder("SHA256withECDSA").setProvider("BC").build(key);
    }
}
