//! `GET /v1/clients/{id}/reads`: who read a client's name and address.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use events::values::ClientId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vault::{ClientRead, Vault};

use crate::described::problems;
use crate::paging::{Listing, listing, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::problem::{Problem, ProblemType};
use crate::references::References;

/// That somebody read a client's name and address.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientReadView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who, as the log names them.
    #[schema(example = "advisor:1de44776-fcf6-5175-b615-e6829eedd301")]
    actor: String,
    /// By which operation of this document.
    #[schema(example = "getClient")]
    operation: String,
    /// In which trace, where there was one.
    #[schema(required, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
}

impl From<ClientRead> for ClientReadView {
    fn from(read: ClientRead) -> Self {
        let ClientRead { at, actor, operation, trace_id, .. } = read;
        Self { at, actor, operation, trace_id }
    }
}

/// Which records are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadsQuery {
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(ReadsProblems: ANY, GUARDED; ClientUnknown);

/// Lists who read a client's name and address, in the order in which they did.
///
/// Kept for five years. Letters that the service itself writes are no reading; they stand in the log.
#[utoipa::path(get, path = "/v1/clients/{id}/reads", tag = "clients", operation_id = "listClientReads",
    security(("bearer" = ["compliance"])),
    params(("id" = String, Path, format = Uuid), ReadsQuery),
    responses((status = 200, body = Listing<ClientReadView>), ReadsProblems))]
pub async fn list(
    State(vault): State<Vault>,
    State(references): State<References>,
    OriginalUri(uri): OriginalUri,
    Id(id): Id<ClientId>,
    Parameters(query): Parameters<ReadsQuery>,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    if !references.is_client(id).await? {
        return Err(Problem::of(ProblemType::ClientUnknown));
    }
    let reads = vault.reads_of(id, page.after, page.limit).await?;
    Ok(listing(&uri, page, reads, |read| read.place, ClientReadView::from))
}
