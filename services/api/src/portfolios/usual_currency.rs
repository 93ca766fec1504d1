//! The currency of a portfolio whose composer said none: the one in which its advisor works.

use events::values::{AdvisorId, Currency, PortfolioId};
use events::{Advisor, Portfolio};
use journal::Journal;

use crate::access::Reach;
use crate::faults::Fault;
use crate::problem::Problem;
use crate::references::References;

/// Neither the request nor the register says a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither the portfolio nor its advisor has a currency")]
pub struct CurrencyNotSaid;

impl Fault for CurrencyNotSaid {
    fn code(&self) -> &'static str {
        "currency-not-said"
    }
}

/// The advisor's currency, where the register has one; that of the portfolio where it was composed before, so that the same
/// request again is the same, whatever the register says by then.
///
/// # Errors
/// Where the advisor is not there for the caller, or the log cannot be read.
pub async fn usual_currency(
    journal: &Journal,
    references: &References,
    reach: Reach,
    advisor: AdvisorId,
    portfolio: &PortfolioId,
) -> Result<Option<Currency>, Problem> {
    match journal.state::<Portfolio>(portfolio).await?.state {
        Portfolio::Active(is) | Portfolio::Archived(is) => return Ok(Some(is.currency)),
        Portfolio::Unknown => references.need_advisor(reach, advisor).await?,
    }
    Ok(match journal.state::<Advisor>(&advisor).await?.state {
        Advisor::Registered { details, .. } => details.currency,
        Advisor::Unknown => None,
    })
}
