//! Private nats-servers: durable, killable, and guarded against those who could lose history.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use testbed::{Nats, PATIENCE, eventually};

const STREAM: &str = "HARNESS";
const SUBJECT: &str = "insights.harness.a";
/// What an application user must not be able to do, as the subject of the request and its body.
const FORBIDDEN: [(&str, &str); 8] = [
    ("$JS.API.STREAM.CREATE.OTHER", r#"{"name":"OTHER","subjects":["insights.other"]}"#),
    ("$JS.API.STREAM.UPDATE.HARNESS", r#"{"name":"HARNESS","subjects":["insights.harness.>"],"max_msgs":1}"#),
    ("$JS.API.STREAM.DELETE.HARNESS", ""),
    ("$JS.API.STREAM.PURGE.HARNESS", ""),
    ("$JS.API.STREAM.MSG.DELETE.HARNESS", r#"{"seq":1}"#),
    ("$JS.API.STREAM.SNAPSHOT.HARNESS", r#"{"deliver_subject":"_INBOX.x"}"#),
    ("$JS.API.STREAM.RESTORE.HARNESS", "{}"),
    ("$JS.API.STREAM.LEADER.STEPDOWN.HARNESS", ""),
];

/// The login of the first URL: the client does not log in with what a URL says.
fn login(urls: &[String]) -> async_nats::ConnectOptions {
    let url: url::Url = urls[0].parse().unwrap();
    let (user, password) = (url.username(), url.password().unwrap());
    async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
}

async fn connect(urls: &[String]) -> async_nats::Client {
    login(urls).request_timeout(Some(Duration::from_secs(2))).connect(urls).await.unwrap()
}

async fn make_stream(nats: &Nats, replicas: usize) -> jetstream::Context {
    let operator = jetstream::new(connect(&nats.operator_urls()).await);
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["insights.harness.>".to_owned()],
        num_replicas: replicas,
        ..stream::Config::default()
    };
    operator.create_stream(config).await.unwrap();
    operator
}

/// Appends one message; nothing if it was not acknowledged in time.
async fn append(journal: &jetstream::Context) -> Option<u64> {
    let sent = journal.publish(SUBJECT, "x".into()).await.ok()?;
    Some(sent.await.ok()?.sequence)
}

async fn messages(operator: &jetstream::Context) -> u64 {
    let mut stream = operator.get_stream(STREAM).await.unwrap();
    stream.info().await.unwrap().state.messages
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_it_acknowledged() {
    let mut nats = Nats::one().await;
    let operator = make_stream(&nats, 1).await;
    let app = jetstream::new(connect(&nats.urls()).await);
    for expected in 1..=20 {
        assert_eq!(append(&app).await, Some(expected));
    }
    let urls = nats.urls();

    nats.node(0).kill_9().await.unwrap();
    nats.node(0).restart().await.unwrap();
    nats.wait_ready().await.unwrap();

    assert_eq!(nats.urls(), urls, "it listens where it listened");
    assert_eq!(messages(&operator).await, 20);
    nats.node(0).stop().await.unwrap();
}

#[tokio::test]
async fn every_server_writes_to_disk_before_it_says_yes() {
    for (members, nats) in [(1, Nats::one().await), (3, Nats::three().await)] {
        assert_eq!(nats.monitor_urls().len(), members);
        for url in nats.monitor_urls() {
            let answer = crate::harness::get(&format!("{url}/jsz")).await;
            assert_eq!(answer["config"]["sync_always"], true, "{url}, one of {members}");
        }
    }
}

#[tokio::test]
async fn an_application_cannot_lose_history() {
    let nats = Nats::one().await;
    let operator = make_stream(&nats, 1).await;
    let app = connect(&nats.urls()).await;
    for expected in 1..=3 {
        let journal = jetstream::new(app.clone());
        assert_eq!(append(&journal).await, Some(expected));
    }

    for (subject, body) in FORBIDDEN {
        let (refused, mut refusals) = tokio::sync::mpsc::channel(8);
        let client = login(&nats.urls())
            .event_callback(move |event| {
                let refused = refused.clone();
                async move {
                    // A full or closed channel only means that the test has what it waits for.
                    let _ = refused.try_send(event.to_string());
                }
            })
            .connect(nats.urls())
            .await
            .unwrap();
        client.publish(subject, body.into()).await.unwrap();
        client.flush().await.unwrap();
        let refusal = async {
            loop {
                let event = refusals.recv().await.unwrap();
                if event.to_lowercase().contains("permissions violation") {
                    return event;
                }
            }
        };
        let refusal = tokio::time::timeout(PATIENCE, refusal).await;
        assert!(refusal.is_ok_and(|text| text.contains(subject)), "{subject}");
    }

    assert_eq!(messages(&operator).await, 3);
    assert!(operator.get_stream("OTHER").await.is_err());
}

#[tokio::test]
async fn an_application_can_append_and_read() {
    use futures::TryStreamExt;

    let nats = Nats::one().await;
    make_stream(&nats, 1).await;
    let journal = jetstream::new(connect(&nats.urls()).await);
    append(&journal).await.unwrap();
    let stream = journal.get_stream(STREAM).await.unwrap();
    let config = jetstream::consumer::pull::Config {
        durable_name: Some("reader".to_owned()),
        ..jetstream::consumer::pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let batch = consumer.fetch().max_messages(5).messages().await.unwrap();
    let read: Vec<_> = batch.try_collect().await.unwrap();
    assert_eq!(read.len(), 1);
    read[0].double_ack().await.unwrap();
}

#[tokio::test]
async fn a_cluster_loses_its_leader_and_nothing_else() {
    let mut nats = Nats::three().await;
    let operator = make_stream(&nats, 3).await;
    let app = jetstream::new(connect(&nats.urls()).await);
    for _ in 0..10 {
        append(&app).await.unwrap();
    }
    let first = nats.leader_of(STREAM).await.unwrap();

    nats.node(first).kill_9().await.unwrap();
    let second = nats.leader_of(STREAM).await.unwrap();
    assert_ne!(first, second);
    eventually("an acknowledgement", async || append(&app).await).await;

    nats.node(first).restart().await.unwrap();
    nats.wait_ready().await.unwrap();
    assert!(messages(&operator).await >= 11);
}

#[tokio::test]
async fn a_paused_server_is_silent_until_it_is_resumed() {
    let mut nats = Nats::one().await;
    make_stream(&nats, 1).await;
    let app = connect(&nats.urls()).await;
    let journal = jetstream::new(app);
    append(&journal).await.unwrap();

    nats.node(0).pause().unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(300), append(&journal)).await;
    assert!(silence.is_err(), "{silence:?}");

    nats.node(0).resume().unwrap();
    eventually("an acknowledgement", async || append(&journal).await).await;
}
