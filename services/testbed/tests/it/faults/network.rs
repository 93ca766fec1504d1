//! One server behind a network that loses, delays and cuts.

use std::time::Duration;

use events::Portfolio;
use events::values::PortfolioId;
use journal::{Done, ExecuteError, Journal, Outcome};
use testbed::{Fault, FaultProxy, Log, PATIENCE, assert_whole, eventually};

use crate::given::{context, created, rename, subject};

/// A journal behind a faulty network, another one that is not, and a portfolio.
struct Scene {
    proxy: FaultProxy,
    behind: Journal,
    direct: Journal,
    portfolio: PortfolioId,
    _log: Log,
}

impl Scene {
    async fn set() -> Self {
        let log = Log::one().await;
        let proxy = FaultProxy::before(log.nats.nodes()[0].client_port()).await;
        let mut settings = log.settings();
        settings.servers = vec![proxy.instead_of(&settings.servers[0])];
        settings.append_timeout = Duration::from_millis(500);
        settings.execute_deadline = Duration::from_secs(3);
        let (behind, direct) = (Journal::connect(&settings).await.unwrap(), log.journal().await);
        let portfolio = created(&behind, "savings").await;
        Self { proxy, behind, direct, portfolio, _log: log }
    }

    /// The command under way, in a task of its own.
    fn give(&self, name: &str) -> tokio::task::JoinHandle<Answer> {
        let (journal, id, name) = (self.behind.clone(), self.portfolio, name.to_owned());
        tokio::spawn(async move { journal.execute::<Portfolio>(&id, &rename(&name), &context(&[&name])).await })
    }

    /// The command once more, by the one who gave it before.
    async fn give_again(&self, name: &str) -> Done<Portfolio> {
        eventually("an answer", async || self.give(name).await.unwrap().ok()).await
    }

    async fn events(&self) -> usize {
        self.direct.history(&subject(self.portfolio)).await.unwrap().len()
    }
}

type Answer = Result<Done<Portfolio>, ExecuteError<events::portfolio::PortfolioRejection>>;

async fn answer(command: tokio::task::JoinHandle<Answer>) -> Answer {
    tokio::time::timeout(PATIENCE, command).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_event_whose_acknowledgement_got_lost_is_recorded_once() {
    let scene = Scene::set().await;

    scene.proxy.set(Fault::SwallowReplies);
    let command = scene.give("second");
    eventually("the event", async || (scene.events().await == 2).then_some(())).await;
    scene.proxy.set(Fault::None);

    let done = answer(command).await.unwrap();
    assert_eq!((done.outcome, done.version), (Outcome::Replayed, 2), "it was found in the history");
    let again = scene.give_again("second").await;
    assert_eq!((again.outcome, again.version, again.position), (Outcome::Replayed, 2, done.position));
    assert_eq!(scene.events().await, 2);
    assert_whole(&scene.direct, &[context(&["second"]).command_id]).await;
}

#[tokio::test]
async fn an_event_that_got_lost_itself_is_sent_again_and_recorded_once() {
    let scene = Scene::set().await;

    let before = scene.proxy.swallowed();
    scene.proxy.set(Fault::SwallowRequests);
    let command = scene.give("second");
    eventually("a lost request", async || (scene.proxy.swallowed() > before).then_some(())).await;
    assert_eq!(scene.events().await, 1);
    scene.proxy.set(Fault::None);

    let done = answer(command).await.unwrap();
    assert_eq!((done.outcome, done.version), (Outcome::Recorded, 2));
    assert_eq!(scene.events().await, 2);
    assert_whole(&scene.direct, &[context(&["second"]).command_id]).await;
}

#[tokio::test]
async fn a_network_that_stays_silent_leaves_it_unknown_in_time_and_asking_again_settles_it() {
    for (fault, recorded, outcome) in
        [(Fault::SwallowReplies, 2, Outcome::Replayed), (Fault::SwallowRequests, 1, Outcome::Recorded)]
    {
        let scene = Scene::set().await;
        scene.proxy.set(fault);
        let unknown = answer(scene.give("second")).await.unwrap_err();
        assert!(matches!(unknown, ExecuteError::Unknown(_)), "{fault:?}: {unknown}");
        assert_eq!(scene.events().await, recorded, "{fault:?}");

        scene.proxy.set(Fault::None);
        let done = scene.give_again("second").await;
        assert_eq!((done.outcome, done.version), (outcome, 2), "{fault:?}");
        assert_eq!(scene.events().await, 2, "{fault:?}");
        assert_whole(&scene.direct, &[context(&["second"]).command_id]).await;
    }
}

#[tokio::test]
async fn another_writer_may_come_in_between_while_an_append_is_open() {
    let scene = Scene::set().await;

    scene.proxy.set(Fault::SwallowRequests);
    let command = scene.give("ours");
    eventually("a lost request", async || (scene.proxy.swallowed() > 0).then_some(())).await;
    let theirs = context(&["theirs"]);
    scene.direct.execute::<Portfolio>(&scene.portfolio, &rename("theirs"), &theirs).await.unwrap();
    scene.proxy.set(Fault::None);

    let done = answer(command).await.unwrap();
    assert_eq!((done.outcome, done.version), (Outcome::Recorded, 3), "decided again, on what they wrote");
    assert_whole(&scene.direct, &[theirs.command_id, context(&["ours"]).command_id]).await;
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_of_an_append_costs_nothing() {
    // In the middle of the subject, of the headers, and close to the end.
    const CUTS_BYTES: [u64; 6] = [1, 40, 150, 400, 600, 700];
    let scene = Scene::set().await;
    let mut given = Vec::new();
    for (bytes, version) in CUTS_BYTES.into_iter().zip(2..) {
        let name = format!("cut after {bytes}");
        let before = scene.proxy.swallowed();
        scene.proxy.set(Fault::ResetAfter { bytes });
        let command = scene.give(&name);
        eventually("the cut", async || (scene.proxy.swallowed() > before || command.is_finished()).then_some(())).await;
        scene.proxy.set(Fault::None);

        let done = match answer(command).await {
            Ok(done) => done,
            Err(ExecuteError::Unknown(_) | ExecuteError::Read(_)) => scene.give_again(&name).await,
            Err(error) => panic!("{name}: {error}"),
        };
        assert_eq!(done.version, version, "{name}");
        given.push(context(&[&name]).command_id);
    }
    assert_eq!(scene.events().await, 1 + CUTS_BYTES.len());
    assert_whole(&scene.direct, &given).await;
}

#[tokio::test]
async fn acknowledgements_that_come_too_late_are_settled() {
    let scene = Scene::set().await;
    // Slower than an append may be, so that no answer is ever in time.
    scene.proxy.set(Fault::Delay(Duration::from_millis(600)));
    let mut given = Vec::new();
    for name in ["second", "third"] {
        let unknown = answer(scene.give(name)).await.unwrap_err();
        assert!(matches!(unknown, ExecuteError::Unknown(_) | ExecuteError::Read(_)), "{name}: {unknown}");
        given.push(context(&[name]).command_id);
    }
    scene.proxy.set(Fault::None);
    for name in ["second", "third"] {
        scene.give_again(name).await;
    }
    assert_eq!(scene.events().await, 3);
    assert_whole(&scene.direct, &given).await;
}
