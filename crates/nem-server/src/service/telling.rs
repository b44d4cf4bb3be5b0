//! What the NEM says of requests, RA/CAs and batches, as lines of the log.

use nem::{Event, Happening, News, Notice};
use tracing::{info, warn};

pub(super) fn log(event: &Event) {
    let Event { station, request, happening, .. } = event;
    let transaction = event.transaction_id.as_ref().map(ToString::to_string).unwrap_or_default();
    match happening {
        Happening::Rejected(_) | Happening::TurnedDown(_) | Happening::Retry { .. } => {
            warn!(%station, %request, %transaction, "{happening}");
        }
        _ => info!(%station, %request, %transaction, "{happening}"),
    }
}

pub(super) fn log_notice(Notice { upstream, transaction_id, news, .. }: &Notice) {
    let batch = transaction_id.as_ref().map(ToString::to_string).unwrap_or_default();
    match news {
        News::BatchSent { .. }
        | News::BatchAnswered { missing: 0, .. }
        | News::BatchDelayed { .. }
        | News::Up => {
            info!(%upstream, %batch, "{news}");
        }
        _ => warn!(%upstream, %batch, "{news}"),
    }
}
