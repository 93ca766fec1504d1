//! `insights.prices.v1.Prices`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use events::asset::{AssetEvent, PriceBasis};
use events::values::{AggregateId, AssetId, Bar, Payment, PaymentKind, SplitRatio};
use events::{AnyEvent, Position, Stream};
use jiff::civil::Date;
use journal::Recorded;
use projections::as_of::of_prices;
use projections::prices::histories;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use crate::Service;
use crate::asked::{asset, assets, unless_empty, window};
use crate::caller::caller;
use crate::fault::{bad_field, database, fault, log, no_such_asset, not_as_of, nothing};
use crate::proto::prices::prices_server::Prices;
use crate::proto::prices::watch_prices_response::Change;
use crate::proto::prices::{
    self as proto, BarList, CorporateAction, CorporateActionKind, Delisting, GetPricesRequest, GetPricesResponse,
    WatchPricesRequest, WatchPricesResponse,
};

/// Callers that may watch at once.
const WATCHERS_MAX: usize = 64;
/// Answers that wait for a caller who is slow to take them; the log waits for the rest.
const ANSWERS_AHEAD: usize = 16;
/// Events that are read at a time.
const EVENTS_AT_ONCE: usize = 100;
/// How long one look at the log waits for news.
const NEWS_WAIT: Duration = Duration::from_secs(5);

/// The service.
pub struct PricesService {
    service: Service,
    watchers: Arc<Semaphore>,
    stop: CancellationToken,
}

impl PricesService {
    pub fn new(service: Service, stop: CancellationToken) -> Self {
        Self { service, watchers: Arc::new(Semaphore::new(WATCHERS_MAX)), stop }
    }
}

#[tonic::async_trait]
impl Prices for PricesService {
    async fn get_prices(&self, request: Request<GetPricesRequest>) -> Result<Response<GetPricesResponse>, Status> {
        caller(&self.service, request.metadata()).await?;
        let asked = request.into_inner();
        let asset = asset("asset", &asked.asset)?;
        let (from, to) = window(&asked.from, &asked.to)?;
        let as_of = of_prices(&self.service.journal, unless_empty(&asked.as_of)).await.map_err(not_as_of)?;
        let pool = &self.service.pool;
        let listed = projections::assets::get(pool, &asset).await.map_err(|error| database(&error))?;
        let listed = listed.ok_or_else(|| no_such_asset(&asset))?;
        let known = histories(pool, std::slice::from_ref(&asset), from, to, as_of).await;
        let mut known = known.map_err(|error| database(&error))?;
        let history =
            known.remove(&asset).ok_or_else(|| nothing("NO_PRICES", format!("{asset} has no price in the window")))?;
        // A day before a payment that cannot be one has no adjusted close; all else of it is told.
        let (rows, _) = history.rows().map_err(|error| nothing("PRICES_UNUSABLE", error))?;
        let bars = rows.iter().map(|row| proto::Bar { adjusted_close: row.adjusted_close, ..bar(&row.bar) });
        Ok(Response::new(GetPricesResponse {
            asset: asset.to_string(),
            currency: listed.currency,
            basis: basis(&history.basis).into(),
            bars: bars.collect(),
            source: history.source,
            position: history.position.to_string(),
        }))
    }

    type WatchPricesStream = ReceiverStream<Result<WatchPricesResponse, Status>>;

    async fn watch_prices(
        &self,
        request: Request<WatchPricesRequest>,
    ) -> Result<Response<Self::WatchPricesStream>, Status> {
        caller(&self.service, request.metadata()).await?;
        let asked = request.into_inner();
        let wanted: BTreeSet<AssetId> =
            assets("assets", asked.assets.iter().map(String::as_str), 0)?.into_iter().collect();
        let named: Vec<AssetId> = wanted.iter().cloned().collect();
        let missing =
            projections::assets::missing(&self.service.pool, &named).await.map_err(|error| database(&error))?;
        if let Some(unknown) = missing.first() {
            return Err(no_such_asset(unknown));
        }
        let journal = &self.service.journal;
        let end = journal.last_position(Stream::Market).await.map_err(|error| log(&error))?;
        let after = match asked.after.as_str() {
            "" => end.sequence,
            text => match text.parse::<Position>() {
                Ok(position) if position.stream == Stream::Market && position.sequence <= end.sequence => {
                    position.sequence
                }
                _ => return Err(bad_field("after", format!("it is no position up to {end}"))),
            },
        };
        let too_many =
            |_| fault(Code::ResourceExhausted, "TOO_MANY_WATCHERS", format!("{WATCHERS_MAX} callers watch already"));
        let place = self.watchers.clone().try_acquire_owned().map_err(too_many)?;
        let reader = journal.reader(Stream::Market, after).await.map_err(|error| log(&error))?;
        let (send, answers) = mpsc::channel(ANSWERS_AHEAD);
        tokio::spawn(watch(reader, wanted, send, self.stop.clone(), place));
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}

/// Tells what becomes known until the caller hangs up or the service ends.
async fn watch(
    mut reader: journal::Reader,
    wanted: BTreeSet<AssetId>,
    send: mpsc::Sender<Result<WatchPricesResponse, Status>>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    loop {
        let batch = tokio::select! {
            () = stop.cancelled() => return,
            () = send.closed() => return,
            batch = reader.next(EVENTS_AT_ONCE, NEWS_WAIT) => batch,
        };
        let answers = match batch {
            Ok(batch) => batch.events.iter().filter_map(|event| told(event, &wanted).transpose()).collect(),
            Err(error) => vec![Err(log(&error))],
        };
        for answer in answers {
            let is_last = answer.is_err();
            if send.send(answer).await.is_err() || is_last {
                return;
            }
        }
    }
}

/// What the event says of the assets that are wanted, if it says anything.
///
/// # Errors
/// Where this build cannot read it: a newer one may have written it. Nothing is left out without a word.
fn told(event: &Recorded, wanted: &BTreeSet<AssetId>) -> Result<Option<WatchPricesResponse>, Status> {
    let unreadable = || {
        let text = format!("the event at {} cannot be read by this server", event.position());
        fault(Code::Internal, "EVENT_UNREADABLE", text)
    };
    let (_, token) = event.kind_and_token().map_err(|_| unreadable())?;
    let asset = AssetId::from_token(token).ok_or_else(unreadable)?;
    if !wanted.is_empty() && !wanted.contains(&asset) {
        return Ok(None);
    }
    let AnyEvent::Asset(said) = event.decode().map_err(|_| unreadable())? else { return Ok(None) };
    let change = match said {
        AssetEvent::Listed(_)
        | AssetEvent::Edited { .. }
        | AssetEvent::InterestSet { .. }
        | AssetEvent::Rated { .. }
        | AssetEvent::Confirmed { .. } => return Ok(None),
        AssetEvent::Delisted { date, reason } => {
            Change::Delisted(Delisting { date: date.to_string(), reason: reason.as_str().to_owned() })
        }
        AssetEvent::Priced { bars, .. } => Change::Priced(BarList { bars: bars.as_slice().iter().map(bar).collect() }),
        AssetEvent::Corrected { corrections, .. } => {
            Change::Corrected(BarList { bars: corrections.iter().map(|correction| bar(&correction.is)).collect() })
        }
        AssetEvent::Split { date, ratio, .. } => Change::Action(split(date, ratio)),
        AssetEvent::Dividend { ex_date, kind, payment: paid, .. } => Change::Action(payment(ex_date, kind, paid)),
        AssetEvent::SplitWithdrawn { date, was, .. } => Change::Withdrawn(split(date, was)),
        AssetEvent::PaymentWithdrawn { ex_date, kind, was, .. } => Change::Withdrawn(payment(ex_date, kind, was)),
    };
    let position = event.position().to_string();
    Ok(Some(WatchPricesResponse { asset: asset.to_string(), position, change: Some(change) }))
}

fn split(date: Date, ratio: SplitRatio) -> CorporateAction {
    let amount = float(ratio.new_units()) / float(ratio.old_units());
    CorporateAction { date: date.to_string(), kind: CorporateActionKind::Split.into(), amount }
}

fn payment(ex_date: Date, kind: PaymentKind, payment: Payment) -> CorporateAction {
    let kind = match kind {
        PaymentKind::Dividend => CorporateActionKind::Dividend,
        PaymentKind::CapitalGain => CorporateActionKind::CapitalGain,
    };
    CorporateAction { date: ex_date.to_string(), kind: kind.into(), amount: float(payment.amount()) }
}

fn basis(word: &str) -> proto::PriceBasis {
    match PriceBasis::parse(word) {
        Some(PriceBasis::Raw) => proto::PriceBasis::Raw,
        Some(PriceBasis::SplitAdjusted) => proto::PriceBasis::SplitAdjusted,
        Some(PriceBasis::Adjusted) => proto::PriceBasis::Adjusted,
        None => proto::PriceBasis::Unspecified,
    }
}

fn bar(bar: &Bar) -> proto::Bar {
    proto::Bar {
        date: bar.date.to_string(),
        open: bar.open.map(float),
        high: bar.high.map(float),
        low: bar.low.map(float),
        close: float(bar.close),
        volume: bar.volume,
        adjusted_close: None,
    }
}

/// Prices are within the range of floats.
fn float(number: Decimal) -> f64 {
    number.to_f64().unwrap_or(f64::NAN)
}
