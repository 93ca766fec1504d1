//! An instance in a folder: found by other commands, alone there, and ended cleanly.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use insights::instance::Instance;
use insights::private::Folder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

use crate::{ended, insights, interrupt};

/// `insights up`, once it has said that it runs.
pub async fn up(folder: &Path) -> Child {
    let mut child = insights(folder, &["up"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("Ctrl-C ends it") {
                return;
            }
        }
        panic!("it ended before it ran");
    };
    tokio::time::timeout(crate::COMMAND_WITHIN, said).await.expect("it runs in time");
    // Who writes to a closed pipe is ended by it: somebody has to go on reading.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

#[tokio::test]
async fn an_instance_is_found_in_its_folder_is_alone_there_and_keeps_its_data() {
    let folder = Folder::temporary().unwrap();
    let first = up(folder.path()).await;

    let (well, _, complained) = ended(&mut insights(folder.path(), &["up"])).await;
    assert!(!well && complained.contains("runs in this folder already"), "{complained}");

    let (well, found, complained) = ended(&mut insights(folder.path(), &["doctor"])).await;
    assert!(well && found.contains("every server syncs before it acknowledges"), "{found}\n{complained}");
    assert!(found.contains("letters: none waits"), "{found}");
    let (well, history, complained) = ended(&mut insights(folder.path(), &["events", "asset/AAPL"])).await;
    assert!(
        well && history.lines().count() == 2 && history.contains("insights.asset.priced."),
        "{history}\n{complained}"
    );
    let (well, _, complained) = ended(&mut insights(folder.path(), &["demo"])).await;
    assert!(well, "{complained}");
    let (well, verified, complained) = ended(&mut insights(folder.path(), &["verify"])).await;
    assert!(well, "{verified}\n{complained}");
    let (well, shown, _) = ended(&mut insights(folder.path(), &["config"])).await;
    assert!(well && shown.contains(":***@"), "{shown}");

    assert!(interrupt(first).await.success(), "Ctrl-C is a clean end");
    assert!(Instance::running(&folder.path().join(".insights")).is_none());
    let (well, _, complained) = ended(&mut insights(folder.path(), &["doctor"])).await;
    assert!(!well && complained.contains("wrong"), "{complained}");

    let second = up(folder.path()).await;
    let (well, again, complained) = ended(&mut insights(folder.path(), &["events", "asset/AAPL"])).await;
    assert!(well, "{complained}");
    assert_eq!(again, history, "the log is as it was left: what is there is not loaded again");
    assert!(interrupt(second).await.success());
}

/// The processes of this program that this one started.
fn children(parent: u32, program: &str) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let of_parent = stats.filter_map(|stat| {
        // pid (name) state parent ...
        let (id, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let of = rest.split(' ').nth(1)?.parse::<u32>().ok()?;
        (of == parent && name == program).then(|| id.parse().ok())?
    });
    of_parent.collect()
}

#[tokio::test]
async fn a_server_that_is_killed_is_started_again_and_nothing_is_lost() {
    let folder = Folder::temporary().unwrap();
    let running = up(folder.path()).await;
    let id = running.id().unwrap();
    let (well, before, complained) = ended(&mut insights(folder.path(), &["events", "asset/AAPL"])).await;
    assert!(well, "{complained}");
    for program in ["postgres", "nats-server"] {
        let [old] = children(id, program)[..] else { panic!("one {program} is {:?}", children(id, program)) };
        let process = rustix::process::Pid::from_raw(old).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
        let another = async {
            // Nobody tells of another's children.
            while !matches!(children(id, program)[..], [new] if new != old) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // Until everybody has noticed, callers are told to come again, and by nothing else.
            loop {
                let (well, told, complained) = ended(&mut insights(folder.path(), &["demo"])).await;
                if well {
                    return;
                }
                let come_again = complained.contains("503") || complained.contains("does not answer");
                assert!(come_again, "after {program}: {told}\n{complained}");
            }
        };
        tokio::time::timeout(crate::COMMAND_WITHIN, another)
            .await
            .unwrap_or_else(|_| panic!("no other {program} serves"));
    }
    let (well, after, complained) = ended(&mut insights(folder.path(), &["events", "asset/AAPL"])).await;
    assert!(well && after == before, "{complained}");
    let (well, verified, complained) = ended(&mut insights(folder.path(), &["verify"])).await;
    assert!(well, "{verified}\n{complained}");
    assert!(interrupt(running).await.success());
}

#[tokio::test]
async fn ctrl_c_while_the_demo_prices_load_is_told_as_what_it_is() {
    let folder = Folder::temporary().unwrap();
    let mut child = insights(folder.path(), &["up"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = child.stdout.take().unwrap();
    // It is found once it runs, which is before the first of the prices.
    let home = folder.path().join(".insights");
    testbed::eventually("the instance", async || Instance::running(&home).map(|_| ())).await;
    assert!(interrupt(child).await.success(), "a clean end");
    let mut text = String::new();
    said.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("Interrupted while the demo prices were loaded"), "{text}");
    assert!(!text.contains("could not be loaded"), "{text}");
}

#[tokio::test]
async fn an_unknown_setting_is_refused() {
    let folder = Folder::temporary().unwrap();
    let (well, _, complained) = ended(insights(folder.path(), &["config"]).env("INSIGHTS_NATS_ULR", "x")).await;
    assert!(!well && complained.contains("nats_ulr"), "{complained}");
}
