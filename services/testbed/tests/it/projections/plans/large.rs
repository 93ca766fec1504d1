//! Tables that are large: everything that grows with the business, filled as plausibly as a planner needs it, and lopsided:
//! of each kind there are a few among many.

use events::values::{AdvisorId, PortfolioId};
use projections::migrate;
use sqlx::{AssertSqlSafe, Executor, PgPool};
use testbed::Database;
use uuid::Uuid;

/// Rows of each table, and how many advisors own them.
pub const ROWS: i32 = 100_000;
const ADVISORS: i32 = 1_000;
/// A number that nothing has.
pub const NOTHING: i32 = 999_999_999;
/// A firm that nobody works for any more, with an eighth of all portfolios for models.
pub const LEFT: &str = "Left";
/// Every so many-th portfolio is archived, every so many-th client advised still.
const FEW: i32 = 5_000;

/// Tables that grow with the business.
pub const LARGE: [&str; 14] = [
    "advisors",
    "portfolios",
    "former_portfolio_names",
    "clients",
    "recommendations",
    "happenings",
    "portfolio_figures",
    "backtests",
    "assets",
    "price_chunks",
    "corporate_actions",
    "vault.tokens",
    "vault.client_reads",
    "vault.accounts",
];

/// The id of the advisor with this number. Those with the numbers 0 and 2 own half of everything, three parts and one, and no
/// portfolio of the second's follows a model.
pub fn advisor(n: i32) -> AdvisorId {
    AdvisorId::new(id("advisor", n))
}

/// The id of the portfolio with this number. The one with the number 1 is a model that half of the others follow, and what
/// half of all recommendations are of, by the advisor with the number 1. Those by the one with the number 2 are of others, and
/// to others than the client with the number 1, who has a quarter of all.
pub fn portfolio(n: i32) -> PortfolioId {
    PortfolioId::new(id("portfolio", n))
}

/// The id that the rows have for this number of this kind.
pub fn id(kind: &str, n: i32) -> Uuid {
    Uuid::parse_str(&format!("00000000-{}-0000-0000-{n:012}", hex_of(kind))).unwrap()
}

/// Four hexadecimal digits of a word.
fn hex_of(kind: &str) -> String {
    format!("{:04x}", kind.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())))
}

/// The same in SQL, of a number that is computed.
fn of(kind: &str, n: &str) -> String {
    format!("('00000000-{}-0000-0000-' || lpad(({n})::text, 12, '0'))::uuid", hex_of(kind))
}

/// A database with many rows in every large table.
pub async fn filled() -> (Database, PgPool) {
    let database = Database::fresh().await;
    let pool = projections::connect(database.url(), 1).await.unwrap();
    migrate(&pool).await.unwrap();
    vault::migrate(&pool).await.unwrap();
    // What it reads would be counted with what lists read.
    for table in LARGE {
        pool.execute(AssertSqlSafe(format!("ALTER TABLE {table} SET (autovacuum_enabled = false)"))).await.unwrap();
    }
    for rows in rows() {
        pool.execute(AssertSqlSafe(rows)).await.unwrap();
    }
    settled(&pool).await;
    (database, pool)
}

/// Turns few and many about: what every other row was is what a few are now.
pub async fn turn_about(pool: &PgPool) {
    for sql in [
        "UPDATE portfolios SET standing = CASE standing WHEN 'active' THEN 'archived' ELSE 'active' END",
        "UPDATE clients SET standing = CASE standing WHEN 'active' THEN 'removed' ELSE 'active' END",
    ] {
        pool.execute(sql).await.unwrap();
    }
    settled(pool).await;
}

/// The planner knows the tables, what was overwritten is swept, and what that read is counted.
async fn settled(pool: &PgPool) {
    for table in LARGE {
        pool.execute(AssertSqlSafe(format!("VACUUM ANALYZE {table}"))).await.unwrap();
    }
    all_is_counted(pool).await;
}

/// What the pool's connection has read, plans included, is counted before anybody else's reads are: by itself it is handed in
/// some seconds later, in the midst of them.
pub async fn all_is_counted(pool: &PgPool) {
    pool.execute("SELECT pg_stat_force_next_flush()").await.unwrap();
}

fn rows() -> Vec<String> {
    let owner = of("advisor", &format!("CASE WHEN n % 8 = 2 THEN 2 WHEN n % 2 = 0 THEN 0 ELSE n % {ADVISORS} END"));
    let recommended = of("portfolio", "CASE WHEN n % 2 = 0 THEN 1 ELSE n END");
    let every = format!("FROM generate_series(1, {ROWS}) n");
    let portfolio = of("portfolio", "n");
    let client = of("client", "n");
    let (is_left, follows) = ("n % 8 = 4", "n % 100 > 1 AND n % 8 NOT IN (2, 4)");
    vec![
        format!(
            "INSERT INTO advisors (id, name, name_sought, firm, firm_sought, firm_key, registered_at, created_position, version, position, regime, language,
                 standing)
             SELECT {}, 'Advisor ' || n, 'advisor ' || n, 'Firm ' || n % 7, 'firm ' || n % 7, 'firm ' || n % 7, now(), n + 1, 1, n + 1, 'other', 'en',
                 CASE WHEN n % {FEW} = 1 THEN 'suspended' ELSE 'active' END
             FROM generate_series(0, {ROWS} - 1) n",
            of("advisor", "n")
        ),
        format!(
            "INSERT INTO portfolios (id, advisor, name, sought, currency, assets, weights, limits, rebalancing, standing,
                 created_at, updated_at, created_position, version, position, model_of, model_of_key, model,
                 model_version)
             SELECT {portfolio}, {owner}, 'Portfolio ' || n, 'portfolio ' || n, 'USD', '{{AAPL,MSFT}}', '{{0.5,0.5}}', '{{}}', 'monthly',
                 CASE WHEN n % {FEW} IN (2, 3) THEN 'archived' ELSE 'active' END, now(), now(), n, 1, n,
                 CASE WHEN {is_left} THEN '{LEFT}' WHEN n % 100 = 1 THEN 'Firm ' || n % 7 END,
                 CASE WHEN {is_left} THEN lower('{LEFT}') WHEN n % 100 = 1 THEN 'firm ' || n % 7 END,
                 CASE WHEN {follows} THEN {} END, CASE WHEN {follows} THEN 1 END {every}",
            of("portfolio", &format!("CASE WHEN n > {ROWS} / 2 THEN 1 ELSE n % 50 * 100 + 1 END"))
        ),
        format!(
            "INSERT INTO former_portfolio_names (portfolio, advisor, sought)
             SELECT {portfolio}, {owner}, 'draft ' || n {every}"
        ),
        format!(
            "INSERT INTO clients (id, advisor, sealed_for, key_version, sealed_name, sealed_email, standing,
                 registered_at, created_position, version, position)
             SELECT {client}, {owner}, {client}, 1, 'x', 'y',
                 CASE WHEN n % {FEW} < 2 THEN 'active' ELSE 'removed' END, now(), n, 1, n {every}"
        ),
        format!(
            "INSERT INTO recommendations (id, portfolio, portfolio_version, portfolio_name, client, advisor, currency,
                 assets, weights, rationale, figures, letter, attempts, made_at, created_position, version, position,
                 terms, gates, standing)
             SELECT {}, {recommended}, 1, 'x', {}, CASE WHEN n % 2 = 0 THEN {} WHEN n % 8 = 3 THEN {} ELSE {owner} END, 'USD', '{{AAPL}}', '{{1}}', 'x', '{{}}', 'due', 0, now(),
                 n, 1, n, '{{}}', '[]',
                 CASE WHEN n % 50 = 0 THEN 'expired' WHEN n % {FEW} < 10 THEN 'open' ELSE 'superseded' END {every}",
            of("recommendation", "n"),
            of("client", "CASE WHEN n % 4 = 1 THEN 1 ELSE n END"),
            of("advisor", "1"),
            of("advisor", "2")
        ),
        format!(
            "INSERT INTO happenings (position, kind, aggregate, fact, advisor)
             SELECT n, 'portfolio', {portfolio}, 'portfolio.created', {owner} {every}"
        ),
        format!(
            "INSERT INTO portfolio_figures (portfolio, advisor, currency, assets, weights, created_position, version,
                 position, stale)
             SELECT {portfolio}, {owner}, 'USD', '{{AAPL}}', '{{1}}', n, 1, n, false {every}"
        ),
        format!(
            "INSERT INTO backtests (id, portfolio, run, recorded_at, created_position, version, position)
             SELECT {}, {recommended}, '{{}}', now(), n, 1, n {every}",
            of("backtest", "n")
        ),
        format!(
            "INSERT INTO assets (id, name, sought, currency, days, listed_at, created_position, version, position, class, sector)
             SELECT 'A' || n, 'Asset ' || n, 'a' || n || ' asset ' || n, CASE WHEN n % {FEW} = 0 THEN 'BRL' ELSE 'USD' END, 0, now(), n, 1, n,
                 CASE WHEN n % {FEW} = 0 THEN 'fund' ELSE 'equity' END,
                 CASE WHEN n % {FEW} = 0 THEN 'Energy' ELSE 'Health' END {every}"
        ),
        format!(
            "INSERT INTO price_chunks (asset, position, known_at, source, first_day, last_day, days, bars)
             SELECT 'A' || n % 1000, n, now(), 'x', '2024-01-02', '2024-01-02', 1, '' {every}"
        ),
        format!(
            "INSERT INTO corporate_actions (asset, position, known_at, source, day, kind, amount)
             SELECT 'A' || n % 1000, n, now(), 'x', '2024-01-02', 'dividend', 1 {every}"
        ),
        format!(
            "INSERT INTO vault.accounts (id, email, role, made_role, advisor, created_at)
             SELECT {}, n || '@firm.example', CASE WHEN n % {FEW} = 0 THEN 'admin' ELSE 'advisor' END, 'advisor',
                 CASE WHEN n % {FEW} > 0 THEN {} END, now() {every}",
            of("account", "n"),
            of("advisor", "CASE WHEN n % 8 = 2 THEN 2 ELSE n END")
        ),
        format!(
            "INSERT INTO vault.tokens (id, digest, role, advisor, label, created_at, expires_at, account, scope, line)
             SELECT {}, sha256(n::text::bytea), CASE WHEN n % {FEW} = 0 THEN 'admin' ELSE 'advisor' END,
                 CASE WHEN n % {FEW} > 0 THEN {} END, 'x', now(),
                 now() + CASE WHEN n % {FEW} < 2 THEN interval '1 day' ELSE interval '-1 day' END,
                 CASE WHEN n % 2 = 0 THEN {} END, CASE WHEN n % {FEW} = 0 THEN 'read' ELSE 'write' END,
                 CASE WHEN n % 10 = 3 THEN ARRAY[{}] ELSE '{{}}' END {every}",
            of("token", "n"),
            of("advisor", "n"),
            of("account", "CASE WHEN n % 4 = 0 THEN 1 ELSE n END"),
            of("token", &format!("CASE WHEN n > {ROWS} / 5 THEN 1 ELSE n - n % 1000 + 1 END"))
        ),
        format!(
            "INSERT INTO vault.client_reads (at, actor, client, operation)
             SELECT now(), 'admin:x', {}, 'getClient' {every}",
            of("client", "CASE WHEN n % 2 = 0 THEN 1 ELSE n END")
        ),
    ]
}
