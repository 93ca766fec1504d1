//! The problem types: a stable name, a status and words for each. Names are never changed or used again.

use axum::http::StatusCode;

macro_rules! problem_types {
    ($($(#[$group:meta])* $kind:ident $status:ident $code:literal $title:literal $about:literal;)*) => {
        /// The type of a problem. Its name is part of the interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemType {
            $(#[doc = $title] #[doc = "."] $kind,)*
        }

        impl ProblemType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The stable name: `weights-do-not-add-up`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// The HTTP status that goes with it, always the same.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$kind => StatusCode::$status,)*
                }
            }

            /// The type in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$kind => $title,)*
                }
            }

            /// What it means and what to do about it.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$kind => $about,)*
                }
            }
        }
    };
}

problem_types! {
    MalformedRequest BAD_REQUEST "malformed-request" "The request cannot be read"
        "The request is not one that HTTP or this service can read.";
    NotFound NOT_FOUND "not-found" "There is nothing under this path"
        "No resource of this service has this path. The paths are listed in /openapi.json.";
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed" "The resource does not take this method"
        "The header Allow lists the methods that the resource takes.";
    UpgradeRequired UPGRADE_REQUIRED "upgrade-required" "This is a WebSocket"
        "The resource speaks the WebSocket protocol alone: send a request for it, with `Upgrade: websocket`. `GET /v1/events` tells the same as server-sent events.";
    Unauthenticated UNAUTHORIZED "unauthenticated" "A valid token is needed"
        "Nearly everything under /v1 needs the header `Authorization: Bearer <token>` with a token that is known, not expired and not revoked, or the cookie of a session.";
    Forbidden FORBIDDEN "forbidden" "Not with this role or token"
        "Each operation lists the roles that may call it; a token for reading changes nothing. What is not yours is not there: 404.";
    LoginRefused UNAUTHORIZED "login-refused" "The address or the password is not right"
        "There is no open account with this address and this password. Which of both it is, is not told.";
    LoginLocked TOO_MANY_REQUESTS "login-locked" "Too many failures under this address"
        "After failures in a row, trying again is possible only after the time that Retry-After tells; each failure more doubles it.";
    TooManyRequests TOO_MANY_REQUESTS "too-many-requests" "Too many requests"
        "The quota that RateLimit-Policy tells is used up. Try again after the time in Retry-After.";
    InvitationUnknown NOT_FOUND "invitation-unknown" "There is no such invitation"
        "The invitation or set-up token is not known, was used, was replaced by a later one, or is too old. Ask an administrator for another.";
    EmailTaken CONFLICT "email-taken" "Another account has this address"
        "An open account was made for this address, with another role or by another request. An address belongs to one open account; that of a closed one is free.";
    AccountUnknown NOT_FOUND "account-unknown" "There is no such account"
        "No account has this id, or it is closed.";
    SessionUnknown NOT_FOUND "session-unknown" "There is no such session"
        "No log-in of the caller's own account has this id.";
    TokenUnknown NOT_FOUND "token-unknown" "There is no such token"
        "No token that the caller may see has this id.";
    CsrfTokenMissing FORBIDDEN "csrf-token-missing" "The page did not show that it meant the request"
        "With a session, every change needs the header Insights-CSRF with the word that `GET /v1/sessions/current` tells, from a page of this site.";
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body is not declared as JSON"
        "Bodies are JSON: send the header `Content-Type: application/json`.";
    BodyTooLarge PAYLOAD_TOO_LARGE "body-too-large" "The body is too large"
        "The body has more bytes than the resource takes.";
    MalformedJson BAD_REQUEST "malformed-json" "The body is not JSON"
        "The body is not well-formed JSON in UTF-8, or is nested too deeply.";
    MalformedCsv BAD_REQUEST "malformed-csv" "The file is no table of comma-separated values"
        "The file is not UTF-8, its quotes do not match, or its first line does not name the columns that are asked for; the detail names the line.";
    ImportRefused UNPROCESSABLE_ENTITY "import-refused" "The file has lines that cannot be imported"
        "A file is imported as a whole or not at all, and nothing was written. Each error's pointer is `#/<line>/<column>`. The same file with mode=check tells what is wrong with every line.";
    InvalidBody UNPROCESSABLE_ENTITY "invalid-body" "The body does not have the form that is asked for"
        "Fields are missing, unknown, of a wrong type or out of range; each is listed under `errors`.";
    InvalidParameter BAD_REQUEST "invalid-parameter" "A parameter is not as it should be"
        "A query parameter or a header is unknown, malformed or out of range; each is listed under `errors`.";
    IdempotencyKeyMissing BAD_REQUEST "idempotency-key-missing" "An Idempotency-Key is needed"
        "Every POST needs the header Idempotency-Key, so that it can be sent again without doing its work twice.";
    IdempotencyKeyInvalid BAD_REQUEST "idempotency-key-invalid" "The Idempotency-Key cannot be used"
        "The header Idempotency-Key stands once and has 1 to 255 visible ASCII characters.";
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency-key-reused" "The Idempotency-Key was used for something else"
        "A request with this Idempotency-Key was carried out, and it asked for something else. Use a new key for a new request.";
    IfMatchMissing PRECONDITION_REQUIRED "if-match-missing" "An If-Match is needed"
        "A change needs the header If-Match with the ETag of the version that it is meant for.";
    IfMatchInvalid BAD_REQUEST "if-match-invalid" "The If-Match cannot be used"
        "The header If-Match names exactly one version as it stood in an ETag, such as `\"3\"`; neither `*` nor weak tags nor lists.";
    Stale PRECONDITION_FAILED "stale" "The resource has moved on"
        "The resource has another version than If-Match names; the header ETag has the present one. Read it, and decide again.";
    WeightsDoNotAddUp UNPROCESSABLE_ENTITY "weights-do-not-add-up" "The weights do not add up to 1"
        "The weights of an allocation are exact decimals whose sum is exactly 1.";
    AssetNamedTwice UNPROCESSABLE_ENTITY "asset-named-twice" "An asset is named more than once"
        "An allocation names each asset once.";
    NoSuchAssets UNPROCESSABLE_ENTITY "no-such-assets" "The request names assets that are not listed"
        "List the assets first with POST /v1/assets. Each one that is not listed stands under `errors`.";
    NoSuchAdvisor UNPROCESSABLE_ENTITY "no-such-advisor" "The request names an advisor who is not registered"
        "Register the advisor first with POST /v1/advisors.";
    NoSuchClients UNPROCESSABLE_ENTITY "no-such-clients" "The request names clients who are not registered"
        "Register the clients first with POST /v1/clients. Each one that is not registered stands under `errors`.";
    ClientsOfAnotherAdvisor UNPROCESSABLE_ENTITY "clients-of-another-advisor" "The request names another advisor's clients"
        "A portfolio is recommended to clients of its own advisor. Each one that is not stands under `errors`.";
    AdvisorUnknown NOT_FOUND "advisor-unknown" "There is no such advisor"
        "No advisor has this id.";
    AdvisorAlreadyRegistered CONFLICT "advisor-already-registered" "The advisor is registered already"
        "An advisor is registered under this id, with other details.";
    AdvisorRegistrationMissing UNPROCESSABLE_ENTITY "advisor-registration-missing" "The advisor needs a registration number"
        "Who advises under a regime with a public register says their number in it. Only the regime `other` needs none.";
    AdvisorRemoved CONFLICT "advisor-removed" "The advisor was removed"
        "A removed advisor stays as they were: their record is kept, and nothing is done with it any more.";
    AdvisorNotActive CONFLICT "advisor-not-active" "The advisor gives no advice now"
        "The advisor is suspended or removed. Reinstate a suspended one with PUT /v1/advisors/{id}/standing.";
    AdvisorHasModels CONFLICT "advisor-has-models" "The advisor has models of their firm"
        "Models belong to the firm. Hand those that are in use over with PUT /v1/portfolios/{id}/advisor, or archive them, before their advisor works for another firm.";
    ClientUnknown NOT_FOUND "client-unknown" "There is no such client"
        "No client has this id.";
    ClientAlreadyRegistered CONFLICT "client-already-registered" "The client is registered already"
        "A client is registered under this id.";
    ClientRemoved CONFLICT "client-removed" "The client was removed"
        "A removed client stays as they were: their record is kept, and nothing is done with it any more.";
    ClientsRemoved CONFLICT "clients-removed" "The request names clients who were removed"
        "A removed client is advised no more. Each one that is removed stands under `errors`.";
    AssetUnknown NOT_FOUND "asset-unknown" "There is no such asset"
        "No asset is listed under this id.";
    AssetAlreadyListed CONFLICT "asset-already-listed" "The asset is listed already"
        "An asset is listed under this id, with other details.";
    AssetCashOrNot CONFLICT "asset-cash-or-not" "What is cash stays cash, and nothing becomes cash"
        "Figures of the past rest on whether an asset is cash, so its class is not changed to or from `cash`. List another asset.";
    CashHasNoPrices CONFLICT "cash-has-no-prices" "Cash has no prices"
        "Cash is worth 1 in its currency and what it earns, which POST /v1/assets/{id}/interest sets: it has no prices, corrections, splits or payments.";
    AssetNotCash CONFLICT "asset-not-cash" "The asset is not cash"
        "Interest is of cash alone; what else there is has prices, and pays dividends.";
    CashIsConservative CONFLICT "cash-is-conservative" "Cash carries the least risk"
        "Cash is `conservative` from its listing on, and is rated as nothing else.";
    PriceDiffers CONFLICT "price-differs" "A price differs from the one that is known"
        "A day has a price already, and it is another one. A past that changes is a correction, never an overwriting.";
    PriceBasisDiffers CONFLICT "price-basis-differs" "Raw and adjusted prices do not mix"
        "The prices that are known of the asset have another basis than these.";
    PriceUnknown CONFLICT "price-unknown" "There is no price to correct"
        "A day without a price cannot have a wrong one. Record it with POST /v1/assets/{id}/prices.";
    ActionUnknown CONFLICT "action-unknown" "There is no such split or payment"
        "What is not believed cannot be withdrawn. The splits and payments that are stand under `actions` in GET /v1/assets/{id}/prices.";
    PaymentNotBelowPrice CONFLICT "payment-not-below-price" "The payment is not below the price before it"
        "A payment is less than the close before its ex-date: one of both is wrong, most often by its unit. Correct the price first if it is.";
    AssetDelisted CONFLICT "asset-delisted" "The asset is traded no more"
        "The asset was delisted before that day, so it has no price and pays nothing then.";
    AssetStillTraded CONFLICT "asset-still-traded" "The asset was still traded"
        "The asset has prices of that day or later, so it was not delisted then.";
    PortfolioUnknown NOT_FOUND "portfolio-unknown" "There is no such portfolio"
        "No portfolio has this id.";
    VersionUnknown NOT_FOUND "version-unknown" "There is no such version"
        "The resource has not had so many versions yet. Versions are counted from 1.";
    PortfolioAlreadyCreated CONFLICT "portfolio-already-created" "The portfolio exists already"
        "A portfolio exists under this id, with other details.";
    PortfolioArchived CONFLICT "portfolio-archived" "The portfolio is archived"
        "An archived portfolio is not changed and not recommended. Take it up again with PUT /v1/portfolios/{id}/standing.";
    LimitWithoutPosition UNPROCESSABLE_ENTITY "limit-without-position" "An asset has a limit and no weight"
        "Bands and locks are for assets that the allocation holds.";
    WeightOutOfBand UNPROCESSABLE_ENTITY "weight-out-of-band" "A weight is not within its band"
        "The target weight of an asset stands within the band that is given with it.";
    PositionLocked CONFLICT "position-locked" "A weight is locked"
        "A locked weight stays as it is. To unlock it, give the same weight again without the lock; then change it.";
    ModelUnknown NOT_FOUND "model-unknown" "There is no such model"
        "No portfolio with this id is a model of the advisor's firm.";
    NoSuchModel UNPROCESSABLE_ENTITY "no-such-model" "The request names a model that the firm does not have"
        "A portfolio follows a model of its advisor's own firm. GET /v1/models lists them.";
    ModelOfAnotherFirm CONFLICT "model-of-another-firm" "The model is another firm's"
        "A model belongs to its firm: it is handed over to an advisor who works there, and taken up again by one alone.";
    ModelArchived CONFLICT "model-archived" "The model is archived"
        "An archived model takes no new followers and offers nothing. Those who follow it keep what they have.";
    ModelHasChanged CONFLICT "model-has-changed" "The model has changed since"
        "The model has other weights or limits now than in the version that is named. Look at it again, and name its present version.";
    ModelCannotFollow CONFLICT "model-cannot-follow" "A model follows no other model"
        "A model is composed by hand; copy it to follow another one.";
    FollowsAnotherModel CONFLICT "portfolio-follows-another-model" "The portfolio follows another model"
        "End that subscription first: the weights stay as they are until the new one begins.";
    ModelVersionEarlier CONFLICT "model-version-earlier" "The version of the model is earlier"
        "Of the model that is followed, a later version was taken over.";
    ModelInOtherCurrency CONFLICT "model-in-other-currency" "The model is kept in another currency"
        "A portfolio follows a model in its own currency.";
    PortfolioFollowsModel CONFLICT "portfolio-follows-model" "The portfolio's weights are its model's"
        "Take over what the model offers, or end the subscription first: the weights stay, and can be changed then.";
    RecommendationNotRefused CONFLICT "recommendation-not-refused" "The recommendation was not refused"
        "Only advice that a gate has refused can be let out by compliance.";
    OverrideNeedsCompliance FORBIDDEN "override-needs-compliance" "Only compliance may let refused advice go out"
        "Whoever lets advice through a gate that stayed shut has the role compliance.";
    OverrideNotAllowed CONFLICT "override-not-allowed" "Nobody may let this advice go out"
        "The advisor's regime forbids advice that does not suit the client, or the client is in another advisor's care.";
    RecommendationOvertaken CONFLICT "recommendation-overtaken" "Later advice has gone out to the client"
        "After a later recommendation of the portfolio has gone out to the client, older advice that was refused is not let out any more, whatever has become of the later one. Recommend the portfolio again.";
    RecommendationOver CONFLICT "recommendation-over" "The last day of the recommendation is over"
        "Refused advice is let out until its last day, in UTC. Recommend the portfolio again.";
    RecommendationNotOpen CONFLICT "recommendation-not-open" "The recommendation does not stand"
        "The recommendation was refused, withdrawn or superseded, or its last day is over.";
    RecommendationStillValid CONFLICT "recommendation-still-valid" "The recommendation still holds"
        "A recommendation expires after its last day, and one without a last day never does.";
    RecommendationAlreadyMade CONFLICT "recommendation-already-made" "The recommendation was made already"
        "A recommendation stands under this id, with other details. Only the service itself makes recommendations.";
    EmailAttemptClaimed CONFLICT "email-attempt-claimed" "The attempt to send the letter is taken"
        "An attempt to send a letter is made once. Only the service itself and its operators send letters.";
    EmailAttemptOutOfOrder CONFLICT "email-attempt-out-of-order" "The attempt to send the letter is not the next one"
        "Attempts follow each other. Only the service itself and its operators send letters.";
    EmailSettled CONFLICT "email-settled" "The letter's fate does not allow it now"
        "A letter was sent, failed or is on its way. Only the service itself and its operators send letters.";
    RecommendationWithoutClients UNPROCESSABLE_ENTITY "recommendation-without-clients" "A recommendation needs a client"
        "A recommendation goes to at least one client.";
    RecommendationToTooManyClients UNPROCESSABLE_ENTITY "recommendation-to-too-many-clients" "A recommendation goes to too many clients"
        "A recommendation goes to 500 clients at the most.";
    AssetsDelisted CONFLICT "assets-delisted" "The portfolio holds what is traded no more"
        "Nobody is advised to buy what cannot be bought: the detail names the assets, each with its first day without trading. Give the portfolio other weights first.";
    NotInCare CONFLICT "not-in-care" "The client is not in the advisor's care"
        "A gate: it stands in `gates` of a recommendation that is `refused`, because the client had been handed over or removed when it was to be made. No request is answered with it.";
    NoProfile CONFLICT "no-profile" "The client has no risk profile"
        "A gate: it stands in `gates` of a recommendation that is `refused`, because nobody had asked what risk the client can bear. No request is answered with it.";
    ProfileExpired CONFLICT "profile-expired" "The client's risk profile is too old"
        "A gate: it stands in `gates` of a recommendation that is `refused`, with the last day on which the profile was good. No request is answered with it.";
    PortfolioTooRisky CONFLICT "portfolio-too-risky" "The portfolio carries more risk than the client may be advised to take"
        "A gate: it stands in `gates` of a recommendation that is `refused`, with both classes. A portfolio that nobody has rated counts as aggressive, a client without a valid profile as conservative. No request is answered with it.";
    ProductTooRisky CONFLICT "product-too-risky" "A product carries more risk than the client may be advised to take"
        "A gate: it stands in `gates` of a recommendation that is `refused`, once for each such product, with both classes. A product that nobody has rated counts as aggressive. No request is answered with it.";
    ProductDelisted CONFLICT "product-delisted" "A product is traded no more"
        "A gate: it stands in `gates` of a recommendation that is `refused`, because the product was delisted after it was asked for and before it was made, with the first day without trading. No request is answered with it.";
    RecommendationUnknown NOT_FOUND "recommendation-unknown" "There is no such recommendation"
        "No recommendation has this id. One that was asked for a moment ago may still be on its way.";
    NotComputable UNPROCESSABLE_ENTITY "not-computable" "There is no answer to compute"
        "With these prices, weights and parameters the computation has no answer; the detail says why.";
    LimitsInfeasible UNPROCESSABLE_ENTITY "limits-infeasible" "No weights satisfy the limits"
        "Bounds, caps, groups and the sum of 1 cannot hold together; the detail names the limit that binds.";
    ComputationTooLarge UNPROCESSABLE_ENTITY "computation-too-large" "The computation is too large"
        "The request asks for more work than one request may; the detail names the bound.";
    BacktestUnknown NOT_FOUND "backtest-unknown" "There is no such backtest"
        "No recorded backtest of this portfolio has this id.";
    BacktestAlreadyRecorded CONFLICT "backtest-already-recorded" "The backtest was recorded already"
        "A backtest stands under this id, with other details. What was shown is never exchanged for something else.";
    BacktestDiffers CONFLICT "backtest-differs" "The result is another than the one that was shown"
        "Computed from this version, these terms and these prices, the backtest has another fingerprint. Give the position of the prices that it was shown with, or show the new result first.";
    JobUnknown NOT_FOUND "job-unknown" "There is no such job"
        "No job of yours has this id here: it ended some time ago, was cancelled, or ended with its process. Ask for the computation again; it gives the same answer.";
    ProjectionBehind SERVICE_UNAVAILABLE "projection-behind" "The read model has not caught up"
        "The read model has not reached Insights-Min-Position within 2 s. Try again.";
    Busy SERVICE_UNAVAILABLE "busy" "Too much to do"
        "The service does all it can already. Nothing was done; try again.";
    TimedOut SERVICE_UNAVAILABLE "timed-out" "The request took too long"
        "The request was not answered within its time. A command may have been carried out: send it again with the same Idempotency-Key.";
    OutcomeUnknown SERVICE_UNAVAILABLE "outcome-unknown" "The outcome is not known yet"
        "The log has not said whether it took the event. Send the same request again with the same Idempotency-Key: it is carried out once.";
    ConflictingWrites SERVICE_UNAVAILABLE "conflicting-writes" "Others kept changing the resource"
        "The resource was changed by others at each attempt. Nothing was done; try again.";
    LogUnavailable SERVICE_UNAVAILABLE "log-unavailable" "The log cannot be reached"
        "The event log does not answer, or takes no events. Nothing was done; try again.";
    DatabaseUnavailable SERVICE_UNAVAILABLE "database-unavailable" "The database cannot be reached"
        "The database does not answer. Nothing was done; try again.";
    NotReady SERVICE_UNAVAILABLE "not-ready" "The service is not ready"
        "A server that this service needs does not answer; the detail says which.";
    Internal INTERNAL_SERVER_ERROR "internal" "Something went wrong here"
        "A fault of the service, not of the request. The trace id leads an operator to it.";
}

impl ProblemType {
    /// The type's URI, relative to the service: `/problems/weights-do-not-add-up`.
    #[must_use]
    pub fn uri(self) -> String {
        format!("/problems/{}", self.code())
    }

    /// The type with this name, if there is one.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ProblemType;

    #[test]
    fn every_type_has_a_name_of_its_own_in_kebab_case() {
        let codes: BTreeSet<_> = ProblemType::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ProblemType::ALL.len());
        for code in codes {
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
            assert_eq!(ProblemType::by_code(code).map(ProblemType::code), Some(code));
        }
    }

    /// The page that lists them for people. `INSIGHTS_BLESS=1` writes it down anew.
    #[test]
    fn the_page_of_problems_lists_every_type() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems.md");
        let mut page = String::from(
            "# Problems\n\nEvery type of problem that the web API answers with, as `/problems` lists them. Written by a test \
             of\n`services/api/src/problem/types.rs` (`INSIGHTS_BLESS=1 cargo test -p api problem`).\n\n\
             | type | status | what it means and what to do about it |\n|---|---|---|\n",
        );
        for kind in ProblemType::ALL {
            let (uri, status, title) = (kind.uri(), kind.status().as_u16(), kind.title());
            page += &format!("| `{uri}` | {status} | **{title}.** {} |\n", kind.about());
        }
        if std::env::var_os("INSIGHTS_BLESS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let told = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(told == page, "docs/problems.md is another: run the test with INSIGHTS_BLESS=1 and read the diff");
    }

    #[test]
    fn every_type_is_an_error_and_explains_itself() {
        for kind in ProblemType::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
            assert!(kind.about().ends_with('.') && !kind.title().ends_with('.'), "{kind:?}");
        }
    }
}
