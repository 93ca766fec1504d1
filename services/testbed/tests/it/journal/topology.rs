//! Streams are made once, checked always, and changed never.

use async_nats::jetstream::stream::Config;
use journal::topology::{TopologyError, provision, verify};
use testbed::{Log, Nats, operator};

#[tokio::test]
async fn provisioning_twice_changes_nothing() {
    let log = Log::one().await;
    let operator = log.operator().await;
    let before = operator.get_stream("ADVISORY").await.unwrap().cached_info().config.clone();

    provision(&operator, 1).await.unwrap();

    let after = operator.get_stream("ADVISORY").await.unwrap().cached_info().config.clone();
    assert_eq!(after, before);
    verify(&operator, None).await.unwrap();
    verify(&operator, Some(1)).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_could_lose_history_is_refused_and_left_alone() {
    let nats = Nats::one().await;
    let operator = operator(&nats).await;
    let forgetful = Config {
        name: "ADVISORY".to_owned(),
        subjects: vec!["insights.advisory.*.*.*".to_owned()],
        max_messages: 10,
        ..Config::default()
    };
    operator.create_stream(forgetful).await.unwrap();

    let refused = provision(&operator, 1).await.unwrap_err();

    let TopologyError::Differs { stream, differences } = &refused else { panic!("{refused}") };
    assert_eq!(stream, "ADVISORY");
    for field in ["max_messages 10, not -1", "deny_delete false, not true", "deny_purge false, not true"] {
        assert!(differences.iter().any(|difference| difference == field), "{field} is not among {differences:?}");
    }
    assert!(verify(&operator, None).await.is_err());
    let found = operator.get_stream("ADVISORY").await.unwrap().cached_info().config.clone();
    assert_eq!(found.max_messages, 10, "what is there is not changed");
}

#[tokio::test]
async fn a_log_on_too_few_servers_is_noticed() {
    let log = Log::one().await;
    assert!(matches!(verify(&log.operator().await, Some(3)).await, Err(TopologyError::Differs { .. })));
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_named() {
    let nats = Nats::one().await;
    let missing = verify(&operator(&nats).await, None).await.unwrap_err();
    assert!(missing.to_string().contains("ADVISORY"), "{missing}");
}
