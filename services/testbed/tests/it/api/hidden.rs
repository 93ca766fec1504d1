//! What is another's is asked for as what is not there: not even the time that it takes tells the two apart.

use std::sync::atomic::Ordering;

use sqlx::Executor;
use uuid::Uuid;

use super::cast::Cast;

/// How often each is asked for.
const PROBES: u64 = 40;

/// How often the table has been read: all connections that are idle hand in what they counted.
async fn reads(cast: &Cast, table: &str) -> u64 {
    let mut idle = Vec::new();
    while let Some(connection) = cast.house.pool.try_acquire() {
        idle.push(connection);
    }
    for connection in &mut idle {
        connection.execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    }
    drop(idle);
    let reads: i64 = sqlx::query_scalar("SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = $1")
        .bind(table)
        .fetch_one(&cast.house.pool)
        .await
        .unwrap();
    reads.unsigned_abs()
}

fn asked_of_the_log(cast: &Cast) -> u64 {
    cast.house.journal.client().statistics().out_messages.load(Ordering::Relaxed)
}

#[tokio::test]
async fn what_is_another_s_costs_as_many_questions_as_what_is_not_there() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    assert_eq!(cast.house.get_now("/v1/advisors").await.status, 200);
    let nouns = [("portfolios", &rui.portfolio), ("recommendations", &rui.recommendation), ("clients", &rui.client)];
    for (noun, theirs) in nouns {
        // Whatever is remembered of what its owner was shown.
        assert_eq!(cast.get_by(&rui.token, &format!("/v1/{noun}/{theirs}")).await.status, 200);
        let mut of_the_log = Vec::new();
        for is_there in [false, true] {
            let before = reads(&cast, noun).await;
            let log_before = asked_of_the_log(&cast);
            for _ in 0..PROBES {
                let id = if is_there { theirs.clone() } else { Uuid::new_v4().to_string() };
                assert_eq!(cast.get_by(&ana.token, &format!("/v1/{noun}/{id}")).await.status, 404);
            }
            of_the_log.push(asked_of_the_log(&cast) - log_before);
            let what = format!("{PROBES} reads of {noun}, there or not: {is_there}");
            let read = async || Some(reads(&cast, noun).await - before).filter(|read| *read >= PROBES);
            let read = testbed::eventually(&what, read).await;
            // What was read before may be counted late, but not as often.
            assert!(read < PROBES * 3 / 2, "{what}: {read}");
        }
        // Others ask the log as well, now and then.
        let [absent, another] = of_the_log[..] else { panic!("two counts: {of_the_log:?}") };
        assert!(absent.abs_diff(another) < PROBES / 2, "{noun}: {absent} and {another} questions to the log");
    }
}
