//! `POST /v1/portfolios/import`: many portfolios from one file, each of as many lines as it has assets.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use events::Portfolio;
use events::values::{CommandId, PortfolioId};
use futures::stream;
use journal::Journal;

use super::allocation::{BandBody, LimitedTargetBody};
use super::keeping::PolicyBody;
use super::{CreatePortfolio, NewPortfolio, compose};
use crate::access::Reach;
use crate::canonical::Canonical;
use crate::described::problems;
use crate::faults::Faults;
use crate::idempotency::{KeyHeader, Keyed};
use crate::imports::{
    CREATED_MAX, Created, CsvBody, ImportQuery, ImportReport, Item, LineFault, Mode, Row, Table, UnderWay, advisor_of,
    all_or_none, carried_out, checked, is_accepted,
};
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const IMPORT: &str = "POST /v1/portfolios/import";
/// The columns; the first four must be there.
const COLUMNS: &[&str] = &[
    "name",
    "currency",
    "asset",
    "weight",
    "portfolio",
    "advisor",
    "locked",
    "band_min",
    "band_max",
    "rebalancing",
    "benchmark",
    "risk_class",
];
const REQUIRED: usize = 4;
/// What is said of a portfolio, and not of one of its assets: said once, or the same in each line.
const OF_THE_WHOLE: [&str; 6] = ["name", "currency", "advisor", "rebalancing", "benchmark", "risk_class"];

problems!(ImportProblems: ANY, GUARDED, IMPORT, KEYED; PortfolioAlreadyCreated);

/// Composes portfolios from a file: all of them, or none.
///
/// Each line is one asset of a portfolio. Lines with the same `portfolio`, or with the same `name` where that column is not
/// there or empty, are one. `name`, `currency`, `asset` and `weight` must be there; `advisor` (an id) may be left out by
/// advisors for themselves; `locked` (`yes` or `no`), `band_min`, `band_max`, `rebalancing`, `benchmark` and `risk_class` may
/// be there. What is said of the whole portfolio stands in its first line, and the same or nothing in the others. Fields are
/// separated by commas, semicolons or tabs, and quoted as RFC 4180 says; the text is UTF-8. At most 1,000 portfolios. The same
/// request again has the same answer, and a caller who hangs up stops nothing.
#[utoipa::path(post, path = "/v1/portfolios/import", tag = "portfolios", operation_id = "importPortfolios",
    security(("bearer" = ["admin", "advisor"])), params(ImportQuery, KeyHeader),
    request_body(content = String, content_type = "text/csv",
        example = "name,currency,asset,weight\nGrowth,USD,AAPL,0.6\nGrowth,USD,MSFT,0.4\n"),
    responses((status = 200, description = "All were composed, or what a check found.", body = ImportReport,
        headers(("Insights-Position" = String, description = "Where the last event stands"),
                ("Idempotent-Replayed" = String, description = "`true` where this is the first answer again"))),
        ImportProblems))]
pub async fn import(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    State(under_way): State<UnderWay>,
    Parameters(query): Parameters<ImportQuery>,
    keyed: Keyed,
    CsvBody(text): CsvBody,
) -> Result<Response, Problem> {
    let mode = query.mode()?;
    let table = Table::read(&text, COLUMNS, REQUIRED)?;
    let groups = grouped(&table);
    if groups.len() > CREATED_MAX {
        let detail = format!("one file composes {CREATED_MAX} portfolios at the most");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    let first = command(&keyed, 0);
    let accepted = is_accepted::<Portfolio>(&journal, mode, &PortfolioId::created_by(first), first).await?;
    let mut items = Vec::with_capacity(groups.len());
    for group in &groups {
        let needs = (!accepted).then_some(&references);
        items.push(Item { line: group[0].line, wish: wish(group, keyed.reach, needs).await? });
    }
    if mode == Mode::Check {
        return Ok(checked(&items));
    }
    let wishes = all_or_none(items)?;
    let file = wishes.iter().fold(Canonical::of("ImportPortfolios"), |wish, (_, new)| new.written_into(wish)).sha256();
    let import = async move {
        let (journal, keyed, file) = (&journal, &keyed, &file);
        let commands = wishes.into_iter().enumerate().map(|(place, (line, new))| async move {
            let (command_id, now) = (command(keyed, place), clock.now());
            let digest = new.written_into(Canonical::of("CreatePortfolio").with("file", file)).sha256();
            let done = compose(journal, &new, command_id, keyed.actor.clone(), now, digest).await?;
            Ok(Created::of(line, &PortfolioId::created_by(command_id), &done))
        });
        carried_out(stream::iter(commands)).await
    };
    under_way.see_through(import).await
}

/// The id of the command that composes the portfolio at this place of the file.
fn command(keyed: &Keyed, place: usize) -> CommandId {
    keyed.command(IMPORT, &[&place.to_string()])
}

/// The rows of each portfolio, in the order of its first one.
fn grouped(table: &Table) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for row in &table.rows {
        let key = row.given("portfolio").unwrap_or_else(|| row.field("name"));
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    groups
}

/// The portfolio that the rows are, or what is wrong with it. What it names is asked for where there is somebody to ask.
async fn wish(
    rows: &[&Row],
    reach: Reach,
    needs: Option<&References>,
) -> Result<Result<NewPortfolio, Vec<LineFault>>, Problem> {
    let mut faults: Vec<LineFault> = rows.iter().filter_map(|row| LineFault::of_length(row)).collect();
    if faults.is_empty() {
        faults.extend(contradictions(rows));
    }
    let body = body(rows, reach, &mut faults);
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    let parsed = match NewPortfolio::parse(&body, Faults::default()) {
        Ok(new) => match needs {
            Some(references) => new.needed(references, reach).await.map(|()| new),
            None => Ok(new),
        },
        Err(problem) => Err(problem),
    };
    match parsed {
        Ok(new) => Ok(Ok(new)),
        Err(problem) => LineFault::of(problem, |pointer| place(rows, pointer)).map(Err),
    }
}

/// Where the lines of one portfolio say different things of all of it.
fn contradictions(rows: &[&Row]) -> Vec<LineFault> {
    let Some((first, others)) = rows.split_first() else { return Vec::new() };
    let contradicts = |row: &&&Row, column: &str| row.given(column).is_some_and(|said| said != first.field(column));
    let in_column = |column: &'static str| {
        others.iter().filter(move |row| contradicts(row, column)).map(move |row| {
            let detail = format!("line {} says another {column} of the same portfolio", first.line);
            LineFault::new(row.line, Some(column), "differs-from-first-line", detail)
        })
    };
    OF_THE_WHOLE.into_iter().flat_map(in_column).collect()
}

/// The body that would compose the portfolio alone.
fn body(rows: &[&Row], reach: Reach, faults: &mut Vec<LineFault>) -> CreatePortfolio {
    let first = rows[0];
    let text = |name: &str| first.given(name).map(str::to_owned);
    let mut allocation = Vec::with_capacity(rows.len());
    for row in rows {
        let locked = match row.field("locked") {
            "" => None,
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => {
                let detail = "a lock is `yes` or `no`".to_owned();
                faults.push(LineFault::new(row.line, Some("locked"), "not-one-of", detail));
                None
            }
        };
        let (min, max) = (row.field("band_min"), row.field("band_max"));
        let band = (!min.is_empty() || !max.is_empty()).then(|| BandBody { min: min.to_owned(), max: max.to_owned() });
        let (asset, weight) = (row.field("asset").to_owned(), row.field("weight").to_owned());
        allocation.push(LimitedTargetBody { asset, weight, locked, band });
    }
    let (benchmark, risk_class) = (text("benchmark"), text("risk_class"));
    let said = text("rebalancing");
    // Where any of it is said, the rest is as it is where nothing is.
    let policy = (said.is_some() || benchmark.is_some() || risk_class.is_some()).then(|| PolicyBody {
        rebalancing: said.unwrap_or_else(|| events::values::Policy::default().rebalancing.word().to_owned()),
        benchmark,
        risk_class,
    });
    CreatePortfolio {
        advisor: advisor_of(first, reach),
        name: first.field("name").to_owned(),
        currency: Some(first.field("currency").to_owned()),
        allocation,
        policy,
        // A model is composed by hand.
        model: false,
    }
}

/// Where in the file a place of the body stands.
fn place(rows: &[&Row], pointer: &str) -> (u64, Option<String>) {
    let mut parts = pointer.split('/').skip(1);
    let (part, rest) = (parts.next(), parts.collect::<Vec<_>>());
    match (part, rest.as_slice()) {
        (Some("allocation"), [number, field @ ..]) => {
            let row = number.parse().ok().and_then(|number: usize| rows.get(number));
            let column = match field {
                [] => None,
                ["band"] => Some("band_min".to_owned()),
                field => Some(field.join("_")),
            };
            (row.map_or(rows[0].line, |row| row.line), column)
        }
        (Some("allocation"), []) => (rows[0].line, Some("weight".to_owned())),
        (Some("policy"), [field]) => (rows[0].line, Some((*field).to_owned())),
        (Some(field), []) => (rows[0].line, Some(field.to_owned())),
        _ => (rows[0].line, None),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::{COLUMNS, REQUIRED, grouped, wish};
    use crate::access::Reach;
    use crate::imports::Table;
    use events::values::AdvisorId;
    use uuid::Uuid;

    /// Line, column and code of each fault.
    type Faults = Vec<(u64, String, &'static str)>;

    /// What each portfolio of the file comes to: its name and assets, or its faults.
    fn read(text: &str) -> Vec<Result<(String, usize), Faults>> {
        let table = Table::read(text, COLUMNS, REQUIRED).unwrap();
        let reach = Reach::Only(AdvisorId::new(Uuid::from_u128(7)));
        let one = |group: &Vec<&crate::imports::Row>| {
            let wish = wish(group, reach, None).now_or_never().unwrap().unwrap();
            wish.map(|new| (new.composition.name.as_str().to_owned(), new.composition.allocation.iter().count()))
                .map_err(|faults| {
                    let told = |fault: crate::imports::LineFault| {
                        let fault = serde_json::to_value(&fault).unwrap();
                        (fault["line"].as_u64().unwrap(), fault["column"].as_str().unwrap_or_default().to_owned())
                    };
                    let codes: Vec<_> = faults.iter().map(|fault| fault.code()).collect();
                    faults.into_iter().map(told).zip(codes).map(|((line, column), code)| (line, column, code)).collect()
                })
        };
        grouped(&table).iter().map(one).collect()
    }

    #[test]
    fn lines_of_one_name_or_one_key_are_one_portfolio() {
        let text = "name,currency,asset,weight\nGrowth,USD,AAPL,0.6\nIncome,USD,BND,1\nGrowth,USD,MSFT,0.4\n";
        assert_eq!(read(text), [Ok(("Growth".to_owned(), 2)), Ok(("Income".to_owned(), 1))]);
        let text = "portfolio;name;currency;asset;weight\n1;Growth;USD;AAPL;1\n2;Growth;USD;AAPL;0.5\n2;;;MSFT;0.5\n";
        assert_eq!(read(text), [Ok(("Growth".to_owned(), 1)), Ok(("Growth".to_owned(), 2))]);
    }

    #[test]
    fn each_fault_is_told_with_its_line_and_column() {
        let text = "name,currency,asset,weight,locked,band_min,band_max,risk_class\n\
                    A,USD,AAPL,0.6,maybe,,,\n\
                    B,usd,AAPL,0.5,,0.9,0.1,\n\
                    B,EUR,msft,x,,,,\n\
                    C,USD,AAPL,0.6,,,,\n\
                    C,USD,MSFT,0.5,,,,\n\
                    D,USD,AAPL,1,,,,daring\n\
                    E,USD,AAPL\n";
        let told = |line: u64, column: &str, code: &'static str| (line, column.to_owned(), code);
        assert_eq!(
            read(text),
            [
                Err(vec![told(2, "locked", "not-one-of")]),
                Err(vec![told(4, "currency", "differs-from-first-line")]),
                Err(vec![told(5, "weight", "weights-do-not-add-up")]),
                Err(vec![told(7, "risk_class", "not-one-of")]),
                Err(vec![told(8, "", "wrong-number-of-fields")]),
            ]
        );
        let text = "name,currency,asset,weight,band_min,band_max\nB,usd,AAPL,0.5,0.9,0.1\nB,,msft,x,,\n";
        let read = read(text);
        let [Err(faults)] = read.as_slice() else { panic!("{read:?}") };
        let places: Vec<_> = faults.iter().map(|(line, column, _)| (*line, column.as_str())).collect();
        assert_eq!(places, [(2, "currency"), (3, "asset"), (3, "weight"), (2, "band_min")]);
    }
}
