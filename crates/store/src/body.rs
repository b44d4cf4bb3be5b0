use cmp::end_entity::RequestKind;
use der::Enumerated;

use crate::Error;
use crate::error::unknown_value;

/// The body a transaction began with, by its number in RFC 9810's PKIBody:
/// `ENUMERATED { ir(0), cr(2), p10cr(4), kur(7), ccr(13) }`
#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
pub(crate) enum Body {
    Ir = 0,
    Cr = 2,
    P10cr = 4,
    Kur = 7,
    Ccr = 13,
}

impl TryFrom<RequestKind> for Body {
    type Error = Error;

    fn try_from(kind: RequestKind) -> Result<Self, Error> {
        match kind {
            RequestKind::Ir => Ok(Self::Ir),
            RequestKind::Cr => Ok(Self::Cr),
            RequestKind::P10cr => Ok(Self::P10cr),
            RequestKind::Kur => Ok(Self::Kur),
            RequestKind::Ccr => Ok(Self::Ccr),
            _ => Err(unknown_value()),
        }
    }
}

impl From<Body> for RequestKind {
    fn from(body: Body) -> Self {
        match body {
            Body::Ir => Self::Ir,
            Body::Cr => Self::Cr,
            Body::P10cr => Self::P10cr,
            Body::Kur => Self::Kur,
            Body::Ccr => Self::Ccr,
        }
    }
}
