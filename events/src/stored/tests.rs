use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::{any, prop, proptest};

use super::generated::{advisor_details, allocation, bars, limits, name, note};
use super::{AnyEvent, DecodeError, Stored, samples};
use crate::Kind;
use crate::advisor::AdvisorEvent;
use crate::asset::{AssetEvent, PriceBasis};
use crate::portfolio::PortfolioEvent;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn stored(event: &AnyEvent) -> (Kind, &'static str, Vec<u8>) {
    match event {
        AnyEvent::Advisor(e) => (Kind::Advisor, e.event_type(), e.encode()),
        AnyEvent::Client(e) => (Kind::Client, e.event_type(), e.encode()),
        AnyEvent::Portfolio(e) => (Kind::Portfolio, e.event_type(), e.encode()),
        AnyEvent::Recommendation(e) => (Kind::Recommendation, e.event_type(), e.encode()),
        AnyEvent::Backtest(e) => (Kind::Backtest, e.event_type(), e.encode()),
        AnyEvent::Asset(e) => (Kind::Asset, e.event_type(), e.encode()),
    }
}

/// A new form's bytes are written once, with `INSIGHTS_NEW_GOLDEN=1`; a file that is there is never written again.
#[test]
#[expect(clippy::disallowed_methods, reason = "golden bytes are files, and a variable asks for new ones")]
fn every_stored_form_has_its_golden_bytes_and_reads_them_back() {
    let mut expected = BTreeSet::new();
    for sample in samples::all() {
        let (kind, event_type, bytes) = stored(&sample);
        let path = golden().join(format!("{event_type}.bin"));
        if !path.exists() && std::env::var_os("INSIGHTS_NEW_GOLDEN").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let frozen = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(bytes, frozen, "{event_type} is not written as it was");
        assert_eq!(AnyEvent::decode(kind, event_type, &frozen), Ok(sample));
        expected.insert(format!("{event_type}.bin"));
    }
    for (event_type, event) in samples::no_longer_written() {
        let frozen = std::fs::read(golden().join(format!("{event_type}.bin"))).unwrap();
        assert_eq!(AnyEvent::decode(stored(&event).0, event_type, &frozen), Ok(event));
        expected.insert(format!("{event_type}.bin"));
    }
    let there: BTreeSet<String> =
        std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, expected, "a golden file without a sample, or a sample without a file");
}

#[test]
fn a_newer_version_is_said_to_be_unknown() {
    for kind in Kind::ALL {
        let newer = format!("insights.{}.registered.v99", kind.token());
        assert_eq!(AnyEvent::decode(kind, &newer, &[]), Err(DecodeError::UnknownType(newer.clone())));
    }
}

#[test]
fn cut_and_lengthened_bytes_are_refused() {
    for sample in samples::all() {
        let (kind, event_type, mut bytes) = stored(&sample);
        let whole = bytes.len();
        assert!(AnyEvent::decode(kind, event_type, &bytes[..whole - 1]).is_err(), "{event_type} cut");
        bytes.push(0);
        let refused = AnyEvent::decode(kind, event_type, &bytes);
        assert!(matches!(refused, Err(DecodeError::TrailingBytes { trailing: 1, .. })), "{event_type} lengthened");
    }
}

proptest! {
    #[test]
    fn rubbish_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for sample in samples::all() {
            let (kind, event_type, _) = stored(&sample);
            // Rubbish may happen to be an event; what counts is that decoding ends, and that what it gives can be kept.
            if let Ok(event) = AnyEvent::decode(kind, event_type, &bytes) {
                stored(&event);
            }
        }
    }

    #[test]
    fn an_advisor_s_registration_reads_back(details in advisor_details()) {
        let event = AdvisorEvent::Registered(details);
        assert_eq!(AdvisorEvent::decode(event.event_type(), &event.encode()), Ok(event));
    }

    #[test]
    fn prices_read_back_by_value(source in name(), bars in bars()) {
        let event = AssetEvent::Priced { source, basis: PriceBasis::Raw, bars };
        assert_eq!(AssetEvent::decode(event.event_type(), &event.encode()), Ok(event));
    }

    #[test]
    fn allocations_read_back(allocation in allocation(), reason in note()) {
        let event = PortfolioEvent::Reallocated { limits: limits(&allocation), allocation, reason };
        assert_eq!(PortfolioEvent::decode(event.event_type(), &event.encode()), Ok(event));
    }
}
