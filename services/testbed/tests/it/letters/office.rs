//! What letters need around them: a log, a vault, a mail server, an advisor and clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use events::advisor::{AdvisorCommand, AdvisorDetails, Standing};
use events::client::ClientCommand;
use events::portfolio::{Composition, PortfolioCommand};
use events::recommendation::{
    Advice, Care, Circumstances, Letter, Recipient, RecommendationCommand, RecommendationEvent,
};
use events::suitability::Profile;
use events::values::{
    Actor, AdvisorId, AggregateId, Allocation, AssetId, ClientId, CommandId, Currency, Delisted, EmailAddress, EventId,
    FiguresSnapshot, Name, Note, PortfolioId, RecommendationId, Regime, RiskClass, Terms,
};
use events::{Advisor, AnyEvent, Client, Decider, Kind, Portfolio, Position, Recommendation, Stream, Subject};
use jiff::Timestamp;
use jiff::civil::date;
use journal::{CommandContext, Expect, Journal, JournalSettings, Recorded, Verdict};
use notifier::{LetterSettings, Mailer, MessageId, Notifier, Outbox, Sender, SmtpMailer, SmtpSettings, SmtpUrl};
use sqlx::PgPool;
use testbed::{Database, Nats, SmtpSink, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vault::{KeyEncryptionKey, Vault};

/// How long one letter may take here.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(2);
/// What a claim lives longer than that.
pub const CLAIM_MARGIN: Duration = Duration::from_secs(1);

/// Servers with an advisor on the register.
pub struct Office {
    // The server goes when this is dropped.
    nats: Nats,
    pub journal: Journal,
    pub pool: PgPool,
    pub vault: Vault,
    pub advisor: AdvisorId,
}

impl Office {
    pub async fn open() -> Self {
        let nats = Nats::one().await;
        let operator = journal::connect(&nats.operator_urls(), "a test").await.unwrap();
        journal::topology::provision(&async_nats::jetstream::new(operator), 1).await.unwrap();
        let pool = Database::fresh().await.pool().await;
        vault::migrate(&pool).await.unwrap();
        let vault = Vault::new(pool.clone(), KeyEncryptionKey::from_bytes([1; 32]));
        let journal = journal_on(&nats).await;
        let advisor = AdvisorId::new(Uuid::new_v4());
        let office = Self { nats, journal, pool, vault, advisor };
        let register = AdvisorCommand::Register(AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")));
        office.execute::<Advisor>(&advisor, &register).await;
        office
    }

    /// A connection with a cache of its own, as another process has.
    pub async fn another_journal(&self) -> Journal {
        journal_on(&self.nats).await
    }

    pub async fn execute<D: Decider>(&self, id: &D::Id, command: &D::Command) -> journal::Done<D> {
        let context = CommandContext {
            command_id: CommandId::new(Uuid::new_v4()),
            time: Timestamp::now(),
            actor: Actor::parse("role:test").unwrap(),
            expect: Expect::Any,
            request_digest: None,
            causation_id: None,
        };
        self.journal.execute::<D>(id, command, &context).await.unwrap()
    }

    pub async fn client(&self, called: &str, email: &str) -> ClientId {
        let client = ClientId::new(Uuid::new_v4());
        let event = EventId::of(CommandId::new(Uuid::new_v4()));
        let email = EmailAddress::parse(email).unwrap();
        let identity = self.vault.seal_identity(client, event, &name(called), &email).await.unwrap();
        self.execute::<Client>(&client, &ClientCommand::Register { advisor: self.advisor, identity }).await;
        let Profile { class, since: on, .. } = bold();
        let reason = Note::parse("can bear the most").unwrap();
        self.execute::<Client>(&client, &ClientCommand::SetProfile { class, reason, on }).await;
        client
    }

    /// A portfolio that was recommended to these clients, and its event.
    pub async fn recommended_portfolio(&self, clients: &[ClientId]) -> (PortfolioId, Recorded) {
        let portfolio = PortfolioId::new(Uuid::new_v4());
        let currency = Currency::parse("USD").unwrap();
        let composition = Composition::new(self.advisor, name("Crescimento"), currency, allocation());
        let create = PortfolioCommand::Create(Box::new(composition));
        self.execute::<Portfolio>(&portfolio, &create).await;
        let recommend = PortfolioCommand::Recommend {
            clients: clients.iter().copied().collect(),
            rationale: Note::parse("Steady businesses.").unwrap(),
            figures: Box::new(figures()),
            terms: Terms::default(),
            delisted: Delisted::default(),
        };
        let done = self.execute::<Portfolio>(&portfolio, &recommend).await;
        let event = self.journal.event_at(done.position.unwrap()).await.unwrap().unwrap();
        (portfolio, event)
    }

    /// A recommendation to this client, and the event that it was made by.
    pub async fn recommendation(&self, client: ClientId) -> (RecommendationId, Recorded) {
        self.recommendation_on(client, Terms::default()).await
    }

    /// A recommendation to this client on these terms.
    pub async fn recommendation_on(&self, client: ClientId, terms: Terms) -> (RecommendationId, Recorded) {
        let id = RecommendationId::new(Uuid::new_v4());
        let advice = self.advice(client, terms);
        let recipient = Recipient {
            in_care: true,
            profile: Some(bold()),
            regime: Regime::Other,
            delisted: Delisted::default(),
            on: date(2026, 3, 4),
        };
        let make = RecommendationCommand::Make { advice: Box::new(advice), recipient };
        let done = self.execute::<Recommendation>(&id, &make).await;
        let event = self.journal.event_at(done.position.unwrap()).await.unwrap().unwrap();
        (id, event)
    }

    /// A recommendation to this client, who has no profile, that compliance has let out for this reason.
    pub async fn let_out(&self, client: ClientId, reason: &str) -> RecommendationId {
        let id = RecommendationId::new(Uuid::new_v4());
        let (regime, on, delisted) = (Regime::Other, date(2026, 3, 4), Delisted::default());
        let recipient = Recipient { in_care: true, profile: None, regime, delisted: delisted.clone(), on };
        let advice = Box::new(self.advice(client, Terms::default()));
        self.execute::<Recommendation>(&id, &RecommendationCommand::Make { advice, recipient }).await;
        let now = Circumstances {
            care: Care::Theirs,
            advisor: Standing::Active,
            regime,
            portfolio_archived: false,
            delisted,
            later: None,
            on,
        };
        let (by, reason) = (Actor::parse("compliance:1").unwrap(), Note::parse(reason).unwrap());
        self.execute::<Recommendation>(&id, &RecommendationCommand::Override { by, reason, now }).await;
        id
    }

    fn advice(&self, client: ClientId, terms: Terms) -> Advice {
        Advice {
            portfolio: PortfolioId::new(Uuid::new_v4()),
            portfolio_version: 1,
            portfolio_name: name("Crescimento"),
            currency: Currency::parse("USD").unwrap(),
            client,
            advisor: self.advisor,
            allocation: allocation(),
            rationale: Note::parse("Steady businesses.").unwrap(),
            figures: figures(),
            terms,
        }
    }

    /// A recommendation to José.
    pub async fn usual(&self) -> (RecommendationId, Recorded) {
        let client = self.client("José da Silva", "jose@example.com").await;
        self.recommendation(client).await
    }

    /// How the letter stands in the log.
    pub async fn letter(&self, id: RecommendationId) -> Letter {
        match self.journal.state::<Recommendation>(&id).await.unwrap().state {
            Recommendation::Made { letter, .. } => letter,
            Recommendation::Unknown | Recommendation::Refused { .. } => panic!("{id} was never made"),
        }
    }

    /// Waits until the letter stands so.
    pub async fn until(&self, id: RecommendationId, expected: Letter) {
        eventually(&format!("a letter that is {expected:?}"), async || {
            (self.letter(id).await == expected).then_some(())
        })
        .await;
    }

    /// Everything that happened to the recommendation.
    pub async fn history(&self, id: RecommendationId) -> Vec<RecommendationEvent> {
        let subject = Subject::new(Kind::Recommendation, &id.token());
        let events = self.journal.history(&subject).await.unwrap();
        let event = |recorded: &Recorded| match recorded.decode().unwrap() {
            AnyEvent::Recommendation(event) => event,
            other => panic!("{other:?} on a recommendation's subject"),
        };
        events.iter().map(event).collect()
    }

    /// A notifier in a process of its own that sends to this mail server.
    pub async fn notifier(&self, sink: &SmtpSink) -> Arc<Notifier> {
        self.notifier_at(smtp(&sink.url(), sink), Timestamp::now).await
    }

    /// A notifier in a process of its own that writes into this folder.
    pub async fn notifier_to(&self, outbox: &Outbox) -> Arc<Notifier> {
        self.notifier_at(Mailer::Outbox(outbox.clone()), Timestamp::now).await
    }

    /// A notifier in a process of its own that sends by this mailer and goes by this clock.
    pub async fn notifier_at(&self, mailer: Mailer, clock: fn() -> Timestamp) -> Arc<Notifier> {
        let journal = self.another_journal().await;
        Arc::new(Notifier::new(journal, self.vault.clone(), mailer, settings(), clock))
    }

    /// The role, running.
    pub async fn run(&self, mailer: Mailer) -> Role {
        self.run_with(mailer, settings()).await
    }

    /// The role, running with other settings.
    pub async fn run_with(&self, mailer: Mailer, settings: LetterSettings) -> Role {
        let stop = CancellationToken::new();
        let journal = self.another_journal().await;
        let role = notifier::run(journal, self.vault.clone(), mailer, settings, Timestamp::now, stop.clone());
        Role { stop, task: tokio::spawn(async move { role.await.unwrap() }) }
    }
}

/// A role that runs until it is told to stop.
pub struct Role {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Role {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// The mail server at this URL, vouched for by this one's authority.
pub fn smtp(url: &str, sink: &SmtpSink) -> Mailer {
    let mut smtp = SmtpSettings::new(SmtpUrl::parse(url).unwrap());
    smtp.root_certificates = Some(sink.authority());
    smtp.send_timeout = SEND_TIMEOUT;
    Mailer::Smtp(SmtpMailer::new(smtp).unwrap())
}

pub fn settings() -> LetterSettings {
    LetterSettings {
        retry_first: Duration::from_millis(20),
        retry_max: Duration::from_millis(100),
        attempts_max: 5,
        claim_margin: CLAIM_MARGIN,
        ..LetterSettings::new(sender())
    }
}

pub fn message_id(id: RecommendationId) -> MessageId {
    MessageId::of(id, &sender())
}

/// The reason of a parked event.
pub fn parked(verdict: Verdict) -> String {
    match verdict {
        Verdict::Park { reason } => reason,
        other => panic!("not parked but {other:?}"),
    }
}

fn sender() -> Sender {
    Sender::parse("Casa Verde <letters@casaverde.example>").unwrap()
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

async fn journal_on(nats: &Nats) -> Journal {
    Journal::connect(&JournalSettings::new(nats.urls(), "/insights/test")).await.unwrap()
}

pub fn allocation() -> Allocation {
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    Allocation::try_new([target("AAPL", "0.6"), target("JPM", "0.4")]).unwrap()
}

pub fn figures() -> FiguresSnapshot {
    FiguresSnapshot {
        definitions: "figures-1".to_owned(),
        start: date(1990, 1, 2),
        end: date(2022, 12, 28),
        returns: 8312,
        risk_free_rate: 0.02,
        cumulative: Some(47.5),
        cagr: Some(0.125),
        volatility: Some(0.194),
        sharpe: Some(0.645),
        max_drawdown: Some(-0.518),
        drawdown_peak: Some(date(2007, 10, 9)),
        drawdown_valley: Some(date(2009, 3, 9)),
        prices_position: Position { stream: Stream::Market, sequence: 300 },
        cash: BTreeMap::new(),
        missing: BTreeMap::new(),
    }
}

/// Somebody who may be advised to bear anything, from long ago and for as long as possible: advice is of today.
fn bold() -> Profile {
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let reason = Note::parse("can bear the most").unwrap();
    Profile { since: date(2026, 1, 1).min(today), ..Profile::by_hand(RiskClass::Aggressive, reason, today) }
}
