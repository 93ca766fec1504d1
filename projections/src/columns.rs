//! Columns of PostgreSQL: values that sqlx does not write or read by itself.

use std::fmt::{Display, Write};

use events::values::{Allocation, AssetId};
use events::{Position, Stream};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// The text of an array of numbers, as PostgreSQL reads it: `{1,2.5}`. `UNNEST` takes arrays apart, so that an array
/// in each row has to travel as text.
pub(crate) fn number_array<T: Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let mut text = String::from("{");
    for (n, number) in numbers.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        write!(text, "{number}").expect("writing to a string does not fail");
    }
    text.push('}');
    text
}

/// The text of an array of texts, as PostgreSQL reads it: `{"AAPL","OCDO.L"}`.
pub(crate) fn text_array<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut array = String::from("{");
    for (n, text) in texts.into_iter().enumerate() {
        if n > 0 {
            array.push(',');
        }
        array.push('"');
        let mut rest = text;
        while let Some(at) = rest.find(['"', '\\']) {
            let (plain, special) = rest.split_at(at);
            array.push_str(plain);
            array.push('\\');
            array.push_str(&special[..1]);
            rest = &special[1..];
        }
        array.push_str(rest);
        array.push('"');
    }
    array.push('}');
    array
}

/// The two columns of an allocation: assets and weights, in the order of the assets' ids.
pub(crate) fn allocation_arrays(allocation: &Allocation) -> (String, String) {
    let assets = text_array(allocation.iter().map(|(asset, _)| asset.as_str()));
    (assets, number_array(allocation.iter().map(|(_, weight)| weight)))
}

/// The targets that two columns hold.
pub(crate) fn targets(assets: &[String], weights: Vec<Decimal>) -> Result<Vec<(AssetId, Decimal)>, sqlx::Error> {
    if assets.len() != weights.len() {
        return Err(damaged(format!("{} assets have {} weights", assets.len(), weights.len())));
    }
    assets.iter().zip(weights).map(|(asset, weight)| Ok((asset_id(asset)?, weight))).collect()
}

pub(crate) fn asset_id(text: &str) -> Result<AssetId, sqlx::Error> {
    AssetId::parse(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The position that a `bigint` column holds.
pub(crate) fn position(stream: Stream, sequence: i64) -> Result<Position, sqlx::Error> {
    Ok(Position { stream, sequence: natural(sequence)? })
}

/// The time as a `timestamptz` column keeps it: in whole microseconds.
pub(crate) fn kept(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).expect("a time without its last digits is in range")
}

/// The natural number that a `bigint` column holds.
pub(crate) fn natural(value: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(value).map_err(|_| damaged(format!("{value} is negative")))
}

/// The error for a row that no build of ours wrote.
pub(crate) fn damaged(what: String) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

#[cfg(test)]
mod tests {
    use super::{number_array, text_array};

    #[test]
    fn texts_are_quoted_so_that_null_and_commas_stay_texts() {
        assert_eq!(text_array(["NULL", "a,b", "a\"b\\c", ""]), r#"{"NULL","a,b","a\"b\\c",""}"#);
        assert_eq!(text_array([]), "{}");
    }

    #[test]
    fn numbers_stand_as_they_are_written() {
        assert_eq!(number_array(["0.10", "2"]), "{0.10,2}");
    }
}
