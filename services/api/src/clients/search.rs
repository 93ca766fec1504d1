//! A list of clients, and who of it is looked for by name or address. Both are sealed, each client's under a key of their own,
//! so no index knows them: the clients of the list are opened one after the other, in memory, until enough of them fit or
//! enough were opened.

use events::values::{ClientId, SealedIdentity, Sought};
use projections::clients::{Changed, ClientRow, Filter};
use projections::{PAGE_ROWS_MAX, Page};
use sqlx::PgPool;

use crate::as_of::{Past, Then};
use crate::identities::Identities;
use crate::paging::next_place;
use crate::problem::Problem;

/// Stretches of a list that one request opens, each of [`PAGE_ROWS_MAX`] clients. Where no more of them fit, the page ends
/// short, and `next` goes on.
const STRETCHES_MAX: usize = 10;
/// The same of a list of the past, of which each stretch may take many replays.
const STRETCHES_OF_THE_PAST_MAX: usize = 1;

/// A list of clients, as they are or as they were.
pub struct List<'a> {
    /// Where the clients of now are.
    pub pool: &'a PgPool,
    /// Where those of the past come from.
    pub past: &'a Past,
    /// Of when; of now where nothing is said.
    pub then: Option<Then>,
    /// Who is wanted.
    pub filter: Filter,
    /// Who is within the caller's reach now: clients change hands, so among these are all who fitted then.
    pub within: Filter,
}

impl List<'_> {
    /// A page of the list, and behind which place to go on, if anywhere.
    ///
    /// # Errors
    /// That the database or the log does not answer.
    pub async fn page(&self, page: Page) -> Result<(Vec<ClientRow>, Option<u64>), Problem> {
        let Self { pool, past, then, filter, within } = *self;
        let Some(then) = then else {
            let rows = projections::clients::list(pool, filter, page).await?;
            let next = next_place(page, &rows, |row| row.created_position);
            return Ok((rows, next));
        };
        let now = |page| {
            let pool = pool.clone();
            async move { projections::clients::list(&pool, within, page).await }
        };
        past.page::<Changed, _, _>(then, page, now, |row| filter.fits(row)).await
    }

    /// As [`List::page`], of those whose name or address contains this.
    ///
    /// # Errors
    /// As [`List::page`], or that the vault does not answer.
    pub async fn page_containing(
        &self,
        sought: &Sought,
        identities: &Identities,
        page: Page,
    ) -> Result<(Vec<ClientRow>, Option<u64>), Problem> {
        let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let stretches = if self.then.is_some() { STRETCHES_OF_THE_PAST_MAX } else { STRETCHES_MAX };
        let (mut found, mut after) = (Vec::new(), page.after);
        for _ in 0..stretches {
            let (rows, next) = self.page(Page { after, limit: PAGE_ROWS_MAX, ..page }).await?;
            let fit = identities.containing(sought, &sealed(&rows)).await?;
            for (row, _) in rows.into_iter().zip(fit).filter(|(_, fits)| *fits) {
                let place = row.created_position;
                found.push(row);
                if found.len() == wanted {
                    return Ok((found, Some(place)));
                }
            }
            let Some(next) = next else { return Ok((found, None)) };
            after = Some(next);
        }
        Ok((found, after))
    }
}

/// The clients' identities, sealed.
pub fn sealed(rows: &[ClientRow]) -> Vec<(ClientId, SealedIdentity)> {
    rows.iter().map(|row| (row.id, row.identity.clone())).collect()
}
