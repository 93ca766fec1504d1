//! Fields of questions, read strictly.

use events::values::AssetId;
use jiff::civil::Date;
use tonic::Status;

use crate::fault::bad_field;

/// Assets that one question may name.
pub const ASSETS_MAX: usize = 100;

pub fn asset(field: &str, text: &str) -> Result<AssetId, Status> {
    AssetId::parse(text).map_err(|error| bad_field(field, error))
}

/// Between `least` and [`ASSETS_MAX`] assets, each once.
pub fn assets<'a>(field: &str, texts: impl Iterator<Item = &'a str>, least: usize) -> Result<Vec<AssetId>, Status> {
    let assets = texts.take(ASSETS_MAX + 1).map(|text| asset(field, text)).collect::<Result<Vec<_>, _>>()?;
    let twice = (1..assets.len()).find(|&place| assets[..place].contains(&assets[place]));
    if let Some(place) = twice {
        return Err(bad_field(field, format!("{} is named twice", assets[place])));
    }
    if (least..=ASSETS_MAX).contains(&assets.len()) {
        Ok(assets)
    } else {
        Err(bad_field(field, format!("{least} to {ASSETS_MAX} assets may be named")))
    }
}

/// The day, or none where the text is empty.
pub fn day(field: &str, text: &str) -> Result<Option<Date>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| bad_field(field, format!("`{text}` is not a day such as 2024-01-31")))
}

/// A window that ends where it begins or later.
pub fn window(from: &str, to: &str) -> Result<(Option<Date>, Option<Date>), Status> {
    let (from, to) = (day("from", from)?, day("to", to)?);
    match from.zip(to) {
        Some((from, to)) if to < from => Err(bad_field("to", format!("{to} is before {from}"))),
        _ => Ok((from, to)),
    }
}

/// The text, or none where it is empty, as fields are that were not set.
pub fn unless_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
