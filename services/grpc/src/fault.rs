//! Errors: a status for programs, with a stable reason and what it is about in its details.

use std::collections::HashMap;
use std::fmt::Display;

use projections::as_of::AsOfError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Whose reasons these are.
const DOMAIN: &str = "insights";

/// A status with a reason.
pub fn fault(code: Code, reason: &str, text: impl Display) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, text.to_string(), details)
}

/// A field of the question that makes no sense.
pub fn bad_field(field: &str, text: impl Display) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation(field, text.to_string());
    details.set_error_info("INVALID_FIELD", DOMAIN, HashMap::from([("field".to_owned(), field.to_owned())]));
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {text}"), details)
}

/// The asset is not on the list.
pub fn no_such_asset(asset: &impl Display) -> Status {
    fault(Code::NotFound, "ASSET_UNKNOWN", format!("there is no asset {asset}"))
}

/// There is nothing to answer with, which is not the same as an empty answer.
pub fn nothing(reason: &str, text: impl Display) -> Status {
    fault(Code::FailedPrecondition, reason, text)
}

/// PostgreSQL did not answer, or not as it should.
pub fn database(error: &sqlx::Error) -> Status {
    tracing::error!(%error, "a question could not be answered");
    fault(Code::Unavailable, "DATABASE_UNAVAILABLE", "the database does not answer")
}

/// The log did not answer.
pub fn log(error: &journal::ReadError) -> Status {
    tracing::error!(%error, "a question could not be answered");
    fault(Code::Unavailable, "LOG_UNAVAILABLE", "the log does not answer")
}

/// There is nothing to say as of then.
pub fn not_as_of(error: AsOfError) -> Status {
    match error {
        AsOfError::Read(error) => log(&error),
        AsOfError::Neither | AsOfError::NotYet { .. } | AsOfError::NoEvent => bad_field("as_of", error),
    }
}
