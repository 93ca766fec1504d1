//! Series thinned for charts: the points that keep the shape (largest triangle, three buckets; Steinarsson 2013).

use projections::prices::BarRow;
use rust_decimal::prelude::ToPrimitive;

/// Points that a thinned series has at least: its ends and one between.
pub const POINTS_MIN: usize = 3;

/// The rows, or so many of them that stand for all: the first, the last, and of each bucket between the one that spans
/// the largest triangle with its neighbours.
pub fn thinned(rows: Vec<BarRow>, points: Option<usize>) -> Vec<BarRow> {
    let Some(points) = points.filter(|points| *points >= POINTS_MIN && *points < rows.len()) else { return rows };
    let places = places(&rows.iter().map(|row| row.bar.close.to_f64().unwrap_or(0.0)).collect::<Vec<_>>(), points);
    let mut places = places.into_iter().peekable();
    let kept = rows.into_iter().enumerate().filter(|(row, _)| places.next_if_eq(row).is_some());
    kept.map(|(_, row)| row).collect()
}

fn places(values: &[f64], points: usize) -> Vec<usize> {
    let buckets = points - 2;
    let last = values.len() - 1;
    // Bucket n begins here; buckets share what lies between the ends as evenly as can be.
    let begins = |bucket: usize| 1 + bucket * (last - 1) / buckets;
    let float = |place: usize| place.to_f64().unwrap_or(0.0);
    let mut kept = vec![0];
    for bucket in 0..buckets {
        let before = kept[kept.len() - 1];
        let (next, end) = (begins(bucket + 1), begins((bucket + 2).min(buckets)).max(begins(bucket + 1) + 1));
        // The middle of the next bucket; behind the last one there is only the end.
        let after = if bucket + 1 == buckets { last..last + 1 } else { next..end };
        let count = float(after.len());
        let (x, y) =
            after.clone().fold((0.0, 0.0), |(x, y), place| (x + float(place) / count, y + values[place] / count));
        let area = |place: usize| {
            let (from, here) = ((float(before), values[before]), (float(place), values[place]));
            ((from.0 - x) * (here.1 - from.1) - (from.0 - here.0) * (y - from.1)).abs()
        };
        let largest = (begins(bucket)..next).max_by(|one, two| area(*one).total_cmp(&area(*two)));
        kept.extend(largest);
    }
    kept.push(last);
    kept
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn ends_and_spikes_stay() {
        let mut values: Vec<f64> = (0..1_000).map(|n| f64::from(n % 10)).collect();
        (values[333], values[667]) = (500.0, -500.0);
        for points in [3, 4, 20, 100, 999] {
            let kept = places(&values, points);
            assert_eq!(kept.len(), points);
            assert!(kept.is_sorted_by(|one, two| one < two), "{points}");
            assert_eq!((kept[0], kept[points - 1]), (0, 999));
            if points >= 20 {
                assert!(kept.contains(&333) && kept.contains(&667), "{points}");
            }
        }
    }
}
