//! Every list, with every combination of filters that it has and values that fit many, few or none: what it reads is bounded
//! by the page, or by what one request looks at, and never by the table.

use events::recommendation::Standing as Advice;
use events::values::{AdvisorId, ClientId, Firm, Name, Regime, Sought};
use events::{Kind, advisor};
use jiff::Timestamp;
use projections::happenings::{self, Stretch};
use projections::{
    LOOKED_AT_MAX, Order, Page, advisors, assets, backtests, clients, portfolio_figures, portfolios, recommendations,
};
use vault::{AccountsFilter, KeyEncryptionKey, Scope, TokenStanding, TokensFilter, TokensOf, Vault};

use super::large::{LEFT, NOTHING, advisor, id, portfolio};
use super::reading::{Counted, Read};

/// Rows of each page.
const LIMIT: u32 = 50;
/// Rows and entries of indexes that a page may read for each row that it has, and for the page: a list of both standings reads
/// a row ahead in each.
const EACH: i64 = 6;
/// Blocks that a page may read for each row or entry: a row's own, and the way down an index.
const BLOCKS_EACH: i64 = 2;
/// Blocks by which two ways down the same indexes may differ.
const BLOCKS_APART_MAX: i64 = 16;

/// Bounds of what a page reads.
#[derive(Debug, Clone, Copy)]
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

/// Everything that was read beyond its bounds.
#[derive(Default)]
struct Beyond {
    found: Vec<String>,
}

impl Beyond {
    fn note(&mut self, what: impl std::fmt::Display, read: Read, within: Within) {
        if read.rows > within.rows() || read.blocks > within.rows() * BLOCKS_EACH {
            self.found.push(format!("{what}: {read:?} is not within {within:?}"));
        }
    }
}

/// Asks every list for everything, and tells what read too much.
pub async fn every_list_reads_no_more_than_a_page(counted: &Counted) {
    let mut beyond = Beyond::default();
    let mut asked = 0;
    asked += lists_of_portfolios(counted, &mut beyond).await;
    asked += lists_of_clients_and_figures(counted, &mut beyond).await;
    asked += lists_of_recommendations(counted, &mut beyond).await;
    asked += lists_of_advisors_and_assets(counted, &mut beyond).await;
    asked += lists_of_models_and_events(counted, &mut beyond).await;
    asked += lists_of_the_vault(counted, &mut beyond).await;
    what_belongs_to_others_costs_as_what_never_was(counted, &mut beyond).await;
    assert!(beyond.found.is_empty(), "{} of {asked}:\n{}", beyond.found.len(), beyond.found.join("\n"));
    println!("{asked} ways of asking read no more than a page");
}

/// Every value of a filter: that it is not given, and each of these.
fn maybe<T>(values: impl IntoIterator<Item = T>) -> Vec<Option<T>> {
    [None].into_iter().chain(values.into_iter().map(Some)).collect()
}

/// Nobody, who own much and little, and who is not there.
fn advisors() -> Vec<Option<AdvisorId>> {
    maybe([0, 1, 2, 7, NOTHING].map(advisor))
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
    for advisor in advisors() {
        for standing in maybe(portfolios::Standing::ALL) {
            for model in maybe([1, 301, NOTHING].map(portfolio)) {
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
        for advisor in advisors() {
            for standing in maybe([clients::Standing::Active, clients::Standing::Removed]) {
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
    for advisor in advisors() {
        for portfolio in maybe([1, 7, NOTHING].map(portfolio)) {
            for client in maybe([1, 7, NOTHING].map(client)) {
                for standing in maybe(Advice::ALL) {
                    let filter = recommendations::Filter { advisor, portfolio, client, standing };
                    let is_looked_through = client.is_some() && (portfolio.is_some() || standing.is_some());
                    let within = if is_looked_through { Within::Looking(LOOKED_AT_MAX) } else { Within::ThePage };
                    for page in pages() {
                        let (_, read) = counted.read(recommendations::list(&counted.pool, filter, page)).await;
                        beyond.note(format!("recommendations, {filter:?}, {page:?}"), read, within);
                        asked += 1;
                    }
                }
            }
        }
    }
    asked
}

/// Nobody can tell by what it costs whether an id is another's or nobody's.
async fn what_belongs_to_others_costs_as_what_never_was(counted: &Counted, beyond: &mut Beyond) {
    for (portfolio_is, client_is) in [(Some(1), None), (None, Some(1)), (Some(1), Some(1))] {
        for standing in maybe(Advice::ALL) {
            for page in pages() {
                let asked_with = |portfolio_is: Option<i32>, client_is: Option<i32>| recommendations::Filter {
                    advisor: Some(advisor(2)),
                    portfolio: portfolio_is.map(portfolio),
                    client: client_is.map(client),
                    standing,
                };
                let not_theirs = asked_with(portfolio_is, client_is);
                let of_nobody = asked_with(portfolio_is.map(|_| NOTHING), client_is.map(|_| NOTHING));
                let (_, read) = counted.read(recommendations::list(&counted.pool, not_theirs, page)).await;
                let (_, of_nothing) = counted.read(recommendations::list(&counted.pool, of_nobody, page)).await;
                if read.rows != of_nothing.rows || read.blocks > of_nothing.blocks + BLOCKS_APART_MAX {
                    beyond
                        .found
                        .push(format!("{not_theirs:?}, {page:?}: {read:?}, and {of_nothing:?} of what never was"));
                }
            }
        }
    }
}

async fn lists_of_advisors_and_assets(counted: &Counted, beyond: &mut Beyond) -> usize {
    let pool = &counted.pool;
    let mut filters = Vec::new();
    for own in maybe([7, NOTHING].map(advisor)) {
        for standing in maybe([advisor::Standing::Active, advisor::Standing::Suspended, advisor::Standing::Removed]) {
            for regime in maybe([Regime::Other, Regime::UsRia]) {
                for firm in maybe(["Firm 3", "Nobody's"].map(firm)) {
                    for search in maybe(["Advisor 99999", "nobody"].map(Sought::of)) {
                        filters.push(advisors::Filter { own, standing, regime, firm: firm.clone(), search });
                    }
                }
            }
        }
    }
    let mut searches = Vec::new();
    let said = |words: [&str; 2]| maybe(words.map(str::to_owned));
    for text in maybe(["a99999", "nothing"].map(Sought::of)) {
        for class in said(["fund", "none"]) {
            for sector in said(["Energy", "None"]) {
                for currency in said(["BRL", "EUR"]) {
                    for exchange in maybe(["X".to_owned()]) {
                        let (text, class, sector) = (text.clone(), class.clone(), sector.clone());
                        searches.push(assets::Search { text, class, sector, currency: currency.clone(), exchange });
                    }
                }
            }
        }
    }
    for page in pages() {
        for filter in &filters {
            let (_, read) = counted.read(advisors::list(pool, filter, page)).await;
            let is_looked_through = filter.own.is_none() && *filter != advisors::Filter::default();
            let within = if is_looked_through { Within::Looking(LOOKED_AT_MAX) } else { Within::ThePage };
            beyond.note(format!("advisors, {filter:?}, {page:?}"), read, within);
        }
        for search in &searches {
            let (_, read) = counted.read(assets::search(pool, search, page)).await;
            let is_looked_through = *search != assets::Search::default();
            let within = if is_looked_through { Within::Looking(LOOKED_AT_MAX) } else { Within::ThePage };
            beyond.note(format!("assets, {search:?}, {page:?}"), read, within);
        }
    }
    pages().len() * (filters.len() + searches.len())
}

async fn lists_of_models_and_events(counted: &Counted, beyond: &mut Beyond) -> usize {
    let pool = &counted.pool;
    let mut asked = 0;
    for page in pages() {
        for firm in ["Firm 3", LEFT, "Nobody's"].map(firm) {
            for left_behind in [true, false] {
                for standing in maybe(portfolios::Standing::ALL) {
                    for search in maybe(["portfolio 1", "zz"].map(Sought::of)) {
                        let filter = portfolios::ModelFilter { firm: firm.clone(), left_behind, standing, search };
                        let (_, read) = counted.read(portfolios::models(pool, &filter, page)).await;
                        let is_all = left_behind && filter.standing.is_none() && filter.search.is_none();
                        let within = match is_all {
                            true => Within::ThePage,
                            // Of each it is asked whether its advisor is of the firm still.
                            false => Within::Looking(2 * LOOKED_AT_MAX),
                        };
                        beyond.note(format!("models, {filter:?}, {page:?}"), read, within);
                        asked += 1;
                    }
                }
            }
            for advisor in advisors().into_iter().flatten() {
                let (_, read) = counted.read(portfolios::keeps_models(pool, advisor, &firm)).await;
                beyond.note(format!("models of {advisor:?} and {firm:?}"), read, Within::ThePage);
                asked += 1;
            }
        }
    }
    for advisor in advisors() {
        for kind in maybe(Kind::ALL) {
            for fact in maybe(["portfolio.created", "portfolio.archived"]) {
                let filter = happenings::Filter { advisor, kind, fact: fact.map(str::to_owned) };
                for order in [Order::OldestFirst, Order::NewestFirst] {
                    for (after, until) in [(0, u64::MAX), (20_000, 80_000)] {
                        let stretch = Stretch { after, until, limit: LIMIT, order };
                        let (_, read) = counted.read(happenings::find(pool, &filter, stretch)).await;
                        let looking = Within::Looking(happenings::LOOKED_AT_MAX);
                        beyond.note(format!("events, {filter:?}, {stretch:?}"), read, looking);
                        asked += 1;
                    }
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
        for role in maybe(["admin", "advisor", "compliance"]) {
            for advisor in advisors() {
                let filter = AccountsFilter { role, advisor };
                let listed = async { vault.accounts(filter, after, LIMIT).await.map_err(failed) };
                let (_, read) = counted.read(listed).await;
                beyond.note(format!("accounts, {filter:?}, {after:?}"), read, Within::ThePage);
                asked += 1;
            }
            for scope in maybe([Scope::Read, Scope::Write]) {
                for standing in maybe(TokenStanding::ALL) {
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
            let client = client(n);
            let listed = async { vault.reads_of(client, after, LIMIT).await.map_err(failed) };
            let (_, read) = counted.read(listed).await;
            beyond.note(format!("reads, {client:?}, {after:?}"), read, Within::ThePage);
            asked += 1;
        }
    }
    asked
}

fn client(n: i32) -> ClientId {
    ClientId::new(id("client", n))
}

fn firm(name: &str) -> Firm {
    Firm::named(&Name::parse(name).unwrap())
}
