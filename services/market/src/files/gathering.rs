//! One asset's rows while they are gathered, by the currency that each names.

use std::collections::HashSet;

use csv::ByteRecord;
use events::asset::PriceBasis;
use events::values::{AssetId, Bar, Currency, Listing, Name, Payment, PaymentKind, SplitRatio};
use jiff::civil::Date;

use crate::left_out::{Dropped, LeftOut};
use crate::settled::settled;
use crate::source::{Fetched, Quotes};

/// One asset's rows.
pub struct Gathering {
    pub asset: AssetId,
    basis: PriceBasis,
    dropped: LeftOut,
    /// Rows of one currency each; mostly there is one.
    groups: Vec<Group>,
    /// Rows with splits and payments, which a table may repeat without meaning them twice.
    action_rows: HashSet<Vec<u8>>,
    bars: usize,
    /// Whether the table spoke of the asset before, and then of others.
    pub comes_again: bool,
}

/// Rows of one currency.
#[derive(Default)]
struct Group {
    /// None where the table does not say.
    currency: Option<Currency>,
    /// Where the rows stand, if the table names currencies.
    lines: Vec<u64>,
    bars: Vec<Bar>,
    splits: Vec<(Date, SplitRatio)>,
    payments: Vec<(Date, PaymentKind, Payment)>,
}

impl Gathering {
    pub fn of(asset: AssetId, basis: PriceBasis) -> Self {
        let (dropped, groups, action_rows) = (LeftOut::none(), Vec::new(), HashSet::new());
        Self { asset, basis, dropped, groups, action_rows, bars: 0, comes_again: false }
    }

    /// Bars that are gathered.
    pub const fn bars(&self) -> usize {
        self.bars
    }

    pub fn drop(&mut self, line: u64, reason: &'static str, value: &[u8]) {
        self.dropped.add(|| Dropped::at(format!("line {line}"), reason).saying(&String::from_utf8_lossy(value)));
    }

    pub fn drop_field(&mut self, line: u64, field: &str, reason: &'static str, value: &[u8]) {
        let dropped = || Dropped::at(format!("line {line} {field}"), reason);
        self.dropped.add(|| dropped().saying(&String::from_utf8_lossy(value)));
    }

    /// Whether a row with splits or payments stood there before, cell for cell.
    pub fn is_repeated(&mut self, row: &ByteRecord) -> bool {
        // No cell holds a byte that no text has.
        let cells: Vec<&[u8]> = row.iter().collect();
        !self.action_rows.insert(cells.join(&0xff))
    }

    pub fn bar(&mut self, currency: Option<Currency>, bar: Bar) {
        self.bars += 1;
        self.group(currency).bars.push(bar);
    }

    pub fn split(&mut self, currency: Option<Currency>, date: Date, ratio: SplitRatio) {
        self.group(currency).splits.push((date, ratio));
    }

    pub fn dividend(&mut self, currency: Option<Currency>, date: Date, payment: Payment) {
        self.group(currency).payments.push((date, PaymentKind::Dividend, payment));
    }

    /// Notes that the line speaks of this currency.
    pub fn line(&mut self, currency: Option<Currency>, line: u64) {
        if currency.is_some() {
            self.group(currency).lines.push(line);
        }
    }

    fn group(&mut self, currency: Option<Currency>) -> &mut Group {
        let place = self.groups.iter().position(|group| group.currency == currency);
        let place = place.unwrap_or_else(|| {
            self.groups.push(Group { currency, ..Group::default() });
            self.groups.len() - 1
        });
        &mut self.groups[place]
    }

    /// What was gathered, in order. Rows of one day that differ are not taken; nor are rows in another currency than most.
    pub fn finish(self) -> Fetched {
        let Self { asset, basis, mut dropped, mut groups, .. } = self;
        let most = (0..groups.len()).rev().max_by_key(|place| groups[*place].lines.len());
        let group = most.map(|most| groups.swap_remove(most)).unwrap_or_default();
        let mut lines: Vec<u64> = groups.into_iter().flat_map(|other| other.lines).collect();
        lines.sort_unstable();
        for line in lines {
            dropped.add(|| Dropped::at(format!("line {line}"), "its currency is not that of the asset's other rows"));
        }
        let listing = group.currency.map(|currency| {
            let name = Name::parse(asset.as_str()).expect("a symbol is a name");
            Listing::new(name, currency)
        });
        let bars = in_order(group.bars, &mut dropped);
        let (splits, payments) = (group.splits, group.payments);
        let quotes = settled(Quotes { listing, bars, splits, payments, dropped, ..Quotes::none(basis) });
        Fetched { asset, quotes: Ok(quotes) }
    }
}

/// The bars, days strictly ascending.
fn in_order(mut bars: Vec<Bar>, dropped: &mut LeftOut) -> Vec<Bar> {
    if bars.is_sorted_by(|one, two| one.date < two.date) {
        return bars;
    }
    bars.sort_by_key(|bar| bar.date);
    let mut kept: Vec<Bar> = Vec::with_capacity(bars.len());
    for of_a_day in bars.chunk_by(|one, two| one.date == two.date) {
        if of_a_day.iter().all(|bar| *bar == of_a_day[0]) {
            kept.push(of_a_day[0]);
        } else {
            dropped.add(|| Dropped::at(of_a_day[0].date, "the day has several prices"));
        }
    }
    kept
}
