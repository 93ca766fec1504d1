//! Numbers and days as tables spell them, read quickly.

use jiff::civil::Date;
use rust_decimal::Decimal;

/// Digits that surely fit into 63 bits.
const DIGITS_MAX: usize = 18;

/// The decimal that the text spells; none where it spells none.
pub fn decimal(text: &[u8]) -> Option<Decimal> {
    quick(text).or_else(|| {
        let text = std::str::from_utf8(text).ok()?.trim();
        text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
    })
}

/// As [`decimal`], for digits with at most one point among them.
fn quick(text: &[u8]) -> Option<Decimal> {
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    let (mut mantissa, mut point) = (0_i64, None);
    for (place, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(place),
            _ => return None,
        }
    }
    let mut scale = match point {
        Some(_) if text.len() == 1 => return None,
        Some(point) => u32::try_from(text.len() - point - 1).ok()?,
        None => 0,
    };
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    Some(Decimal::new(mantissa, scale))
}

/// The day that the text begins with: `2024-01-31`, and a time of day after it counts for nothing.
pub fn day(text: &[u8]) -> Option<Date> {
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else { return None };
    if !matches!(rest.first(), None | Some(b' ' | b'T')) {
        return None;
    }
    let (month, day) = (i8::try_from(number(&[*m1, *m2])?).ok()?, i8::try_from(number(&[*d1, *d2])?).ok()?);
    Date::new(number(&[*y1, *y2, *y3, *y4])?, month, day).ok()
}

/// Units that changed hands: a whole number, however it is spelt.
pub fn volume(text: &[u8]) -> Option<u64> {
    let units = decimal(text)?;
    u64::try_from(units.round()).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{day, decimal, volume};

    #[test]
    fn quick_and_slow_numbers_are_the_same_numbers() {
        for text in
            ["0", "1", "127.58", "0.1000", ".5", "5.", "123456789012345678", "1234567890123456789.25", "1e-7", "1E3"]
        {
            let slow = text.parse().or_else(|_| rust_decimal::Decimal::from_scientific(text)).unwrap();
            assert_eq!(decimal(text.as_bytes()), Some(slow), "{text}");
        }
        for rubbish in ["", ".", "1.2.3", "x", "NaN", "1,5", "inf"] {
            assert_eq!(decimal(rubbish.as_bytes()), None, "{rubbish}");
        }
        assert_eq!(decimal(b"-1"), Some((-1).into()));
        assert_eq!((volume(b"225702700.0"), volume(b"-1")), (Some(225_702_700), None));
    }

    #[test]
    fn a_day_may_have_a_time_behind_it() {
        for text in ["2022-01-03", "2022-01-03 00:00:00-05:00", "2022-01-03T00:00Z"] {
            assert_eq!(day(text.as_bytes()), Some(date(2022, 1, 3)), "{text}");
        }
        for rubbish in ["2022-13-03", "2022-02-30", "03/01/2022", "2022-01-03x", "20220103", ""] {
            assert_eq!(day(rubbish.as_bytes()), None, "{rubbish}");
        }
    }
}
