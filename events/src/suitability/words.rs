//! The answers of the questionnaire in words, as requests and stored forms spell them.

use super::{Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective};

macro_rules! words {
    ($answer:ident: $($variant:ident $word:literal),*) => {
        impl $answer {
            /// Every answer, in the order of their points.
            pub const ALL: [Self; 5] = [$(Self::$variant),*];

            /// The answer in one word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The answer with this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|answer| answer.word() == word)
            }
        }
    };
}

words!(Objective: Preservation "preservation", Income "income", Balanced "balanced", Growth "growth", Speculation "speculation");
words!(Horizon: UnderOneYear "under_one_year", OneToThreeYears "one_to_three_years",
    ThreeToFiveYears "three_to_five_years", FiveToTenYears "five_to_ten_years", OverTenYears "over_ten_years");
words!(LossCapacity: None "none", UpToTenPercent "up_to_ten_percent", UpToTwentyPercent "up_to_twenty_percent",
    UpToThirtyFivePercent "up_to_thirty_five_percent", More "more");
words!(Knowledge: None "none", Basic "basic", Informed "informed", Experienced "experienced", Professional "professional");
words!(LiquidityNeed: All "all", Most "most", Half "half", Little "little", None "none");

#[cfg(test)]
mod tests {
    use super::{Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective};

    #[test]
    fn answers_read_back_and_are_spelt_as_events_show_them() {
        fn check<T: serde::Serialize + Copy + PartialEq + std::fmt::Debug>(
            all: [T; 5],
            word: impl Fn(T) -> &'static str,
            parse: impl Fn(&str) -> Option<T>,
        ) {
            for answer in all {
                assert_eq!(parse(word(answer)), Some(answer));
                assert_eq!(serde_json::to_value(answer).unwrap(), word(answer));
            }
            assert_eq!(parse("perhaps"), None);
        }
        check(Objective::ALL, Objective::word, Objective::parse);
        check(Horizon::ALL, Horizon::word, Horizon::parse);
        check(LossCapacity::ALL, LossCapacity::word, LossCapacity::parse);
        check(Knowledge::ALL, Knowledge::word, Knowledge::parse);
        check(LiquidityNeed::ALL, LiquidityNeed::word, LiquidityNeed::parse);
    }
}
