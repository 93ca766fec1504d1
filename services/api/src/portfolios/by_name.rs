//! Portfolios of the past in the order of the names that they had then.
//!
//! A portfolio may have been called otherwise, so it is looked for at every place at which it ever stood, and is shown at
//! the one where it stood then.

use std::collections::HashMap;

use events::values::{AdvisorId, PortfolioId, Sought};
use projections::portfolios::{self, ByName, Changed, Filter, PortfolioRow, StoodAt};
use sqlx::PgPool;

use crate::access::Reach;
use crate::as_of::{Past, Then};
use crate::problem::Problem;

/// A page of the portfolios that fitted then, and behind which place to go on, if anywhere.
pub async fn then(
    pool: &PgPool,
    past: &Past,
    then: Then,
    (filter, reach): (Filter, Reach),
    page: ByName,
) -> Result<(Vec<PortfolioRow>, Option<StoodAt>), Problem> {
    let advisor = reach.narrowed(None).flatten();
    let ByName { prefix, after, limit } = page;
    let now = |after: Option<StoodAt>, limit| {
        let page = ByName { prefix: prefix.clone(), after, limit };
        async move { some(pool, advisor, &page).await }
    };
    let fits = |(name, _): &StoodAt, row: &PortfolioRow| Sought::of(&row.name) == *name && filter.fits(row);
    past.page_by::<Changed, StoodAt, _, _>(then, (after, limit), now, fits).await
}

/// Places at which a portfolio may have stood that is this advisor's now, or anybody's, each with the portfolio as it is now.
async fn some(
    pool: &PgPool,
    advisor: Option<AdvisorId>,
    page: &ByName,
) -> Result<Vec<(StoodAt, Option<PortfolioRow>)>, sqlx::Error> {
    let places = portfolios::places(pool, advisor, page).await?;
    let ids: Vec<PortfolioId> = places.iter().map(|(_, id)| *id).collect();
    let rows = portfolios::some(pool, &ids).await?;
    let rows: HashMap<PortfolioId, PortfolioRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let with_row = |place: StoodAt| {
        let row = rows.get(&place.1).cloned();
        (place, row)
    };
    Ok(places.into_iter().map(with_row).collect())
}
