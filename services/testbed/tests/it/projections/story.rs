//! A made-up history that is the same in every run: all kinds of events, interleaved.

use std::collections::{HashMap, VecDeque};

use events::advisor::{AdvisorDetails, AdvisorEvent};
use events::asset::{AssetEvent, PriceBasis};
use events::backtest::{BacktestEvent, BacktestRun, ShownNumber};
use events::client::ClientEvent;
use events::portfolio::{Composition, ModelVersion, Origin, PortfolioEvent};
use events::recommendation::{Advice, RecommendationEvent};
use events::suitability::{Answers, GateShut, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use events::values::{
    Actor, AdvisedFigure, AdvisorId, AggregateId, Allocation, AssetClass, AssetDetails, AssetId, BacktestId,
    BacktestTerms, Bars, ClientId, CommandId, Costs, Currency, EventId, FiguresSnapshot, Interest, InterestRate,
    Language, Limit, Limits, Listing, Name, NoFigureReason, Note, Policy, PortfolioId, RebalancingRule,
    RecommendationId, Regime, ResultDigest, RiskClass, Sealed, SealedIdentity, Terms,
};
use events::{Calendar, Kind, Metadata, Position, Stored, Stream, Subject};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use journal::Recorded;
use rust_decimal::Decimal;

/// Events of different aggregates that stand between two of one.
const INTERLEAVED: usize = 7;

/// An event that is written down and stands nowhere yet.
#[derive(Debug, Clone)]
pub struct Draft {
    pub subject: String,
    pub headers: Vec<(&'static str, String)>,
    pub payload: Vec<u8>,
}

impl Draft {
    pub fn of(kind: Kind, id: &impl AggregateId, version: u64, nth: u64, event: &impl Stored) -> Self {
        let subject = Subject::new(kind, &id.token()).to_string();
        let command_id = CommandId::of(&[&subject, &version.to_string()]);
        let metadata = Metadata {
            event_id: EventId::of(command_id),
            command_id,
            time: time(nth),
            actor: Actor::parse("role:test").unwrap(),
            source: "/insights/test".to_owned(),
            version,
            request_digest: None,
            causation_id: None,
        };
        Self { subject, headers: metadata.to_headers(event.event_type()), payload: event.encode() }
    }

    /// The event as a reader would give it, behind its aggregate's event at that sequence.
    fn at(&self, position: Position, before: u64) -> Recorded {
        let before = before.to_string();
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("Nats-Expected-Last-Subject-Sequence", &before));
        Recorded::for_test(position, &self.subject, &headers, &self.payload)
    }

    pub fn set_header(&mut self, name: &str, value: &str) {
        self.headers.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value.to_owned();
    }
}

/// Times are parts of a second apart, and finer than PostgreSQL keeps them.
fn time(nth: u64) -> Timestamp {
    let start: Timestamp = "2026-01-02T03:04:05.000000789Z".parse().unwrap();
    start + SignedDuration::from_millis(i64::try_from(nth).unwrap() * 17)
}

/// The drafts as a reader of the stream would give them, from its beginning.
pub fn recorded(stream: Stream, drafts: &[Draft]) -> Vec<Recorded> {
    let mut last: HashMap<&str, u64> = HashMap::new();
    let placed = drafts.iter().zip(1..).map(|(draft, sequence)| {
        let before = last.insert(&draft.subject, sequence).unwrap_or(0);
        draft.at(Position { stream, sequence }, before)
    });
    placed.collect()
}

/// What happens to one aggregate, in order, before it is known when.
type Life = VecDeque<Box<dyn FnOnce(u64, u64) -> Draft>>;

fn life<I: AggregateId, E: Stored>(kind: Kind, id: &I, events: Vec<E>) -> Life {
    let draft = |event: E| {
        let id = id.clone();
        Box::new(move |version, nth| Draft::of(kind, &id, version, nth, &event)) as Box<dyn FnOnce(u64, u64) -> Draft>
    };
    events.into_iter().map(draft).collect()
}

/// The lives' events, a few lives at a time, one event of each in turn.
fn interleave(lives: Vec<Life>) -> Vec<Draft> {
    let mut waiting = lives.into_iter().enumerate();
    let mut going: VecDeque<(usize, Life)> = waiting.by_ref().take(INTERLEAVED).collect();
    let mut versions: HashMap<usize, u64> = HashMap::new();
    let mut drafts = Vec::new();
    while let Some((number, mut life)) = going.pop_front() {
        match life.pop_front() {
            Some(draft) => {
                let version = versions.entry(number).or_insert(0);
                *version += 1;
                drafts.push(draft(*version, drafts.len() as u64));
                going.push_back((number, life));
            }
            None => going.extend(waiting.next()),
        }
    }
    drafts
}

/// About 18 advisory events for each portfolio.
pub fn advisory(portfolios: usize) -> Vec<Draft> {
    let mut lives = Vec::new();
    for n in 0..portfolios {
        let command = |what: &str| CommandId::of(&["a story", what, &n.to_string()]);
        let advisor = AdvisorId::created_by(CommandId::of(&["a story", "advisor", &(n / 5).to_string()]));
        if n % 5 == 0 {
            lives.push(life(Kind::Advisor, &advisor, advisor_life(n / 5)));
        }
        let client = ClientId::created_by(command("client"));
        lives.push(life(Kind::Client, &client, client_life(n, advisor, command("client"))));
        let portfolio = PortfolioId::created_by(command("portfolio"));
        lives.push(life(Kind::Portfolio, &portfolio, portfolio_life(n, advisor, client)));
        for (m, letters) in letters().into_iter().enumerate().skip(n % 2) {
            let id = RecommendationId::created_by(command(&format!("recommendation {m}")));
            let events = match n + m {
                12 => overtaken(advice(n, portfolio, client, advisor)),
                way => {
                    let begun = begun(way, advice(n, portfolio, client, advisor));
                    begun.into_iter().chain(letters).chain(ended(way)).collect()
                }
            };
            lives.push(life(Kind::Recommendation, &id, events));
        }
        if n % 3 == 0 {
            let recorded = BacktestEvent::Recorded(Box::new(backtest(n, portfolio, advisor)));
            lives.push(life(Kind::Backtest, &BacktestId::created_by(command("backtest")), vec![recorded]));
        }
    }
    interleave(lives)
}

fn advisor_life(n: usize) -> Vec<AdvisorEvent> {
    let details = AdvisorDetails::new(name("Ana \"Ninha\" Souza"), name("Casa, Verde"));
    let assessor = AdvisorDetails {
        regime: Regime::Cvm178,
        registration: Some(name("A-12345")),
        language: Language::BrazilianPortuguese,
        currency: Some(Currency::parse("BRL").unwrap()),
        ..details.clone()
    };
    let registered = AdvisorEvent::Registered(details.clone());
    let reason = || note("so says the register");
    let suspended = AdvisorEvent::Suspended { reason: reason() };
    match n % 3 {
        0 => vec![registered, suspended, AdvisorEvent::Reinstated { reason: reason() }],
        1 => vec![registered, AdvisorEvent::Edited(assessor), suspended],
        _ => {
            let registered = AdvisorEvent::Registered(assessor);
            vec![registered, AdvisorEvent::Edited(details), AdvisorEvent::Removed { reason: reason() }]
        }
    }
}

fn client_life(n: usize, advisor: AdvisorId, command: CommandId) -> Vec<ClientEvent> {
    let registered = client_registered(advisor, command);
    let ClientEvent::Registered { mut identity, .. } = registered.clone() else { unreachable!("it is one") };
    identity.name = Sealed::new((7..77).collect());
    let day = date(2026, 3, 4);
    let answered = Profile::from_answers(
        Answers {
            objective: Objective::Growth,
            horizon: Horizon::OverTenYears,
            loss_capacity: LossCapacity::More,
            knowledge: Knowledge::Basic,
            liquidity_need: LiquidityNeed::Half,
        },
        day,
    );
    let by_hand = Profile::by_hand(RiskClass::Conservative, note("as \"agreed\""), day);
    let to = AdvisorId::created_by(CommandId::of(&["a story", "somebody else"]));
    match n % 4 {
        0 => vec![registered, ClientEvent::Profiled(answered), ClientEvent::IdentityChanged { identity }],
        1 => vec![registered, ClientEvent::Profiled(by_hand), ClientEvent::Profiled(answered)],
        2 => vec![registered, ClientEvent::HandedOver { from: advisor, to, reason: note("moved") }],
        _ => vec![registered, ClientEvent::Removed { reason: note("moved") }],
    }
}

fn client_registered(advisor: AdvisorId, command: CommandId) -> ClientEvent {
    let identity = SealedIdentity {
        sealed_for: EventId::of(command),
        key_version: 1,
        name: Sealed::new((0..40).collect()),
        email: Sealed::new((40..=255).collect()),
    };
    ClientEvent::Registered { advisor, identity }
}

fn portfolio_life(n: usize, advisor: AdvisorId, client: ClientId) -> Vec<PortfolioEvent> {
    let currency = Currency::parse("BRL").unwrap();
    let composition = Composition::new(advisor, name(&format!("Portfolio {n}")), currency, allocation(n));
    let careful = Policy {
        rebalancing: RebalancingRule::OutOfBand,
        benchmark: Some(asset_id("^GSPC")),
        risk_class: Some(RiskClass::Moderate),
    };
    let (created, model) = (PortfolioEvent::Created(Box::new(composition.clone())), composition.clone());
    let renamed = PortfolioEvent::Renamed { name: name("Crescimento \\ {\"a\"}, é"), reason: None };
    let limits = Limits::new([(asset_id("NULL"), Limit { locked: true, band: None })]);
    let reallocated = PortfolioEvent::Reallocated { allocation: allocation(n + 1), limits, reason: note("rates fell") };
    let set = PortfolioEvent::PolicySet { policy: careful.clone(), reason: note("quarterly is enough") };
    let archived = PortfolioEvent::Archived { reason: note("replaced") };
    let restored = PortfolioEvent::Restored { reason: note("missed") };
    let recommended = PortfolioEvent::Recommended {
        advisor,
        clients: [client].into(),
        name: name("Crescimento"),
        currency,
        allocation: allocation(n + 1),
        rationale: note("Two lines,\nof which this is one."),
        figures: Box::new(figures()),
        terms: Box::new(terms()),
    };
    let origin = Some(Origin { portfolio: PortfolioId::created_by(CommandId::of(&["a model"])), version: 3 });
    let copied = PortfolioEvent::Created(Box::new(Composition { policy: careful, origin, ..composition }));
    if n % 6 == 5 {
        let plain = PortfolioEvent::PolicySet { policy: Policy::default(), reason: note("no benchmark any more") };
        return vec![copied, archived, restored, plain];
    }
    let follows = |version, allocation| {
        let model = PortfolioId::created_by(CommandId::of(&["a model"]));
        Box::new(ModelVersion { model, version, allocation, limits: Limits::default() })
    };
    let subscribed =
        PortfolioEvent::Subscribed { taken: follows(3, allocation(n + 2)), reason: note("the house view") };
    let taken = PortfolioEvent::TakenOver { taken: follows(4, allocation(n + 3)), reason: note("it changed") };
    let alone = PortfolioEvent::Unsubscribed { reason: note("on its own") };
    let model = Composition { model_of: Some(name("Casa Verde")), ..model };
    let [somebody, nobody] =
        ["somebody else", "nobody"].map(|who| AdvisorId::created_by(CommandId::of(&["a story", who])));
    let moved = || note("moved");
    let handed_over = |from| PortfolioEvent::HandedOver { from, to: somebody, reason: moved() };
    let handed_back = |to| PortfolioEvent::HandedOver { from: somebody, to, reason: moved() };
    let handed_over_again = handed_back(nobody);
    match n % 3 {
        0 if n.is_multiple_of(2) => {
            vec![created, renamed, reallocated, handed_over(advisor), recommended, set, archived, handed_over_again]
        }
        0 => vec![created, renamed, handed_over(advisor), handed_back(advisor), recommended, set, archived],
        1 if n.is_multiple_of(2) => vec![created, reallocated, recommended, subscribed, taken, alone],
        1 => vec![created, reallocated, recommended, subscribed, taken],
        _ => vec![PortfolioEvent::Created(Box::new(model))],
    }
}

/// Ways that advice comes to be: made, or refused and let out.
fn begun(n: usize, advice: Advice) -> Vec<RecommendationEvent> {
    if !n.is_multiple_of(4) {
        return vec![RecommendationEvent::Made(Box::new(advice))];
    }
    vec![refused(advice), RecommendationEvent::Overridden { reason: note("see the minutes") }]
}

/// Refused advice that nobody has let out when later advice went out.
fn overtaken(advice: Advice) -> Vec<RecommendationEvent> {
    let by = RecommendationId::created_by(CommandId::of(&["another"]));
    vec![refused(advice), RecommendationEvent::Superseded { by }]
}

fn refused(advice: Advice) -> RecommendationEvent {
    let shut = vec![GateShut::NoProfile, GateShut::ProfileExpired { until: date(2026, 3, 4) }];
    RecommendationEvent::Refused { advice: Box::new(advice), shut, regime: Regime::Cvm19 }
}

/// Ways that advice ends, or does not.
fn ended(n: usize) -> Option<RecommendationEvent> {
    use RecommendationEvent as E;
    match n % 5 {
        0 => Some(E::Withdrawn { reason: note("downgraded") }),
        1 => Some(E::Superseded { by: RecommendationId::created_by(CommandId::of(&["another"])) }),
        2 => Some(E::Expired { on: date(2026, 7, 1) }),
        _ => None,
    }
}

/// Ways that letters go.
fn letters() -> Vec<Vec<RecommendationEvent>> {
    use RecommendationEvent as E;
    let reason = || note("451 4.3.0 try later");
    vec![
        vec![E::EmailClaimed { attempt: 1 }, E::Emailed { attempt: 1 }],
        vec![
            E::EmailClaimed { attempt: 1 },
            E::EmailDeferred { attempt: 1, reason: reason() },
            E::EmailClaimed { attempt: 2 },
            E::EmailUnknown { attempt: 2, reason: reason() },
            E::EmailReleased { reason: reason() },
        ],
        vec![E::EmailClaimed { attempt: 1 }, E::EmailFailed { attempt: 1, reason: reason() }],
    ]
}

fn advice(n: usize, portfolio: PortfolioId, client: ClientId, advisor: AdvisorId) -> Advice {
    Advice {
        portfolio,
        portfolio_version: 1,
        portfolio_name: name("Crescimento"),
        currency: Currency::parse("BRL").unwrap(),
        client,
        advisor,
        allocation: allocation(n),
        rationale: note("Because."),
        figures: figures(),
        terms: if n.is_multiple_of(2) { terms() } else { Terms::default() },
    }
}

fn backtest(n: usize, portfolio: PortfolioId, advisor: AdvisorId) -> BacktestRun {
    BacktestRun {
        portfolio,
        portfolio_version: 1,
        advisor,
        currency: Currency::parse("BRL").unwrap(),
        allocation: allocation(n),
        terms: BacktestTerms { benchmark: Some(asset_id("^GSPC")), ..BacktestTerms::default() },
        prices_position: Position { stream: Stream::Market, sequence: 300 },
        definitions: "figures-1".to_owned(),
        shown: vec![
            ShownNumber { name: "cagr".to_owned(), value: Some(0.205_534_654_883_663_4) },
            ShownNumber { name: "sharpe".to_owned(), value: None },
        ],
        digest: ResultDigest::parse(&"0123456789abcdef".repeat(4)).unwrap(),
        note: n.is_multiple_of(2).then(|| note("For the \"talk\"\nin March")),
    }
}

fn terms() -> Terms {
    Terms {
        risk_class: Some(RiskClass::Moderate),
        product_classes: [(asset_id("NULL"), RiskClass::Conservative)].into(),
        costs: Some(Costs::try_new("0.005".parse().unwrap(), "0.0125".parse().unwrap()).unwrap()),
        valid_until: Some(date(2026, 6, 30)),
    }
}

pub fn allocation(n: usize) -> Allocation {
    let first = Decimal::new(i64::try_from(n % 90 + 5).unwrap(), 2);
    let targets = [("NULL", first), ("OCDO.L", Decimal::ONE - first)];
    Allocation::try_new(targets.map(|(asset, weight)| (asset_id(asset), weight))).unwrap()
}

fn figures() -> FiguresSnapshot {
    FiguresSnapshot {
        definitions: "figures-1".to_owned(),
        start: date(1990, 1, 2),
        end: date(2022, 12, 28),
        returns: 8312,
        risk_free_rate: 0.02,
        cumulative: Some(475.037_878_787_878_8),
        cagr: Some(0.205_534_654_883_663_4),
        volatility: Some(f64::MIN_POSITIVE),
        sharpe: None,
        max_drawdown: Some(-0.818_098_720_292_504_2),
        drawdown_peak: Some(date(2000, 3, 22)),
        drawdown_valley: None,
        prices_position: Position { stream: Stream::Market, sequence: 300 },
        cash: [(asset_id("NULL"), None), (asset_id("OCDO.L"), Some(interest()))].into(),
        missing: [(AdvisedFigure::Sharpe, NoFigureReason::parse("no-variation", "the returns do not vary").unwrap())]
            .into(),
    }
}

fn interest() -> Interest {
    Interest { from: date(2022, 8, 4), rate: InterestRate::try_new("0.1375".parse().unwrap()).unwrap() }
}

/// Assets, each listed and then priced in so many chunks of five days; the third asset has one chunk out of order. From six
/// on there is cash beside them.
pub fn market(assets: usize, chunks: usize) -> Vec<Draft> {
    let lives = (0..assets).map(|n| {
        let currency = Currency::parse("USD").unwrap();
        let calendar = (n % 3 == 0).then_some(Calendar::EveryDay);
        let risk_class = (n % 2 == 0).then_some(RiskClass::Moderate);
        let listing = Listing { calendar, risk_class, ..Listing::new(name(&format!("Asset {n}")), currency) };
        let listed = AssetEvent::Listed(listing);
        let mut events = vec![listed];
        events.extend((0..chunks).map(|chunk| priced(date(1999, 12, 30), chunk)));
        if n % 3 == 2 && chunks > 1 {
            events.swap(1, 2);
        }
        if n % 2 == 1 {
            let details = AssetDetails { sector: Some(name("Retail")), ..edited_details(n) };
            let first = AssetEvent::Edited { details: Box::new(details), reason: note("it was left out") };
            let second = AssetEvent::Edited { details: Box::new(edited_details(n)), reason: note("it was wrong") };
            events.insert(1, first);
            events.push(second);
        }
        life(Kind::Asset, &asset_id(&format!("A{n}.X")), events)
    });
    let cash = (assets >= 6).then(|| life(Kind::Asset, &asset_id("CASH.X"), cash()));
    interleave(lives.chain(cash).collect())
}

/// The life of cash whose interest is set, corrected, and set again of an earlier day, and which is told otherwise.
fn cash() -> Vec<AssetEvent> {
    let class = Some(AssetClass::Cash);
    let listing = Listing { class, ..Listing::new(name("Cash"), Currency::parse("USD").unwrap()) };
    let details = AssetDetails { name: name("Cash at \"the\" bank"), exchange: Some(name("OTC")), ..listing.details() };
    let rate = |rate: &str| InterestRate::try_new(rate.parse().unwrap()).unwrap();
    let set = |from, is: &str, was: Option<&str>| AssetEvent::InterestSet {
        from,
        rate: rate(is),
        was: was.map(rate),
        reason: note("so says the bank"),
    };
    vec![
        AssetEvent::Listed(listing),
        set(date(2000, 1, 3), "0.05", None),
        set(date(2000, 1, 3), "0.045", Some("0.05")),
        AssetEvent::Edited { details: Box::new(details), reason: note("it moved") },
        set(date(1999, 12, 1), "-0.001", None),
    ]
}

fn edited_details(n: usize) -> AssetDetails {
    let (class, exchange) = (Some(AssetClass::Etf), Some(name("LSE")));
    let calendar = (n % 4 == 1).then_some(Calendar::SaoPaulo);
    let name = name(&format!("Asset {n}, renamed"));
    AssetDetails { name, class, sector: None, exchange, time_zone: None, calendar }
}

fn priced(first: Date, chunk: usize) -> AssetEvent {
    let start = i64::try_from(chunk * 5).unwrap();
    let bars = (start..start + 5).map(|day| (first + day.days(), Decimal::new(10_000 + day * 37, 3))).collect();
    AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Adjusted, bars: Bars::try_new(bars).unwrap() }
}

pub fn asset_id(text: &str) -> AssetId {
    AssetId::parse(text).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}
