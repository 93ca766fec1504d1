//! `/v1/clients/{id}/suitability`: which risk a client may be advised to take, from their answers or by hand.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::client::{Client, ClientCommand};
use events::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective};
use events::values::{ClientId, Note, Regime, RiskClass};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::{Expect, Journal};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::row;
use crate::advisors;
use crate::as_of::{AsOfQuery, moment};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotOneOf};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::objects;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader, tagged};
use crate::problem::{Problem, ProblemType};
use crate::snapshots::ProfileKept;
use crate::state::Clock;

const ASSESS: &str = "PUT /v1/clients/{id}/suitability";

/// A client's answers, or a class set by hand with its reason: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessSuitability {
    /// The answers to the questionnaire, from which the rules derive the class.
    #[serde(default, deserialize_with = "objects::optional")]
    answers: Option<AnswersBody>,
    /// The class where it is set by hand: `conservative`, `moderately_conservative`, `moderate`, `moderately_aggressive`
    /// or `aggressive`.
    #[schema(example = "moderate")]
    class: Option<String>,
    /// Why it is set by hand.
    #[schema(min_length = 1, max_length = 4000)]
    reason: Option<String>,
}

/// Answers to the questionnaire.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersBody {
    /// What the money is for: `preservation`, `income`, `balanced`, `growth` or `speculation`.
    #[schema(example = "growth")]
    objective: String,
    /// When it is needed: `under_one_year`, `one_to_three_years`, `three_to_five_years`, `five_to_ten_years` or
    /// `over_ten_years`.
    #[schema(example = "five_to_ten_years")]
    horizon: String,
    /// How much of it can be lost: `none`, `up_to_ten_percent`, `up_to_twenty_percent`, `up_to_thirty_five_percent` or
    /// `more`.
    #[schema(example = "up_to_twenty_percent")]
    loss_capacity: String,
    /// What the client knows of investing: `none`, `basic`, `informed`, `experienced` or `professional`.
    #[schema(example = "informed")]
    knowledge: String,
    /// How much may be needed at short notice: `all`, `most`, `half`, `little` or `none`.
    #[schema(example = "little")]
    liquidity_need: String,
}

/// Which risk a client may be advised to take.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuitabilityView {
    /// The class that counts on that day: the profile's, or `conservative` where there is no valid one.
    #[schema(example = "moderate")]
    class: &'static str,
    /// Whether a profile is there and valid on that day. Without one every recommendation is refused.
    valid: bool,
    /// Why it is not: `no-profile` or `profile-expired`. A class that was set by hand is no profile where the advisor works
    /// under `mifid_ii`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The day for which this is said, in UTC.
    #[schema(value_type = String, format = Date)]
    day: Date,
    /// The profile; `null` where nobody has asked.
    #[schema(required, value_type = Option<ProfileKept>)]
    profile: Option<serde_json::Value>,
}

problems!(AssessProblems: ANY, GUARDED, COMMAND, CONDITIONAL; ClientUnknown, ClientRemoved);
problems!(ShowProblems: ANY, GUARDED, READ; ClientUnknown, LogUnavailable);

/// Takes a client's answers, or a class set by hand, down as their risk profile.
///
/// A profile from answers follows written, versioned rules. It is good for five years where it is conservative and for
/// one year where it is aggressive.
#[utoipa::path(put, path = "/v1/clients/{id}/suitability", tag = "clients", operation_id = "assessSuitability",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = AssessSuitability, responses(ChangedAnswer, AssessProblems))]
pub async fn assess(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<ClientId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<AssessSuitability>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    let (command, wish) = body.parse(now.to_zoned(TimeZone::UTC).date())?;
    let command_id = keyed.command(ASSESS, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, now, Expect::Version(version), wish.sha256());
    let done = journal.execute::<Client>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::ClientUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Shows which risk a client may be advised to take today, or might on the day of `as_of`.
#[utoipa::path(get, path = "/v1/clients/{id}/suitability", tag = "clients", operation_id = "getSuitability",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = SuitabilityView, headers(("ETag" = String))), ShowProblems))]
pub async fn show(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<ClientId>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = row(&pool, &journal, id, &query).await?;
    let advisor = advisors::row(&pool, &journal, row.advisor, &query).await?;
    let regime = advisor.map_or_else(Regime::default, |advisor| advisor.details.regime);
    // What was said then was said of that day.
    let until = query.until(&journal).await?;
    let day = moment(&journal, until, clock.now()).await?.to_zoned(TimeZone::UTC).date();
    let view = view(row.profile, regime, day);
    Ok(tagged(row.version, Json(view).into_response()))
}

fn view(profile: Option<serde_json::Value>, regime: Regime, day: Date) -> SuitabilityView {
    let is_by_hand = profile.as_ref().is_some_and(|profile| profile.pointer("/basis/by_hand").is_some());
    let counts = !is_by_hand || regime.takes_classes_by_hand();
    let text = |name: &str| profile.as_ref().and_then(|profile| profile.get(name)).and_then(|value| value.as_str());
    let class = text("class").and_then(RiskClass::parse).filter(|_| counts);
    let date = |name: &str| text(name).and_then(|text| text.parse::<Date>().ok());
    let within = date("since").zip(date("until")).is_some_and(|(since, until)| (since..=until).contains(&day));
    let (class, reason) = match class {
        Some(class) if within => (class, None),
        Some(_) => (RiskClass::Conservative, Some("profile-expired")),
        None => (RiskClass::Conservative, Some("no-profile")),
    };
    SuitabilityView { class: class.word(), valid: reason.is_none(), reason, day, profile }
}

impl AssessSuitability {
    /// The command, and what is wished in bytes. The day is not part of the wish: the same request again on another day
    /// is the same request.
    fn parse(&self, on: Date) -> Result<(ClientCommand, Canonical), Problem> {
        let mut faults = Faults::default();
        let wish = Canonical::of("AssessSuitability");
        match (&self.answers, &self.class) {
            (Some(answers), None) => {
                if self.reason.is_some() {
                    faults.add("/reason", "not-wanted", "only a class set by hand has a reason".to_owned());
                }
                match answers.parse(&mut faults) {
                    Some(answers) if self.reason.is_none() => {
                        let wish = wish
                            .with("objective", answers.objective.word())
                            .with("horizon", answers.horizon.word())
                            .with("loss_capacity", answers.loss_capacity.word())
                            .with("knowledge", answers.knowledge.word())
                            .with("liquidity_need", answers.liquidity_need.word());
                        Ok((ClientCommand::AssessSuitability { answers, on }, wish))
                    }
                    _ => Err(faults.into_problem()),
                }
            }
            (None, Some(class)) => {
                let class = faults.value("/class", NotOneOf::parsed(class, &RiskClass::ALL, RiskClass::word));
                let reason = faults.value("/reason", Note::parse(self.reason.as_deref().unwrap_or_default()));
                let (Some(class), Some(reason)) = (class, reason) else { return Err(faults.into_problem()) };
                let wish = wish.with("class", class.word()).with("reason", reason.as_str());
                Ok((ClientCommand::SetProfile { class, reason, on }, wish))
            }
            (Some(_), Some(_)) | (None, None) => {
                let detail = "either `answers`, or `class` with its `reason`".to_owned();
                faults.add("/answers", "one-of-two", detail);
                Err(faults.into_problem())
            }
        }
    }
}

impl AnswersBody {
    fn parse(&self, faults: &mut Faults) -> Option<Answers> {
        let objective = NotOneOf::parsed(&self.objective, &Objective::ALL, Objective::word);
        let objective = faults.value("/answers/objective", objective);
        let horizon = NotOneOf::parsed(&self.horizon, &Horizon::ALL, Horizon::word);
        let horizon = faults.value("/answers/horizon", horizon);
        let loss_capacity = NotOneOf::parsed(&self.loss_capacity, &LossCapacity::ALL, LossCapacity::word);
        let loss_capacity = faults.value("/answers/loss_capacity", loss_capacity);
        let knowledge = NotOneOf::parsed(&self.knowledge, &Knowledge::ALL, Knowledge::word);
        let knowledge = faults.value("/answers/knowledge", knowledge);
        let liquidity_need = NotOneOf::parsed(&self.liquidity_need, &LiquidityNeed::ALL, LiquidityNeed::word);
        let liquidity_need = faults.value("/answers/liquidity_need", liquidity_need);
        Some(Answers {
            objective: objective?,
            horizon: horizon?,
            loss_capacity: loss_capacity?,
            knowledge: knowledge?,
            liquidity_need: liquidity_need?,
        })
    }
}

#[cfg(test)]
mod tests {
    use events::values::Regime;
    use jiff::civil::date;
    use serde_json::json;

    use super::{AssessSuitability, view};

    #[test]
    fn a_profile_counts_within_its_days_and_else_the_most_careful_treatment_does() {
        let profile = json!({"class": "moderate", "since": "2026-03-04", "until": "2029-03-04"});
        for (profile, day, expected) in [
            (None, date(2026, 3, 4), ("conservative", Some("no-profile"))),
            (Some(profile.clone()), date(2029, 3, 4), ("moderate", None)),
            (Some(profile.clone()), date(2029, 3, 5), ("conservative", Some("profile-expired"))),
            (Some(profile), date(2026, 3, 3), ("conservative", Some("profile-expired"))),
        ] {
            let view = view(profile, Regime::MifidIi, day);
            assert_eq!((view.class, view.reason), expected);
            assert_eq!(view.valid, view.reason.is_none());
        }
    }

    #[test]
    fn a_class_set_by_hand_counts_as_no_profile_where_the_client_has_to_answer() {
        let answered =
            json!({"class": "moderate", "basis": {"answers": {}}, "since": "2026-03-04", "until": "2029-03-04"});
        let by_hand =
            json!({"class": "moderate", "basis": {"by_hand": {}}, "since": "2026-03-04", "until": "2029-03-04"});
        for (profile, regime, expected) in [
            (&answered, Regime::MifidIi, ("moderate", None)),
            (&by_hand, Regime::Cvm19, ("moderate", None)),
            (&by_hand, Regime::MifidIi, ("conservative", Some("no-profile"))),
        ] {
            let view = view(Some(profile.clone()), regime, date(2026, 3, 4));
            assert_eq!((view.class, view.reason, view.valid), (expected.0, expected.1, expected.1.is_none()));
            assert_eq!(view.profile.as_ref(), Some(profile), "what is on record is shown all the same");
        }
    }

    #[test]
    fn a_profile_is_answered_for_or_set_by_hand_with_a_reason() {
        let parse = |body: serde_json::Value| {
            let body: AssessSuitability = serde_json::from_value(body).unwrap();
            body.parse(date(2026, 3, 4)).map(|_| ()).map_err(|problem| format!("{problem:?}"))
        };
        let answers = json!({"objective": "growth", "horizon": "over_ten_years", "loss_capacity": "more",
            "knowledge": "basic", "liquidity_need": "none"});
        assert_eq!(parse(json!({"answers": answers})), Ok(()));
        assert_eq!(parse(json!({"class": "moderate", "reason": "as agreed"})), Ok(()));
        for (bad, place) in [
            (json!({}), "#/answers"),
            (json!({"answers": answers, "class": "moderate", "reason": "x"}), "#/answers"),
            (json!({"answers": answers, "reason": "x"}), "#/reason"),
            (json!({"class": "moderate"}), "#/reason"),
            (json!({"class": "brave", "reason": "x"}), "#/class"),
        ] {
            assert!(parse(bad.clone()).unwrap_err().contains(place), "{bad}");
        }
    }
}
