//! Faults of a body's fields, collected so that one answer tells all of them.

use std::fmt;

use events::values::{
    AllocationError, AssetIdError, BandError, BarsError, CostsError, CurrencyError, EmailAddressError,
    InterestRateError, TextError, TimeZoneNameError, WeightError,
};

use crate::body::invalid_body;
use crate::problem::{FieldError, Problem};

/// Why a text is no value, with a stable name.
pub trait Fault: fmt::Display {
    /// The name: `text-empty`.
    fn code(&self) -> &'static str;
}

/// The faults that were found so far.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// The value, or nothing and a fault noted at this place.
    pub fn value<T, E: Fault>(&mut self, pointer: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(fault) => {
                self.add(pointer, fault.code(), fault.to_string());
                None
            }
        }
    }

    /// As [`Faults::value`], for what may be left out: `None` where it was given and is no value.
    pub fn optional<T, E: Fault>(
        &mut self,
        pointer: &str,
        given: Option<&str>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        given.map_or(Some(None), |text| self.value(pointer, parse(text)).map(Some))
    }

    /// Notes a fault.
    pub fn add(&mut self, pointer: &str, code: &'static str, detail: String) {
        self.0.push(FieldError::in_body(pointer, code, detail));
    }

    /// Whether none was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problem that lists them.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        invalid_body(self.0)
    }
}

/// A text is no id.
#[derive(Debug)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is a UUID with hyphens and small letters")
    }
}

impl Fault for NotAnId {
    fn code(&self) -> &'static str {
        "not-an-id"
    }
}

/// A text is none of the words that are known.
#[derive(Debug)]
pub struct NotOneOf(String);

impl NotOneOf {
    /// The value that the word stands for, or a fault that names the words.
    pub fn parsed<T: Copy>(text: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Result<T, Self> {
        let known = || all.iter().map(|&value| word(value)).collect::<Vec<_>>().join(", ");
        all.iter().copied().find(|&value| word(value) == text).ok_or_else(|| Self(known()))
    }
}

impl fmt::Display for NotOneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value is one of {}", self.0)
    }
}

impl Fault for NotOneOf {
    fn code(&self) -> &'static str {
        "not-one-of"
    }
}

impl Fault for TextError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "text-empty",
            Self::TooLong { .. } => "text-too-long",
            Self::ControlCharacter(_) => "control-character",
        }
    }
}

impl Fault for CurrencyError {
    fn code(&self) -> &'static str {
        "not-a-currency"
    }
}

impl Fault for AssetIdError {
    fn code(&self) -> &'static str {
        "not-an-asset-id"
    }
}

impl Fault for TimeZoneNameError {
    fn code(&self) -> &'static str {
        "not-a-time-zone"
    }
}

impl Fault for EmailAddressError {
    fn code(&self) -> &'static str {
        "not-an-email-address"
    }
}

impl Fault for vault::PasswordRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Length(_) => "password-length",
        }
    }
}

impl Fault for WeightError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotPositive(_) => "weight-not-positive",
            Self::OverOne(_) => "weight-over-one",
            Self::TooFine(_) => "weight-too-fine",
        }
    }
}

impl Fault for AllocationError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "no-positions",
            Self::Weight { source, .. } => source.code(),
            Self::AssetTwice(_) => "asset-named-twice",
            Self::TooManyPositions => "too-many-positions",
            Self::WeightsDoNotAddUp { .. } => "weights-do-not-add-up",
        }
    }
}

impl Fault for BandError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotABand { .. } => "not-a-band",
            Self::TooFine => "weight-too-fine",
        }
    }
}

impl Fault for CostsError {
    fn code(&self) -> &'static str {
        "not-a-rate-of-costs"
    }
}

impl Fault for InterestRateError {
    fn code(&self) -> &'static str {
        "not-a-rate-of-interest"
    }
}

impl Fault for BarsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "no-prices",
            Self::TooMany(_) => "too-many-prices",
            Self::NotAscending { .. } => "dates-not-ascending",
            Self::TooEarly(_) => "day-too-early",
            Self::NotYet { .. } => "day-not-yet",
            Self::NotPositive { .. } => "price-not-positive",
            Self::TooFine { .. } => "price-too-fine",
        }
    }
}

#[cfg(test)]
mod tests {
    use events::values::{Currency, Name};

    use super::Faults;

    #[test]
    fn all_faults_are_told_at_once() {
        let mut faults = Faults::default();
        assert!(faults.value("/name", Name::parse("fine")).is_some());
        assert!(faults.value("/firm", Name::parse("")).is_none());
        assert!(faults.value("/currency", Currency::parse("usd")).is_none());
        let told = format!("{:?}", faults.into_problem());
        assert!(told.contains("#/firm") && told.contains("#/currency") && !told.contains("#/name"), "{told}");
    }
}
