//! Queries: pages, filters and series of prices.

use std::collections::{BTreeMap, BTreeSet};

use events::advisor::Standing as AdvisorStanding;
use events::recommendation::Standing;
use events::values::{AdvisorId, CommandId, Firm, Name, PortfolioId, Regime, Sought};
use events::{Position, Stream};
use jiff::Timestamp;
use jiff::civil::date;
use projections::recommendations::{Filter, NO_LETTER};
use projections::{Order, Page, advisors, assets, clients, letters, portfolios, prices, recommendations};

use super::story::{self, asset_id};
use super::world::{apply, database};

#[tokio::test]
async fn pages_give_every_row_once_in_the_order_of_creation_or_the_other_way_round() {
    let pool = database().await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &story::advisory(13))).await.unwrap();
    let mut seen = Vec::new();
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut page = Page { order, after: None, limit: 4 };
        let mut of_this = Vec::new();
        loop {
            let rows = portfolios::list(&pool, portfolios::Filter::default(), page).await.unwrap();
            let Some(last) = rows.last() else { break };
            page.after = Some(last.created_position);
            assert!(rows.len() <= 4);
            of_this.extend(rows.into_iter().map(|row| (row.created_position, row.id)));
        }
        seen.push(of_this);
    }
    let [oldest_first, newest_first] = &seen[..] else { panic!("two lists: {seen:?}") };
    assert_eq!(oldest_first.len(), 13);
    assert!(oldest_first.is_sorted());
    assert!(newest_first.iter().eq(oldest_first.iter().rev()), "{newest_first:?}");
    let beyond = Page { after: Some(u64::MAX), ..Page::FIRST };
    assert!(portfolios::list(&pool, portfolios::Filter::default(), beyond).await.unwrap().is_empty());
}

#[tokio::test]
async fn pages_in_the_order_of_names_give_every_row_once_and_find_what_begins_so() {
    let pool = database().await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &story::advisory(23))).await.unwrap();
    let all = portfolios::Filter::default();
    let mut seen = Vec::new();
    let mut page = portfolios::ByName { prefix: Sought::default(), after: None, limit: 4 };
    loop {
        let rows = portfolios::list_by_name(&pool, all, &page).await.unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some((Sought::of(&last.name), last.id));
        seen.extend(rows.into_iter().map(|row| (Sought::of(&row.name), row.id)));
    }
    assert_eq!(seen.len(), 23);
    assert!(seen.is_sorted());
    let found = async |prefix: &str, filter| {
        let page = portfolios::ByName { prefix: Sought::of(prefix), after: None, limit: 100 };
        portfolios::list_by_name(&pool, filter, &page).await.unwrap().len()
    };
    assert_eq!(
        found("PORTFOLIO 1", all).await,
        seen.iter().filter(|(name, _)| name.as_str().starts_with("portfolio 1")).count()
    );
    assert_eq!(found("crescimento \\ {", all).await, 8);
    assert_eq!(found("CRÉSÇIMENTO \\ {\"A\"}, E", all).await, 8);
    assert_eq!(found("\u{301}", all).await, 23, "of accents alone nothing is left to look for");
    assert_eq!(found("%", all).await, 0, "a search is for what it says, not a pattern");
    let archived = portfolios::Filter { standing: Some(portfolios::Standing::Archived), ..all };
    assert_eq!(found("Crescimento", archived).await, 8);
}

#[tokio::test]
async fn a_filter_gives_what_fits_all_of_it() {
    let pool = database().await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &story::advisory(13))).await.unwrap();
    let advisor = AdvisorId::created_by(CommandId::of(&["a story", "advisor", "1"]));
    let of = |standing| portfolios::Filter { advisor: Some(advisor), standing, model: None };
    // Of the advisor's five one was handed over.
    assert_eq!(portfolios::list(&pool, of(None), Page::FIRST).await.unwrap().len(), 4);
    assert_eq!(portfolios::list(&pool, of(Some(portfolios::Standing::Archived)), Page::FIRST).await.unwrap().len(), 1);
    // Two of the thirteen follow the model, one of them this advisor's; two more did once.
    let model = Some(PortfolioId::created_by(CommandId::of(&["a model"])));
    let following = async |advisor, standing| {
        let filter = portfolios::Filter { advisor, standing, model };
        portfolios::list(&pool, filter, Page::FIRST).await.unwrap().len()
    };
    let somebody = Some(AdvisorId::created_by(CommandId::of(&["somebody"])));
    assert_eq!((following(None, None).await, following(Some(advisor), None).await), (2, 1));
    assert_eq!(following(somebody, None).await, 0);
    assert_eq!(following(None, Some(portfolios::Standing::Archived)).await, 0);
    // Of the advisor's five one was handed over; of all thirteen three were removed.
    let of = clients::Filter { advisor: Some(advisor), standing: None };
    assert_eq!(clients::list(&pool, of, Page::FIRST).await.unwrap().len(), 4);
    let all = clients::Filter::default();
    assert_eq!(clients::list(&pool, all, Page::FIRST).await.unwrap().len(), 13);
    let removed = clients::Filter { standing: Some(clients::Standing::Removed), ..all };
    assert_eq!(clients::list(&pool, removed, Page::FIRST).await.unwrap().len(), 3);

    let called = async |standing, search: Option<&str>| {
        let filter = advisors::Filter { standing, search: search.map(Sought::of), ..advisors::Filter::default() };
        advisors::list(&pool, &filter, Page::FIRST).await.unwrap().rows.len()
    };
    assert_eq!(called(None, None).await, 3);
    assert_eq!(called(Some(AdvisorStanding::Active), None).await, 1);
    assert_eq!(called(None, Some("NINHA\" s")).await, 3);
    assert_eq!(called(None, Some("Áña \"niñha")).await, 3);
    assert_eq!(called(Some(AdvisorStanding::Removed), Some("casa, v")).await, 1);
    assert_eq!(called(None, Some("%")).await, 0, "a search is for what it says, not a pattern");
    let under = async |regime, firm: Option<&str>| {
        let firm = firm.map(|firm| Firm::named(&Name::parse(firm).unwrap()));
        let filter = advisors::Filter { regime, firm, ..advisors::Filter::default() };
        let rows = advisors::list(&pool, &filter, Page::FIRST).await.unwrap().rows;
        rows.into_iter().map(|row| row.id).collect::<BTreeSet<_>>()
    };
    let mut by_regime = BTreeSet::new();
    for regime in Regime::ALL {
        by_regime.extend(under(Some(regime), None).await);
    }
    assert_eq!(by_regime, under(None, None).await, "everybody works under one");
    assert!(under(Some(Regime::Cvm178), Some("Casa, Verde")).await.contains(&advisor));
    assert!(!under(Some(Regime::UsRia), None).await.contains(&advisor));
    assert_eq!(under(None, Some("CASA,  verde")).await, under(None, Some("Casa, Verde")).await, "it is one firm");
    assert!(under(None, Some("Casa Verde")).await.is_empty(), "it is another");
    let row = advisors::get(&pool, advisor).await.unwrap().unwrap();
    assert_eq!((row.details.firm.as_str(), row.details.regime.word()), ("Casa, Verde", "cvm_178"));
    assert_eq!(
        (row.standing, row.standing_reason.as_deref()),
        (AdvisorStanding::Suspended, Some("so says the register"))
    );

    let all = recommendations::list(&pool, Filter::default(), Page::FIRST).await.unwrap().rows;
    assert_eq!(all.len(), 7 * 3 + 6 * 2);
    let (portfolio, client) = (Some(all[0].portfolio), Some(all[0].client));
    let other = Some(all.iter().find(|row| Some(row.client) != client).unwrap().client);
    for (filter, rows) in [
        (Filter { portfolio, ..Filter::default() }, 3),
        (Filter { client, ..Filter::default() }, 3),
        (Filter { portfolio, client, ..Filter::default() }, 3),
        (Filter { portfolio, client: other, ..Filter::default() }, 0),
    ] {
        assert_eq!(recommendations::list(&pool, filter, Page::FIRST).await.unwrap().rows.len(), rows, "{filter:?}");
    }
    // Each way of asking gives what fits of all, and narrowed to a standing what has it.
    let mut ways = vec![Filter::default()];
    for only in [
        Filter { advisor: Some(all[0].advisor), ..Filter::default() },
        Filter { portfolio, ..Filter::default() },
        Filter { client, ..Filter::default() },
    ] {
        let narrow = |way: &Filter| Filter {
            advisor: way.advisor.or(only.advisor),
            portfolio: way.portfolio.or(only.portfolio),
            client: way.client.or(only.client),
            standing: None,
        };
        let narrowed: Vec<Filter> = ways.iter().map(narrow).collect();
        ways.extend(narrowed);
    }
    assert_eq!(ways.len(), 8);
    let newest_first = Page::FIRST.in_order(Order::NewestFirst);
    let mut found = BTreeSet::new();
    for way in ways {
        let of_any = recommendations::list(&pool, way, Page::FIRST).await.unwrap().rows;
        assert!(!of_any.is_empty() && of_any.iter().eq(all.iter().filter(|row| way.fits(row))), "{way:?}");
        let backwards = recommendations::list(&pool, way, newest_first).await.unwrap().rows;
        assert!(backwards.iter().eq(of_any.iter().rev()), "{way:?}");
        for standing in Standing::ALL {
            let filter = Filter { standing: Some(standing), ..way };
            let narrowed = recommendations::list(&pool, filter, Page::FIRST).await.unwrap().rows;
            let expected: Vec<_> = of_any.iter().filter(|row| row.standing == standing.word()).cloned().collect();
            assert_eq!(narrowed, expected, "{filter:?}");
            found.extend(narrowed.into_iter().map(|row| row.standing));
        }
    }
    assert!(found.len() >= 3, "the story has advice that ended in several ways: {found:?}");
}

#[tokio::test]
async fn letters_are_due_where_their_advice_stands_and_nowhere_else() {
    let pool = database().await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &story::advisory(13))).await.unwrap();
    let page = Page { limit: 100, ..Page::FIRST };
    let rows = recommendations::list(&pool, Filter::default(), page).await.unwrap().rows;
    let mut by_letter: BTreeMap<&str, (u64, Timestamp)> = BTreeMap::new();
    for row in &rows {
        assert_eq!(recommendations::get(&pool, row.id).await.unwrap().as_ref(), Some(row));
        let is_open = row.standing == Standing::Open.word();
        assert!(if is_open { row.letter != NO_LETTER } else { row.letter != "due" }, "{row:?}");
        let (count, since) = by_letter.entry(&row.letter).or_insert((0, row.made_at));
        (*count, *since) = (*count + 1, row.made_at.min(*since));
    }
    assert!(by_letter.contains_key(NO_LETTER) && by_letter.contains_key("due"), "the story has both: {by_letter:?}");
    let unsent = letters::unsent(&pool).await.unwrap();
    let told: BTreeMap<&str, (u64, Timestamp)> =
        unsent.iter().map(|one| (one.letter.as_str(), (one.count, one.since))).collect();
    by_letter.retain(|letter, _| ![NO_LETTER, "sent"].contains(letter));
    assert_eq!(told, by_letter);
}

#[tokio::test]
async fn prices_come_by_asset_and_day_with_the_position_that_they_stand_on() {
    let pool = database().await;
    let events = story::recorded(Stream::Market, &story::market(4, 3));
    apply(&pool, Stream::Market, &events).await.unwrap();
    let wanted = [asset_id("A0.X"), asset_id("A2.X"), asset_id("NONE")];
    let closes = prices::closes(&pool, &wanted, None, None).await.unwrap();
    assert_eq!(closes.series.len(), 2, "an asset without prices is not there");
    for asset in &wanted[..2] {
        let series = &closes.series[asset];
        assert!(series.len() == 15 && series.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(series[0], (date(1999, 12, 30), "10".parse().unwrap()));
        assert_eq!(series[14], (date(2000, 1, 13), "10.518".parse().unwrap()));
    }
    let last = events.iter().rev().find(|event| event.subject().ends_with("A0/X") || event.subject().ends_with("A2/X"));
    assert_eq!(closes.position, last.unwrap().position());

    let window = prices::closes(&pool, &wanted, Some(date(2000, 1, 2)), Some(date(2000, 1, 5))).await.unwrap();
    assert_eq!(window.series[&wanted[0]].len(), 4);
    assert_eq!(window.series[&wanted[0]][0].0, date(2000, 1, 2));
    let nothing = prices::closes(&pool, &wanted, Some(date(2030, 1, 1)), None).await.unwrap();
    assert!(nothing.series.is_empty());
    assert_eq!(nothing.position, Position { stream: Stream::Market, sequence: 0 });

    let row = assets::get(&pool, &wanted[1]).await.unwrap().unwrap();
    assert_eq!((row.days, row.version, row.basis.as_deref()), (15, 4, Some("adjusted")));
    assert_eq!((row.first_day, row.last_day), (Some(date(1999, 12, 30)), Some(date(2000, 1, 13))));
    assert_eq!(assets::list(&pool, Page::FIRST).await.unwrap().len(), 4);
    assert_eq!(assets::missing(&pool, &wanted).await.unwrap(), [wanted[2].clone()]);
}
