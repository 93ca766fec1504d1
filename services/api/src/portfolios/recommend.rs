//! `POST /v1/portfolios/{id}/recommendations`: a portfolio, as it is now, recommended to clients.

use std::collections::BTreeSet;

use axum::extract::State;
use events::portfolio::{Portfolio, PortfolioCommand, PortfolioRejection, RECIPIENTS_MAX};
use events::values::{ClientId, Costs, Note, PortfolioId, Terms};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::{ExecuteError, Expect, Journal};
use projections::prices::AsOf;
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::absent_rather_than_stale;
use super::figures::is_rate;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{AcceptedAnswer, Answer, context, unless_given};
use crate::described::problems;
use crate::faults::{Fault, Faults, NotAnId};
use crate::figures::{Asked, Rebalancing, compute};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::numbers::{day, decimal};
use crate::objects;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::references::Products;
use crate::state::{Clock, Office};

const RECOMMEND: &str = "POST /v1/portfolios/{id}/recommendations";

/// A recommendation to clients.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendPortfolio {
    /// To whom: clients of the portfolio's advisor.
    #[schema(value_type = Vec<String>, format = Uuid, min_items = 1, max_items = 500)]
    client_ids: Vec<String>,
    /// Why, in words for the clients.
    #[schema(min_length = 1, max_length = 4000, example = "It fits the horizon that we spoke about.")]
    rationale: String,
    /// The window and the rate of the figures that the advice rests on; all prices and a rate of 0 where nothing is said.
    #[serde(default, deserialize_with = "objects::optional")]
    figures: Option<FiguresChoice>,
    /// What following the advice costs.
    #[serde(default, deserialize_with = "objects::optional")]
    costs: Option<CostsBody>,
    /// The last day on which the advice holds, in UTC: today or later.
    #[schema(format = Date)]
    valid_until: Option<String>,
}

/// What following the advice costs, as fractions of the money invested.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CostsBody {
    /// What is paid once: `"0.005"` is 0.5 %.
    #[schema(pattern = r"^[0-9]+(\.[0-9]{1,6})?$", example = "0.005")]
    one_off: String,
    /// What is paid each year.
    #[schema(pattern = r"^[0-9]+(\.[0-9]{1,6})?$", example = "0.0125")]
    yearly: String,
}

/// The window and the rate of figures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FiguresChoice {
    /// The first day.
    #[schema(format = Date)]
    from: Option<String>,
    /// The last day.
    #[schema(format = Date)]
    to: Option<String>,
    /// The annual risk-free rate as a fraction: `"0.02"` is 2 %.
    #[schema(pattern = r"^-?[0-9]+(\.[0-9]+)?$", example = "0.02")]
    risk_free_rate: Option<String>,
}

problems!(RecommendProblems: ANY, GUARDED, COMMAND, KEYED, CONDITIONAL;
    PortfolioUnknown, PortfolioArchived, AssetsDelisted, RecommendationWithoutClients, RecommendationToTooManyClients, NoSuchClients, ClientsRemoved,
    ClientsOfAnotherAdvisor, NoSuchAdvisor, AdvisorNotActive, InvalidParameter, ProjectionBehind);

/// Recommends a portfolio, as it is now, to clients.
///
/// Each client gets a recommendation of their own, with the allocation and the figures as they are at this moment, and
/// a letter. They appear under the answer's `Location` as they are made. Three gates stand before each: the client has a
/// valid suitability profile, and neither the portfolio nor any single product carries more risk than it allows. Where one
/// stays shut, that client's recommendation is `refused` and says why; the others go out. Where the portfolio holds what is
/// traded no more by today, in UTC, nothing is recommended to anybody: `assets-delisted`.
#[utoipa::path(post, path = "/v1/portfolios/{id}/recommendations", tag = "portfolios",
    operation_id = "recommendPortfolio",
    security(("bearer" = ["admin", "advisor"])), params(("id" = String, Path, format = Uuid), IfMatchHeader, KeyHeader, MinPositionHeader),
    request_body = RecommendPortfolio, responses(AcceptedAnswer, RecommendProblems))]
#[expect(clippy::too_many_arguments, reason = "each handler names what it works with")]
pub async fn recommend(
    State(journal): State<Journal>,
    State(office): State<Office>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: Keyed,
    IfMatch(version): IfMatch,
    _: CaughtUp,
    JsonBody(body): JsonBody<RecommendPortfolio>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let clients = clients(&mut faults, &body.client_ids);
    let rationale = faults.value("/rationale", Note::parse(&body.rationale));
    let asked = asked(&mut faults, body.figures.as_ref());
    let costs = costs(&mut faults, body.costs.as_ref());
    let valid_until = read_day(&mut faults, "/valid_until", body.valid_until.as_deref());
    let (Some(clients), Some(rationale), Some(asked), Some(costs), Some(valid_until)) =
        (clients, rationale, asked, costs, valid_until)
    else {
        return Err(faults.into_problem());
    };
    let portfolio = journal.state::<Portfolio>(&id).await?;
    let Some(is) = portfolio.state.composition() else { return Err(Problem::of(ProblemType::PortfolioUnknown)) };
    let (advisor, currency, allocation) = (is.advisor, is.currency, is.allocation.clone());
    if portfolio.version < version {
        // Not yet so far: figures of another version must not come with it.
        return Err(ExecuteError::<PortfolioRejection>::Stale { current: portfolio.version }.into());
    }
    enough_clients(clients.len())?;
    let command_id = keyed.command(RECOMMEND, &[&id.to_string()]);
    let place_of = |client: ClientId| place_of(&body.client_ids, client);
    let now = clock.now();
    let today = now.to_zoned(TimeZone::UTC).date();
    let needed = match office.references.need_advisor(keyed.reach, advisor).await {
        Ok(()) => office.references.need_clients(keyed.reach, advisor, &clients, place_of).await,
        refused => refused,
    };
    let needed = needed.and_then(|()| not_over(valid_until, today));
    unless_given::<Portfolio>(&journal, &id, command_id, needed).await?;
    let targets = allocation.iter().map(|(asset, weight)| (asset.clone(), weight.value())).collect();
    let computed = compute(&office, targets, currency.as_str(), &asked).await?;
    let figures = Box::new(computed.snapshot(&asked, today));
    let digest = wish(&clients, &rationale, &body).sha256();
    let context = context(command_id, keyed.actor, now, Expect::Version(version), digest);
    let Products { classes: product_classes, delisted } = office.references.products(&allocation, today).await?;
    let terms = Terms { risk_class: None, product_classes, costs, valid_until };
    let command = PortfolioCommand::Recommend { clients, rationale, figures, terms, delisted };
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::accepted(format!("/v1/recommendations?portfolio={id}"), id.to_string(), &done))
}

/// `None` where the rates are none; `Some(None)` where there are none given.
fn costs(faults: &mut Faults, body: Option<&CostsBody>) -> Option<Option<Costs>> {
    let Some(CostsBody { one_off, yearly }) = body else { return Some(None) };
    let one_off = faults.value("/costs/one_off", decimal(one_off));
    let yearly = faults.value("/costs/yearly", decimal(yearly));
    faults.value("/costs", Costs::try_new(one_off?, yearly?)).map(Some)
}

fn clients(faults: &mut Faults, texts: &[String]) -> Option<BTreeSet<ClientId>> {
    let mut clients = BTreeSet::new();
    let mut all_good = true;
    for (place, text) in texts.iter().enumerate() {
        let fault = match ClientId::parse(text) {
            Some(client) if clients.insert(client) => continue,
            Some(_) => ("client-named-twice", format!("{text} is named more than once")),
            None => (NotAnId.code(), NotAnId.to_string()),
        };
        faults.add(&format!("/client_ids/{place}"), fault.0, fault.1);
        all_good = false;
    }
    all_good.then_some(clients)
}

/// The rule is the portfolio's own; it is asked before five thousand clients are looked up.
fn enough_clients(clients: usize) -> Result<(), Problem> {
    let rejection = match clients {
        0 => PortfolioRejection::NoClients,
        n if n > RECIPIENTS_MAX => PortfolioRejection::TooManyClients(n),
        _ => return Ok(()),
    };
    Err(ExecuteError::Rejected(rejection).into())
}

/// Nothing, where the advice holds for this day at least. Ends are noted by the same days, in UTC.
fn not_over(valid_until: Option<Date>, today: Date) -> Result<(), Problem> {
    let Some(last) = valid_until.filter(|last| *last < today) else { return Ok(()) };
    let mut faults = Faults::default();
    faults.add("/valid_until", "day-over", format!("{last} is over: today is {today}, in UTC"));
    Err(faults.into_problem())
}

fn place_of(texts: &[String], client: ClientId) -> String {
    let text = client.to_string();
    let place = texts.iter().position(|named| *named == text).unwrap_or_default();
    format!("/client_ids/{place}")
}

fn asked(faults: &mut Faults, choice: Option<&FiguresChoice>) -> Option<Asked> {
    let mut asked = Asked {
        from: None,
        to: None,
        risk_free_rate: Decimal::ZERO,
        rebalancing: Rebalancing::default(),
        benchmark: None,
        as_of: AsOf::Now,
    };
    let Some(choice) = choice else { return Some(asked) };
    asked.from = read_day(faults, "/figures/from", choice.from.as_deref())?;
    asked.to = read_day(faults, "/figures/to", choice.to.as_deref())?;
    if let Some(rate) = choice.risk_free_rate.as_deref() {
        asked.risk_free_rate = faults.value("/figures/risk_free_rate", decimal(rate))?;
    }
    if !is_rate(asked.risk_free_rate) {
        let detail = "a risk-free rate is a fraction above -1 and at most 1: \"0.02\" is 2 %".to_owned();
        faults.add("/figures/risk_free_rate", "out-of-range", detail);
        return None;
    }
    if asked.from.zip(asked.to).is_some_and(|(from, to)| from > to) {
        faults.add("/figures/to", "before-from", "the window's last day comes before its first".to_owned());
        return None;
    }
    Some(asked)
}

/// `None` where the text is no day; `Some(None)` where there is no text.
fn read_day(faults: &mut Faults, pointer: &str, text: Option<&str>) -> Option<Option<Date>> {
    text.map_or(Some(None), |text| faults.value(pointer, day(text)).map(Some))
}

fn wish(clients: &BTreeSet<ClientId>, rationale: &Note, body: &RecommendPortfolio) -> Canonical {
    let mut wish = Canonical::of("RecommendPortfolio").with("rationale", rationale.as_str());
    for client in clients {
        wish = wish.with("client", &client.to_string());
    }
    let choice = body.figures.as_ref();
    let costs = body.costs.as_ref();
    // However a number is spelt.
    let number = |text: &str| decimal(text).map_or_else(|_| text.to_owned(), |value| value.normalize().to_string());
    for (name, given) in [
        ("one_off", costs.map(|costs| number(&costs.one_off))),
        ("yearly", costs.map(|costs| number(&costs.yearly))),
        ("valid_until", body.valid_until.clone()),
        ("from", choice.and_then(|choice| choice.from.clone())),
        ("to", choice.and_then(|choice| choice.to.clone())),
        ("risk_free_rate", choice.and_then(|choice| choice.risk_free_rate.as_deref()).map(number)),
    ] {
        wish = wish.with_optional(name, given.as_deref());
    }
    wish
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{FiguresChoice, asked, clients, enough_clients, not_over};
    use crate::faults::Faults;
    use crate::problem::ProblemType;

    const CLIENT: &str = "132e374d-2bfb-5564-814d-e201e6e41209";

    #[test]
    fn each_client_is_an_id_and_named_once() {
        let mut faults = Faults::default();
        assert!(clients(&mut faults, &[CLIENT.to_owned(), "x".to_owned(), CLIENT.to_owned()]).is_none());
        let told = format!("{:?}", faults.into_problem());
        assert!(told.contains("#/client_ids/1") && told.contains("client-named-twice"), "{told}");
    }

    #[test]
    fn a_recommendation_goes_to_somebody_and_not_to_everybody() {
        assert!(enough_clients(500).is_ok());
        assert_eq!(enough_clients(0).unwrap_err().kind(), ProblemType::RecommendationWithoutClients);
        assert_eq!(enough_clients(501).unwrap_err().kind(), ProblemType::RecommendationToTooManyClients);
    }

    #[test]
    fn advice_holds_today_at_least() {
        let today = date(2026, 3, 4);
        for last in [None, Some(today), Some(date(2026, 3, 5))] {
            assert!(not_over(last, today).is_ok());
        }
        let over = not_over(Some(date(2026, 3, 3)), today).unwrap_err();
        assert_eq!(over.kind(), ProblemType::InvalidBody);
        assert!(format!("{over:?}").contains("#/valid_until"), "{over:?}");
    }

    #[test]
    fn a_window_backwards_is_refused() {
        let choice = FiguresChoice {
            from: Some("2024-01-02".to_owned()),
            to: Some("2024-01-01".to_owned()),
            risk_free_rate: None,
        };
        let mut faults = Faults::default();
        assert!(asked(&mut faults, Some(&choice)).is_none());
        assert!(format!("{:?}", faults.into_problem()).contains("before-from"));
    }
}
