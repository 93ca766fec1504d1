//! Imports: many things created by one file of comma-separated values, all of them or none.
//!
//! Each thing is one command, whose id follows from the caller's key and the thing's place in the file. What can be refused
//! is refused before the first command; where that one is in the log, the import was accepted, and is completed whatever has
//! become of what it names: by a task that does not end with its caller's connection (`under_way.rs`), and where the whole
//! process died, by the same request. One that was carried out changes nothing.

mod table;
mod under_way;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use events::values::CommandId;
use events::{Decider, Position};
use futures::{Stream, StreamExt, TryStreamExt};
use journal::{Done, Journal, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::body::read;
use crate::commands::{IDEMPOTENT_REPLAYED, INSIGHTS_POSITION};
use crate::paging::word_parameter;
use crate::problem::{FieldError, Problem, ProblemType};

pub use self::table::{Row, Table};
pub use self::under_way::UnderWay;

/// Bytes that a file may have.
const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Things that one file may create: more would not be recorded within the time of a request.
pub const CREATED_MAX: usize = 1_000;
/// Commands of one import that are given at once.
const GIVEN_AT_ONCE: usize = 16;
/// Faults of one thing that a report tells.
const FAULTS_OF_ONE_MAX: usize = 20;

/// A file of comma-separated values, not yet taken apart.
pub struct CsvBody(pub String);

impl<S: Send + Sync> FromRequest<S> for CsvBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_csv(request.headers()) {
            let detail = "a file for an import is declared as text/csv, in UTF-8";
            return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
        }
        let bytes = read(request.into_body(), FILE_BYTES_MAX).await?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = bytes[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
            Problem::new(ProblemType::MalformedCsv, format!("line {line} is not UTF-8"))
        })?;
        Ok(Self(text))
    }
}

fn is_csv(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let parameters = ["charset=utf-8", "charset=\"utf-8\"", "header=present", ""];
    parts.next().as_deref() == Some("text/csv") && parts.all(|part| parameters.contains(&part.as_str()))
}

/// What is to be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Say what is wrong with it, and write nothing.
    Check,
    /// Create all that stands in it, or nothing where anything is wrong.
    Create,
}

impl Mode {
    const ALL: [Self; 2] = [Self::Check, Self::Create];

    const fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Create => "create",
        }
    }
}

/// Whether the import was accepted before: then its first command, which created this, is in the log.
///
/// # Errors
/// That the log cannot be read.
pub async fn is_accepted<D: Decider>(
    journal: &Journal,
    mode: Mode,
    id: &D::Id,
    first: CommandId,
) -> Result<bool, Problem> {
    Ok(mode == Mode::Create && journal.was_given::<D>(id, first).await?)
}

/// The id of the advisor that a row names; who reaches nobody else's need not name themselves.
pub fn advisor_of(row: &Row, reach: Reach) -> String {
    match (row.given("advisor"), reach) {
        (Some(named), _) => named.to_owned(),
        (None, Reach::Only(own)) => own.to_string(),
        (None, Reach::Everybody) => String::new(),
    }
}

/// What is to be done with the file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// `create`, which is meant where nothing is said, creates all that stands in the file, or nothing where anything is
    /// wrong with it. `check` writes nothing and tells of every line what is wrong with it.
    #[param(example = "check")]
    mode: Option<String>,
}

impl ImportQuery {
    /// What is to be done.
    ///
    /// # Errors
    /// `invalid-parameter`.
    pub fn mode(&self) -> Result<Mode, Problem> {
        Ok(word_parameter("mode", self.mode.as_deref(), &Mode::ALL, Mode::word)?.unwrap_or(Mode::Create))
    }
}

/// What came of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportReport {
    /// `create` or `check`.
    #[schema(example = "create")]
    mode: &'static str,
    /// How many things were created, now or when the same request came before.
    #[schema(example = 1)]
    created: usize,
    /// How many things cannot be created as they stand.
    #[schema(example = 0)]
    refused: usize,
    /// Each thing that the file wants created, in its order.
    items: Vec<ImportedItem>,
    /// Where the last event stands, as in `Insights-Position`; `null` where none was written.
    #[schema(required, value_type = Option<String>, example = "advisory-42")]
    position: Option<Position>,
}

/// One thing that a file wants created.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedItem {
    /// The line that it begins in, from 1; the first line names the columns.
    #[schema(example = 2, minimum = 1)]
    line: u64,
    /// `created`, `valid` where it was only checked, or `refused`.
    #[schema(example = "created")]
    state: &'static str,
    /// The id of what was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1de44776-fcf6-5175-b615-e6829eedd301")]
    id: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<LineFault>,
}

/// What is wrong in one place of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineFault {
    /// The line, from 1.
    #[schema(example = 2, minimum = 1)]
    line: u64,
    /// The column, where it lies in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "email")]
    column: Option<String>,
    /// The type of the problem that creating it alone would meet.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid-body")]
    kind: String,
    /// A stable name for what is wrong.
    #[schema(example = "not-an-email-address")]
    code: &'static str,
    /// What is wrong, for people.
    detail: String,
}

impl LineFault {
    /// A fault of the file itself.
    pub fn new(line: u64, column: Option<&str>, code: &'static str, detail: String) -> Self {
        let kind = ProblemType::ImportRefused.uri();
        Self { line, column: column.map(str::to_owned), kind, code, detail }
    }

    /// The fault of a row that has more or fewer fields than there are columns, if it does.
    pub fn of_length(row: &Row) -> Option<Self> {
        let fields = row.wrong_number?;
        let detail = format!("the line has {fields} fields, and not as many as there are columns");
        Some(Self::new(row.line, None, "wrong-number-of-fields", detail))
    }

    /// Its stable name.
    #[cfg(test)]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The faults that the problem of creating one thing tells of. `place` says where in the file a place of the body
    /// stands.
    ///
    /// # Errors
    /// The problem itself where it is none of what the file says.
    pub fn of(problem: Problem, place: impl Fn(&str) -> (u64, Option<String>)) -> Result<Vec<Self>, Problem> {
        if problem.kind().status().is_server_error() {
            return Err(problem);
        }
        let kind = problem.kind().uri();
        let fault = |error: &FieldError| {
            let (line, column) = place(error.pointer.as_deref().unwrap_or_default().trim_start_matches('#'));
            Self { line, column, kind: kind.clone(), code: error.code, detail: error.detail.clone() }
        };
        if problem.errors().is_empty() {
            let (line, column) = place("");
            return Ok(vec![Self {
                line,
                column,
                kind,
                code: problem.kind().code(),
                detail: problem.detail().to_owned(),
            }]);
        }
        Ok(problem.errors().iter().take(FAULTS_OF_ONE_MAX).map(fault).collect())
    }

    fn in_problem(&self) -> FieldError {
        let column = self.column.as_ref().map(|column| format!("/{column}")).unwrap_or_default();
        let detail = format!("line {}: {}", self.line, self.detail);
        FieldError::in_body(&format!("/{}{column}", self.line), self.code, detail)
    }
}

/// One thing as it was read from the file, or what is wrong with it.
pub struct Item<T> {
    /// The line that it begins in.
    pub line: u64,
    /// What is to be created.
    pub wish: Result<T, Vec<LineFault>>,
}

impl<T> Item<T> {
    fn seen(&self) -> ImportedItem {
        let (state, errors) = match &self.wish {
            Ok(_) => ("valid", Vec::new()),
            Err(faults) => ("refused", faults.clone()),
        };
        ImportedItem { line: self.line, state, id: None, errors }
    }
}

/// What a check found.
pub fn checked<T>(items: &[Item<T>]) -> Response {
    let refused = items.iter().filter(|item| item.wish.is_err()).count();
    let items = items.iter().map(Item::seen).collect();
    Json(ImportReport { mode: Mode::Check.word(), created: 0, refused, items, position: None }).into_response()
}

/// The wishes, each with its line, where nothing is wrong with any.
///
/// # Errors
/// `import-refused`, with the first faults.
pub fn all_or_none<T>(items: Vec<Item<T>>) -> Result<Vec<(u64, T)>, Problem> {
    let refused = items.iter().filter(|item| item.wish.is_err()).count();
    if refused > 0 {
        let faults = items.iter().filter_map(|item| item.wish.as_ref().err()).flatten();
        let errors = faults.map(LineFault::in_problem).collect();
        let detail = format!("{refused} of {} cannot be created, so nothing was; mode=check tells all", items.len());
        return Err(Problem::new(ProblemType::ImportRefused, detail).with_errors(errors));
    }
    Ok(items.into_iter().filter_map(|Item { line, wish }| Some((line, wish.ok()?))).collect())
}

/// What was created, and where.
pub struct Created {
    line: u64,
    id: String,
    outcome: Outcome,
    position: Option<Position>,
}

impl Created {
    /// What a command that creates came to.
    pub fn of<D: Decider>(line: u64, id: &D::Id, done: &Done<D>) -> Self {
        Self { line, id: id.to_string(), outcome: done.outcome, position: done.position }
    }
}

/// Carries out an import's commands: the first one by itself, since it is the mark of the import, and then the others,
/// some at once.
///
/// # Errors
/// The first problem: that the log or the vault was away for longer than a command waits. What was recorded before it
/// stays, and the same request completes it.
pub async fn carried_out<C>(commands: impl Stream<Item = C> + Send + Unpin) -> Result<Response, Problem>
where
    C: Future<Output = Result<Created, Problem>> + Send,
{
    let mut commands = commands;
    let mut all = Vec::new();
    if let Some(first) = commands.next().await {
        all.push(first.await?);
    }
    let others: Vec<Created> = commands.buffered(GIVEN_AT_ONCE).try_collect().await?;
    all.extend(others);
    let position = all.iter().filter_map(|created| created.position).max_by_key(|position| position.sequence);
    let replayed = all.iter().all(|created| created.outcome == Outcome::Replayed);
    let item = |Created { line, id, .. }| ImportedItem { line, state: "created", id: Some(id), errors: Vec::new() };
    let created = all.len();
    let items = all.into_iter().map(item).collect();
    let report = ImportReport { mode: Mode::Create.word(), created, refused: 0, items, position };
    let mut response = Json(report).into_response();
    let headers = response.headers_mut();
    if let Some(position) = position {
        let position = HeaderValue::try_from(position.to_string()).expect("a position is visible ASCII");
        headers.insert(INSIGHTS_POSITION, position);
    }
    if replayed {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{Item, LineFault, all_or_none, is_csv};
    use crate::problem::ProblemType;

    #[test]
    fn a_file_is_declared_as_csv_in_utf_8() {
        let with =
            |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
        for good in ["text/csv", "Text/CSV; charset=UTF-8", "text/csv; header=present;charset=utf-8"] {
            assert!(is_csv(&with(good)), "{good}");
        }
        for bad in ["application/json", "text/csv; charset=latin1", "text/csv; header=absent", ""] {
            assert!(!is_csv(&with(bad)), "{bad}");
        }
    }

    #[test]
    fn one_fault_holds_everything_up_and_is_told_with_its_line_and_column() {
        let fault = LineFault::new(3, Some("email"), "not-an-email-address", "x is none".to_owned());
        let items = vec![Item { line: 2, wish: Ok(1) }, Item { line: 3, wish: Err(vec![fault]) }];
        let refused = all_or_none(items).unwrap_err();
        assert_eq!(refused.kind(), ProblemType::ImportRefused);
        assert_eq!(refused.errors()[0].pointer.as_deref(), Some("#/3/email"));
        assert_eq!(all_or_none(vec![Item { line: 2, wish: Ok(1) }]).unwrap(), vec![(2, 1)]);
    }
}
