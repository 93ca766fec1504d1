//! Kept figures as they were: nobody keeps the past ones, so they are computed anew from the weights and prices of then, by
//! what computes those that are kept.

use std::collections::BTreeSet;

use events::values::{AdvisorId, AssetId};
use projections::Page;
use projections::portfolio_figures::{FiguresRow, kept};
use projections::portfolios::{Changed, Filter, PortfolioRow};
use projections::prices::AsOf;
use sqlx::PgPool;

use crate::access::Reach;
use crate::as_of::{Past, as_of};
use crate::paging::next_place;
use crate::problem::Problem;
use crate::state::Office;

/// Target weights that one request computes figures of: so many prices of the past are read from the database at the most.
const WEIGHTS_MAX: usize = 1_000;

/// The figures of a page of portfolios as they were then, and behind which place to go on, if anywhere.
pub async fn list(
    pool: &PgPool,
    past: &Past,
    office: &Office,
    text: &str,
    (advisor, reach): (Option<AdvisorId>, Reach),
    page: Page,
) -> Result<(Vec<FiguresRow>, Option<u64>), Problem> {
    let prices = as_of(&past.journal, Some(text)).await?;
    let theirs = Filter { advisor, ..Filter::default() };
    let (mut rows, mut next) = match past.then_beside_prices::<PortfolioRow>(text, prices).await? {
        Some(then) => {
            // What was theirs then and is another's now is not told of.
            let within = Filter { advisor: reach.narrowed(None).flatten(), ..Filter::default() };
            let now = |page| {
                let pool = pool.clone();
                async move { projections::portfolios::list(&pool, within, page).await }
            };
            past.page::<Changed, _, _>(then, page, now, |row| theirs.fits(row)).await?
        }
        None => {
            let rows = projections::portfolios::list(pool, theirs, page).await?;
            let next = next_place(page, &rows, |row| row.created_position);
            (rows, next)
        }
    };
    let within = within_bound(rows.iter().map(|row| row.allocation.len()));
    if within < rows.len() {
        rows.truncate(within);
        next = rows.last().map(|row| row.created_position);
    }
    Ok((computed(office, rows, prices).await?, next))
}

/// How many of the first portfolios, of so many weights each, have no more than [`WEIGHTS_MAX`] together; one at the least.
fn within_bound(weights: impl Iterator<Item = usize>) -> usize {
    let mut all = 0;
    let fits = |weights: &usize| {
        all += weights;
        all <= WEIGHTS_MAX
    };
    weights.take_while(fits).count().max(1)
}

async fn computed(office: &Office, rows: Vec<PortfolioRow>, prices: AsOf) -> Result<Vec<FiguresRow>, Problem> {
    let assets: BTreeSet<AssetId> =
        rows.iter().flat_map(|row| row.allocation.iter().map(|(asset, _)| asset.clone())).collect();
    let assets: Vec<AssetId> = assets.into_iter().collect();
    let currencies = office.references.currencies(assets.iter().cloned()).await?;
    let place = office.desk.place().await?;
    let prices = office.prices.prices_as_of(&assets, prices).await?;
    let computing = place.compute(move |asker| {
        // Nobody reads what is computed after the asker has gone.
        let wanted = rows.into_iter().take_while(|_| !asker.has_gone());
        let figures = wanted.map(|row| FiguresRow {
            kept: Some(kept(&row.allocation, &row.currency, &currencies, &prices)),
            portfolio: row.id,
            advisor: row.advisor,
            currency: row.currency,
            version: row.version,
            created_position: row.created_position,
        });
        figures.collect()
    });
    computing.await
}

#[cfg(test)]
mod tests {
    use super::within_bound;

    #[test]
    fn a_page_has_as_many_portfolios_as_have_a_thousand_weights_and_never_none() {
        assert_eq!(within_bound([200; 100].into_iter()), 5);
        assert_eq!(within_bound([3, 990, 7, 1].into_iter()), 3);
        assert_eq!(within_bound([20; 50].into_iter()), 50);
        assert_eq!(within_bound([5_000, 1].into_iter()), 1, "or the list would never go on");
    }
}
