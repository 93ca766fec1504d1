//! The demo is a test: it ends well only if the whole main job happened.

use events::Stream;
use insights::private::{Durability, Folder};
use journal::{Journal, JournalSettings};
use testbed::Nats;

use crate::{ended, insights};

#[tokio::test]
async fn the_demo_does_the_main_job_and_does_it_again_on_the_same_data() {
    let folder = Folder::temporary().unwrap();
    let mut letters = Vec::new();
    for _ in 0..2 {
        let (well, printed, complained) = ended(&mut insights(folder.path(), &["demo"])).await;
        assert!(well, "{printed}\n{complained}");
        let letter =
            printed.lines().find_map(|line| line.strip_prefix("letter ")).expect("it says where the letter is");
        let letter = std::fs::read_to_string(letter.trim()).unwrap();
        assert!(letter.contains("Message-ID: <"), "{letter}");
        letters.push(letter);
        for word in ["insights.portfolio.created.v3", "insights.portfolio.recommended.v4", "Sharpe", "trace "] {
            assert!(printed.contains(word), "{word} is not in\n{printed}");
        }
    }
    assert_ne!(letters[0], letters[1], "each run recommends to a client of its own");
    let count = std::fs::read_dir(folder.path().join(".insights/outbox")).unwrap().count();
    assert_eq!(count, 2, "one letter a run, and the first is still there");
}

#[tokio::test]
async fn servers_that_are_named_are_used_instead_of_private_ones() {
    let (folder, nats) = (Folder::temporary().unwrap(), Nats::one().await);
    let postgres = testbed::Postgres::start(Durability::Fast).await;
    let mut demo = insights(folder.path(), &["demo"]);
    // One user for both, as where an operator gives only one address: it may create streams.
    demo.env("INSIGHTS_NATS_URL", nats.operator_urls().join(",")).env("INSIGHTS_DATABASE_URL", postgres.url());
    let (well, printed, complained) = ended(&mut demo).await;
    assert!(well, "{printed}\n{complained}");
    for private in ["nats", "postgres"] {
        assert!(!folder.path().join(".insights").join(private).exists(), "{private} was started all the same");
    }
    let settings = JournalSettings::new(nats.urls(), "/insights/test");
    let log = Journal::connect(&settings).await.unwrap();
    let report = insights::verify::log(&log, Stream::Advisory, &[]).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
    assert!(report.events >= 6, "{report}");
}
