import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.cmp.*;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.cmp.*;
import org.bouncycastle.cert.crmf.PKMACBuilder;
import org.bouncycastle.cert.crmf.jcajce.JcePKMACValuesCalculator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.MacCalculator;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.pkcs.jcajce.*;
import org.bouncycastle.util.encoders.Hex;

/**
 * Bouncy Castle protects messages and verifies their protection.
 *
 * A request is a line of words, its last word a message in hexadecimal digits; its answer is a line: `yes`, `no`, a message that is
 * protected anew, or `error TEXT`. Secrets, keys and certificates are in hexadecimal digits, too; a secret's are UTF-8.
 */
public class BouncyCastleProtection {
    public static void main(String[] arguments) throws IOException {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = requests.readLine()) != null;) {
            String[] words = line.split(" ");
            try {
                GeneralPKIMessage message = new GeneralPKIMessage(Hex.decode(words[words.length - 1]));
                System.out.println(answer(words, message));
            } catch (Exception error) {
                System.out.println("error " + error.toString().replace('\n', ' '));
            }
        }
    }

    static String answer(String[] words, GeneralPKIMessage message) throws Exception {
        return switch (words[0]) {
            case "verify-signature" -> yesOrNo(verifySignature(message));
            case "verify-pbm" -> yesOrNo(new ProtectedPKIMessage(message).verify(pbm(), secret(words[1])));
            case "verify-pbmac1" -> yesOrNo(new ProtectedPKIMessage(message).verify(
                    new JcePBMac1CalculatorProviderBuilder().setProvider("BC").build(), secret(words[1])));
            case "sign" -> {
                ProtectedPKIMessageBuilder builder = builder(message);
                builder.addCMPCertificate(new X509CertificateHolder(Hex.decode(words[3])));
                yield hex(builder.build(new JcaContentSignerBuilder(words[1]).setProvider("BC").build(key(words[2]))));
            }
            case "pbm" -> {
                AlgorithmIdentifier owf = algorithm(words[2]);
                AlgorithmIdentifier mac = algorithm(words[3]);
                byte[] salt = salt(words[4]);
                PBMParameter parameters = new PBMParameter(salt, owf, Integer.parseInt(words[5]), mac);
                MacCalculator calculator = pbm().setParameters(parameters).build(secret(words[1]));
                yield hex(builder(message).build(calculator));
            }
            case "pbmac1" -> {
                MacCalculator calculator = new JcePBMac1CalculatorBuilder(words[3], Integer.parseInt(words[6]))
                        .setProvider("BC")
                        .setPrf(algorithm(words[2]))
                        .setSalt(salt(words[4]))
                        .setIterationCount(Integer.parseInt(words[5]))
                        .build(secret(words[1]));
                yield hex(builder(message).build(calculator));
            }
            default -> throw new IllegalArgumentException(words[0]);
        };
    }

    /** By the first certificate that comes along. */
    static boolean verifySignature(GeneralPKIMessage message) throws Exception {
        ProtectedPKIMessage signed = new ProtectedPKIMessage(message);
        X509CertificateHolder certificate = signed.getCertificates()[0];
        return signed.verify(new JcaContentVerifierProviderBuilder().setProvider("BC").build(certificate));
    }

    static PKMACBuilder pbm() throws Exception {
        return new PKMACBuilder(new JcePKMACValuesCalculator().setProvider("BC"), 1_000_000);
    }

    /** The same header and body. */
    static ProtectedPKIMessageBuilder builder(GeneralPKIMessage message) {
        PKIHeader header = message.getHeader();
        ProtectedPKIMessageBuilder builder =
                new ProtectedPKIMessageBuilder(header.getPvno().intValueExact(), header.getSender(), header.getRecipient());
        builder.setBody(message.getBody());
        builder.setTransactionID(header.getTransactionID().getOctets());
        builder.setSenderNonce(header.getSenderNonce().getOctets());
        ASN1OctetString kid = header.getSenderKID();
        if (kid != null) {
            builder.setSenderKID(kid.getOctets());
        }
        return builder;
    }

    static PrivateKey key(String hex) throws Exception {
        byte[] octets = Hex.decode(hex);
        String algorithm = PrivateKeyInfo.getInstance(octets).getPrivateKeyAlgorithm().getAlgorithm().getId();
        return KeyFactory.getInstance(algorithm, "BC").generatePrivate(new PKCS8EncodedKeySpec(octets));
    }

    static AlgorithmIdentifier algorithm(String oid) {
        return new AlgorithmIdentifier(new ASN1ObjectIdentifier(oid), DERNull.INSTANCE);
    }

    static byte[] salt(String octets) {
        byte[] salt = new byte[Integer.parseInt(octets)];
        Arrays.fill(salt, (byte) 0xa5);
        return salt;
    }

    static char[] secret(String hex) {
        return new String(Hex.decode(hex), StandardCharsets.UTF_8).toCharArray();
    }

    static String yesOrNo(boolean yes) {
        return yes ? "yes" : "no";
    }

    static String hex(ProtectedPKIMessage message) throws IOException {
        return Hex.toHexString(message.toASN1Structure().getEncoded("DER"));
    }
}
