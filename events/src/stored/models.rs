//! What a history comes to, said in another way than `evolve` says it: not step by step, but by the last word on each
//! matter. Properties hold the one against the other. The histories are such as the rules of today write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::advisor::{Advisor, AdvisorEvent, Standing};
use crate::asset::{Asset, AssetEvent, LastWord, Listed};
use crate::backtest::{Backtest, BacktestEvent};
use crate::client::{Client, ClientEvent};
use crate::portfolio::{Composition, Portfolio, PortfolioEvent, Subscription};
use crate::recommendation::{self, Letter, Recommendation, RecommendationEvent};
use crate::values::{Bar, KnownBars, Name, RiskClass};

/// The last that any event says of a matter.
fn last<'a, E, T>(history: &'a [E], says: impl Fn(&'a E) -> Option<T>) -> Option<T> {
    history.iter().rev().find_map(says)
}

pub(super) fn advisor(history: &[AdvisorEvent]) -> Advisor {
    use AdvisorEvent as E;
    let details = last(history, |event| match event {
        E::Registered(details) | E::Edited(details) => Some(details.clone()),
        _ => None,
    });
    let standing = last(history, |event| match event {
        E::Suspended { .. } => Some(Standing::Suspended),
        E::Reinstated { .. } => Some(Standing::Active),
        E::Removed { .. } => Some(Standing::Removed),
        _ => None,
    });
    match details {
        Some(details) => Advisor::Registered { details, standing: standing.unwrap_or(Standing::Active) },
        None => Advisor::Unknown,
    }
}

pub(super) fn client(history: &[ClientEvent]) -> Client {
    use ClientEvent as E;
    let advisor = last(history, |event| match event {
        E::Registered { advisor, .. } => Some(*advisor),
        E::HandedOver { to, .. } => Some(*to),
        _ => None,
    });
    let identity = last(history, |event| match event {
        E::Registered { identity, .. } | E::IdentityChanged { identity } => Some(identity.clone()),
        _ => None,
    });
    let profile = last(history, |event| match event {
        E::Profiled(profile) => Some(profile.clone()),
        _ => None,
    });
    let is_removed = history.iter().any(|event| matches!(event, E::Removed { .. }));
    match (advisor, identity) {
        (Some(advisor), Some(identity)) if is_removed => Client::Removed { advisor, identity, profile },
        (Some(advisor), Some(identity)) => Client::Registered { advisor, identity, profile },
        _ => Client::Unknown,
    }
}

pub(super) fn portfolio(history: &[PortfolioEvent]) -> Portfolio {
    use PortfolioEvent as E;
    let Some(E::Created(created)) = history.first() else { return Portfolio::Unknown };
    let name = last(history, |event| match event {
        E::Renamed { name, .. } => Some(name.clone()),
        _ => None,
    });
    let held = last(history, |event| match event {
        E::Reallocated { allocation, limits, .. } => Some((allocation.clone(), limits.clone())),
        E::Subscribed { taken, .. } | E::TakenOver { taken, .. } => {
            Some((taken.allocation.clone(), taken.limits.clone()))
        }
        _ => None,
    });
    let policy = last(history, |event| match event {
        E::PolicySet { policy, .. } => Some(policy.clone()),
        _ => None,
    });
    let subscription = last(history, |event| match event {
        E::Subscribed { taken, .. } | E::TakenOver { taken, .. } => {
            Some(Some(Subscription { model: taken.model, version: taken.version }))
        }
        E::Unsubscribed { .. } => Some(None),
        _ => None,
    });
    let advisor = last(history, |event| match event {
        E::HandedOver { to, .. } => Some(*to),
        _ => None,
    });
    let is_archived = last(history, |event| match event {
        E::Archived { .. } => Some(true),
        E::Restored { .. } => Some(false),
        _ => None,
    });
    let (allocation, limits) = held.unwrap_or_else(|| (created.allocation.clone(), created.limits.clone()));
    let is = Box::new(Composition {
        advisor: advisor.unwrap_or(created.advisor),
        name: name.unwrap_or_else(|| created.name.clone()),
        allocation,
        limits,
        policy: policy.unwrap_or_else(|| created.policy.clone()),
        subscription: subscription.flatten(),
        ..(**created).clone()
    });
    if is_archived == Some(true) { Portfolio::Archived(is) } else { Portfolio::Active(is) }
}

pub(super) fn recommendation(history: &[RecommendationEvent]) -> Recommendation {
    use RecommendationEvent as E;
    let overridden = history.iter().any(|event| matches!(event, E::Overridden { .. }));
    let (advice, let_through) = match history.first() {
        Some(E::Made(advice)) => (advice.clone(), Vec::new()),
        Some(E::Refused { advice, shut, .. }) if overridden => (advice.clone(), shut.clone()),
        Some(E::Refused { advice, shut, regime }) => {
            let superseded_by = last(history, |event| match event {
                E::Superseded { by } => Some(*by),
                _ => None,
            });
            return Recommendation::Refused {
                advice: advice.clone(),
                shut: shut.clone(),
                regime: *regime,
                superseded_by,
            };
        }
        _ => return Recommendation::Unknown,
    };
    // Claims are numbered without a gap, so the number of the last one is how many there were.
    let claims = history.iter().filter(|event| matches!(event, E::EmailClaimed { .. })).count();
    let attempt = u32::try_from(claims).unwrap();
    let letter = last(history, |event| match event {
        E::EmailClaimed { .. } => Some(Letter::Claimed { attempt }),
        E::Emailed { .. } => Some(Letter::Sent { attempt }),
        E::EmailFailed { .. } => Some(Letter::Failed { attempt }),
        E::EmailUnknown { .. } => Some(Letter::OutcomeUnknown { attempt }),
        E::EmailDeferred { .. } | E::EmailReleased { .. } => Some(Letter::Due { attempts: attempt }),
        _ => None,
    });
    let standing = last(history, |event| match event {
        E::Withdrawn { .. } => Some(recommendation::Standing::Withdrawn),
        E::Superseded { .. } => Some(recommendation::Standing::Superseded),
        E::Expired { .. } => Some(recommendation::Standing::Expired),
        _ => None,
    });
    Recommendation::Made {
        advice,
        let_through,
        letter: letter.unwrap_or(Letter::Due { attempts: 0 }),
        standing: standing.unwrap_or(recommendation::Standing::Open),
    }
}

pub(super) fn backtest(history: &[BacktestEvent]) -> Backtest {
    match history {
        [.., BacktestEvent::Recorded(run)] => Backtest::Recorded(run.clone()),
        [] => Backtest::Unknown,
    }
}

pub(super) fn asset(history: &[AssetEvent]) -> Asset {
    use AssetEvent as E;
    let Some(E::Listed(listed)) = history.first() else { return Asset::Unknown };
    let edited = last(history, |event| match event {
        E::Edited { details, .. } => Some((**details).clone()),
        _ => None,
    });
    let listing = edited.map_or_else(|| listed.clone(), |details| listed.with(details));
    let prices_of = last(history, |event| match event {
        E::Priced { source, basis, .. } => Some((source.clone(), *basis)),
        _ => None,
    });
    let split = |event: &AssetEvent| match event {
        E::Split { source, date, ratio, .. } => {
            Some((*date, LastWord { source: source.clone(), value: *ratio, is_withdrawn: false }))
        }
        E::SplitWithdrawn { source, date, was, .. } => {
            Some((*date, LastWord { source: source.clone(), value: *was, is_withdrawn: true }))
        }
        _ => None,
    };
    let payment = |event: &AssetEvent| match event {
        E::Dividend { source, ex_date, kind, payment, .. } => {
            Some(((*ex_date, *kind), LastWord { source: source.clone(), value: *payment, is_withdrawn: false }))
        }
        E::PaymentWithdrawn { source, ex_date, kind, was, .. } => {
            Some(((*ex_date, *kind), LastWord { source: source.clone(), value: *was, is_withdrawn: true }))
        }
        _ => None,
    };
    let interest = history.iter().filter_map(|event| match event {
        E::InterestSet { from, rate, .. } => Some((*from, *rate)),
        _ => None,
    });
    let delisted = last(history, |event| match event {
        E::Delisted { date, .. } => Some(*date),
        _ => None,
    });
    Asset::Listed(Listed {
        prices_of,
        bars: Arc::new(bars(history)),
        corrected_by: Arc::new(corrected_by(history)),
        // Of two words on one day, the later one.
        splits: Arc::new(history.iter().filter_map(split).collect()),
        payments: Arc::new(history.iter().filter_map(payment).collect()),
        interest: Arc::new(interest.collect()),
        delisted,
        risk_class: last(history, |event| match event {
            E::Rated { class, .. } => Some(*class),
            E::Listed(listed) if listed.is_cash() => Some(RiskClass::Conservative),
            E::Listed(listed) => listed.risk_class,
            _ => None,
        }),
        listing,
    })
}

/// Days whose last correction came from another than who had given prices by then.
fn corrected_by(history: &[AssetEvent]) -> BTreeMap<Date, Name> {
    let corrections = history.iter().enumerate().filter_map(|(place, event)| match event {
        AssetEvent::Corrected { source, corrections, .. } => {
            let own = last(&history[..place], |event| match event {
                AssetEvent::Priced { source, .. } => Some(source),
                _ => None,
            });
            Some(corrections.iter().map(move |one| (one.is.date, (own != Some(source)).then_some(source))))
        }
        _ => None,
    });
    let last_words: BTreeMap<Date, Option<&Name>> = corrections.flatten().collect();
    last_words.into_iter().filter_map(|(date, source)| Some((date, source?.clone()))).collect()
}

/// Day by day the last that was said of each of its values.
fn bars(history: &[AssetEvent]) -> KnownBars {
    let said: Vec<Bar> = history
        .iter()
        .flat_map(|event| match event {
            AssetEvent::Priced { bars, .. } => bars.as_slice().to_vec(),
            AssetEvent::Corrected { corrections, .. } => corrections.iter().map(|correction| correction.is).collect(),
            _ => Vec::new(),
        })
        .collect();
    let days: BTreeSet<_> = said.iter().map(|bar| bar.date).collect();
    let of = |date| {
        let of_the_day: Vec<Bar> = said.iter().filter(|bar| bar.date == date).copied().collect();
        Bar {
            date,
            open: last(&of_the_day, |bar| bar.open),
            high: last(&of_the_day, |bar| bar.high),
            low: last(&of_the_day, |bar| bar.low),
            close: last(&of_the_day, |bar| Some(bar.close)).unwrap(),
            volume: last(&of_the_day, |bar| bar.volume),
        }
    };
    let mut known = KnownBars::default();
    known.update(&days.into_iter().map(of).collect::<Vec<_>>());
    known
}
