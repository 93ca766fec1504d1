//! Nothing outlives its owner, not even when the owner is killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use insights::private::Folder;
use rustix::process::{Pid, test_kill_process};
use testbed::{Database, Nats, OtlpTap, Postgres, SmtpSink, eventually};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Set for the copy of this program that owns servers and is killed.
const OWNER: &str = "TESTBED_OWNER";

#[tokio::test]
#[ignore = "a part of the next test, which starts it in a process of its own"]
async fn an_owner_of_servers() {
    if std::env::var_os(OWNER).is_none() {
        return;
    }
    let nats = Nats::three().await;
    let postgres = Postgres::start(testbed::Durability::Fast).await;
    let database = Database::fresh().await;
    let pool = database.pool().await;
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
    let _receivers = (SmtpSink::start().await, OtlpTap::start().await);
    let mut processes: Vec<_> = nats.nodes().iter().filter_map(|node| node.process_id()).collect();
    processes.extend(postgres.process_id());
    processes.push(u32::try_from(backend).unwrap());
    // The test waits for this line; libtest may have written in front of it.
    println!("\nowns {}", serde_json::to_string(&processes).unwrap());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn servers_of_a_killed_owner_die_and_their_folders_are_swept() {
    let temporary = Folder::temporary().unwrap();
    let mut owner = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harness::leash::an_owner_of_servers", "--ignored", "--nocapture"])
        .env(OWNER, "1")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let listed = loop {
        let line = lines.next_line().await.unwrap().expect("the owner lists its processes");
        if let Some(list) = line.strip_prefix("owns ") {
            break serde_json::from_str::<Vec<i32>>(list).unwrap();
        }
    };
    assert_eq!(listed.len(), 5);
    let family = descendants_of(i32::try_from(owner.id().unwrap()).unwrap());
    assert!(listed.iter().all(|process| family.contains(process)), "{listed:?} {family:?}");
    assert!(family.len() > 12, "servers, their leashes and PostgreSQL's helpers: {family:?}");
    let folders = folders_in(temporary.path());
    assert!(folders.len() >= 5, "{folders:?}");

    owner.kill().await.unwrap(); // SIGKILL

    eventually("the end of all of them", async || family.iter().all(|&process| !is_alive(process)).then_some(())).await;
    // What the next program to start does first.
    eventually("the end of their folders", async || {
        sweep(temporary.path());
        folders_in(temporary.path()).is_empty().then_some(())
    })
    .await;
}

/// Has a new program make and drop a temporary folder in `place`.
fn sweep(place: &std::path::Path) {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harness::leash::a_folder_comes_and_goes"])
        .env("TMPDIR", place)
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_folder_comes_and_goes() {
    let folder = Folder::temporary().unwrap();
    let path = folder.path().to_path_buf();
    assert!(path.is_dir());
    drop(folder);
    assert!(!path.exists());
}

fn folders_in(place: &std::path::Path) -> Vec<PathBuf> {
    std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

/// (parent, state) of every process.
fn processes() -> BTreeMap<i32, (i32, String)> {
    let listed = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid=,stat="]).output();
    String::from_utf8(listed.unwrap().stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut number = || words.next().unwrap().parse::<i32>().unwrap();
            let (process, parent) = (number(), number());
            (process, (parent, words.next().unwrap_or_default().to_owned()))
        })
        .collect()
}

fn descendants_of(ancestor: i32) -> Vec<i32> {
    let table = processes();
    let mut family = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(table.iter().filter(|(_, (of, _))| *of == parent).map(|(&child, _)| child));
        next += 1;
    }
    family.remove(0);
    family
}

fn is_alive(process: i32) -> bool {
    let id = Pid::from_raw(process).unwrap();
    let zombie = || processes().get(&process).is_some_and(|(_, state)| state.starts_with('Z'));
    test_kill_process(id).is_ok() && !zombie()
}
