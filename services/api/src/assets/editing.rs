//! `PUT /v1/assets/{id}`: what an asset is called, what it is and where it is traded, told otherwise.

use axum::extract::State;
use events::Calendar;
use events::asset::{Asset, AssetCommand};
use events::values::{AssetClass, AssetDetails, AssetId, Name, Note, TimeZoneName};
use journal::{Expect, Journal};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotOneOf};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

const EDIT: &str = "PUT /v1/assets/{id}";

/// What of an asset may be told otherwise, all of it. Its symbol and its currency stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAsset {
    /// What people call it.
    #[schema(min_length = 1, max_length = 120, example = "Apple Inc.")]
    name: String,
    /// What kind of thing it is, as when it was listed. What is `cash` stays so, and nothing becomes `cash`.
    #[schema(example = "equity")]
    class: Option<String>,
    /// In which part of the economy it works.
    #[schema(min_length = 1, max_length = 120, example = "Technology")]
    sector: Option<String>,
    /// Where it is traded.
    #[schema(min_length = 1, max_length = 120, example = "NMS")]
    exchange: Option<String>,
    /// The exchange's time zone, as the IANA spells it.
    #[schema(min_length = 1, max_length = 40, example = "America/New_York")]
    time_zone: Option<String>,
    /// On which days it is traded, as when it was listed; as its exchange is where nothing is said.
    #[schema(example = "new_york")]
    calendar: Option<String>,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "It moved to another exchange")]
    reason: String,
}

problems!(EditProblems: ANY, GUARDED, COMMAND, CONDITIONAL; AssetUnknown, AssetCashOrNot);

/// Changes what the list says of an asset, all but its symbol and its currency.
#[utoipa::path(put, path = "/v1/assets/{id}", tag = "assets", operation_id = "editAsset",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), IfMatchHeader, OptionalKeyHeader),
    request_body = EditAsset, responses(ChangedAnswer, EditProblems))]
pub async fn edit(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<EditAsset>,
) -> Result<Answer, Problem> {
    let (details, reason) = body.parse()?;
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.as_str().to_owned());
    let digest = Canonical::of("EditAsset")
        .with("name", details.name.as_str())
        .with_optional("class", details.class.map(AssetClass::word))
        .with_optional("sector", text(&details.sector).as_deref())
        .with_optional("exchange", text(&details.exchange).as_deref())
        .with_optional("time_zone", details.time_zone.as_ref().map(TimeZoneName::as_str))
        .with_optional("calendar", details.calendar.map(Calendar::word))
        .with("reason", reason.as_str())
        .sha256();
    let command_id = keyed.command(EDIT, &[id.as_str()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let command = AssetCommand::Edit { details: Box::new(details), reason };
    let done = journal.execute::<Asset>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

impl EditAsset {
    fn parse(&self) -> Result<(AssetDetails, Note), Problem> {
        let mut faults = Faults::default();
        let class = |text: &str| NotOneOf::parsed(text, &AssetClass::ALL, AssetClass::word);
        let calendar = |text: &str| NotOneOf::parsed(text, &Calendar::ALL, Calendar::word);
        let name = faults.value("/name", Name::parse(&self.name));
        let class = faults.optional("/class", self.class.as_deref(), class);
        let sector = faults.optional("/sector", self.sector.as_deref(), Name::parse);
        let exchange = faults.optional("/exchange", self.exchange.as_deref(), Name::parse);
        let time_zone = faults.optional("/time_zone", self.time_zone.as_deref(), TimeZoneName::parse);
        let calendar = faults.optional("/calendar", self.calendar.as_deref(), calendar);
        let reason = faults.value("/reason", Note::parse(&self.reason));
        match (name, class, sector, exchange, time_zone, calendar, reason) {
            (Some(name), Some(class), Some(sector), Some(exchange), Some(time_zone), Some(calendar), Some(reason)) => {
                Ok((AssetDetails { name, class, sector, exchange, time_zone, calendar }, reason))
            }
            _ => Err(faults.into_problem()),
        }
    }
}
