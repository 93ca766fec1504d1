use jiff::civil::date;

use super::{Asset, AssetCommand, AssetEvent, AssetRejection, Confirmation, Correction, PriceBasis};
use crate::calendar::Calendar;
use crate::decider::Decider;
use crate::scenario::given;
use crate::values::{
    AssetClass, AssetDetails, Bar, Bars, Currency, InterestRate, Listing, Name, Note, Payment, PaymentKind, RiskClass,
    SplitRatio, TimeZoneName,
};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

fn apple() -> Listing {
    Listing {
        class: Some(AssetClass::Equity),
        time_zone: Some(TimeZoneName::parse("America/New_York").unwrap()),
        ..Listing::new(name("Apple"), Currency::parse("USD").unwrap())
    }
}

fn listed() -> AssetEvent {
    AssetEvent::Listed(apple())
}

fn bars(days: &[(i8, &str)]) -> Bars {
    Bars::try_new(days.iter().map(|(d, p)| (date(2022, 12, *d), p.parse().unwrap())).collect()).unwrap()
}

fn record(days: &[(i8, &str)]) -> AssetCommand {
    AssetCommand::RecordPrices { source: name("a file"), basis: PriceBasis::Adjusted, bars: bars(days) }
}

fn priced(days: &[(i8, &str)]) -> AssetEvent {
    AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Adjusted, bars: bars(days) }
}

fn correct(days: &[(i8, &str)]) -> AssetCommand {
    AssetCommand::CorrectPrices { source: name("a file"), reason: note("it changed"), bars: bars(days) }
}

fn close(day: i8, close: &str) -> Bar {
    Bar::closing(date(2022, 12, day), close.parse().unwrap())
}

fn corrected(corrections: Vec<Correction>) -> AssetEvent {
    AssetEvent::Corrected { source: name("a file"), reason: note("it changed"), corrections }
}

#[test]
fn an_asset_is_listed_once() {
    let list = AssetCommand::List(apple());
    given::<Asset>([]).when(&list).then(&listed());
    given::<Asset>([listed()]).when(&list).then_nothing_happened();
    let other = Listing { name: name("Pear"), ..apple() };
    given::<Asset>([listed()]).when(&AssetCommand::List(other)).then_refused(&AssetRejection::AlreadyListed);
}

#[test]
fn prices_of_an_asset_that_is_not_listed_are_refused() {
    given::<Asset>([]).when(&record(&[(1, "10")])).then_refused(&AssetRejection::Unknown);
}

#[test]
fn recording_the_same_prices_twice_changes_nothing() {
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history).when(&record(&[(1, "10.00"), (2, "11")])).then_nothing_happened();
}

#[test]
fn of_overlapping_prices_only_the_new_ones_become_an_event() {
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history).when(&record(&[(2, "11"), (5, "12")])).then(&priced(&[(5, "12")]));
}

#[test]
fn what_more_becomes_known_of_a_day_is_a_correction() {
    let fuller = Bars::of(vec![Bar { volume: Some(9), ..close(2, "11") }]).unwrap();
    let (source, basis) = (name("a file"), PriceBasis::Adjusted);
    let record_fuller = AssetCommand::RecordPrices { source: source.clone(), basis, bars: fuller.clone() };
    let correct = AssetCommand::CorrectPrices { source, reason: note("it changed"), bars: fuller.clone() };
    let event = corrected(vec![Correction { was: close(2, "11"), is: fuller.as_slice()[0] }]);
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history.clone()).when(&record_fuller).then_nothing_happened();
    given::<Asset>(history.clone()).when(&correct).then(&event);
    let after = [history.to_vec(), vec![event]].concat();
    given::<Asset>(after.clone()).when(&correct).then_nothing_happened();
    given::<Asset>(after).when(&record(&[(2, "11")])).then_nothing_happened();
}

#[test]
fn a_past_that_changes_is_not_overwritten() {
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history).when(&record(&[(2, "11.5"), (5, "12")])).then_refused(&AssetRejection::PriceDiffers {
        date: date(2022, 12, 2),
        known: "11".parse().unwrap(),
        given: "11.5".parse().unwrap(),
    });
}

#[test]
fn a_correction_keeps_what_was_and_what_is() {
    let history = [listed(), priced(&[(1, "10"), (2, "11"), (3, "12")])];
    let event = corrected(vec![Correction { was: close(2, "11"), is: close(2, "11.5") }]);
    given::<Asset>(history.clone()).when(&correct(&[(1, "10"), (2, "11.5")])).then(&event);
    let after = [history.to_vec(), vec![event]].concat();
    given::<Asset>(after.clone()).when(&correct(&[(2, "11.5")])).then_nothing_happened();
    given::<Asset>(after.clone()).when(&record(&[(2, "11.5")])).then_nothing_happened();
    let back = corrected(vec![Correction { was: close(2, "11.5"), is: close(2, "11") }]);
    given::<Asset>(after).when(&correct(&[(2, "11")])).then(&back);
}

#[test]
fn what_is_not_known_cannot_be_corrected() {
    given::<Asset>([listed(), priced(&[(1, "10")])])
        .when(&correct(&[(2, "11")]))
        .then_refused(&AssetRejection::PriceUnknown { date: date(2022, 12, 2) });
}

#[test]
fn raw_and_adjusted_prices_do_not_mix() {
    let raw = AssetCommand::RecordPrices { source: name("a file"), basis: PriceBasis::Raw, bars: bars(&[(5, "12")]) };
    given::<Asset>([listed(), priced(&[(1, "10")])])
        .when(&raw)
        .then_refused(&AssetRejection::BasisDiffers { known: "adjusted", given: "raw" });
}

#[test]
fn a_split_is_recorded_once_and_a_changed_one_says_what_it_was() {
    let ratio = |new: i64| SplitRatio::try_new(new.into(), 1.into()).unwrap();
    let (source, day) = (name("a file"), date(2022, 12, 5));
    let wish = |new| AssetCommand::RecordSplit { source: name("a file"), date: day, ratio: ratio(new) };
    let event = |new, was| AssetEvent::Split { source: source.clone(), date: day, ratio: ratio(new), was };
    given::<Asset>([listed()]).when(&wish(4)).then(&event(4, None));
    given::<Asset>([listed(), event(4, None)]).when(&wish(4)).then_nothing_happened();
    given::<Asset>([listed(), event(4, None)]).when(&wish(5)).then(&event(5, Some(ratio(4))));
    given::<Asset>([]).when(&wish(4)).then_refused(&AssetRejection::Unknown);
}

#[test]
fn a_dividend_and_a_capital_gain_of_one_day_are_two_payments() {
    let cash = |amount: &str| Payment::try_new(amount.parse().unwrap()).unwrap();
    let ex_date = date(2022, 12, 5);
    let wish = |kind, amount| AssetCommand::RecordPayment { source: name("f"), ex_date, kind, payment: cash(amount) };
    let event =
        |kind, amount, was| AssetEvent::Dividend { source: name("f"), ex_date, kind, payment: cash(amount), was };
    let paid = event(PaymentKind::Dividend, "0.25", None);
    given::<Asset>([listed()]).when(&wish(PaymentKind::Dividend, "0.25")).then(&paid);
    let gain = event(PaymentKind::CapitalGain, "0.25", None);
    given::<Asset>([listed(), paid.clone()]).when(&wish(PaymentKind::CapitalGain, "0.25")).then(&gain);
    given::<Asset>([listed(), paid.clone()]).when(&wish(PaymentKind::Dividend, "0.250")).then_nothing_happened();
    let changed = event(PaymentKind::Dividend, "0.5", Some(cash("0.25")));
    given::<Asset>([listed(), paid]).when(&wish(PaymentKind::Dividend, "0.5")).then(&changed);
}

#[test]
fn a_split_or_a_payment_is_withdrawn_by_a_new_fact_and_may_be_said_again() {
    let day = date(2022, 12, 5);
    let source = || name("a person");
    let ratio = SplitRatio::try_new(4.into(), 1.into()).unwrap();
    let payment = Payment::try_new("0.25".parse().unwrap()).unwrap();
    let kind = PaymentKind::Dividend;
    let reason = || note("the source was wrong");
    let split = || AssetEvent::Split { source: name("a file"), date: day, ratio, was: None };
    let paid = || AssetEvent::Dividend { source: name("a file"), ex_date: day, kind, payment, was: None };
    let withdraw_split = AssetCommand::WithdrawSplit { source: source(), reason: reason(), date: day };
    let withdraw_payment = AssetCommand::WithdrawPayment { source: source(), reason: reason(), ex_date: day, kind };
    let no_split = AssetEvent::SplitWithdrawn { source: source(), reason: reason(), date: day, was: ratio };
    let no_payment =
        AssetEvent::PaymentWithdrawn { source: source(), reason: reason(), ex_date: day, kind, was: payment };
    let unknown = |noun| AssetRejection::ActionUnknown { date: day, noun };
    given::<Asset>([]).when(&withdraw_split).then_refused(&AssetRejection::Unknown);
    given::<Asset>([listed(), paid()]).when(&withdraw_split).then_refused(&unknown("split"));
    given::<Asset>([listed(), split()]).when(&withdraw_payment).then_refused(&unknown("payment"));
    given::<Asset>([listed(), split()]).when(&withdraw_split).then(&no_split);
    given::<Asset>([listed(), paid()]).when(&withdraw_payment).then(&no_payment);
    let without = [listed(), split(), paid(), no_split, no_payment];
    given::<Asset>(without.clone()).when(&withdraw_split).then_refused(&unknown("split"));
    given::<Asset>(without.clone()).when(&withdraw_payment).then_refused(&unknown("payment"));
    let again = AssetCommand::RecordSplit { source: name("a file"), date: day, ratio };
    given::<Asset>(without.clone()).when(&again).then(&split());
    let again = AssetCommand::RecordPayment { source: name("a file"), ex_date: day, kind, payment };
    given::<Asset>(without).when(&again).then(&paid());
}

#[test]
fn who_had_the_last_word_on_a_price_is_known() {
    use crate::Decider;

    let by = |source: &str, day, price| AssetEvent::Corrected {
        source: name(source),
        reason: note("a typo"),
        corrections: vec![Correction { was: close(day, "1"), is: close(day, price) }],
    };
    let last_word = |history: &[AssetEvent], day| match history.iter().fold(Asset::default(), Asset::evolve) {
        Asset::Listed(listed) => listed.price_by(date(2022, 12, day)).map(|source| source.as_str().to_owned()),
        Asset::Unknown => None,
    };
    let history = [listed(), priced(&[(1, "10"), (2, "11")]), by("a person", 2, "12")];
    assert_eq!(last_word(&history, 1).as_deref(), Some("a file"));
    assert_eq!(last_word(&history, 2).as_deref(), Some("a person"));
    let back = [history.to_vec(), vec![by("a file", 2, "13")]].concat();
    assert_eq!(last_word(&back, 2).as_deref(), Some("a file"));
}

#[test]
fn a_payment_that_leaves_nothing_of_the_price_before_it_is_refused() {
    let cash = |amount: &str| Payment::try_new(amount.parse().unwrap()).unwrap();
    let ex_date = date(2022, 12, 2);
    let wish =
        |kind, amount| AssetCommand::RecordPayment { source: name("a file"), ex_date, kind, payment: cash(amount) };
    let paid =
        |kind, amount, was| AssetEvent::Dividend { source: name("a file"), ex_date, kind, payment: cash(amount), was };
    let refused = |payment: &str| AssetRejection::PaymentNotBelowPrice {
        ex_date,
        payment: payment.parse().unwrap(),
        date: date(2022, 12, 1),
        close: "10".parse().unwrap(),
    };
    let raw = AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Raw, bars: bars(&[(1, "10"), (2, "2")]) };
    let history = [listed(), raw.clone()];
    given::<Asset>(history.clone()).when(&wish(PaymentKind::Dividend, "10")).then_refused(&refused("10"));
    let most = paid(PaymentKind::Dividend, "9.99", None);
    given::<Asset>(history.clone()).when(&wish(PaymentKind::Dividend, "9.99")).then(&most);
    // Two payments of one day are taken off the same price.
    given::<Asset>([history.to_vec(), vec![most]].concat())
        .when(&wish(PaymentKind::CapitalGain, "0.01"))
        .then_refused(&refused("10.00"));
    // Before any price is known nothing speaks against it, and adjusted prices do not: they are in no unit.
    let large = paid(PaymentKind::Dividend, "10", None);
    given::<Asset>([listed()]).when(&wish(PaymentKind::Dividend, "10")).then(&large);
    given::<Asset>([listed(), priced(&[(1, "10")])]).when(&wish(PaymentKind::Dividend, "10")).then(&large);
    given::<Asset>([listed(), large, raw]).when(&wish(PaymentKind::Dividend, "10")).then_nothing_happened();
}

#[test]
fn after_its_delisting_an_asset_has_no_prices() {
    let day = |day| date(2022, 12, day);
    let delist = |on| AssetCommand::Delist { date: day(on), reason: note("taken over") };
    let delisted = AssetEvent::Delisted { date: day(3), reason: note("taken over") };
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history.clone()).when(&delist(3)).then(&delisted);
    given::<Asset>(history.clone())
        .when(&delist(2))
        .then_refused(&AssetRejection::StillTraded { last_day: day(2), date: day(2) });
    let after = [history.to_vec(), vec![delisted]].concat();
    given::<Asset>(after.clone()).when(&delist(3)).then_nothing_happened();
    given::<Asset>(after.clone()).when(&record(&[(2, "11")])).then_nothing_happened();
    given::<Asset>(after)
        .when(&record(&[(5, "12")]))
        .then_refused(&AssetRejection::Delisted { delisted: day(3), date: day(5) });
}

#[test]
fn an_asset_weighs_as_much_as_its_bars_take() {
    use crate::Decider;

    let days = 5_000_u32;
    let first = date(2000, 1, 1);
    let closes = (0..days).map(|day| (first + jiff::Span::new().days(i64::from(day)), 1.into())).collect();
    let priced =
        AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Raw, bars: Bars::try_new(closes).unwrap() };
    let asset = Asset::default().evolve(&listed()).evolve(&priced);
    let bytes = usize::try_from(days).unwrap() * size_of::<Bar>();
    assert!((100..=300).contains(&(bytes / usize::try_from(asset.weight()).unwrap())), "{} bytes", bytes);
}

#[test]
fn a_rating_says_how_much_risk_an_asset_carries_until_it_is_rated_otherwise() {
    use crate::values::RiskClass;

    let rate = |class| AssetCommand::Rate { class, reason: note("a single company") };
    let rated = |class| AssetEvent::Rated { class, reason: note("a single company") };
    given::<Asset>([]).when(&rate(RiskClass::Aggressive)).then_refused(&AssetRejection::Unknown);
    given::<Asset>([listed()]).when(&rate(RiskClass::Aggressive)).then(&rated(RiskClass::Aggressive));
    let asset = given::<Asset>([listed(), rated(RiskClass::Aggressive)]);
    asset.when(&rate(RiskClass::Aggressive)).then_nothing_happened();
    asset.when(&rate(RiskClass::Moderate)).then(&rated(RiskClass::Moderate));
}

fn edit(details: AssetDetails) -> AssetCommand {
    AssetCommand::Edit { details: Box::new(details), reason: note("it calls itself so now") }
}

fn edited(details: AssetDetails) -> AssetEvent {
    AssetEvent::Edited { details: Box::new(details), reason: note("it calls itself so now") }
}

#[test]
fn all_but_symbol_and_currency_may_be_told_otherwise() {
    let details = AssetDetails { name: name("Apple Inc."), class: Some(AssetClass::Etf), ..apple().details() };
    given::<Asset>([]).when(&edit(details.clone())).then_refused(&AssetRejection::Unknown);
    given::<Asset>([listed()]).when(&edit(details.clone())).then(&edited(details.clone()));
    given::<Asset>([listed(), edited(details.clone())]).when(&edit(details)).then_nothing_happened();
    given::<Asset>([listed()]).when(&edit(apple().details())).then_nothing_happened();
}

#[test]
fn what_was_edited_stays_listed_as_it_is_now() {
    let details = AssetDetails { name: name("Apple Inc."), ..apple().details() };
    given::<Asset>([listed(), edited(details.clone())])
        .when(&AssetCommand::List(apple().with(details)))
        .then_nothing_happened();
}

fn dollars() -> Listing {
    Listing { class: Some(AssetClass::Cash), ..Listing::new(name("US dollars"), Currency::parse("USD").unwrap()) }
}

#[test]
fn cash_has_no_prices_splits_or_payments() {
    let cash = given::<Asset>([AssetEvent::Listed(dollars())]);
    let source = || name("a file");
    for command in [
        record(&[(1, "1")]),
        correct(&[(1, "1")]),
        AssetCommand::RecordSplit {
            source: source(),
            date: date(2022, 12, 1),
            ratio: SplitRatio::try_new(2.into(), 1.into()).unwrap(),
        },
        AssetCommand::RecordPayment {
            source: source(),
            ex_date: date(2022, 12, 1),
            kind: PaymentKind::Dividend,
            payment: Payment::try_new(1.into()).unwrap(),
        },
    ] {
        cash.when(&command).then_refused(&AssetRejection::CashHasNoPrices);
    }
}

#[test]
fn cash_carries_the_least_risk_and_no_other() {
    let cash = given::<Asset>([AssetEvent::Listed(dollars())]);
    let rate = |class| AssetCommand::Rate { class, reason: note("money") };
    cash.when(&rate(RiskClass::Conservative)).then_nothing_happened();
    let given = RiskClass::Moderate;
    cash.when(&rate(given)).then_refused(&AssetRejection::CashIsConservative { given });
}

#[test]
fn what_is_cash_stays_cash_and_nothing_becomes_cash() {
    let class = |class| AssetDetails { class, ..dollars().details() };
    given::<Asset>([AssetEvent::Listed(dollars())])
        .when(&edit(class(Some(AssetClass::Bond))))
        .then_refused(&AssetRejection::CashOrNot { is_cash: true });
    given::<Asset>([listed()])
        .when(&edit(class(Some(AssetClass::Cash))))
        .then_refused(&AssetRejection::CashOrNot { is_cash: false });
}

fn interest(rate: &str) -> InterestRate {
    InterestRate::try_new(rate.parse().unwrap()).unwrap()
}

#[test]
fn cash_earns_a_rate_from_a_day_on_and_what_is_said_of_a_day_again_corrects_it() {
    let (from, reason) = (date(2024, 1, 31), || note("the central bank has decided"));
    let set = |rate| AssetCommand::SetInterest { from, rate: interest(rate), reason: reason() };
    let earns = |rate, was: Option<&str>| AssetEvent::InterestSet {
        from,
        rate: interest(rate),
        was: was.map(interest),
        reason: reason(),
    };
    let cash = AssetEvent::Listed(dollars());
    given::<Asset>([cash.clone()]).when(&set("0.045")).then(&earns("0.045", None));
    given::<Asset>([cash.clone(), earns("0.045", None)]).when(&set("0.0450")).then_nothing_happened();
    given::<Asset>([cash.clone(), earns("0.045", None)]).when(&set("0.05")).then(&earns("0.05", Some("0.045")));
    // An earlier day may be told later, and another day is no correction.
    let later = AssetEvent::InterestSet { from: date(2024, 3, 1), rate: interest("0.05"), was: None, reason: reason() };
    given::<Asset>([cash.clone(), later]).when(&set("0.05")).then(&earns("0.05", None));
    let closed = AssetEvent::Delisted { date: from, reason: note("the account is closed") };
    let over = AssetRejection::Delisted { delisted: from, date: from };
    given::<Asset>([cash, closed]).when(&set("0.05")).then_refused(&over);
}

#[test]
fn interest_is_of_cash_alone() {
    let set = AssetCommand::SetInterest { from: date(2024, 1, 31), rate: interest("0.045"), reason: note("a coupon") };
    given::<Asset>([]).when(&set).then_refused(&AssetRejection::Unknown);
    given::<Asset>([listed()]).when(&set).then_refused(&AssetRejection::NotCash);
}

#[test]
fn who_says_what_is_known_can_have_said_so_and_nothing_changes_by_it() {
    let rate = |class| AssetCommand::Rate { class, reason: note("as every year") };
    let confirmed = AssetEvent::Confirmed { what: Confirmation::Rating, reason: Some(note("as every year")) };
    let rated = AssetEvent::Rated { class: RiskClass::Moderate, reason: note("it moves") };
    given::<Asset>([listed(), rated.clone()]).when(&rate(RiskClass::Moderate)).then_nothing_happened();
    assert_eq!(Asset::confirm(&rate(RiskClass::Moderate)), Some(confirmed.clone()));
    let known = Asset::default().evolve(&listed()).evolve(&rated);
    assert_eq!(known.clone().evolve(&confirmed), known);
    let listing = AssetEvent::Confirmed { what: Confirmation::Listing, reason: None };
    assert_eq!(Asset::confirm(&AssetCommand::List(apple())), Some(listing));
    // Who edits names the version: given again, it is stale.
    let edit = AssetCommand::Edit { details: Box::new(apple().details()), reason: note("so it is") };
    assert_eq!(Asset::confirm(&edit), None);
}

#[test]
fn an_asset_is_listed_with_its_rating_and_its_calendar_or_without() {
    let rated = Listing { risk_class: Some(RiskClass::Moderate), calendar: Some(Calendar::EveryDay), ..apple() };
    given::<Asset>([]).when(&AssetCommand::List(rated.clone())).then(&AssetEvent::Listed(rated.clone()));
    let rate = AssetCommand::Rate { class: RiskClass::Moderate, reason: note("it moves") };
    given::<Asset>([AssetEvent::Listed(rated.clone())]).when(&rate).then_nothing_happened();
    let aggressive = AssetCommand::Rate { class: RiskClass::Aggressive, reason: note("it moves much") };
    given::<Asset>([AssetEvent::Listed(rated.clone())])
        .when(&aggressive)
        .then(&AssetEvent::Rated { class: RiskClass::Aggressive, reason: note("it moves much") });
    let (given_class, cash) = (RiskClass::Moderate, dollars());
    given::<Asset>([])
        .when(&AssetCommand::List(Listing { risk_class: Some(given_class), ..cash }))
        .then_refused(&AssetRejection::CashIsConservative { given: given_class });
    // What is said of the calendar comes before what the exchange's name tells.
    assert_eq!(rated.traded_by(), Calendar::EveryDay);
    let in_new_york = Listing { exchange: Some(name("NMS")), ..apple() };
    assert_eq!((in_new_york.traded_by(), apple().traded_by()), (Calendar::NewYork, Calendar::Weekdays));
}
