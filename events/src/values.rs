//! Value types: parsed once at the edge, trusted afterwards.
//!
//! `parse` and `try_from` hold today's rules. `from_history` is for stored events alone and checks nothing:
//! what was once accepted stays readable when a rule becomes stricter.

mod allocation;
mod asset_id;
mod backtest_terms;
mod bars;
mod corporate_actions;
mod currency;
mod delisted;
mod email_address;
mod figures;
mod firm;
mod ids;
mod interest;
mod limits;
mod listing;
mod money;
mod policy;
mod regime;
mod risk_class;
mod sealed;
mod sought;
mod terms;
mod text;
mod weight;

pub use allocation::{Allocation, AllocationError, POSITIONS_MAX};
pub use asset_id::{AssetId, AssetIdError};
pub use backtest_terms::{BacktestTerms, Contributions, DriftRule, Every, ResultDigest};
pub use bars::{BARS_MAX, Bar, Bars, BarsError, FIRST_PRICE_DAY, KnownBars, PRICE_SCALE_MAX, last_price_day};
pub use corporate_actions::{ACTION_SCALE_MAX, ActionError, Payment, PaymentKind, SplitRatio};
pub use currency::{Currency, CurrencyError};
pub use delisted::Delisted;
pub use email_address::{EmailAddress, EmailAddressError};
pub use figures::{AdvisedFigure, FiguresSnapshot, NoFigureReason};
pub use firm::Firm;
pub use ids::{
    Actor, ActorError, AdvisorId, AggregateId, BacktestId, ClientId, CommandId, EventId, PortfolioId, RecommendationId,
};
pub use interest::{Interest, InterestRate, InterestRateError};
pub use limits::{Band, BandError, Limit, Limits};
pub use listing::{AssetClass, AssetDetails, Listing, TimeZoneName, TimeZoneNameError};
pub use money::{Money, MoneyError};
pub use policy::{Policy, RebalancingRule};
pub use regime::{Language, Regime};
pub use risk_class::RiskClass;
pub use sealed::{Sealed, SealedIdentity};
pub use sought::{SOUGHT_BYTES_MAX, Sought};
pub use terms::{Costs, CostsError, Terms};
pub use text::{Name, Note, TextError};
pub use weight::{Weight, WeightError};
