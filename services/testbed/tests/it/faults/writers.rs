//! Many writers at once, without any fault.

use testbed::Log;

use super::load::{Load, Size, journals};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_on_eight_portfolios_lose_and_double_nothing() {
    const COMMANDS: u64 = 20;
    let log = Log::one().await;
    let settings = log.settings();
    let journals = journals(&settings, 2).await;
    let size = Size { writers: 32, portfolios: 4, commands: Some(COMMANDS) };

    let mut load = Load::start(&journals, &settings, size).await;
    let (account, portfolios) = load.finish(&journals[0]).await;

    account.assert_true(&log, &journals, &portfolios).await;
    // Who gives names is never turned away; who counts is, whenever another one was quicker.
    assert!(account.acknowledged() >= 32 * COMMANDS, "{} are acknowledged", account.acknowledged());
    for refused in account.refused() {
        assert!(refused.starts_with("the aggregate stands at version"), "{refused}");
    }
}
