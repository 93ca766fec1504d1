use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use unicode_normalization::UnicodeNormalization;

use super::{SOUGHT_BYTES_MAX, Sought, is_mark};
use crate::values::text::NAME_CHARS_MAX;

/// What PostgreSQL takes into an index at the most, of a page of 8 kB.
const INDEX_ROW_BYTES_MAX: usize = 2_704;
/// What stands beside the name in the widest index that has one: two ids, a standing and what PostgreSQL adds.
const BESIDE_BYTES: usize = 80;
/// `ﷺ`, the one character that says a whole phrase: 18 letters.
const PHRASE: char = '\u{fdfa}';

fn sought(text: &str) -> String {
    Sought::of(text).as_str().to_owned()
}

/// Every character that Unicode has given out, and many that it has not.
fn characters() -> impl Iterator<Item = char> {
    ('\0'..='\u{323af}').chain('\u{e0000}'..='\u{e01ff}')
}

/// Texts in which letters, accents and what joins them meet.
fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        any::<char>(),
        prop::char::range('\u{20}', '\u{24f}'),
        prop::char::range('\u{300}', '\u{3ff}'),
        prop::char::range('\u{1e00}', '\u{1fff}'),
        prop::char::range('\u{ac00}', '\u{d7a3}'),
        prop::sample::select(vec![
            'ß', 'ẞ', 'İ', 'ı', 'ς', 'Σ', 'ﬁ', 'ŉ', 'ǆ', 'ǅ', '\u{345}', '\u{200d}', '\u{fe0f}', '👩', 'し', '\u{3099}'
        ]),
        Just(' '),
    ];
    prop::collection::vec(letter, 0..12).prop_map(String::from_iter)
}

#[test]
fn case_and_accents_make_no_difference() {
    for (same, texts) in [
        ("acoes", ["Ações", "AÇÕES", "acoes", "Ac\u{327}o\u{303}es"]),
        ("jose", ["José", "JOSE\u{301}", "jose", "JoSÉ"]),
        ("strasse", ["Straße", "STRASSE", "STRAẞE", "strasse"]),
        ("istanbul", ["İstanbul", "I\u{307}STANBUL", "ıstanbul", "istanbul"]),
        ("οδοσ", ["ΟΔΟΣ", "οδος", "Οδός", "ὉΔΌΣ"]),
        ("αι", ["ᾳ", "ᾼ", "ΑΙ", "α\u{345}"]),
        ("fi 2", ["ﬁ\u{a0}²", "FI ２", "ﬁ ②", "fi 2"]),
        ("❤ 👍🏽", ["❤️ 👍🏽", "❤ 👍🏽", "❤\u{fe0e} 👍🏽", "❤\u{200d} 👍🏽"]),
        ("banco", ["Ban\u{ad}co", "BANC\u{200b}O", "Bánco", "B\u{20dd}anco"]),
        ("иог", ["ЙОГ", "йог", "ИОГ", "и\u{306}ог"]),
    ] {
        for text in texts {
            assert_eq!(sought(text), same, "{text}");
        }
    }
}

#[test]
fn other_letters_and_other_white_space_are_another_text() {
    for (one, other) in [
        ("acoes", "acao"),
        ("a b", "ab"),
        ("a b", "a  b"),
        ("a\tb", "a b"),
        ("ø", "o"),
        ("👍", "👎"),
        ("👍🏽", "👍"),
        ("कि", "का"),
        ("กิน", "กน"),
        ("%", "_"),
    ] {
        assert_ne!(sought(one), sought(other));
    }
}

#[test]
fn names_with_accents_stand_beside_those_without() {
    let mut names = ["Zebra", "Ágil", "agora", "Agil", "Étoile", "beta", "etapa", "Água"];
    names.sort_by_key(|name| Sought::of(name));
    assert_eq!(names, ["Ágil", "Agil", "agora", "Água", "beta", "etapa", "Étoile", "Zebra"]);
}

#[test]
fn nothing_is_left_of_accents_alone_and_something_of_everything_else() {
    for nothing in ["", "\u{301}", "\u{303}\u{327}", "\u{fe0f}", "\u{200d}\u{20dd}"] {
        assert!(Sought::of(nothing).is_empty(), "{nothing:?}");
    }
    for c in characters().filter(|&c| !c.nfkd().all(is_mark)) {
        assert!(!Sought::of(&c.to_string()).is_empty(), "{c:?}");
    }
    // An accent that stands by itself stands on a space.
    assert_eq!(sought("´"), " ");
}

#[test]
fn every_character_is_the_same_in_every_case_and_every_spelling_and_once_is_enough() {
    for c in characters() {
        let text = c.to_string();
        let found = sought(&text);
        assert_eq!(sought(&found), found, "{c:?} once more");
        for (how, other) in [
            ("in capitals", text.to_uppercase()),
            ("small", text.to_lowercase()),
            ("composed", text.nfc().collect()),
            ("taken apart", text.nfd().collect()),
            ("as its like, composed", text.nfkc().collect()),
            ("as its like, taken apart", text.nfkd().collect()),
        ] {
            assert_eq!(sought(&other), found, "{c:?} {how}: {other:?}");
        }
    }
}

#[test]
fn every_name_fits_into_an_index_and_whole_but_for_phrases_in_one_character() {
    let widest = characters().filter(|&c| c != PHRASE).map(|c| sought(&c.to_string()).len()).max().unwrap();
    assert!(widest * NAME_CHARS_MAX <= SOUGHT_BYTES_MAX, "a character comes to {widest} bytes");
    const { assert!(SOUGHT_BYTES_MAX + BESIDE_BYTES <= INDEX_ROW_BYTES_MAX) };
    let phrases = Sought::of(&PHRASE.to_string().repeat(NAME_CHARS_MAX));
    assert!((SOUGHT_BYTES_MAX - 3..=SOUGHT_BYTES_MAX).contains(&phrases.as_str().len()));
    assert_eq!(sought(phrases.as_str()), phrases.as_str());
}

proptest! {
    #[test]
    fn a_text_is_the_same_in_every_case_and_every_spelling_and_once_is_enough(text in text()) {
        let found = Sought::of(&text);
        prop_assert_eq!(&Sought::of(found.as_str()), &found);
        let mut letters = text.chars();
        let title = letters.next().map(|first| first.to_uppercase().collect::<String>() + &letters.as_str().to_lowercase());
        for other in [
            text.to_uppercase(),
            text.to_lowercase(),
            title.unwrap_or_default(),
            text.nfc().collect(),
            text.nfd().collect(),
            text.nfkc().collect(),
            text.nfkd().collect(),
        ] {
            prop_assert_eq!(&Sought::of(&other), &found, "{:?}", other);
        }
    }

    #[test]
    fn what_begins_or_contains_a_text_is_found_by_it(before in text(), part in text(), behind in text()) {
        let whole = Sought::of(&format!("{before}{part}{behind}"));
        prop_assert_eq!(whole.as_str(), format!("{}{}{}", sought(&before), sought(&part), sought(&behind)));
        prop_assert!(whole.contains(&Sought::of(&part)));
    }
}
