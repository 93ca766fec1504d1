//! Stored forms of an asset's events.

use serde::{Deserialize, Serialize};

use super::bars::{BarsV1, BarsV2};
use super::parts::{CurrencyV1, DateV1, DecimalV1, OutOfRange, currency};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::asset::{AssetEvent, Confirmation, Correction, PriceBasis};
use crate::calendar::Calendar;
use crate::values::{
    AssetClass, AssetDetails, Bar, Bars, InterestRate, Listing, Name, Note, Payment, PaymentKind, SplitRatio,
    TimeZoneName,
};

const LISTED_V1: &str = "insights.asset.listed.v1";
const LISTED_V2: &str = "insights.asset.listed.v2";
const LISTED_V3: &str = "insights.asset.listed.v3";
const EDITED_V1: &str = "insights.asset.edited.v1";
const EDITED_V2: &str = "insights.asset.edited.v2";
const PRICED_V1: &str = "insights.asset.priced.v1";
const PRICED_V2: &str = "insights.asset.priced.v2";
const CORRECTED_V1: &str = "insights.asset.corrected.v1";
const SPLIT_V1: &str = "insights.asset.split.v1";
const DIVIDEND_V1: &str = "insights.asset.dividend.v1";
const SPLIT_WITHDRAWN_V1: &str = "insights.asset.split_withdrawn.v1";
const PAYMENT_WITHDRAWN_V1: &str = "insights.asset.payment_withdrawn.v1";
const INTEREST_SET_V1: &str = "insights.asset.interest_set.v1";
const RATED_V1: &str = "insights.asset.rated.v1";
const DELISTED_V1: &str = "insights.asset.delisted.v1";
const CONFIRMED_V1: &str = "insights.asset.confirmed.v1";

#[derive(Deserialize)]
struct ListedV1 {
    name: String,
    currency: CurrencyV1,
}

#[derive(Deserialize)]
struct ListedV2 {
    name: String,
    currency: CurrencyV1,
    class: Option<ClassV2>,
    sector: Option<String>,
    exchange: Option<String>,
    time_zone: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ListedV3 {
    currency: CurrencyV1,
    details: DetailsV2,
    risk_class: Option<String>,
}

#[derive(Deserialize)]
struct EditedV1 {
    name: String,
    class: Option<ClassV2>,
    sector: Option<String>,
    exchange: Option<String>,
    time_zone: Option<String>,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct EditedV2 {
    details: DetailsV2,
    reason: String,
}

/// What may be told otherwise of an asset; the calendar in its word.
#[derive(Serialize, Deserialize)]
struct DetailsV2 {
    name: String,
    class: Option<ClassV2>,
    sector: Option<String>,
    exchange: Option<String>,
    time_zone: Option<String>,
    calendar: Option<String>,
}

#[derive(Serialize, Deserialize)]
enum ClassV2 {
    Equity,
    Etf,
    MutualFund,
    Index,
    Currency,
    Crypto,
    Future,
    Bond,
    Cash,
    Commodity,
}

#[derive(Deserialize)]
struct PricedV1 {
    source: String,
    basis: BasisV1,
    bars: BarsV1,
}

#[derive(Deserialize)]
enum BasisV1 {
    Raw,
    Adjusted,
}

#[derive(Serialize, Deserialize)]
struct PricedV2 {
    source: String,
    basis: BasisV2,
    bars: BarsV2,
}

#[derive(Serialize, Deserialize)]
enum BasisV2 {
    Raw,
    Adjusted,
    SplitAdjusted,
}

/// What was and what is, row by row.
#[derive(Serialize, Deserialize)]
struct CorrectedV1 {
    source: String,
    reason: String,
    was: BarsV2,
    is: BarsV2,
}

#[derive(Serialize, Deserialize)]
struct SplitV1 {
    source: String,
    date: DateV1,
    ratio: RatioV1,
    was: Option<RatioV1>,
}

/// New units, old units.
#[derive(Serialize, Deserialize)]
struct RatioV1(DecimalV1, DecimalV1);

#[derive(Serialize, Deserialize)]
struct DividendV1 {
    source: String,
    ex_date: DateV1,
    kind: PaymentKindV1,
    amount: DecimalV1,
    was: Option<DecimalV1>,
}

#[derive(Serialize, Deserialize)]
enum PaymentKindV1 {
    Dividend,
    CapitalGain,
}

#[derive(Serialize, Deserialize)]
struct SplitWithdrawnV1 {
    source: String,
    reason: String,
    date: DateV1,
    was: RatioV1,
}

#[derive(Serialize, Deserialize)]
struct PaymentWithdrawnV1 {
    source: String,
    reason: String,
    ex_date: DateV1,
    kind: PaymentKindV1,
    was: DecimalV1,
}

#[derive(Serialize, Deserialize)]
struct InterestSetV1 {
    from: DateV1,
    rate: DecimalV1,
    was: Option<DecimalV1>,
    reason: String,
}

/// A rating; the class in its word.
#[derive(Serialize, Deserialize)]
struct RatedV1 {
    class: String,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct DelistedV1 {
    date: DateV1,
    reason: String,
}

/// What was confirmed, in its word.
#[derive(Serialize, Deserialize)]
struct ConfirmedV1 {
    what: String,
    reason: Option<String>,
}

impl Stored for AssetEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Listed(_) => LISTED_V3,
            Self::Edited { .. } => EDITED_V2,
            Self::Priced { .. } => PRICED_V2,
            Self::Corrected { .. } => CORRECTED_V1,
            Self::Split { .. } => SPLIT_V1,
            Self::Dividend { .. } => DIVIDEND_V1,
            Self::SplitWithdrawn { .. } => SPLIT_WITHDRAWN_V1,
            Self::PaymentWithdrawn { .. } => PAYMENT_WITHDRAWN_V1,
            Self::InterestSet { .. } => INTEREST_SET_V1,
            Self::Rated { .. } => RATED_V1,
            Self::Delisted { .. } => DELISTED_V1,
            Self::Confirmed { .. } => CONFIRMED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Listed(listing) => to_bytes(&ListedV3 {
                currency: listing.currency.bytes(),
                details: (&listing.details()).into(),
                risk_class: listing.risk_class.map(|class| class.word().to_owned()),
            }),
            Self::Edited { details, reason } => {
                to_bytes(&EditedV2 { details: details.as_ref().into(), reason: reason.as_str().to_owned() })
            }
            Self::Priced { source, basis, bars } => to_bytes(&PricedV2 {
                source: source.as_str().to_owned(),
                basis: match basis {
                    PriceBasis::Raw => BasisV2::Raw,
                    PriceBasis::Adjusted => BasisV2::Adjusted,
                    PriceBasis::SplitAdjusted => BasisV2::SplitAdjusted,
                },
                bars: bars.as_slice().into(),
            }),
            Self::Corrected { source, reason, corrections } => {
                let side = |bar: fn(&Correction) -> Bar| {
                    let bars: Vec<Bar> = corrections.iter().map(bar).collect();
                    BarsV2::from(bars.as_slice())
                };
                to_bytes(&CorrectedV1 {
                    source: source.as_str().to_owned(),
                    reason: reason.as_str().to_owned(),
                    was: side(|correction| correction.was),
                    is: side(|correction| correction.is),
                })
            }
            Self::Split { source, date, ratio, was } => to_bytes(&SplitV1 {
                source: source.as_str().to_owned(),
                date: (*date).into(),
                ratio: (*ratio).into(),
                was: was.map(RatioV1::from),
            }),
            Self::Dividend { source, ex_date, kind, payment, was } => to_bytes(&DividendV1 {
                source: source.as_str().to_owned(),
                ex_date: (*ex_date).into(),
                kind: (*kind).into(),
                amount: payment.amount().into(),
                was: was.map(|was| was.amount().into()),
            }),
            Self::SplitWithdrawn { source, reason, date, was } => to_bytes(&SplitWithdrawnV1 {
                source: source.as_str().to_owned(),
                reason: reason.as_str().to_owned(),
                date: (*date).into(),
                was: (*was).into(),
            }),
            Self::PaymentWithdrawn { source, reason, ex_date, kind, was } => to_bytes(&PaymentWithdrawnV1 {
                source: source.as_str().to_owned(),
                reason: reason.as_str().to_owned(),
                ex_date: (*ex_date).into(),
                kind: (*kind).into(),
                was: was.amount().into(),
            }),
            Self::InterestSet { from, rate, was, reason } => to_bytes(&InterestSetV1 {
                from: (*from).into(),
                rate: rate.value().into(),
                was: was.map(|was| was.value().into()),
                reason: reason.as_str().to_owned(),
            }),
            Self::Rated { class, reason } => {
                to_bytes(&RatedV1 { class: class.word().to_owned(), reason: reason.as_str().to_owned() })
            }
            Self::Delisted { date, reason } => {
                to_bytes(&DelistedV1 { date: (*date).into(), reason: reason.as_str().to_owned() })
            }
            Self::Confirmed { what, reason } => to_bytes(&ConfirmedV1 {
                what: what.word().to_owned(),
                reason: reason.as_ref().map(|reason| reason.as_str().to_owned()),
            }),
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let invalid = |what| out_of_range(event_type, what);
        match event_type {
            LISTED_V1 => {
                let form: ListedV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Listed(Listing::new(Name::from_history(form.name), currency(form.currency))))
            }
            LISTED_V2 => Ok(Self::Listed(from_bytes::<ListedV2>(event_type, bytes)?.into())),
            LISTED_V3 => {
                let form: ListedV3 = from_bytes(event_type, bytes)?;
                let details: AssetDetails = form.details.try_into().map_err(invalid)?;
                let class = form.risk_class.as_deref().map(super::parts::risk_class);
                let listing = Listing::new(details.name.clone(), currency(form.currency)).with(details);
                Ok(Self::Listed(Listing { risk_class: class.transpose().map_err(invalid)?, ..listing }))
            }
            EDITED_V1 => {
                let form: EditedV1 = from_bytes(event_type, bytes)?;
                let details = AssetDetails {
                    name: Name::from_history(form.name),
                    class: form.class.map(AssetClass::from),
                    sector: form.sector.map(Name::from_history),
                    exchange: form.exchange.map(Name::from_history),
                    time_zone: form.time_zone.map(TimeZoneName::from_history),
                    calendar: None,
                };
                Ok(Self::Edited { details: Box::new(details), reason: Note::from_history(form.reason) })
            }
            EDITED_V2 => {
                let form: EditedV2 = from_bytes(event_type, bytes)?;
                let details: AssetDetails = form.details.try_into().map_err(invalid)?;
                Ok(Self::Edited { details: Box::new(details), reason: Note::from_history(form.reason) })
            }
            PRICED_V1 => {
                let form: PricedV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Priced {
                    source: Name::from_history(form.source),
                    basis: match form.basis {
                        BasisV1::Raw => PriceBasis::Raw,
                        BasisV1::Adjusted => PriceBasis::Adjusted,
                    },
                    bars: form.bars.try_into().map_err(invalid)?,
                })
            }
            PRICED_V2 => {
                let form: PricedV2 = from_bytes(event_type, bytes)?;
                Ok(Self::Priced {
                    source: Name::from_history(form.source),
                    basis: match form.basis {
                        BasisV2::Raw => PriceBasis::Raw,
                        BasisV2::Adjusted => PriceBasis::Adjusted,
                        BasisV2::SplitAdjusted => PriceBasis::SplitAdjusted,
                    },
                    bars: Bars::from_history(form.bars.try_into().map_err(invalid)?),
                })
            }
            CORRECTED_V1 => {
                let form: CorrectedV1 = from_bytes(event_type, bytes)?;
                let (was, is): (Vec<Bar>, Vec<Bar>) =
                    (form.was.try_into().map_err(invalid)?, form.is.try_into().map_err(invalid)?);
                if was.len() != is.len() {
                    return Err(invalid(OutOfRange("the length of a column")));
                }
                let corrections = was.into_iter().zip(is).map(|(was, is)| Correction { was, is }).collect();
                let (source, reason) = (Name::from_history(form.source), Note::from_history(form.reason));
                Ok(Self::Corrected { source, reason, corrections })
            }
            SPLIT_V1 => {
                let form: SplitV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Split {
                    source: Name::from_history(form.source),
                    date: form.date.try_into().map_err(invalid)?,
                    ratio: form.ratio.try_into().map_err(invalid)?,
                    was: form.was.map(SplitRatio::try_from).transpose().map_err(invalid)?,
                })
            }
            DIVIDEND_V1 => {
                let form: DividendV1 = from_bytes(event_type, bytes)?;
                let payment = |amount: DecimalV1| amount.try_into().map(Payment::from_history).map_err(invalid);
                Ok(Self::Dividend {
                    source: Name::from_history(form.source),
                    ex_date: form.ex_date.try_into().map_err(invalid)?,
                    kind: form.kind.into(),
                    payment: payment(form.amount)?,
                    was: form.was.map(payment).transpose()?,
                })
            }
            SPLIT_WITHDRAWN_V1 => {
                let form: SplitWithdrawnV1 = from_bytes(event_type, bytes)?;
                Ok(Self::SplitWithdrawn {
                    source: Name::from_history(form.source),
                    reason: Note::from_history(form.reason),
                    date: form.date.try_into().map_err(invalid)?,
                    was: form.was.try_into().map_err(invalid)?,
                })
            }
            PAYMENT_WITHDRAWN_V1 => {
                let form: PaymentWithdrawnV1 = from_bytes(event_type, bytes)?;
                Ok(Self::PaymentWithdrawn {
                    source: Name::from_history(form.source),
                    reason: Note::from_history(form.reason),
                    ex_date: form.ex_date.try_into().map_err(invalid)?,
                    kind: form.kind.into(),
                    was: form.was.try_into().map(Payment::from_history).map_err(invalid)?,
                })
            }
            INTEREST_SET_V1 => {
                let form: InterestSetV1 = from_bytes(event_type, bytes)?;
                let rate = |rate: DecimalV1| rate.try_into().map(InterestRate::from_history).map_err(invalid);
                Ok(Self::InterestSet {
                    from: form.from.try_into().map_err(invalid)?,
                    rate: rate(form.rate)?,
                    was: form.was.map(rate).transpose()?,
                    reason: Note::from_history(form.reason),
                })
            }
            RATED_V1 => {
                let form: RatedV1 = from_bytes(event_type, bytes)?;
                let class = super::parts::risk_class(&form.class).map_err(|what| out_of_range(event_type, what))?;
                Ok(Self::Rated { class, reason: Note::from_history(form.reason) })
            }
            DELISTED_V1 => {
                let form: DelistedV1 = from_bytes(event_type, bytes)?;
                let date = form.date.try_into().map_err(invalid)?;
                Ok(Self::Delisted { date, reason: Note::from_history(form.reason) })
            }
            CONFIRMED_V1 => {
                let form: ConfirmedV1 = from_bytes(event_type, bytes)?;
                let what = Confirmation::parse(&form.what).ok_or_else(|| invalid(OutOfRange("what was confirmed")))?;
                Ok(Self::Confirmed { what, reason: form.reason.map(Note::from_history) })
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}

impl From<AssetClass> for ClassV2 {
    fn from(class: AssetClass) -> Self {
        match class {
            AssetClass::Equity => Self::Equity,
            AssetClass::Etf => Self::Etf,
            AssetClass::MutualFund => Self::MutualFund,
            AssetClass::Index => Self::Index,
            AssetClass::Currency => Self::Currency,
            AssetClass::Crypto => Self::Crypto,
            AssetClass::Future => Self::Future,
            AssetClass::Bond => Self::Bond,
            AssetClass::Cash => Self::Cash,
            AssetClass::Commodity => Self::Commodity,
        }
    }
}

impl From<ClassV2> for AssetClass {
    fn from(form: ClassV2) -> Self {
        match form {
            ClassV2::Equity => Self::Equity,
            ClassV2::Etf => Self::Etf,
            ClassV2::MutualFund => Self::MutualFund,
            ClassV2::Index => Self::Index,
            ClassV2::Currency => Self::Currency,
            ClassV2::Crypto => Self::Crypto,
            ClassV2::Future => Self::Future,
            ClassV2::Bond => Self::Bond,
            ClassV2::Cash => Self::Cash,
            ClassV2::Commodity => Self::Commodity,
        }
    }
}

impl From<&AssetDetails> for DetailsV2 {
    fn from(details: &AssetDetails) -> Self {
        Self {
            name: details.name.as_str().to_owned(),
            class: details.class.map(ClassV2::from),
            sector: details.sector.as_ref().map(|sector| sector.as_str().to_owned()),
            exchange: details.exchange.as_ref().map(|exchange| exchange.as_str().to_owned()),
            time_zone: details.time_zone.as_ref().map(|zone| zone.as_str().to_owned()),
            calendar: details.calendar.map(|calendar| calendar.word().to_owned()),
        }
    }
}

impl TryFrom<DetailsV2> for AssetDetails {
    type Error = OutOfRange;

    fn try_from(form: DetailsV2) -> Result<Self, OutOfRange> {
        let calendar = |word: String| Calendar::parse(&word).ok_or(OutOfRange("a calendar"));
        Ok(Self {
            name: Name::from_history(form.name),
            class: form.class.map(AssetClass::from),
            sector: form.sector.map(Name::from_history),
            exchange: form.exchange.map(Name::from_history),
            time_zone: form.time_zone.map(TimeZoneName::from_history),
            calendar: form.calendar.map(calendar).transpose()?,
        })
    }
}

impl From<ListedV2> for Listing {
    fn from(form: ListedV2) -> Self {
        Self {
            name: Name::from_history(form.name),
            currency: currency(form.currency),
            class: form.class.map(AssetClass::from),
            sector: form.sector.map(Name::from_history),
            exchange: form.exchange.map(Name::from_history),
            time_zone: form.time_zone.map(TimeZoneName::from_history),
            calendar: None,
            risk_class: None,
        }
    }
}

impl From<PaymentKind> for PaymentKindV1 {
    fn from(kind: PaymentKind) -> Self {
        match kind {
            PaymentKind::Dividend => Self::Dividend,
            PaymentKind::CapitalGain => Self::CapitalGain,
        }
    }
}

impl From<PaymentKindV1> for PaymentKind {
    fn from(form: PaymentKindV1) -> Self {
        match form {
            PaymentKindV1::Dividend => Self::Dividend,
            PaymentKindV1::CapitalGain => Self::CapitalGain,
        }
    }
}

impl From<SplitRatio> for RatioV1 {
    fn from(ratio: SplitRatio) -> Self {
        Self(ratio.new_units().into(), ratio.old_units().into())
    }
}

impl TryFrom<RatioV1> for SplitRatio {
    type Error = OutOfRange;

    fn try_from(form: RatioV1) -> Result<Self, OutOfRange> {
        Ok(Self::from_history(form.0.try_into()?, form.1.try_into()?))
    }
}
