//! What was not taken of what a source said: all of it counted, the first of it told.

use std::fmt;

/// Things left out of which each is told; of more only that there were more.
const TOLD_MAX: usize = 1_000;
/// Characters of what stood there that are told.
const VALUE_CHARS_MAX: usize = 80;

/// Something that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Where it stands: a day or a line, with the name of a field where only that was not taken.
    pub place: String,
    /// Why it was not taken.
    pub reason: &'static str,
    /// What stood there, where that says more.
    pub value: Option<String>,
}

impl Dropped {
    /// What stands there, left out for this reason.
    #[must_use]
    pub fn at(place: impl fmt::Display, reason: &'static str) -> Self {
        Self { place: place.to_string(), reason, value: None }
    }

    /// The same, with the beginning of what stood there.
    #[must_use]
    pub fn saying(self, value: &str) -> Self {
        let printable = value.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self { value: Some(printable.take(VALUE_CHARS_MAX).collect()), ..self }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is left out: {}", self.place, self.reason)?;
        match &self.value {
            Some(value) => write!(f, ": `{value}`"),
            None => Ok(()),
        }
    }
}

/// Everything that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    count: usize,
    told: Vec<Dropped>,
}

impl LeftOut {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { count: 0, told: Vec::new() }
    }

    /// How many things were left out.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The first of them: at most 1,000.
    #[must_use]
    pub fn told(&self) -> &[Dropped] {
        &self.told
    }

    /// Adds one; what it is has to be worked out only where it is told.
    pub fn add(&mut self, what: impl FnOnce() -> Dropped) {
        self.count += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(what());
        }
    }

    /// Adds all of the other.
    pub fn add_all(&mut self, other: Self) {
        self.count += other.count;
        let room = TOLD_MAX.saturating_sub(self.told.len());
        self.told.extend(other.told.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::{Dropped, LeftOut};

    #[test]
    fn all_is_counted_and_the_first_is_told() {
        let mut left_out = LeftOut::none();
        for line in 0..1_500 {
            left_out.add(|| Dropped::at(format!("line {line}"), "it is none"));
        }
        let mut sum = left_out.clone();
        sum.add_all(left_out);
        assert_eq!((sum.count(), sum.told().len()), (3_000, 1_000));
        assert_eq!(sum.told()[0].to_string(), "line 0 is left out: it is none");
    }

    #[test]
    fn what_stood_there_is_told_in_one_short_line() {
        let dropped = Dropped::at("line 7", "the symbol is none").saying(&format!("a\nb{}", "x".repeat(200)));
        let text = dropped.to_string();
        assert!(text.starts_with("line 7 is left out: the symbol is none: `a bxxx") && text.len() < 140, "{text}");
    }
}
