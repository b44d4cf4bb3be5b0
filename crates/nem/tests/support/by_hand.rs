use asn1::{EncodedCertificate, RawDer, UnixTime};
use cmp::{BatchLayout, ReadingPolicy};
use der::{Decode, Reader, SliceReader};
use nem::by_hand::{AnswerFile, ExportItem, ExportOrder, ImportError, Taken};
use nem::ledger::{Export, ExportForm, ExportId};
use nem::{CommandError, Nem};

/// Fills a file: its octets, or the PKCS #10 requests.
pub fn export(nem: &mut Nem, order: ExportOrder, now: UnixTime) -> Result<(Export, File), CommandError> {
    let exporting = nem.begin_export(order, "out.pki", now)?;
    fill(nem, exporting, now)
}

pub fn export_again(nem: &mut Nem, id: ExportId, now: UnixTime) -> Result<(Export, File), CommandError> {
    let exporting = nem.export_again(id, "again.pki")?;
    fill(nem, exporting, now)
}

pub struct File {
    pub octets: Vec<u8>,
    pub items: Vec<ExportItem>,
}

fn fill(
    nem: &mut Nem,
    mut exporting: nem::by_hand::Exporting,
    now: UnixTime,
) -> Result<(Export, File), CommandError> {
    let mut items = Vec::new();
    while let Some(more) = nem.export_next(&mut exporting, now)? {
        items.extend(more);
    }
    if items.is_empty() {
        return Err(CommandError::NothingToExport(exporting.left_behind()));
    }
    let inner: Vec<u8> = items.iter().flat_map(|item| item.octets.clone()).collect();
    let octets = if exporting.export().form == ExportForm::Pki {
        let (batch, key) = nem.close_export(&exporting, now)?;
        let signed = [batch.signed_prefix()?, inner.clone()].concat();
        let (before, behind) = batch.with_signature(&key.sign(&signed).map_err(cmp::Error::from)?)?;
        [before, inner, behind].concat()
    } else {
        inner
    };
    Ok((nem.finish_export(exporting)?, File { octets, items }))
}

pub fn import(nem: &mut Nem, octets: &[u8], now: UnixTime) -> Result<Vec<Taken>, ImportError> {
    let mut file = open(nem, octets, now)?;
    let mut all = Vec::new();
    while let Some(taken) = nem.take_answers_by_hand(&mut file, now)? {
        all.extend(taken);
    }
    Ok(all)
}

/// As programs do it: in pieces where it has several messages, and as a whole else.
fn open(nem: &Nem, octets: &[u8], now: UnixTime) -> Result<AnswerFile, ImportError> {
    let mut policy = ReadingPolicy::default();
    (policy.message_size, policy.nested_messages) = (usize::MAX, usize::MAX);
    let layout = BatchLayout::read(octets, &policy).ok().flatten();
    let layout = layout.filter(|layout| layout.octets() == octets.len());
    let Some(layout) = layout else { return nem.open_answers(octets, now) };
    let messages = &octets[layout.messages()];
    let Ok(received) = layout.receive(&octets[layout.messages().end..], &policy) else {
        return nem.open_answers(octets, now);
    };
    let Some(algorithm) = received.digest() else { return nem.open_answers(octets, now) };
    let signed = [&layout.signed_prefix().unwrap(), messages].concat();
    let digest = crypto_aws_lc::provider().digest(algorithm, &signed);
    let mut file = nem.open_long_answer(received, &digest, now)?;
    let mut reader = SliceReader::new(messages).unwrap();
    while !reader.is_finished() {
        file.add(RawDer::decode(&mut reader).unwrap().octets().to_vec());
    }
    Ok(file)
}

pub fn import_certificates(
    nem: &mut Nem,
    certificates: &[EncodedCertificate],
    pool: &[EncodedCertificate],
    now: UnixTime,
) -> Result<Vec<Taken>, nem::Error> {
    let (mut all, mut rest) = (Vec::new(), certificates);
    while !rest.is_empty() {
        all.extend(nem.take_certificates(&mut rest, pool, now)?);
    }
    Ok(all)
}
