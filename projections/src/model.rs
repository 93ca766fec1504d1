//! What a read model is: which events it takes, which tables it fills, and how.

use std::panic::{AssertUnwindSafe, catch_unwind};

use events::{Kind, Stream};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::incoming::Applied;
use crate::{advisors, assets, backtests, clients, happenings, portfolio_figures, portfolios, prices, recommendations};

/// What a batch of events changes in one read model: folded in memory first, so that a row is written once.
pub trait Changes: Default + Send + 'static {
    /// Takes one event in. Events come in the order of the log.
    ///
    /// # Errors
    /// Where the event is none that this read model can take: it will be parked, with those behind it.
    fn fold(&mut self, event: &Applied) -> Result<(), FoldError>;

    /// Writes what has changed, inside the transaction that also moves the checkpoint.
    fn write(self, connection: &mut PgConnection) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// Why a read model does not take an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The last word of the subject is no id of the aggregate's kind.
    #[error("`{0}` is no id of this kind")]
    NotAnId(String),
    /// An event that does not say where its aggregate's event before it stands.
    #[error("it does not say behind which event of its aggregate it comes")]
    BehindNothing,
    /// A value that the tables cannot hold.
    #[error("{0} cannot be kept")]
    NotKept(String),
}

/// Folded changes, ready to be written.
pub(crate) type Folded = Box<dyn for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<(), sqlx::Error>> + Send>;

/// The event that a fold stumbled over.
#[derive(Debug)]
pub(crate) struct Stumbled {
    /// Its index among the events that were folded.
    pub index: usize,
    /// Why.
    pub reason: String,
}

/// One read model.
#[derive(Debug, Clone, Copy)]
pub struct ReadModel {
    /// Its name, as in `checkpoints` and `insights rebuild <name>`.
    pub name: &'static str,
    /// The stream it follows.
    pub stream: Stream,
    /// The kinds of aggregates whose events it takes.
    pub kinds: &'static [Kind],
    /// Its tables, each with the columns that order its rows.
    pub tables: &'static [Table],
    fold: fn(&[&Applied]) -> Result<Folded, Stumbled>,
}

/// One table of a read model.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its key, as in `ORDER BY`.
    pub key: &'static str,
}

/// Every read model that the role `project` follows.
pub const ALL: [ReadModel; 8] = [
    ReadModel::new::<advisors::Changed>(
        "advisors",
        Stream::Advisory,
        &[Kind::Advisor],
        &[Table { name: "advisors", key: "id" }],
    ),
    ReadModel::new::<clients::Changed>(
        "clients",
        Stream::Advisory,
        &[Kind::Client],
        &[Table { name: "clients", key: "id" }],
    ),
    ReadModel::new::<portfolios::Changed>(
        "portfolios",
        Stream::Advisory,
        &[Kind::Portfolio],
        &[Table { name: "portfolios", key: "id" }, Table { name: "former_portfolio_names", key: "portfolio, sought" }],
    ),
    ReadModel::new::<recommendations::Changed>(
        "recommendations",
        Stream::Advisory,
        &[Kind::Recommendation],
        &[Table { name: "recommendations", key: "id" }],
    ),
    ReadModel::new::<happenings::Changed>(
        "happenings",
        Stream::Advisory,
        &[Kind::Advisor, Kind::Client, Kind::Portfolio, Kind::Recommendation, Kind::Backtest],
        &[Table { name: "happenings", key: "position" }],
    ),
    ReadModel::new::<backtests::Changed>(
        "backtests",
        Stream::Advisory,
        &[Kind::Backtest],
        &[Table { name: "backtests", key: "id" }],
    ),
    ReadModel::new::<assets::Changed>("assets", Stream::Market, &[Kind::Asset], &[Table { name: "assets", key: "id" }]),
    ReadModel::new::<prices::Priced>(
        "prices",
        Stream::Market,
        &[Kind::Asset],
        &[
            Table { name: "price_chunks", key: "asset, position" },
            Table { name: "corporate_actions", key: "asset, position" },
            Table { name: "cash_interest", key: "asset, position" },
        ],
    ),
];

/// The read model that the role `analyze` keeps. It reads the market stream too: [`portfolio_figures::PRICES`].
pub const ANALYZED: ReadModel = ReadModel::new::<portfolio_figures::Allocated>(
    portfolio_figures::NAME,
    Stream::Advisory,
    &[Kind::Portfolio],
    &[Table { name: "portfolio_figures", key: "portfolio" }],
);

/// The names of all read models of this build.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.map(|model| model.name).into_iter().chain([ANALYZED.name])
}

/// Every checkpoint of this build, with the stream that it is a place in.
pub fn checkpoints() -> impl Iterator<Item = (&'static str, Stream)> {
    let analyzed = [(ANALYZED.name, ANALYZED.stream), (portfolio_figures::PRICES, Stream::Market)];
    ALL.map(|model| (model.name, model.stream)).into_iter().chain(analyzed)
}

/// The read model with this name.
///
/// # Errors
/// [`NoSuchReadModel`] where this build has none.
pub fn named(name: &str) -> Result<&'static ReadModel, NoSuchReadModel> {
    static MODELS: [ReadModel; ALL.len()] = ALL;
    static FIGURES: ReadModel = ANALYZED;
    let found = MODELS.iter().chain([&FIGURES]).find(|model| model.name == name);
    found.ok_or_else(|| NoSuchReadModel(name.to_owned()))
}

/// There is no read model of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no read model `{0}`; there are {names}", names = names().collect::<Vec<_>>().join(", "))]
pub struct NoSuchReadModel(pub String);

impl ReadModel {
    /// The read model whose changes are folded and written by `C`.
    #[must_use]
    pub const fn new<C: Changes>(
        name: &'static str,
        stream: Stream,
        kinds: &'static [Kind],
        tables: &'static [Table],
    ) -> Self {
        Self { name, stream, kinds, tables, fold: fold::<C> }
    }

    /// The changes that these events bring, or the first event that could not be folded.
    pub(crate) fn fold(&self, events: &[&Applied]) -> Result<Folded, Stumbled> {
        (self.fold)(events)
    }
}

fn fold<C: Changes>(events: &[&Applied]) -> Result<Folded, Stumbled> {
    let mut changes = C::default();
    for (index, event) in events.iter().enumerate() {
        // After a panic the half-folded changes are thrown away, so nobody sees them broken.
        match catch_unwind(AssertUnwindSafe(|| changes.fold(event))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Stumbled { index, reason: error.to_string() }),
            Err(panic) => return Err(Stumbled { index, reason: format!("the fold panicked: {}", words(&*panic)) }),
        }
    }
    Ok(Box::new(move |connection| async move { changes.write(connection).await }.boxed()))
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
