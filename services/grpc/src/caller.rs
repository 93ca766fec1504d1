//! Who calls: the same bearer tokens as the web API's.

use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use vault::Principal;

use crate::Service;
use crate::fault::fault;

/// Characters that a presented secret may have.
const SECRET_CHARS_MAX: usize = 200;

/// Who presents the token in `authorization: Bearer <token>`.
///
/// # Errors
/// UNAUTHENTICATED where there is no good token, UNAVAILABLE where that cannot be told.
pub async fn caller(service: &Service, metadata: &MetadataMap) -> Result<Principal, Status> {
    let refused =
        || fault(Code::Unauthenticated, "UNAUTHENTICATED", "a good token is needed: `authorization: Bearer ...`");
    let text = metadata.get("authorization").and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let (scheme, secret) = text.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") || secret.len() > SECRET_CHARS_MAX {
        return Err(refused());
    }
    match service.vault.authenticate(secret, (service.clock)()).await {
        Ok(Some(principal)) => Ok(principal),
        Ok(None) => Err(refused()),
        Err(error) => {
            tracing::error!(%error, "a token could not be looked up");
            Err(fault(Code::Unavailable, "DATABASE_UNAVAILABLE", "the token cannot be looked up"))
        }
    }
}
