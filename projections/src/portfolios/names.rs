//! What portfolios were called before: where each may have stood in the order of names.

use events::values::{AdvisorId, PortfolioId, Sought};
use sqlx::{PgConnection, PgPool, query};
use uuid::Uuid;

use super::Change;
use super::lists::ByName;

/// A place in the order of names at which a portfolio stands or stood: what its name is looked for by, and its id.
pub type StoodAt = (Sought, PortfolioId);

/// Keeps the names that portfolios had before those that the batch gives them. Comes before the rows of known portfolios
/// are changed: they tell what these were called until now.
pub(super) async fn keep(
    changes: impl Iterator<Item = &(PortfolioId, Change)>,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let mut renamed: Vec<(Uuid, Option<String>)> = Vec::new();
    for (id, change) in changes {
        let former = change.former_names.iter().map(|name| (id.uuid(), Some(Sought::of(name).into_string())));
        renamed.extend(former);
        if change.creation.is_none() && change.name.is_some() {
            renamed.push((id.uuid(), None));
        }
    }
    if renamed.is_empty() {
        return Ok(());
    }
    let (ids, sought): (Vec<Uuid>, Vec<Option<String>>) = renamed.into_iter().unzip();
    query!(
        "INSERT INTO former_portfolio_names (portfolio, advisor, sought)
           SELECT p.id, p.advisor, COALESCE(c.sought, p.sought)
           FROM UNNEST($1::uuid[], $2::text[]) AS c (id, sought) JOIN portfolios p ON p.id = c.id
           ON CONFLICT DO NOTHING",
        &ids,
        &sought as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has former names follow portfolios to other advisors, after the rows of the portfolios were changed.
pub(super) async fn hand_over(
    changes: &[(PortfolioId, Change)],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> =
        changes.iter().filter(|(_, change)| change.advisor.is_some()).map(|(id, _)| id.uuid()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    query!(
        "UPDATE former_portfolio_names f SET advisor = p.advisor FROM portfolios p
         WHERE f.portfolio = ANY($1::uuid[]) AND p.id = f.portfolio",
        &ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The places in the order of names at which portfolios stand or once stood, of one advisor's or of all: those whose names
/// begin so, behind the page's last. A portfolio has as many as it had names.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn places(pool: &PgPool, advisor: Option<AdvisorId>, page: &ByName) -> Result<Vec<StoodAt>, sqlx::Error> {
    let at = page.places();
    let places: Vec<(String, Uuid)> = match advisor {
        Some(advisor) => query!(
            r#"SELECT sought AS "sought!", id AS "id!" FROM (
                 (SELECT sought, id FROM portfolios
                  WHERE advisor = $5 AND standing = 'active' AND (sought, id) > ($1, $2) AND sought <= $3 ORDER BY sought, id LIMIT $4)
                 UNION
                 (SELECT sought, id FROM portfolios
                  WHERE advisor = $5 AND standing = 'archived' AND (sought, id) > ($1, $2) AND sought <= $3
                  ORDER BY sought, id LIMIT $4)
                 UNION
                 (SELECT sought, portfolio FROM former_portfolio_names
                  WHERE advisor = $5 AND (sought, portfolio) > ($1, $2) AND sought <= $3 ORDER BY sought, portfolio LIMIT $4)
               ) places ORDER BY sought, id LIMIT $4"#,
            at.after,
            at.after_id,
            at.last,
            at.limit,
            advisor.uuid()
        )
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(|row| (row.sought, row.id))
        .collect(),
        None => query!(
            r#"SELECT sought AS "sought!", id AS "id!" FROM (
                 (SELECT sought, id FROM portfolios
                  WHERE standing = 'active' AND (sought, id) > ($1, $2) AND sought <= $3 ORDER BY sought, id LIMIT $4)
                 UNION
                 (SELECT sought, id FROM portfolios
                  WHERE standing = 'archived' AND (sought, id) > ($1, $2) AND sought <= $3
                  ORDER BY sought, id LIMIT $4)
                 UNION
                 (SELECT sought, portfolio FROM former_portfolio_names
                  WHERE (sought, portfolio) > ($1, $2) AND sought <= $3 ORDER BY sought, portfolio LIMIT $4)
               ) places ORDER BY sought, id LIMIT $4"#,
            at.after,
            at.after_id,
            at.last,
            at.limit
        )
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(|row| (row.sought, row.id))
        .collect(),
    };
    Ok(places.into_iter().map(|(sought, id)| (Sought::of(&sought), PortfolioId::new(id))).collect())
}
