//! Prices from a wide CSV file: a date and one column for each asset. Whatever is wrong is told with its line and column.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use analytics::Quotes;
use analytics::prices::ROWS_MAX;
use anyhow::{Context, bail};
use flate2::bufread::MultiGzDecoder;
use jiff::civil::Date;

use super::numbers::brief;

/// What a gzip file begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Columns that are named where the one that was asked for is not among them.
const LABELS_SHOWN_MAX: usize = 30;
/// Bytes of text that are read at most, unpacked: a small file may unpack to anything.
const BYTES_MAX: u64 = 1 << 30;

/// The text of a file, unpacked where it is packed; `-` is the standard input.
fn open(path: &str) -> anyhow::Result<Box<dyn Read>> {
    let raw: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin()),
        path => Box::new(File::open(path).with_context(|| format!("cannot open {path}"))?),
    };
    let mut buffered = BufReader::new(raw);
    let packed = buffered.fill_buf().with_context(|| format!("cannot read {path}"))?.starts_with(&GZIP_MAGIC);
    Ok(if packed {
        Box::new(MultiGzDecoder::new(buffered).take(BYTES_MAX))
    } else {
        Box::new(buffered.take(BYTES_MAX))
    })
}

/// Prices of these assets, or of all where none is named, in the order of the names or of the file.
///
/// # Errors
/// Where the file cannot be read, or a cell that is needed is no date or no price, with its line and column.
pub fn read(path: &str, wanted: Option<&[String]>) -> anyhow::Result<Quotes> {
    parse(open(path)?, path, wanted)
}

fn parse(text: impl Read, path: &str, wanted: Option<&[String]>) -> anyhow::Result<Quotes> {
    let name = if path == "-" { "standard input" } else { path };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let header = reader.headers().with_context(|| format!("{name}, line 1"))?.clone();
    let labels: Vec<&str> = header.iter().collect();
    if labels.len() < 2 {
        bail!("{name}, line 1: the header must name the date and at least one asset, such as `date,AAPL,MSFT`");
    }
    if let Some(column) = (1..labels.len()).find(|&column| labels[column].is_empty()) {
        bail!("{name}, line 1, column {}: the asset has no name", column + 1);
    }
    if let Some(column) = (1..labels.len()).find(|&column| labels[1..column].contains(&labels[column])) {
        bail!("{name}, line 1, column {}: `{}` stands there twice", column + 1, labels[column]);
    }
    let columns: Vec<usize> = match wanted {
        None => (1..labels.len()).collect(),
        Some(wanted) => wanted.iter().map(|asset| place(&labels, asset, name)).collect::<anyhow::Result<_>>()?,
    };
    let mut dates: Vec<Date> = Vec::new();
    let mut prices: Vec<Vec<Option<f64>>> = vec![Vec::new(); columns.len()];
    let mut row = csv::StringRecord::new();
    loop {
        let place = format!("{name}, line {}", reader.position().line());
        if !reader.read_record(&mut row).map_err(|error| anyhow::anyhow!("{}", told(&error, name)))? {
            break;
        }
        let line = row.position().map_or(place, |position| format!("{name}, line {}", position.line()));
        if dates.len() == ROWS_MAX {
            bail!("{line}: more than {ROWS_MAX} rows");
        }
        let text = row.get(0).unwrap_or_default();
        let date: Date = text.parse().map_err(|_| {
            anyhow::anyhow!("{line}, column 1 ({}): `{}` is no date such as 2024-01-31", labels[0], brief(text))
        })?;
        if let Some(before) = dates.last().filter(|before| **before >= date) {
            bail!("{line}, column 1 ({}): {date} does not come after {before}", labels[0]);
        }
        dates.push(date);
        for (&column, prices) in columns.iter().zip(&mut prices) {
            let cell = row.get(column).unwrap_or_default();
            let price = price(cell).with_context(|| {
                format!("{line}, column {} ({}): `{}` is no price", column + 1, labels[column], brief(cell))
            })?;
            prices.push(price);
        }
    }
    if dates.is_empty() {
        bail!("{name} has no row of prices");
    }
    let assets = columns.iter().map(|&column| labels[column].to_owned()).collect();
    Quotes::new(assets, dates, prices).with_context(|| name.to_owned())
}

fn place(labels: &[&str], asset: &str, name: &str) -> anyhow::Result<usize> {
    let found = labels.iter().skip(1).position(|label| *label == asset).map(|place| place + 1);
    found.with_context(|| {
        let (asset, first) = (brief(asset), labels.iter().skip(1).take(LABELS_SHOWN_MAX));
        let there_are = first.map(|label| brief(label)).collect::<Vec<_>>().join(", ");
        let more = labels.len().saturating_sub(1 + LABELS_SHOWN_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{name}, line 1: there is no column `{asset}`; there are {there_are}{more}")
    })
}

/// The price in a cell; an empty cell is a missing price.
fn price(cell: &str) -> anyhow::Result<Option<f64>> {
    if cell.is_empty() {
        return Ok(None);
    }
    let price: f64 = cell.parse()?;
    if price.is_finite() && price > 0.0 { Ok(Some(price)) } else { bail!("a price is a positive number") }
}

/// What the CSV reader found wrong, with our words for the place.
fn told(error: &csv::Error, name: &str) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos: Some(position), expected_len, len } => {
            format!("{name}, line {}: {len} columns instead of {expected_len}", position.line())
        }
        csv::ErrorKind::Utf8 { pos: Some(position), .. } => {
            format!("{name}, line {}: the text is not UTF-8", position.line())
        }
        csv::ErrorKind::Io(error) => format!("cannot read {name}: {error}"),
        _ => format!("{name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    fn refused(text: &str) -> String {
        format!("{:#}", parse(text.as_bytes(), "p.csv", None).unwrap_err())
    }

    #[test]
    fn columns_come_in_the_order_that_was_asked_for_and_empty_cells_are_missing() {
        let text = "date,A,B\n2024-01-02,1,\n2024-01-03,2.5,3\n";
        let quotes = parse(text.as_bytes(), "p.csv", Some(&["B".into(), "A".into()])).unwrap();
        assert_eq!(quotes.assets(), ["B", "A"]);
        assert_eq!((quotes.column(0), quotes.column(1)), (&[None, Some(3.0)][..], &[Some(1.0), Some(2.5)][..]));
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        for (text, expected) in [
            ("date,A\n2024-01-02,x\n", "p.csv, line 2, column 2 (A): `x` is no price"),
            ("date,A\n2024-01-02,1\n2024-01-03,-1\n", "p.csv, line 3, column 2 (A): `-1` is no price"),
            ("date,A\n2024-01-02,NaN\n", "p.csv, line 2, column 2 (A): `NaN` is no price"),
            ("date,A\n02.01.2024,1\n", "p.csv, line 2, column 1 (date): `02.01.2024` is no date"),
            ("date,A\n2024-01-02,1\n2024-01-02,1\n", "p.csv, line 3, column 1 (date): 2024-01-02 does not come after"),
            ("date,A\n2024-01-02,1,2\n", "p.csv, line 2: 3 columns instead of 2"),
            ("date,A,A\n", "p.csv, line 1, column 3: `A` stands there twice"),
            ("date\n", "p.csv, line 1: the header must name"),
            ("date,A\n", "p.csv has no row"),
        ] {
            let told = refused(text);
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn a_bad_cell_of_an_asset_that_nobody_asked_for_is_no_matter() {
        let text = "date,A,OIL\n2020-04-20,1,-37.63\n";
        assert!(parse(text.as_bytes(), "p.csv", Some(&["A".into()])).is_ok());
    }

    /// Cells as no honest file has them, and as honest ones do.
    fn cell() -> impl Strategy<Value = String> {
        let odd =
            ["", "0", "-1", "1e308", "1e999", "NaN", "inf", "1,5", "\"", "\"\"", "\u{0}", "12", "3.5", "é", " 7 "];
        prop_oneof![
            prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
            any::<f64>().prop_map(|x| x.to_string())
        ]
    }

    fn day() -> impl Strategy<Value = String> {
        let odd = ["2024-02-30", "", "2024-01-02", "2024-01-03", "2024-01-04", "-009999-01-01", "9999-12-31", "x"];
        prop::sample::select(odd.to_vec()).prop_map(str::to_owned)
    }

    fn kept(text: &[u8]) -> Result<(), TestCaseError> {
        // Refused with words, or prices that every computation may trust.
        let Ok(quotes) = parse(text, "p.csv", None) else { return Ok(()) };
        prop_assert!(quotes.dates().is_sorted_by(|a, b| a < b));
        for asset in 0..quotes.assets().len() {
            let mut closes = quotes.column(asset).iter().flatten();
            prop_assert!(closes.all(|close| close.is_finite() && *close > 0.0));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_become_prices(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            kept(&bytes)?;
        }

        #[test]
        fn any_rows_are_refused_or_become_prices(
            rows in prop::collection::vec((day(), prop::collection::vec(cell(), 1..4)), 0..8),
            marked in any::<bool>(),
        ) {
            let mut text = String::from("date,A,B\n");
            for (day, cells) in rows {
                text += &format!("{day},{}\n", cells.join(","));
            }
            if marked {
                text.insert(0, '\u{feff}');
            }
            kept(text.as_bytes())?;
        }

        #[test]
        fn any_words_are_weights_or_refused(text in ".{0,40}") {
            if let Ok(weights) = text.parse::<super::super::weights::PerAsset>() {
                prop_assert!(weights.numbers().iter().all(|number| number.is_finite()));
            }
        }
    }
}
