use crypto::{CryptoProvider, KeyKind, PublicKey, SignatureAlgorithm, VerifyError};

use super::single_bit_flips;
use crate::hex;

/// A deterministic ECDSA signature over the octets `sample`, from outside. Numbers are big-endian, in hexadecimal.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EcdsaKnownAnswer {
    /// The curve.
    pub kind: KeyKind,
    /// The private scalar.
    pub scalar: &'static str,
    /// The public point's first coordinate.
    pub x: &'static str,
    /// The public point's second coordinate.
    pub y: &'static str,
    /// The algorithm.
    pub algorithm: SignatureAlgorithm,
    /// The signature's first number.
    pub r: &'static str,
    /// The signature's second number.
    pub s: &'static str,
}

impl EcdsaKnownAnswer {
    /// What was signed.
    pub const MESSAGE: &'static [u8] = b"sample";

    /// The private scalar's octets.
    pub fn scalar_octets(&self) -> Vec<u8> {
        number(self.scalar)
    }

    /// The signature as a DER Ecdsa-Sig-Value.
    pub fn signature(&self) -> Vec<u8> {
        sequence(&[unsigned(&number(self.r)), unsigned(&number(self.s))])
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_ec_point(&self.point()).expect("an uncompressed point")
    }

    fn point(&self) -> Vec<u8> {
        [vec![0x04], number(self.x), number(self.y)].concat()
    }
}

/// RFC 6979 appendix A.2.5 to A.2.7: each curve with each digest.
pub const RFC_6979: [EcdsaKnownAnswer; 9] = [
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha256,
        r: "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        s: "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ..P256
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha384,
        r: "0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719",
        s: "4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954",
        ..P256
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha512,
        r: "8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00",
        s: "2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE",
        ..P256
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha256,
        r: "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33BDE1E888E63355D92FA2B3C36D8FB2CD",
        s: "F3AA443FB107745BF4BD77CB3891674632068A10CA67E3D45DB2266FA7D1FEEBEFDC63ECCD1AC42EC0CB8668A4FA0AB0",
        ..P384
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha384,
        r: "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
        s: "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        ..P384
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha512,
        r: "ED0959D5880AB2D869AE7F6C2915C6D60F96507F9CB3E047C0046861DA4A799CFE30F35CC900056D7C99CD7882433709",
        s: "512C8CCEEE3890A84058CE1E22DBC2198F42323CE8ACA9135329F03C068E5112DC7CC3EF3446DEFCEB01A45C2667FDD5",
        ..P384
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha256,
        r: "01511BB4D675114FE266FC4372B87682BAECC01D3CC62CF2303C92B3526012659D16876E25C7C1E57648F23B73564D67F61C6F14D527D54972810421E7D87589E1A7",
        s: "004A171143A83163D6DF460AAF61522695F207A58B95C0644D87E52AA1A347916E4F7A72930B1BC06DBE22CE3F58264AFD23704CBB63B29B931F7DE6C9D949A7ECFC",
        ..P521
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha384,
        r: "01EA842A0E17D2DE4F92C15315C63DDF72685C18195C2BB95E572B9C5136CA4B4B576AD712A52BE9730627D16054BA40CC0B8D3FF035B12AE75168397F5D50C67451",
        s: "01F21A3CEE066E1961025FB048BD5FE2B7924D0CD797BABE0A83B66F1E35EEAF5FDE143FA85DC394A7DEE766523393784484BDF3E00114A1C857CDE1AA203DB65D61",
        ..P521
    },
    EcdsaKnownAnswer {
        algorithm: SignatureAlgorithm::EcdsaWithSha512,
        r: "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
        s: "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
        ..P521
    },
];

const P256: EcdsaKnownAnswer = EcdsaKnownAnswer {
    kind: KeyKind::P256,
    scalar: "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
    x: "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
    y: "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
    algorithm: SignatureAlgorithm::EcdsaWithSha256,
    r: "",
    s: "",
};

const P384: EcdsaKnownAnswer = EcdsaKnownAnswer {
    kind: KeyKind::P384,
    scalar: "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
    x: "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
    y: "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
    algorithm: SignatureAlgorithm::EcdsaWithSha256,
    r: "",
    s: "",
};

const P521: EcdsaKnownAnswer = EcdsaKnownAnswer {
    kind: KeyKind::P521,
    scalar: "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
    x: "01894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD371123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC474B9A2F5023A4",
    y: "00493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28A0DB25741B5B34A828008B22ACC23F924FAAFBD4D33F81EA66956DFEAA2BFDFCF5",
    algorithm: SignatureAlgorithm::EcdsaWithSha512,
    r: "",
    s: "",
};

pub(super) fn check(provider: &CryptoProvider) {
    for known in RFC_6979 {
        let key = known.public_key();
        let verify =
            |signature: &[u8]| provider.verify(known.algorithm, &key, EcdsaKnownAnswer::MESSAGE, signature);
        let what = format!("{} on {}", known.algorithm, known.kind);
        assert_eq!(verify(&known.signature()), Ok(()), "{what}");
        for (fault, signature) in forged_signatures(&known) {
            assert_eq!(verify(&signature), Err(VerifyError::BadSignature), "{what}: {fault}");
        }
        refuses_other_contexts(provider, &known);
        refuses_points_off_the_curve(provider, &known);
    }
}

/// Signatures that are wrong or are not the DER of an Ecdsa-Sig-Value (RFC 5480 appendix A), by fault.
fn forged_signatures(known: &EcdsaKnownAnswer) -> Vec<(String, Vec<u8>)> {
    let signature = known.signature();
    let (r, s, order) = (number(known.r), number(known.s), order(known.kind));
    let (der_r, der_s) = (unsigned(&r), unsigned(&s));
    let contents = [der_r.clone(), der_s.clone()].concat();
    let zero = integer(&[0]);
    let forged = |fault: &str, signature: Vec<u8>| (fault.to_owned(), signature);

    let mut all = vec![
        forged("r = 0", sequence(&[zero.clone(), der_s.clone()])),
        forged("s = 0", sequence(&[der_r.clone(), zero.clone()])),
        forged("r = s = 0", sequence(&[zero.clone(), zero])),
        forged("r = n", sequence(&[unsigned(&order), der_s.clone()])),
        forged("s = n", sequence(&[der_r.clone(), unsigned(&order)])),
        forged("r and s swapped", sequence(&[der_s.clone(), der_r.clone()])),
        forged("s + n", sequence(&[der_r.clone(), unsigned(&sum(&s, &order))])),
        forged("r + n", sequence(&[unsigned(&sum(&r, &order)), der_s.clone()])),
        forged("r negative", sequence(&[integer(&negated(&r)), der_s.clone()])),
        forged("r with a needless zero", sequence(&[integer(&[&[0, 0][..], &r].concat()), der_s.clone()])),
        forged("s with a needless zero", sequence(&[der_r.clone(), integer(&[&[0, 0][..], &s].concat())])),
        forged("r empty", sequence(&[integer(&[]), der_s.clone()])),
        forged("r absent", sequence(std::slice::from_ref(&der_s))),
        forged("a third number", sequence(&[der_r.clone(), der_s.clone(), integer(&[1])])),
        forged("octets behind the sequence", [&signature[..], &[0]].concat()),
        forged("octets behind the numbers", sequence(&[contents.clone(), vec![0x05, 0x00]])),
        forged("a SET", [&[0x31], &signature[1..]].concat()),
        forged("r an OCTET STRING", sequence(&[[&[0x04], &der_r[1..]].concat(), der_s.clone()])),
        forged("a length of two octets", [&[0x30, 0x82, 0x00, length(&contents)], &contents[..]].concat()),
        forged("an indefinite length", [&[0x30, 0x80], &contents[..], &[0, 0]].concat()),
        forged("r and s side by side (IEEE P1363)", [r, s].concat()),
    ];
    all.extend((0..signature.len()).map(|length| forged("truncated", signature[..length].to_vec())));
    all.extend(single_bit_flips(&signature).step_by(3).map(|flipped| (format!("{flipped:02x?}"), flipped)));
    all
}

fn refuses_other_contexts(provider: &CryptoProvider, known: &EcdsaKnownAnswer) {
    let (key, signature) = (known.public_key(), known.signature());
    for octets in single_bit_flips(EcdsaKnownAnswer::MESSAGE).chain([Vec::new(), b"sample ".to_vec()]) {
        let verified = provider.verify(known.algorithm, &key, &octets, &signature);
        assert_eq!(verified, Err(VerifyError::BadSignature), "other octets {octets:02x?}");
    }
    for algorithm in SignatureAlgorithm::ALL.into_iter().filter(|algorithm| *algorithm != known.algorithm) {
        let verified = provider.verify(algorithm, &key, EcdsaKnownAnswer::MESSAGE, &signature);
        let refused = if algorithm.fits(known.kind) {
            VerifyError::BadSignature
        } else {
            VerifyError::AlgorithmDoesNotFitKey { algorithm, key: known.kind }
        };
        assert_eq!(verified, Err(refused), "verified as {algorithm}");
    }
}

/// Whether they are refused as keys, or nothing verifies with them, is all the same.
fn refuses_points_off_the_curve(provider: &CryptoProvider, known: &EcdsaKnownAnswer) {
    let (point, signature) = (known.point(), known.signature());
    let length = point.len();
    let constant = |octet: u8| [vec![0x04], vec![octet; length - 1]].concat();
    let hybrid = [&[0x06], &point[1..]].concat();
    let infinity = vec![0x00];
    for faulty in single_bit_flips(&point).chain([constant(0), constant(1), constant(0xff), hybrid, infinity])
    {
        if let Ok(key) = PublicKey::from_ec_point(&faulty) {
            let verified = provider.verify(known.algorithm, &key, EcdsaKnownAnswer::MESSAGE, &signature);
            assert_eq!(verified, Err(VerifyError::BadSignature), "point {faulty:02x?}");
        }
    }
}

/// The order n of the curve's group, FIPS 186-5 and SP 800-186 section 3.2.1.
fn order(kind: KeyKind) -> Vec<u8> {
    number(match kind {
        KeyKind::P256 => "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
        KeyKind::P384 => {
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973"
        }
        _ => {
            "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409"
        }
    })
}

fn number(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hexadecimal")
}

/// The sum of two numbers of one length, one octet longer.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0_u16;
    let mut sum: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let [high, low] = (u16::from(*a) + u16::from(*b) + carry).to_be_bytes();
            carry = u16::from(high);
            low
        })
        .collect();
    sum.push(u8::from(carry == 1));
    sum.reverse();
    sum
}

/// The two's complement of a number, one octet longer.
fn negated(number: &[u8]) -> Vec<u8> {
    let inverted: Vec<u8> = number.iter().map(|octet| !octet).collect();
    let one = [vec![0; number.len() - 1], vec![1]].concat();
    let mut negated = sum(&inverted, &one);
    negated.iter_mut().take(1).for_each(|first| *first = 0xff);
    negated
}

/// The DER of an INTEGER that is not negative.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = number.iter().copied().skip_while(|octet| *octet == 0).collect();
    let padding = if significant.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
    integer(&[padding, &significant].concat())
}

fn integer(content: &[u8]) -> Vec<u8> {
    tagged(0x02, content)
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = length(content);
    let header = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [&header, content].concat()
}

fn length(content: &[u8]) -> u8 {
    u8::try_from(content.len()).expect("short")
}
