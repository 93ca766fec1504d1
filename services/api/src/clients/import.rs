//! `POST /v1/clients/import`: many clients from one file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::State;
use axum::response::Response;
use events::Client;
use events::values::{AdvisorId, ClientId, CommandId};
use futures::stream;
use journal::Journal;

use super::{NewClient, RegisterClient, put_on_list};
use crate::access::Reach;
use crate::canonical::Canonical;
use crate::described::problems;
use crate::idempotency::{KeyHeader, Keyed};
use crate::identities::Identities;
use crate::imports::{
    CREATED_MAX, Created, CsvBody, ImportQuery, ImportReport, Item, LineFault, Mode, Row, Table, UnderWay, advisor_of,
    all_or_none, carried_out, checked, is_accepted,
};
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemType};
use crate::references::References;

const IMPORT: &str = "POST /v1/clients/import";
/// The columns; the first two must be there.
const COLUMNS: &[&str] = &["name", "email", "advisor"];
const REQUIRED: usize = 2;

problems!(ImportProblems: ANY, GUARDED, IMPORT, KEYED; ClientAlreadyRegistered);

/// Registers clients from a file: all of them, or none.
///
/// The file has a line of names first: `name` and `email`, and `advisor` (an id), which advisors may leave out for
/// themselves. Fields are separated by commas, semicolons or tabs, and quoted as RFC 4180 says; the text is UTF-8. At most
/// 1,000 clients. The same request again has the same answer, and a caller who hangs up stops nothing.
#[utoipa::path(post, path = "/v1/clients/import", tag = "clients", operation_id = "importClients",
    security(("bearer" = ["admin", "advisor"])), params(ImportQuery, KeyHeader),
    request_body(content = String, content_type = "text/csv",
        example = "name,email,advisor\nJosé da Silva,jose@example.com,1de44776-fcf6-5175-b615-e6829eedd301\n"),
    responses((status = 200, description = "All were registered, or what a check found.", body = ImportReport,
        headers(("Insights-Position" = String, description = "Where the last event stands"),
                ("Idempotent-Replayed" = String, description = "`true` where this is the first answer again"))),
        ImportProblems))]
pub async fn import(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(Identities { vault, clock }): State<Identities>,
    State(under_way): State<UnderWay>,
    Parameters(query): Parameters<ImportQuery>,
    keyed: Keyed,
    CsvBody(text): CsvBody,
) -> Result<Response, Problem> {
    let mode = query.mode()?;
    let table = Table::read(&text, COLUMNS, REQUIRED)?;
    if table.rows.len() > CREATED_MAX {
        let detail = format!("one file registers {CREATED_MAX} clients at the most");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    let mut items = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        items.push(Item { line: row.line, wish: wish(row, keyed.reach)? });
    }
    let first = command(&keyed, 0);
    if !is_accepted::<Client>(&journal, mode, &ClientId::created_by(first), first).await? {
        need_advisors(&references, keyed.reach, &mut items).await?;
    }
    if mode == Mode::Check {
        return Ok(checked(&items));
    }
    let wishes = all_or_none(items)?;
    let file = written(&wishes);
    let import = async move {
        let (journal, vault, keyed, file) = (&journal, &vault, &keyed, &file);
        let commands = wishes.into_iter().enumerate().map(|(place, (line, new))| async move {
            let command_id = command(keyed, place);
            let id = ClientId::created_by(command_id);
            let (actor, now) = (keyed.actor.clone(), clock.now());
            let done = put_on_list(journal, vault, &new, command_id, actor, now, Some(file)).await?;
            Ok(Created::of(line, &id, &done))
        });
        carried_out(stream::iter(commands)).await
    };
    under_way.see_through(import).await
}

/// The id of the command that registers the client at this place of the file.
fn command(keyed: &Keyed, place: usize) -> CommandId {
    keyed.command(IMPORT, &[&place.to_string()])
}

/// The client that the row is, or what is wrong with it.
fn wish(row: &Row, reach: Reach) -> Result<Result<NewClient, Vec<LineFault>>, Problem> {
    if let Some(fault) = LineFault::of_length(row) {
        return Ok(Err(vec![fault]));
    }
    let advisor = advisor_of(row, reach);
    let body = RegisterClient { advisor, name: row.field("name").to_owned(), email: row.field("email").to_owned() };
    match body.parse() {
        Ok(new) => Ok(Ok(new)),
        Err(problem) => LineFault::of(problem, |pointer| place(row.line, pointer)).map(Err),
    }
}

/// A place of the body that one client's registration has is a column.
fn place(line: u64, pointer: &str) -> (u64, Option<String>) {
    (line, pointer.strip_prefix('/').map(str::to_owned))
}

/// Notes a fault with each client whose advisor is not there or may not have them.
async fn need_advisors(references: &References, reach: Reach, items: &mut [Item<NewClient>]) -> Result<(), Problem> {
    let mut asked: BTreeMap<AdvisorId, Option<Problem>> = BTreeMap::new();
    for item in items {
        let Ok(new) = &item.wish else { continue };
        let refused = match asked.entry(new.advisor) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(references.need_advisor(reach, new.advisor).await.err()),
        };
        if let Some(problem) = refused {
            item.wish = Err(LineFault::of(problem.clone(), |pointer| place(item.line, pointer))?);
        }
    }
    Ok(())
}

/// A digest of all that the file wants. It goes into each client's own, which is keyed: alone it stands nowhere.
fn written(wishes: &[(u64, NewClient)]) -> String {
    let wish = wishes.iter().fold(Canonical::of("ImportClients"), |wish, (_, new)| new.written_into(wish));
    wish.sha256()
}
