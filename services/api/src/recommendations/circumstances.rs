//! How things stand for refused advice that is to be let out: asked of the log, right before it is decided.

use events::advisor;
use events::portfolio::PortfolioEvent;
use events::recommendation::{Advice, Care, Circumstances, making};
use events::values::{AggregateId, RecommendationId};
use events::{Advisor, AnyEvent, Client, Kind, Portfolio, Recommendation, Subject};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use journal::{Journal, Recorded};

use crate::problem::{Problem, ProblemType};
use crate::references::References;

/// How things stand now for this recommendation.
///
/// # Errors
/// `recommendation-unknown`, or that it could not be told.
pub async fn circumstances(
    journal: &Journal,
    references: &References,
    id: &RecommendationId,
    now: Timestamp,
) -> Result<Circumstances, Problem> {
    let advice = match journal.state::<Recommendation>(id).await?.state {
        Recommendation::Refused { advice, .. } | Recommendation::Made { advice, .. } => advice,
        Recommendation::Unknown => return Err(Problem::of(ProblemType::RecommendationUnknown)),
    };
    let care = match journal.state::<Client>(&advice.client).await?.state {
        Client::Registered { advisor, .. } if advisor == advice.advisor => Care::Theirs,
        Client::Registered { .. } | Client::Unknown => Care::Elsewhere,
        Client::Removed { .. } => Care::Ended,
    };
    let (advisor, regime) = match journal.state::<Advisor>(&advice.advisor).await?.state {
        Advisor::Registered { details, standing } => (standing, details.regime),
        // Nobody advises who is not on the register.
        Advisor::Unknown => (advisor::Standing::Removed, events::values::Regime::default()),
    };
    let portfolio_archived = match journal.state::<Portfolio>(&advice.portfolio).await?.state {
        Portfolio::Archived(_) => true,
        Portfolio::Active(_) | Portfolio::Unknown => false,
    };
    let on = now.to_zoned(TimeZone::UTC).date();
    let delisted = references.delisted(&advice.allocation, on).await?;
    Ok(Circumstances { care, advisor, regime, portfolio_archived, delisted, later: later(journal, &advice).await?, on })
}

/// The last of the portfolio's later recommendations to the client that has gone out.
async fn later(journal: &Journal, advice: &Advice) -> Result<Option<RecommendationId>, Problem> {
    let history = journal.history(&Subject::new(Kind::Portfolio, &advice.portfolio.token())).await?;
    for event in history.iter().rev() {
        let Some((version, id)) = recommended(event, advice) else { continue };
        if version <= advice.portfolio_version {
            break;
        }
        if matches!(journal.state::<Recommendation>(&id).await?.state, Recommendation::Made { .. }) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The version and the recommendation to this client that the event made, where it is one that recommends to them.
fn recommended(event: &Recorded, advice: &Advice) -> Option<(u64, RecommendationId)> {
    let AnyEvent::Portfolio(PortfolioEvent::Recommended { clients, .. }) = event.decode().ok()? else { return None };
    let metadata = event.metadata().ok()?;
    let id = RecommendationId::created_by(making(metadata.event_id, advice.client));
    clients.contains(&advice.client).then_some((metadata.version, id))
}
