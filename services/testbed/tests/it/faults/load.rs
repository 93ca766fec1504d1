//! Writers that go on whatever happens, and the account of what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use events::values::{CommandId, PortfolioId};
use events::{Portfolio, Position, Stream};
use journal::{CommandContext, Done, ExecuteError, Journal, JournalSettings};
use testbed::{Log, assert_whole, eventually};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::given::{context, context_at, created, folded, name_of, rename, subject};

/// What a caller may wait beyond the deadline: the last append or read, and a machine with much to do.
const SLACK: Duration = Duration::from_secs(15);
/// The pause of a writer that got an error, so that it does not ask a dead server all the time.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a number of answers is waited for. An election takes some seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);

/// What one writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Gives its portfolio one new name after the other, however it stands.
    Names,
    /// Reads the number that its portfolio is called and writes the next one, if nobody wrote meanwhile.
    Numbers,
}

/// How much is written and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Writers of each kind.
    pub writers: usize,
    /// Portfolios that the writers of each kind share.
    pub portfolios: usize,
    /// Commands of each writer; without a number they go on until they are stopped.
    pub commands: Option<u64>,
}

/// Running writers.
pub struct Load {
    writers: JoinSet<Account>,
    stop: CancellationToken,
    counts: watch::Sender<Counts>,
    portfolios: Vec<(Writes, PortfolioId)>,
}

/// Answers so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Commands that were acknowledged.
    pub acknowledged: u64,
    /// Commands that came to an error.
    pub failed: u64,
}

struct Given {
    portfolio: PortfolioId,
    name: String,
    context: CommandContext,
}

/// What writers were told.
#[derive(Default)]
pub struct Account {
    /// It is recorded, as this version at this place.
    acknowledged: BTreeMap<CommandId, (u64, Position)>,
    /// Nothing was written.
    refused: BTreeMap<CommandId, String>,
    /// Nobody knows.
    open: Vec<Given>,
}

/// Settings with bounds that do not make a test wait long.
pub fn settings(log: &Log) -> JournalSettings {
    let mut settings = log.settings();
    settings.append_timeout = Duration::from_secs(1);
    settings.execute_deadline = Duration::from_secs(5);
    settings
}

impl Load {
    /// Writers of both kinds, spread over the journals. The portfolios exist when this returns.
    pub async fn start(journals: &[Journal], settings: &JournalSettings, size: Size) -> Self {
        let (stop, counts) = (CancellationToken::new(), watch::Sender::new(Counts::default()));
        let mut load = Self { writers: JoinSet::new(), stop, counts, portfolios: Vec::new() };
        for writes in [Writes::Names, Writes::Numbers] {
            let mut portfolios = Vec::new();
            for number in 0..size.portfolios {
                // The first name of each has to be one of its own, so that its id is; then it is called 0.
                let id = created(&journals[0], &format!("{writes:?} {number}")).await;
                let zero = context(&["zero", &format!("{writes:?} {number}")]);
                journals[0].execute::<Portfolio>(&id, &rename("0"), &zero).await.unwrap();
                portfolios.push(id);
            }
            for number in 0..size.writers {
                let writer = Writer {
                    journal: journals[number % journals.len()].clone(),
                    bound: settings.execute_deadline + settings.append_timeout + SLACK,
                    portfolio: portfolios[(number / journals.len()) % portfolios.len()],
                    name: format!("{writes:?} {number}"),
                    writes,
                    counts: load.counts.clone(),
                };
                load.writers.spawn(writer.run(size.commands, load.stop.clone()));
            }
            load.portfolios.extend(portfolios.into_iter().map(|id| (writes, id)));
        }
        load
    }

    /// Waits for so many acknowledgements more.
    pub async fn acknowledged(&self, more: u64) {
        let target = self.counts.borrow().acknowledged + more;
        self.wait(|counts| counts.acknowledged >= target).await;
    }

    /// Waits for so many errors more.
    pub async fn failed(&self, more: u64) {
        let target = self.counts.borrow().failed + more;
        self.wait(|counts| counts.failed >= target).await;
    }

    async fn wait(&self, enough: impl FnMut(&Counts) -> bool) {
        let mut counts = self.counts.subscribe();
        let waited = tokio::time::timeout(ANSWERS_WITHIN, counts.wait_for(enough)).await;
        assert!(waited.is_ok(), "no such answers: {:?}", self.counts.borrow());
    }

    /// Lets every writer finish its last command, and asks again for each whose outcome nobody knew.
    pub async fn settle(mut self, journal: &Journal) -> (Account, Vec<(Writes, PortfolioId)>) {
        self.stop.cancel();
        self.finish(journal).await
    }

    /// Waits until every writer has given all its commands; then as [`Load::settle`].
    pub async fn finish(&mut self, journal: &Journal) -> (Account, Vec<(Writes, PortfolioId)>) {
        let mut account = Account::default();
        while let Some(writer) = self.writers.join_next().await {
            let Account { acknowledged, refused, open } = writer.unwrap();
            account.acknowledged.extend(acknowledged);
            account.refused.extend(refused);
            account.open.extend(open);
        }
        for given in std::mem::take(&mut account.open) {
            let answer =
                eventually("an answer to a command given again", async || match execute(journal, &given).await {
                    Err(ExecuteError::Rejected(_) | ExecuteError::Stale { .. }) => Some(None),
                    answer => answer.ok().map(Some),
                })
                .await;
            account.take(&given, answer);
        }
        (account, std::mem::take(&mut self.portfolios))
    }
}

impl Account {
    fn take(&mut self, given: &Given, answer: Option<Done<Portfolio>>) {
        let id = given.context.command_id;
        match answer {
            Some(done) => {
                let before = self.acknowledged.insert(id, (done.version, done.position.unwrap()));
                assert_eq!(before, None, "an id of a test's commands is used twice");
            }
            None => drop(self.refused.insert(id, "given again".to_owned())),
        }
    }

    /// How many commands are acknowledged.
    pub fn acknowledged(&self) -> u64 {
        u64::try_from(self.acknowledged.len()).unwrap()
    }

    /// What was refused, and why.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.refused.values().map(String::as_str)
    }

    /// Panics unless the log holds what was acknowledged, where and as it was acknowledged, and nothing else.
    pub async fn assert_true(&self, log: &Log, journals: &[Journal], portfolios: &[(Writes, PortfolioId)]) {
        let fresh = log.journal().await;
        let acknowledged: Vec<CommandId> = self.acknowledged.keys().copied().collect();
        assert_whole(&fresh, &acknowledged).await;

        let mut recorded = BTreeSet::new();
        for (writes, id) in portfolios {
            let history = eventually("a history", async || fresh.history(&subject(*id)).await.ok()).await;
            for (event, version) in history.iter().zip(1..) {
                let metadata = event.metadata().unwrap();
                assert_eq!(metadata.version, version);
                if version <= 2 {
                    continue; // how the portfolio was made
                }
                let told = self.acknowledged.get(&metadata.command_id);
                assert_eq!(told, Some(&(version, event.position())), "{:?}", self.refused.get(&metadata.command_id));
                assert!(recorded.insert(metadata.command_id), "recorded twice");
            }
            if *writes == Writes::Numbers {
                // Every number was decided on the state that stands directly before it.
                for (length, number) in (2..=history.len()).zip(0..) {
                    assert_eq!(name_of(&folded(&history[..length])), number.to_string(), "an update was lost");
                }
            }
            for journal in journals {
                let state = eventually("a state", async || journal.state::<Portfolio>(id).await.ok()).await;
                assert_eq!((state.version, state.state), (history.len().try_into().unwrap(), folded(&history)));
            }
        }
        assert_eq!(recorded.len(), acknowledged.len(), "what was acknowledged is recorded");
        assert!(self.refused.keys().all(|refused| !recorded.contains(refused)), "what was refused is not");
        let end = eventually("the end", async || fresh.last_position(Stream::Advisory).await.ok()).await;
        assert_eq!(
            end.sequence,
            u64::try_from(recorded.len() + 2 * portfolios.len()).unwrap(),
            "the stream holds nothing else"
        );
    }
}

struct Writer {
    journal: Journal,
    bound: Duration,
    portfolio: PortfolioId,
    name: String,
    writes: Writes,
    counts: watch::Sender<Counts>,
}

type Answer = Result<Done<Portfolio>, ExecuteError<events::portfolio::PortfolioRejection>>;

async fn execute(journal: &Journal, given: &Given) -> Answer {
    journal.execute::<Portfolio>(&given.portfolio, &rename(&given.name), &given.context).await
}

impl Writer {
    async fn run(self, commands: Option<u64>, stop: CancellationToken) -> Account {
        let mut account = Account::default();
        for number in 0..commands.unwrap_or(u64::MAX) {
            if stop.is_cancelled() {
                break;
            }
            let Some(given) = self.next(number).await else { continue };
            let answer = self.in_time(execute(&self.journal, &given)).await;
            self.counts.send_modify(|counts| match &answer {
                Ok(_) => counts.acknowledged += 1,
                Err(ExecuteError::Stale { .. }) => {}
                Err(_) => counts.failed += 1,
            });
            match answer {
                Ok(done) => account.take(&given, Some(done)),
                Err(ExecuteError::Unknown(_)) => account.open.push(given),
                Err(error @ ExecuteError::Stale { .. }) => {
                    account.refused.insert(given.context.command_id, error.to_string());
                }
                Err(error) => {
                    account.refused.insert(given.context.command_id, format!("{error:?}"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        account
    }

    /// The next command, where the log can be read.
    async fn next(&self, number: u64) -> Option<Given> {
        let words = [self.name.as_str(), &number.to_string()];
        let (name, context) = match self.writes {
            Writes::Names => (words.join(" "), context(&words)),
            Writes::Numbers => match self.in_time(self.journal.state::<Portfolio>(&self.portfolio)).await {
                Ok(seen) => {
                    let next = name_of(&seen.state).parse::<u64>().unwrap() + 1;
                    (next.to_string(), context_at(seen.version, &words))
                }
                Err(_) => {
                    self.counts.send_modify(|counts| counts.failed += 1);
                    tokio::time::sleep(PAUSE).await;
                    return None;
                }
            },
        };
        Some(Given { portfolio: self.portfolio, name, context })
    }

    /// The answer, which comes within the bound.
    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> T {
        match tokio::time::timeout(self.bound, answer).await {
            Ok(answer) => answer,
            Err(_) => panic!("{} got no answer within {:?}", self.name, self.bound),
        }
    }
}

/// So many journals on the log, each as another process has it.
pub async fn journals(settings: &JournalSettings, count: usize) -> Arc<[Journal]> {
    let mut journals = Vec::new();
    for _ in 0..count {
        journals.push(Journal::connect(settings).await.unwrap());
    }
    journals.into()
}
