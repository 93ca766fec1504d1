//! Comma-separated values, read strictly (RFC 4180): with a line of names first, and with commas, semicolons or tabs
//! between fields, whichever that line has. Lines end as they do on any system; empty ones are passed over.
//!
//! Written here because a report has to name the very line, and because a quote out of its place is told, not guessed at.

use std::collections::BTreeMap;

use crate::problem::{Problem, ProblemType};

/// Lines that a file may have besides the one with the names: at some six assets a portfolio, more than a request records.
const ROWS_MAX: usize = 10_000;
/// Characters that are told of what was not understood.
const SHOWN_CHARS_MAX: usize = 60;
/// What may stand between fields.
const DELIMITERS: [char; 3] = [',', ';', '\t'];
/// What programs put before a text in UTF-8, and what is none of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file's rows, each with its fields by the names of their columns.
#[derive(Debug)]
pub struct Table {
    /// The rows in their order.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// The line that it begins in, from 1.
    pub line: u64,
    fields: BTreeMap<&'static str, String>,
    /// How many fields it has, where that is not as many as there are columns.
    pub wrong_number: Option<usize>,
}

impl Row {
    /// What stands in the column; empty where it has no such column.
    #[must_use]
    pub fn field(&self, column: &str) -> &str {
        self.fields.get(column).map_or("", String::as_str)
    }

    /// What stands in the column, where anything does.
    #[must_use]
    pub fn given(&self, column: &str) -> Option<&str> {
        self.fields.get(column).map(String::as_str).filter(|field| !field.is_empty())
    }
}

impl Table {
    /// The table that the text is, with these columns in any order, of which the first so many must be there.
    ///
    /// # Errors
    /// `malformed-csv`, with the line.
    pub fn read(text: &str, columns: &'static [&'static str], required: usize) -> Result<Self, Problem> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let delimiter = delimiter(text);
        let mut records = records(text, delimiter)?.into_iter();
        let (line, names) = records.next().ok_or_else(|| malformed(1, "the file is empty"))?;
        let header = header(line, &names, columns)?;
        if let Some(missing) = columns[..required].iter().find(|column| !header.contains(column)) {
            return Err(malformed(line, format!("there is no column `{missing}`")));
        }
        let row = |(line, fields): (u64, Vec<String>)| {
            let wrong_number = (fields.len() != header.len()).then_some(fields.len());
            Row { line, fields: header.iter().copied().zip(fields).collect(), wrong_number }
        };
        let rows: Vec<Row> = records.map(row).collect();
        if rows.is_empty() {
            return Err(malformed(line, "there is no line behind the names of the columns"));
        }
        Ok(Self { rows })
    }
}

fn header(line: u64, names: &[String], columns: &'static [&'static str]) -> Result<Vec<&'static str>, Problem> {
    let mut header: Vec<&'static str> = Vec::new();
    for name in names {
        let known = columns.iter().find(|column| column.eq_ignore_ascii_case(name.trim()));
        let Some(known) = known else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
            let detail = format!("`{shown}` is no column here; there are {}", columns.join(", "));
            return Err(malformed(line, detail));
        };
        if header.contains(known) {
            return Err(malformed(line, format!("the column `{known}` stands there twice")));
        }
        header.push(known);
    }
    Ok(header)
}

/// What stands between the names of the columns, which themselves have none of it.
fn delimiter(text: &str) -> char {
    let first = text.trim_start_matches(['\r', '\n']).split(['\r', '\n']).next().unwrap_or_default();
    let frequent = DELIMITERS.into_iter().max_by_key(|delimiter| first.matches(*delimiter).count());
    frequent.filter(|delimiter| first.contains(*delimiter)).unwrap_or(',')
}

/// Where in a field the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// Behind a quote that ends the field, unless another one follows.
    Closed,
}

fn records(text: &str, delimiter: char) -> Result<Vec<(u64, Vec<String>)>, Problem> {
    let mut records: Vec<(u64, Vec<String>)> = Vec::new();
    let (mut fields, mut field, mut at) = (Vec::new(), String::new(), At::Start);
    let (mut line, mut began) = (1, 1);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_line = matches!(character, '\r' | '\n');
        if character == '\r' && characters.peek() == Some(&'\n') {
            characters.next();
            if at == At::Quoted {
                field.push('\r');
            }
        }
        match (at, character) {
            (At::Quoted, '"') => at = At::Closed,
            (At::Quoted, _) => field.push(if ends_line { '\n' } else { character }),
            (At::Closed, '"') => {
                field.push('"');
                at = At::Quoted;
            }
            (At::Start, '"') => at = At::Quoted,
            (At::Plain, '"') => return Err(malformed(line, "a quote stands in a field that does not begin with one")),
            (_, character) if character == delimiter => {
                fields.push(std::mem::take(&mut field));
                at = At::Start;
            }
            (_, '\r' | '\n') => {
                if at != At::Start || !fields.is_empty() {
                    fields.push(std::mem::take(&mut field));
                    push(&mut records, began, std::mem::take(&mut fields))?;
                }
                at = At::Start;
            }
            (At::Closed, _) => return Err(malformed(line, "something stands behind a quote that ends a field")),
            (At::Start | At::Plain, character) => {
                field.push(character);
                at = At::Plain;
            }
        }
        if ends_line {
            line += 1;
            if at == At::Start && fields.is_empty() {
                began = line;
            }
        }
    }
    if at == At::Quoted {
        return Err(malformed(began, "a quote is opened in this line and never closed"));
    }
    if at != At::Start || !fields.is_empty() {
        fields.push(field);
        push(&mut records, began, fields)?;
    }
    Ok(records)
}

fn push(records: &mut Vec<(u64, Vec<String>)>, line: u64, fields: Vec<String>) -> Result<(), Problem> {
    // The names of the columns are no row.
    if records.len() > ROWS_MAX {
        let detail = format!("the file has more than {ROWS_MAX} lines");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    records.push((line, fields));
    Ok(())
}

fn malformed(line: u64, detail: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemType::MalformedCsv, format!("line {line}: {detail}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{DELIMITERS, Table, records};
    use crate::problem::ProblemType;

    const COLUMNS: &[&str] = &["name", "email", "advisor"];

    fn read(text: &str) -> Vec<(u64, String, String)> {
        let table = Table::read(text, COLUMNS, 2).unwrap();
        table.rows.iter().map(|row| (row.line, row.field("name").to_owned(), row.field("email").to_owned())).collect()
    }

    #[test]
    fn one_table_has_many_spellings() {
        let same = vec![(2, "Ana, \"Ninha\"".to_owned(), "ana@x.example".to_owned())];
        for text in [
            "name,email\n\"Ana, \"\"Ninha\"\"\",ana@x.example\n",
            "name,email\r\n\"Ana, \"\"Ninha\"\"\",ana@x.example",
            "\u{feff}Name;EMAIL\r\"Ana, \"\"Ninha\"\"\";ana@x.example\r",
            " email \tname\nana@x.example\t\"Ana, \"\"Ninha\"\"\"\n\n\n",
        ] {
            assert_eq!(read(text), same, "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted_through_quotes_and_empty_lines() {
        let text = "\nname,email\n\n\"two\nlines\",a\r\n\r\nnext,b\r\"three\r\nmore\",c";
        let lines: Vec<(u64, String)> = read(text).into_iter().map(|(line, name, _)| (line, name)).collect();
        let expected = [(4, "two\nlines"), (7, "next"), (8, "three\r\nmore")];
        assert_eq!(lines, expected.map(|(line, name)| (line, name.to_owned())));
    }

    #[test]
    fn a_row_of_another_length_says_so() {
        let table = Table::read("name,email\na\nb,c,d\ne,f", COLUMNS, 2).unwrap();
        assert_eq!(table.rows.iter().map(|row| row.wrong_number).collect::<Vec<_>>(), [Some(1), Some(3), None]);
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (text, told) in [
            ("", "line 1: the file is empty"),
            ("name,email\n", "line 1: there is no line"),
            ("name,mail\na,b", "`mail` is no column"),
            ("name,name\na,b", "stands there twice"),
            ("name\na", "there is no column `email`"),
            ("name,email\na\"b,c", "line 2: a quote"),
            ("name,email\n\"a\"b,c", "line 2: something"),
            ("name,email\na,b\n\"c,d\ne,f", "line 3: a quote is opened"),
        ] {
            let refused = Table::read(text, COLUMNS, 2).unwrap_err();
            assert_eq!(refused.kind(), ProblemType::MalformedCsv);
            assert!(refused.detail().contains(told), "{text:?}: {}", refused.detail());
        }
        let many = format!("name,email\n{}", "a,b\n".repeat(super::ROWS_MAX + 1));
        assert_eq!(Table::read(&many, COLUMNS, 2).unwrap_err().kind(), ProblemType::BodyTooLarge);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(
            cells in prop::collection::vec(prop::collection::vec("[a-z,;\t\"\n é]{0,12}", 3), 1..6),
            which in 0_usize..3,
        ) {
            let delimiter = DELIMITERS[which];
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let line = |cells: &Vec<String>| cells.iter().map(quoted).collect::<Vec<_>>().join(&delimiter.to_string());
            let text = cells.iter().map(line).collect::<Vec<_>>().join("\r\n");
            let read = records(&text, delimiter).unwrap();
            prop_assert_eq!(read.into_iter().map(|(_, fields)| fields).collect::<Vec<_>>(), cells);
        }

        #[test]
        fn no_text_whatever_is_more_than_refused(text in any::<String>(), noise in "[\",;\r\n\ta-z\u{feff}]{0,200}") {
            for text in [text, noise.clone(), format!("name,email\n{noise}")] {
                match Table::read(&text, COLUMNS, 2) {
                    Ok(table) => prop_assert!(table.rows.iter().all(|row| row.line > 1)),
                    Err(problem) => prop_assert!(problem.kind().status().is_client_error()),
                }
            }
        }
    }
}
