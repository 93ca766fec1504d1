//! Every list, with every combination of filters that it has and values that fit many, few or none: what it reads is bounded
//! by the page, or by what one request looks at, and never by the table.

use events::recommendation::Standing as Advice;
use events::values::{ClientId, Firm, Name, Regime, Sought};
use events::{Kind, advisor};
use jiff::Timestamp;
use projections::happenings::{self, Stretch};
use projections::{
    LOOKED_AT_MAX, Order, Page, advisors, assets, backtests, clients, portfolio_figures, portfolios, recommendations,
};
use vault::{AccountsFilter, KeyEncryptionKey, Scope, TokenStanding, TokensFilter, TokensOf, Vault};

use super::large::{NOTHING, advisor, id, portfolio};
use super::reading::{Counted, Read};

/// Rows of each page.
const LIMIT: u32 = 50;
/// Rows and entries of indexes that a page may read for each row that it has, and for the page: a list of both standings reads
/// a row ahead in each.
const EACH: i64 = 6;
/// Blocks that a page may read for each row or entry: a row's own, and the way down an index.
const BLOCKS_EACH: i64 = 2;

/// Bounds of what a page reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    /// As many rows as the page has.
    ThePage,
    /// As many as one request looks at.
    Looking(u32),
}

impl Within {
    fn rows(self) -> i64 {
        let page = i64::from(LIMIT) * EACH;
        match self {
            Self::ThePage => page,
            // Once to see where looking ends, once to look.
            Self::Looking(most) => 2 * i64::from(most) + page,
        }
    }
}

/// Whether plans know the values that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Plans that are kept do not.
    Unknown,
    /// They do. Where the values are of many rows, a plan may look for those on the way through others, which then lie close.
    Known,
}

impl Values {
    /// The setting that has it so.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Unknown => "force_generic_plan",
            Self::Known => "force_custom_plan",
        }
    }
}

/// Everything that was read beyond its bounds.
struct Beyond {
    values: Values,
    found: Vec<String>,
}

impl Beyond {
    fn note(&mut self, what: impl std::fmt::Display, read: Read, within: Within) {
        let within = match self.values {
            Values::Unknown => within,
            Values::Known => within.max(Within::Looking(LOOKED_AT_MAX)),
        };
        if read.rows > within.rows() || read.blocks > within.rows() * BLOCKS_EACH {
            self.found.push(format!("{what}: {read:?} is not within {within:?}"));
        }
    }
}

/// Asks every list for everything, and tells what read too much.
pub async fn every_list_reads_no_more_than_a_page(counted: &Counted, values: Values) {
    let mut beyond = Beyond { values, found: Vec::new() };
    let mut asked = 0;
    asked += lists_of_portfolios(counted, &mut beyond).await;
    asked += lists_of_clients_and_figures(counted, &mut beyond).await;
    asked += lists_of_recommendations(counted, &mut beyond).await;
    asked += lists_that_are_looked_through(counted, &mut beyond).await;
    asked += lists_of_the_vault(counted, &mut beyond).await;
    assert!(beyond.found.is_empty(), "{} of {asked}:\n{}", beyond.found.len(), beyond.found.join("\n"));
    println!("{asked} ways of asking read no more than a page");
}

/// The first page and one from the middle, in both directions.
fn pages() -> Vec<Page> {
    let first = Page { limit: LIMIT, ..Page::FIRST };
    let middle = Page { after: Some(50_000), ..first };
    let both = [first, middle];
    both.into_iter().chain(both.map(|page| page.in_order(Order::NewestFirst))).collect()
}

async fn lists_of_portfolios(counted: &Counted, beyond: &mut Beyond) -> usize {
    let pool = &counted.pool;
    let mut asked = 0;
    let mut filters = Vec::new();
    for advisor in [None, Some(advisor(0)), Some(advisor(7)), Some(advisor(NOTHING))] {
        for standing in [None, Some(portfolios::Standing::Active), Some(portfolios::Standing::Archived)] {
            for model in [None, Some(portfolio(1)), Some(portfolio(301)), Some(portfolio(NOTHING))] {
                filters.push(portfolios::Filter { advisor, standing, model });
            }
        }
    }
    for filter in filters {
        for page in pages() {
            let (_, read) = counted.read(portfolios::list(pool, filter, page)).await;
            beyond.note(format!("portfolios, {filter:?}, {page:?}"), read, Within::ThePage);
            asked += 1;
        }
        for prefix in ["", "portfolio 7", "zz"].into_iter().filter(|_| filter.model.is_none()) {
            for after in [None, Some((Sought::of("Portfolio 5"), portfolio(1)))] {
                let page = portfolios::ByName { prefix: Sought::of(prefix), after, limit: LIMIT };
                let (_, read) = counted.read(portfolios::list_by_name(pool, filter, &page)).await;
                beyond.note(format!("portfolios by name, {filter:?}, {page:?}"), read, Within::ThePage);
                let (_, read) = counted.read(portfolios::places(pool, filter.advisor, &page)).await;
                beyond.note(format!("places of names, {filter:?}, {page:?}"), read, Within::ThePage);
                asked += 2;
            }
        }
    }
    asked
}

async fn lists_of_clients_and_figures(counted: &Counted, beyond: &mut Beyond) -> usize {
    let pool = &counted.pool;
    let mut asked = 0;
    for page in pages() {
        for advisor in [None, Some(advisor(0)), Some(advisor(7)), Some(advisor(NOTHING))] {
            for standing in [None, Some(clients::Standing::Active), Some(clients::Standing::Removed)] {
                let filter = clients::Filter { advisor, standing };
                let (_, read) = counted.read(clients::list(pool, filter, page)).await;
                beyond.note(format!("clients, {filter:?}, {page:?}"), read, Within::ThePage);
                asked += 1;
            }
            let (_, read) = counted.read(portfolio_figures::list(pool, advisor, page)).await;
            beyond.note(format!("figures, {advisor:?}, {page:?}"), read, Within::ThePage);
            asked += 1;
        }
        for of in [portfolio(1), portfolio(7), portfolio(NOTHING)] {
            let (_, read) = counted.read(backtests::list(pool, of, page)).await;
            beyond.note(format!("backtests, {of:?}, {page:?}"), read, Within::ThePage);
            asked += 1;
        }
    }
    asked
}

async fn lists_of_recommendations(counted: &Counted, beyond: &mut Beyond) -> usize {
    let mut asked = 0;
    for advisor in [None, Some(advisor(1)), Some(advisor(7)), Some(advisor(NOTHING))] {
        for portfolio in [None, Some(portfolio(1)), Some(portfolio(7)), Some(portfolio(NOTHING))] {
            // Somebody who never had the portfolio looks through what was recommended of it.
            if portfolio == Some(super::large::portfolio(1))
                && advisor != Some(super::large::advisor(1))
                && advisor.is_some()
            {
                continue;
            }
            for client in [None, Some(7), Some(NOTHING)] {
                let client = client.map(|n| ClientId::new(id("client", n)));
                for standing in [None].into_iter().chain(Advice::ALL.map(Some)) {
                    let filter = recommendations::Filter { advisor, portfolio, client, standing };
                    for page in pages() {
                        let (_, read) = counted.read(recommendations::list(&counted.pool, filter, page)).await;
                        beyond.note(format!("recommendations, {filter:?}, {page:?}"), read, Within::ThePage);
                        asked += 1;
                    }
                }
            }
        }
    }
    asked
}

async fn lists_that_are_looked_through(counted: &Counted, beyond: &mut Beyond) -> usize {
    let pool = &counted.pool;
    let mut asked = 0;
    let looking = Within::Looking(LOOKED_AT_MAX);
    for page in pages() {
        for own in [None, Some(advisor(7)), Some(advisor(NOTHING))] {
            for standing in [None].into_iter().chain([advisor::Standing::Active, advisor::Standing::Removed].map(Some))
            {
                for (regime, firm, search) in [
                    (None, None, None),
                    (Some(Regime::UsRia), None, None),
                    (None, Some("Firm 3"), None),
                    (None, Some("Nobody's"), None),
                    (None, None, Some("Advisor 99999")),
                    (Some(Regime::Other), Some("Firm 3"), Some("nobody")),
                ] {
                    let firm = firm.map(|firm| Firm::named(&Name::parse(firm).unwrap()));
                    let search = search.map(Sought::of);
                    let filter = advisors::Filter { own, standing, regime, firm, search };
                    let (_, read) = counted.read(advisors::list(pool, &filter, page)).await;
                    beyond.note(format!("advisors, {filter:?}, {page:?}"), read, looking);
                    asked += 1;
                }
            }
        }
        for (class, sector) in
            [(None, None), (Some("fund"), None), (None, Some("None")), (Some("fund"), Some("Energy"))]
        {
            for (text, currency, exchange) in [
                (None, None, None),
                (Some("a99999"), None, None),
                (None, Some("EUR"), None),
                (Some("x"), None, Some("X")),
            ] {
                let said = |word: Option<&str>| word.map(str::to_owned);
                let search = assets::Search {
                    text: text.map(Sought::of),
                    class: said(class),
                    sector: said(sector),
                    currency: said(currency),
                    exchange: said(exchange),
                };
                let (_, read) = counted.read(assets::search(pool, &search, page)).await;
                beyond.note(format!("assets, {search:?}, {page:?}"), read, looking);
                asked += 1;
            }
        }
        let firm = Firm::named(&Name::parse("Firm 3").unwrap());
        for (standing, left_behind) in
            [None].into_iter().chain(portfolios::Standing::ALL.map(Some)).zip([true, false, true])
        {
            for search in [None, Some("portfolio 1"), Some("zz")].map(|search| search.map(Sought::of)) {
                let filter = portfolios::ModelFilter { firm: firm.clone(), left_behind, standing, search };
                let (_, read) = counted.read(portfolios::models(pool, &filter, page)).await;
                beyond.note(format!("models, {filter:?}, {page:?}"), read, looking);
                asked += 1;
            }
        }
    }
    for advisor in [None, Some(advisor(0)), Some(advisor(7)), Some(advisor(NOTHING))] {
        for kind in [None, Some(Kind::Portfolio), Some(Kind::Client)] {
            for fact in [None, Some("portfolio.created".to_owned()), Some("portfolio.archived".to_owned())] {
                let filter = happenings::Filter { advisor, kind, fact };
                for order in [Order::OldestFirst, Order::NewestFirst] {
                    let stretch = Stretch { after: 20_000, until: 80_000, limit: LIMIT, order };
                    let (_, read) = counted.read(happenings::find(pool, &filter, stretch)).await;
                    let looking = Within::Looking(happenings::LOOKED_AT_MAX);
                    beyond.note(format!("events, {filter:?}, {order:?}"), read, looking);
                    asked += 1;
                }
            }
        }
    }
    asked
}

async fn lists_of_the_vault(counted: &Counted, beyond: &mut Beyond) -> usize {
    let vault = Vault::new(counted.pool.clone(), KeyEncryptionKey::from_bytes([1; 32]));
    let failed = |error: vault::VaultError| sqlx::Error::Decode(Box::new(error));
    let mut asked = 0;
    for after in [None, Some(50_000)] {
        for role in [None, Some("admin"), Some("advisor"), Some("compliance")] {
            for advisor in [None, Some(advisor(7)), Some(advisor(NOTHING))] {
                let filter = AccountsFilter { role, advisor };
                let listed = async { vault.accounts(filter, after, LIMIT).await.map_err(failed) };
                let (_, read) = counted.read(listed).await;
                beyond.note(format!("accounts, {filter:?}, {after:?}"), read, Within::ThePage);
                asked += 1;
            }
            for scope in [None, Some(Scope::Read), Some(Scope::Write)] {
                for standing in [None].into_iter().chain(TokenStanding::ALL.map(Some)) {
                    let filter = TokensFilter { role, scope, standing };
                    let account = |n| TokensOf::Account(id("account", n));
                    let line = |n| TokensOf::Line(id("token", n));
                    for of in [TokensOf::All, account(1), account(7), account(NOTHING), line(1), line(7), line(NOTHING)]
                    {
                        let listed =
                            async { vault.tokens(of, filter, Timestamp::now(), after, LIMIT).await.map_err(failed) };
                        let (_, read) = counted.read(listed).await;
                        // Each token is asked whether those are good that it was made with.
                        beyond.note(format!("tokens, {of:?}, {filter:?}, {after:?}"), read, Within::Looking(2_000));
                        asked += 1;
                    }
                }
            }
        }
        for n in [1, 7, NOTHING] {
            let client = ClientId::new(id("client", n));
            let listed = async { vault.reads_of(client, after, LIMIT).await.map_err(failed) };
            let (_, read) = counted.read(listed).await;
            beyond.note(format!("reads, {client:?}, {after:?}"), read, Within::ThePage);
            asked += 1;
        }
    }
    asked
}
