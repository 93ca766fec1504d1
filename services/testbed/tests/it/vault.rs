//! The vault on a real database.

use events::values::{ClientId, CommandId, EmailAddress, EventId, Name};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;
use testbed::Database;
use uuid::Uuid;
use vault::{Credential, KeyEncryptionKey, Role, Vault, VaultError};

async fn database() -> PgPool {
    let pool = Database::fresh().await.pool().await;
    vault::migrate(&pool).await.unwrap();
    pool
}

fn vault(pool: &PgPool) -> Vault {
    Vault::new(pool.clone(), KeyEncryptionKey::from_bytes([1; 32]))
}

fn client() -> ClientId {
    ClientId::new(Uuid::new_v4())
}

fn event() -> EventId {
    EventId::of(CommandId::new(Uuid::new_v4()))
}

fn name() -> Name {
    Name::parse("José da Silva").unwrap()
}

fn email() -> EmailAddress {
    EmailAddress::parse("jose@example.com").unwrap()
}

fn now() -> Timestamp {
    "2026-03-04T05:06:07Z".parse().unwrap()
}

#[tokio::test]
async fn an_identity_opens_as_it_was_sealed() {
    let vault = vault(&database().await);
    let client = client();
    let sealed = vault.seal_identity(client, event(), &name(), &email()).await.unwrap();
    let opened = vault.open_identity(client, &sealed).await.unwrap();
    assert_eq!((opened.name, opened.email), (name(), email()));
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let pool = database().await;
    let vault = vault(&pool);
    let client = client();
    let sealed = vault.seal_identity(client, event(), &name(), &email()).await.unwrap();
    vault::migrate(&pool).await.unwrap();
    assert_eq!(vault.open_identity(client, &sealed).await.unwrap().name, name());
}

#[tokio::test]
async fn an_identity_moved_to_another_client_or_event_stays_shut() {
    let vault = vault(&database().await);
    let (ana, rui) = (client(), client());
    let of_ana = vault.seal_identity(ana, event(), &name(), &email()).await.unwrap();
    let mut of_rui = vault.seal_identity(rui, event(), &name(), &email()).await.unwrap();
    assert!(matches!(vault.open_identity(rui, &of_ana).await, Err(VaultError::DoesNotOpen(_))));

    of_rui.sealed_for = event();
    assert!(matches!(vault.open_identity(rui, &of_rui).await, Err(VaultError::DoesNotOpen(_))));

    let mut swapped = of_ana.clone();
    std::mem::swap(&mut swapped.name, &mut swapped.email);
    assert!(matches!(vault.open_identity(ana, &swapped).await, Err(VaultError::DoesNotOpen(_))));
}

#[tokio::test]
async fn a_destroyed_key_is_said_to_be_destroyed() {
    let pool = database().await;
    let vault = vault(&pool);
    let client = client();
    let sealed = vault.seal_identity(client, event(), &name(), &email()).await.unwrap();
    sqlx::query("delete from vault.data_keys where client = $1").bind(client.uuid()).execute(&pool).await.unwrap();
    let gone = vault.open_identity(client, &sealed).await;
    assert!(matches!(gone, Err(VaultError::KeyDestroyed { key_version: 1, .. })), "{gone:?}");
}

#[tokio::test]
async fn another_key_encryption_key_is_named_not_taken_for_damage() {
    let pool = database().await;
    let client = client();
    let sealed = vault(&pool).seal_identity(client, event(), &name(), &email()).await.unwrap();
    let other = Vault::new(pool, KeyEncryptionKey::from_bytes([2; 32]));
    let refused = other.open_identity(client, &sealed).await;
    assert!(matches!(refused, Err(VaultError::OtherKek { .. })), "{refused:?}");
}

#[tokio::test]
async fn sixteen_that_seal_for_a_new_client_at_once_share_one_key() {
    let pool = database().await;
    let client = client();
    let sealing = (0..16).map(|_| {
        let vault = vault(&pool);
        async move { vault.seal_identity(client, event(), &name(), &email()).await.unwrap() }
    });
    for sealed in futures::future::join_all(sealing).await {
        assert_eq!(vault(&pool).open_identity(client, &sealed).await.unwrap().email, email());
    }
    let keys: i64 = sqlx::query_scalar("select count(*) from vault.data_keys").fetch_one(&pool).await.unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_digest_is_the_clients_own_and_stays() {
    let pool = database().await;
    let (ana, rui) = (client(), client());
    let first = vault(&pool).digest(ana, b"body").await.unwrap();
    assert_eq!(vault(&pool).digest(ana, b"body").await.unwrap(), first);
    assert_ne!(vault(&pool).digest(ana, b"other").await.unwrap(), first);
    assert_ne!(vault(&pool).digest(rui, b"body").await.unwrap(), first);
}

#[tokio::test]
async fn a_token_says_who_acts_until_it_expires() {
    let vault = vault(&database().await);
    let token = vault.create_token(Role::Admin, "for a test", now(), SignedDuration::from_hours(1)).await.unwrap();
    let principal = vault.authenticate(&token.secret, now()).await.unwrap().unwrap();
    assert_eq!((principal.credential, principal.role), (Credential::Token(token.id), Role::Admin));
    assert_eq!(principal.actor.as_str(), format!("admin:{}", token.id));

    let just_before = now() + SignedDuration::from_secs(3_599);
    assert!(vault.authenticate(&token.secret, just_before).await.unwrap().is_some());
    let at_its_end = now() + SignedDuration::from_hours(1);
    assert_eq!(vault.authenticate(&token.secret, at_its_end).await.unwrap(), None);
}

#[tokio::test]
async fn a_revoked_token_and_an_unknown_one_are_nobodys() {
    let vault = vault(&database().await);
    let token = vault.create_token(Role::Admin, "for a test", now(), SignedDuration::from_hours(1)).await.unwrap();
    assert!(vault.revoke_token(token.id, now()).await.unwrap());
    assert!(!vault.revoke_token(token.id, now()).await.unwrap(), "once is enough");
    assert_eq!(vault.authenticate(&token.secret, now()).await.unwrap(), None);
    let unknown = format!("ins_{}", "A".repeat(43));
    for secret in ["", "ins_", "Bearer x", unknown.as_str(), "ins_' or '1'='1"] {
        assert_eq!(vault.authenticate(secret, now()).await.unwrap(), None, "{secret}");
    }
}

#[tokio::test]
async fn a_token_cannot_be_valid_for_no_time_or_for_ever() {
    let vault = vault(&database().await);
    for valid_for in [SignedDuration::ZERO, SignedDuration::from_secs(-1), SignedDuration::MAX] {
        let refused = vault.create_token(Role::Admin, "for a test", now(), valid_for).await;
        assert!(matches!(refused, Err(VaultError::Validity { .. })), "{valid_for}");
    }
}

#[tokio::test]
async fn the_database_holds_no_secret_and_no_name() {
    let pool = database().await;
    let vault = vault(&pool);
    let token = vault.create_token(Role::Admin, "for a test", now(), SignedDuration::from_hours(1)).await.unwrap();
    vault.seal_identity(client(), event(), &name(), &email()).await.unwrap();
    let rows: Vec<String> =
        sqlx::query_scalar("select t::text from vault.tokens t union all select k::text from vault.data_keys k")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(!row.contains(&token.secret) && !row.contains(&token.secret[4..]), "{row}");
        assert!(!row.contains("Silva") && !row.contains("jose@"), "{row}");
    }
}
