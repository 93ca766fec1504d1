//! Figures that are kept current: only what changed is computed, and whatever happens on the way the rows are the same.

use std::time::Duration;

use events::asset::{AssetEvent, Correction, PriceBasis};
use events::portfolio::{Composition, PortfolioEvent};
use events::values::{
    AdvisorId, AggregateId, Allocation, AssetClass, Bars, CommandId, Currency, InterestRate, Limits, Listing, Note,
    PortfolioId,
};
use events::{Kind, Stored, Stream};
use jiff::ToSpan;
use jiff::civil::date;
use journal::Journal;
use projections::analyze::Analyst;
use projections::follow::{self, FollowError};
use projections::portfolio_figures::{self, KeptFigures};
use projections::{dump, lag, model, parked, rebuild};
use rust_decimal::Decimal;
use sqlx::{Executor, PgPool};
use testbed::eventually;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::story::{Draft, asset_id, name};
use super::world::{append, database, log};

/// What was said of each aggregate so far: its next event has the next version.
#[derive(Default)]
struct Told(std::collections::HashMap<String, u64>);

impl Told {
    fn of(&mut self, kind: Kind, id: &impl AggregateId, event: &impl Stored) -> Draft {
        let version = self.0.entry(format!("{}/{}", kind.token(), id.token())).or_insert(0);
        *version += 1;
        Draft::of(kind, id, *version, *version, event)
    }

    fn asset(&mut self, symbol: &str) -> Draft {
        let listing = Listing::new(name(symbol), Currency::parse("USD").unwrap());
        self.of(Kind::Asset, &asset_id(symbol), &AssetEvent::Listed(listing))
    }

    fn cash(&mut self) -> Draft {
        let listing = Listing::new(name("Cash"), Currency::parse("USD").unwrap());
        let listing = Listing { class: Some(AssetClass::Cash), ..listing };
        self.of(Kind::Asset, &asset_id("CASH"), &AssetEvent::Listed(listing))
    }

    /// What cash earns from a day of 2020 on, in per cent.
    fn interest(&mut self, first: i64, percent: i64) -> Draft {
        let rate = InterestRate::try_new(Decimal::new(percent, 2)).unwrap();
        let event = AssetEvent::InterestSet {
            from: date(2020, 1, 1) + first.days(),
            rate,
            was: None,
            reason: note("so it is"),
        };
        self.of(Kind::Asset, &asset_id("CASH"), &event)
    }

    /// Closes on days in a row, from this one of 2020 on.
    fn prices(&mut self, symbol: &str, first: i64, closes: &[i64]) -> Draft {
        let day = |n: usize| date(2020, 1, 1) + (first + i64::try_from(n).unwrap()).days();
        let bars = closes.iter().enumerate().map(|(n, close)| (day(n), Decimal::from(*close))).collect();
        let bars = Bars::try_new(bars).unwrap();
        let event = AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Adjusted, bars };
        self.of(Kind::Asset, &asset_id(symbol), &event)
    }

    fn portfolio(&mut self, n: usize, weights: &[(&str, i64)]) -> Draft {
        let event = PortfolioEvent::Created(Box::new(Composition::new(
            AdvisorId::created_by(CommandId::of(&["an advisor"])),
            name("Growth"),
            Currency::parse("USD").unwrap(),
            allocation(weights),
        )));
        self.of(Kind::Portfolio, &portfolio(n), &event)
    }

    fn reallocated(&mut self, n: usize, weights: &[(&str, i64)]) -> Draft {
        let event = PortfolioEvent::Reallocated {
            allocation: allocation(weights),
            limits: Limits::default(),
            reason: note("rates fell"),
        };
        self.of(Kind::Portfolio, &portfolio(n), &event)
    }

    fn renamed(&mut self, n: usize) -> Draft {
        self.of(Kind::Portfolio, &portfolio(n), &PortfolioEvent::Renamed { name: name("Steady growth"), reason: None })
    }
}

fn portfolio(n: usize) -> PortfolioId {
    PortfolioId::created_by(CommandId::of(&["a portfolio", &n.to_string()]))
}

fn allocation(percents: &[(&str, i64)]) -> Allocation {
    Allocation::try_new(percents.iter().map(|(asset, percent)| (asset_id(asset), Decimal::new(*percent, 2)))).unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

/// An analyst at work, beside a projector whose prices it reads.
struct Office {
    journal: Journal,
    pool: PgPool,
    analyst: Analyst,
    _working: [AbortOnDropHandle<Result<(), FollowError>>; 2],
}

impl Office {
    fn open(journal: &Journal, pool: &PgPool) -> Self {
        let analyst = Analyst::new(journal.clone(), pool.clone());
        let _working = [project(journal, pool), analyze(&analyst)];
        Self { journal: journal.clone(), pool: pool.clone(), analyst, _working }
    }

    /// Appends these, and comes back when figures have them; says how many were computed for it.
    async fn take(&self, drafts: &[Draft]) -> u64 {
        let before = self.analyst.computations();
        append(&self.journal, drafts).await;
        caught_up(&self.journal, &self.pool).await;
        self.analyst.computations() - before
    }

    async fn figures(&self, n: usize) -> (u64, KeptFigures) {
        let row = portfolio_figures::get(&self.pool, portfolio(n)).await.unwrap().unwrap();
        (row.version, row.kept.unwrap())
    }
}

fn analyze(analyst: &Analyst) -> AbortOnDropHandle<Result<(), FollowError>> {
    let analyst = analyst.clone();
    AbortOnDropHandle::new(tokio::spawn(async move { analyst.run(CancellationToken::new()).await }))
}

fn project(journal: &Journal, pool: &PgPool) -> AbortOnDropHandle<Result<(), FollowError>> {
    let run = follow::run(journal.clone(), pool.clone(), CancellationToken::new());
    AbortOnDropHandle::new(tokio::spawn(run))
}

/// Back when figures are as far as the log.
async fn caught_up(journal: &Journal, pool: &PgPool) {
    eventually("figures as far as the log", async || {
        let lags = lag::lag(journal, pool, jiff::Timestamp::UNIX_EPOCH).await.ok()?;
        let mine = |lag: &&lag::Lag| lag.read_model.starts_with(portfolio_figures::NAME);
        (lags.iter().filter(mine).count() == 2 && lags.iter().filter(mine).all(|lag| lag.events == 0)).then_some(())
    })
    .await;
}

async fn rows(pool: &PgPool) -> Vec<String> {
    dump::dump(pool, &model::ANALYZED).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_computed_again() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let office = Office::open(&journal, &pool);
    let told = &mut Told::default();
    let assets = ["A", "B", "C", "D"];
    let listed: Vec<Draft> = assets.iter().map(|symbol| told.asset(symbol)).collect();
    assert_eq!(office.take(&listed).await, 0);
    let priced: Vec<Draft> = assets.iter().map(|symbol| told.prices(symbol, 0, &[100, 110, 121])).collect();
    assert_eq!(office.take(&priced).await, 0, "nobody holds anything");

    let composed = [told.portfolio(1, &[("A", 50), ("B", 50)]), told.portfolio(2, &[("B", 40), ("C", 60)])];
    assert_eq!(office.take(&composed).await, 2);
    let (version, figures) = office.figures(1).await;
    assert_eq!((version, figures.prices_position.sequence, figures.returns), (1, 6, 2));
    assert!((figures.figures["cumulative"].as_f64().unwrap() - 0.21).abs() < 1e-12, "{figures:?}");
    assert_eq!(figures.figures["cagr"]["code"], "shorter-than-one-year");
    assert_eq!(figures.window, Some((date(2020, 1, 1), date(2020, 1, 3))));

    assert_eq!(office.take(&[told.prices("A", 3, &[242])]).await, 1, "the one that holds it");
    let (_, dearer) = office.figures(1).await;
    // B has no price on that day, so no day has a price of both.
    assert_eq!((dearer.returns, dearer.prices_position.sequence), (2, 9));
    assert_eq!(office.take(&[told.prices("B", 3, &[121])]).await, 2, "both that hold it");
    assert!((office.figures(1).await.1.figures["cumulative"].as_f64().unwrap() - 0.815).abs() < 1e-12);
    assert_eq!(office.take(&[told.prices("D", 3, &[5])]).await, 0, "nobody holds it");

    assert_eq!(office.take(&[told.renamed(1)]).await, 0, "another name, the same weights");
    assert_eq!(office.figures(1).await.0, 2, "but a version further");
    assert_eq!(office.take(&[told.reallocated(1, &[("A", 50), ("B", 50)])]).await, 0, "the same weights again");
    assert_eq!(office.take(&[told.reallocated(1, &[("A", 100)])]).await, 1);
    let (version, of_a) = office.figures(1).await;
    assert_eq!((version, of_a.prices_position.sequence), (4, 9));
    assert!((of_a.figures["cumulative"].as_f64().unwrap() - 1.42).abs() < 1e-12);

    let correction = Correction {
        was: events::values::Bar::closing(date(2020, 1, 4), Decimal::from(242)),
        is: events::values::Bar::closing(date(2020, 1, 4), Decimal::from(133)),
    };
    let corrected =
        AssetEvent::Corrected { source: name("a file"), reason: note("typed"), corrections: vec![correction] };
    assert_eq!(office.take(&[told.of(Kind::Asset, &asset_id("A"), &corrected)]).await, 1);
    assert!((office.figures(1).await.1.figures["cumulative"].as_f64().unwrap() - 0.33).abs() < 1e-12);

    // What cash earns is the business of those who hold any.
    let cash = [told.cash(), told.portfolio(3, &[("A", 50), ("CASH", 50)])];
    assert_eq!(office.take(&cash).await, 1);
    assert!((office.figures(3).await.1.figures["cumulative"].as_f64().unwrap() - 0.165).abs() < 1e-12);
    assert_eq!(office.take(&[told.interest(0, 100)]).await, 1);
    let (_, earning) = office.figures(3).await;
    // Each half by itself: within a month nothing is brought back to its target.
    let expected = 0.165 + (2.0_f64.powf(3.0 / 365.25) - 1.0) / 2.0;
    assert!((earning.figures["cumulative"].as_f64().unwrap() - expected).abs() < 1e-12, "{earning:?}");

    // Many of one night are one computation for whom holds them all.
    let night: Vec<Draft> =
        (4..24).flat_map(|day| ["B", "C"].map(|symbol| told.prices(symbol, day, &[120 + day]))).collect();
    assert!(office.take(&night).await <= 20, "prices that come together are computed together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portfolio_without_prices_or_in_another_currency_says_so() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let office = Office::open(&journal, &pool);
    let told = &mut Told::default();
    office.take(&[told.asset("A"), told.prices("A", 0, &[100, 110])]).await;
    office.take(&[told.portfolio(1, &[("A", 50), ("E", 50)])]).await;
    assert_eq!(office.figures(1).await.1.no_figures.unwrap().0, "no-prices");
    let listing = Listing::new(name("E"), Currency::parse("BRL").unwrap());
    let listed = told.of(Kind::Asset, &asset_id("E"), &AssetEvent::Listed(listing));
    assert_eq!(office.take(&[listed, told.prices("E", 0, &[5, 6])]).await, 1);
    let (code, detail) = office.figures(1).await.1.no_figures.unwrap();
    assert_eq!(
        (code.as_str(), detail.as_str()),
        ("prices-in-other-currency", "`E` is priced in BRL, the portfolio is kept in USD")
    );
}

/// A history in which prices and portfolios change many times, as two streams.
fn busy(portfolios: usize) -> (Vec<Draft>, Vec<Draft>) {
    let told = &mut Told::default();
    let symbols: Vec<String> = (0..6).map(|n| format!("S{n}")).collect();
    let mut market: Vec<Draft> = symbols.iter().map(|symbol| told.asset(symbol)).collect();
    market.push(told.cash());
    for chunk in 0..30 {
        if chunk % 4 == 1 {
            market.push(told.interest(chunk, chunk - 3));
        }
        for (n, symbol) in symbols.iter().enumerate() {
            let closes: Vec<i64> =
                (0..4).map(|day| 100 + (chunk * 7 + day * 3 + i64::try_from(n).unwrap() * 5) % 23).collect();
            market.push(told.prices(symbol, chunk * 4, &closes));
        }
    }
    let pair = |n: usize| {
        let other = if n % 5 == 4 { "CASH" } else { symbols[(n + 1) % 6].as_str() };
        [(symbols[n % 6].as_str(), 30), (other, 70)]
    };
    let mut advisory: Vec<Draft> = (0..portfolios).map(|n| told.portfolio(n, &pair(n))).collect();
    for round in 1..4 {
        advisory.extend((0..portfolios).map(|n| told.reallocated(n, &pair(n + round))));
        advisory.extend((0..portfolios).filter(|n| n % 3 == 0).map(|n| told.renamed(n)));
    }
    (advisory, market)
}

/// The rows that one quiet analyst leaves, all prices first.
async fn quiet(journal: &Journal) -> Vec<String> {
    let pool = database().await;
    let _office = Office::open(journal, &pool);
    caught_up(journal, &pool).await;
    rows(&pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn analysts_killed_anywhere_and_doubled_leave_the_same_rows() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let (advisory, market) = busy(40);
    let _projector = project(&journal, &pool);
    let appending = async {
        for (advisory, market) in advisory.chunks(30).zip(market.chunks(30)) {
            append(&journal, market).await;
            append(&journal, advisory).await;
        }
        append(&journal, advisory.get(market.len().div_ceil(30) * 30..).unwrap_or_default()).await;
        append(&journal, market.get(advisory.len().div_ceil(30) * 30..).unwrap_or_default()).await;
    };
    let killing = async {
        // Wherever it is after so long: opening, reading, in a transaction, before or after its commit.
        for millis in [0, 5, 8, 13, 21, 34, 55, 89, 8, 34, 144, 55, 21, 233, 89] {
            let killed = analyze(&Analyst::new(journal.clone(), pool.clone()));
            tokio::time::sleep(Duration::from_millis(millis)).await;
            drop(killed);
        }
    };
    let survivor = analyze(&Analyst::new(journal.clone(), pool.clone()));
    tokio::join!(appending, killing);
    caught_up(&journal, &pool).await;
    assert!(!survivor.is_finished());
    let end = journal.last_position(Stream::Advisory).await.unwrap().sequence;
    assert_eq!(end, advisory.len() as u64);
    assert_eq!(journal.last_position(Stream::Market).await.unwrap().sequence, market.len() as u64);
    let left = rows(&pool).await;
    assert_eq!(left.len(), 41);
    assert_eq!(left, quiet(&journal).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_rebuilt_under_writes_equal_the_live_ones() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let office = Office::open(&journal, &pool);
    let (advisory, market) = busy(12);
    office.take(&market[..100]).await;
    office.take(&advisory[..20]).await;
    pool.execute("UPDATE portfolio_figures SET figures = '{}', returns = 7").await.unwrap();
    let rebuilding = async {
        let mut last = None;
        rebuild::run(&journal, &pool, portfolio_figures::NAME, |progress| last = Some(progress)).await.unwrap();
        assert!(last.unwrap().done >= 120, "{last:?}");
    };
    let writing = async {
        append(&journal, &market[100..]).await;
        append(&journal, &advisory[20..]).await;
    };
    tokio::join!(rebuilding, writing);
    caught_up(&journal, &pool).await;
    let rebuilt = rows(&pool).await;
    assert_eq!(rebuilt, quiet(&journal).await);
    let schemas: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rebuild%'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(schemas, 0, "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_parks_its_portfolio_and_no_other() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let office = Office::open(&journal, &pool);
    let told = &mut Told::default();
    office.take(&[told.asset("A"), told.prices("A", 0, &[100, 110, 121])]).await;
    office.take(&[told.portfolio(1, &[("A", 100)]), told.portfolio(2, &[("A", 100)])]).await;
    let mut poison = told.reallocated(1, &[("A", 100)]);
    poison.set_header("ce-type", "insights.portfolio.reallocated.v9");
    office.take(&[poison, told.renamed(1), told.renamed(2)]).await;
    assert_eq!((office.figures(1).await.0, office.figures(2).await.0), (1, 2));
    let mine = |event: &&parked::ParkedEvent| event.read_model == portfolio_figures::NAME;
    let listed = parked::list(&pool).await.unwrap();
    assert_eq!(listed.iter().filter(mine).map(|event| event.position.sequence).collect::<Vec<_>>(), [3, 4]);
    let lags = lag::lag(&journal, &pool, jiff::Timestamp::now()).await.unwrap();
    assert_eq!(lags.iter().find(|lag| lag.read_model == portfolio_figures::NAME).unwrap().parked, 2);

    // An event of the market that cannot be read holds up nobody either.
    let mut garbled = told.prices("A", 3, &[50]);
    garbled.payload = vec![255; 3];
    office.take(&[garbled]).await;
    assert_eq!(office.figures(2).await.1.returns, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_parked_is_computed_once_it_is_taken() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let office = Office::open(&journal, &pool);
    let told = &mut Told::default();
    let composed = told.portfolio(1, &[("A", 100)]);
    let subject = composed.subject.clone();
    office.take(&[told.asset("A"), told.prices("A", 0, &[100, 110, 121])]).await;
    office.take(&[composed]).await;
    let sound = rows(&pool).await;
    // As an older build would have left it that could not read the event.
    pool.execute("DELETE FROM portfolio_figures").await.unwrap();
    sqlx::query("INSERT INTO parked VALUES ('portfolio_figures', 1, $1, 't', NULL, 'a reason of old')")
        .bind(&subject)
        .execute(&pool)
        .await
        .unwrap();
    let retried = parked::retry(&journal, &pool, portfolio_figures::NAME, &subject).await.unwrap();
    assert_eq!((retried.taken, retried.parked), (1, 0));
    eventually("the same figures again", async || (rows(&pool).await == sound).then_some(())).await;
}
