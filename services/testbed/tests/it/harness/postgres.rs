//! Private PostgreSQL: databases apart from each other, and servers that can be killed.

use insights::private::{self, Folder, Tools};
use sqlx::{Connection, Executor, PgConnection};
use testbed::{Database, Durability, Postgres};

#[tokio::test]
async fn two_tests_do_not_see_each_other() {
    let (one, other) = tokio::join!(Database::fresh(), Database::fresh());
    assert_ne!(one.url(), other.url());
    let (one, other) = (one.pool().await, other.pool().await);
    sqlx::query("CREATE TABLE mine (id int)").execute(&one).await.unwrap();
    let seen = sqlx::query("SELECT id FROM mine").fetch_all(&other).await;
    assert!(seen.unwrap_err().to_string().contains("does not exist"));
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_was_committed() {
    let mut server = Postgres::start(Durability::Safe).await;
    let url = server.url();
    let mut client = PgConnection::connect(&url).await.unwrap();
    client.execute("CREATE TABLE kept (id int)").await.unwrap();
    client.execute("INSERT INTO kept VALUES (7)").await.unwrap();

    server.kill_9().await.unwrap();
    assert!(client.execute("SELECT 1").await.is_err());
    server.restart().await.unwrap();

    assert_eq!(server.url(), url, "it listens where it listened");
    let mut client = PgConnection::connect(&url).await.unwrap();
    let kept: i32 = sqlx::query_scalar("SELECT id FROM kept").fetch_one(&mut client).await.unwrap();
    assert_eq!(kept, 7);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_start_finds_the_data_of_the_first() {
    let folder = Folder::temporary().unwrap();
    let home = folder.path().join("postgres");
    let tools = Tools::find().unwrap();
    let mut first = private::Postgres::start(&tools, &home, Durability::Safe).await.unwrap();
    let pool = sqlx::PgPool::connect(&first.url()).await.unwrap();
    sqlx::query("CREATE TABLE kept (id int)").execute(&pool).await.unwrap();
    pool.close().await;
    first.stop().await.unwrap();

    let second = private::Postgres::start(&tools, &home, Durability::Safe).await.unwrap();
    let pool = sqlx::PgPool::connect(&second.url()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_stranger_needs_the_password() {
    let database = Database::fresh().await;
    let password = database.url().split([':', '@']).nth(2).unwrap();
    let guessed = database.url().replace(password, "guess");
    let refused = sqlx::PgPool::connect(&guessed).await.unwrap_err();
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
}

/// A checkout below root's home, which others may not enter.
#[tokio::test]
async fn a_closed_folder_above_is_no_hindrance() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::temporary().unwrap();
    let closed = folder.path().join("root");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let home = closed.join("project/postgres");
    let started = private::Postgres::start(&Tools::find().unwrap(), &home, Durability::Fast).await;
    let server = started.unwrap();
    let pool = sqlx::PgPool::connect(&server.url()).await.unwrap();
    sqlx::query("CREATE TABLE writable (id int)").execute(&pool).await.unwrap();
}
