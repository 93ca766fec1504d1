//! All that keeps JSON from having the form that is asked for, in one answer.
//!
//! A reader stops at the first thing that does not fit. So that thing is noted, put right in a copy, and the copy read
//! again: what is unknown goes, and for what is missing or of another type something stands in, whose own faults are
//! nobody's.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use crate::objects::Object;
use crate::problem::FieldError;

/// Bytes of a body of which more than the first misfit is told: reading it again and again costs as often.
const READ_AGAIN_BYTES_MAX: usize = 64 * 1024;
/// How often a body is read again.
const READ_AGAIN_MAX: usize = 60;
/// Misfits that one answer tells.
const MISFITS_MAX: usize = 20;

/// What does not fit, the first thing first.
pub fn misfits<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Vec<FieldError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let first = match serde_path_to_error::deserialize::<_, Object<T>>(&mut json) {
        Err(error) => Misfit::of(error.path(), &error.inner().to_string()),
        Ok(_) => Misfit { place: Vec::new(), code: "wrong-type", message: without_place(&error.to_string()) },
    };
    let mut found = vec![first];
    if let Some(mut copy) = copy(bytes) {
        let mut stand_ins = StandIns::new();
        for _ in 0..READ_AGAIN_MAX {
            let Err(error) = serde_path_to_error::deserialize::<_, Object<T>>(&copy) else { break };
            let misfit = Misfit::of(error.path(), &error.inner().to_string());
            let is_of_stand_in = stand_ins.keys().any(|place| misfit.place.starts_with(place));
            if !put_right(&mut copy, &misfit, &mut stand_ins) {
                break;
            }
            if !is_of_stand_in && !found.contains(&misfit) {
                found.push(misfit);
            }
            if found.len() >= MISFITS_MAX {
                break;
            }
        }
    }
    found.into_iter().map(Misfit::into_error).collect()
}

fn copy(bytes: &[u8]) -> Option<Value> {
    if bytes.len() > READ_AGAIN_BYTES_MAX { None } else { serde_json::from_slice(bytes).ok() }
}

/// One step down into JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

/// What stands in, by its place: the how manieth of those that are tried.
type StandIns = BTreeMap<Vec<Step>, usize>;

/// Something that does not fit.
#[derive(Debug, PartialEq, Eq)]
struct Misfit {
    /// Where it is, or should be.
    place: Vec<Step>,
    code: &'static str,
    message: String,
}

impl Misfit {
    fn of(path: &Path, message: &str) -> Self {
        let message = without_place(message);
        let code = if message.starts_with("unknown field") {
            "unknown-field"
        } else if message.starts_with("missing field") {
            "missing-field"
        } else if message.starts_with("duplicate field") {
            "duplicate-field"
        } else if message.starts_with("unknown variant") {
            "unknown-word"
        } else {
            "wrong-type"
        };
        let step = |segment: &Segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { variant } => Some(Step::Key(variant.clone())),
            Segment::Unknown => None,
        };
        let mut place: Vec<Step> = path.iter().filter_map(step).collect();
        // Of these the path says in what they are missing or doubled.
        if let ("missing-field" | "duplicate-field", Some(field)) = (code, message.split('`').nth(1)) {
            place.push(Step::Key(field.to_owned()));
        }
        Self { place, code, message }
    }

    fn into_error(self) -> FieldError {
        let part = |step: Step| match step {
            Step::Key(key) => format!("/{}", escaped(&key)),
            Step::Index(index) => format!("/{index}"),
        };
        let pointer: String = self.place.into_iter().map(part).collect();
        FieldError::in_body(&pointer, self.code, self.message)
    }
}

/// Whether the copy was changed so that the misfit is none any more, or another.
fn put_right(copy: &mut Value, misfit: &Misfit, stand_ins: &mut StandIns) -> bool {
    if misfit.code == "unknown-field" {
        let Some((Step::Key(key), above)) = misfit.place.split_last() else { return false };
        let object = inside(copy, above).and_then(Value::as_object_mut);
        return object.is_some_and(|object| object.remove(key).is_some());
    }
    let tried = stand_ins.get(&misfit.place).map_or(0, |tried| tried + 1);
    let Some(stand_in) = stand_in(tried) else { return false };
    stand_ins.insert(misfit.place.clone(), tried);
    if let (Some(place), true) = (inside(copy, &misfit.place), misfit.code != "missing-field") {
        *place = stand_in;
        return true;
    }
    let Some((Step::Key(key), above)) = misfit.place.split_last() else { return false };
    let object = inside(copy, above).and_then(Value::as_object_mut);
    object.is_some_and(|object| object.insert(key.clone(), stand_in).is_none())
}

/// What stands in for something, in the order in which it is tried.
fn stand_in(tried: usize) -> Option<Value> {
    [Value::from(""), Value::Array(Vec::new()), Value::Object(Map::new()), Value::from(false), Value::from(1)]
        .into_iter()
        .nth(tried)
}

fn inside<'a>(json: &'a mut Value, place: &[Step]) -> Option<&'a mut Value> {
    place.iter().try_fold(json, |json, step| match step {
        Step::Key(key) => json.get_mut(key),
        Step::Index(index) => json.get_mut(index),
    })
}

/// A key as one part of a JSON Pointer, bounded, without what cannot stand in a line of text.
fn escaped(key: &str) -> String {
    const KEY_CHARS_MAX: usize = 80;
    let shown: String = key.chars().filter(|c| !c.is_control()).take(KEY_CHARS_MAX).collect();
    shown.replace('~', "~0").replace('/', "~1")
}

/// serde_json's message without its line and column, which the pointer says better, and bounded.
fn without_place(message: &str) -> String {
    const MESSAGE_CHARS_MAX: usize = 300;
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop, prop_assert, prop_oneof, proptest};
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::{MISFITS_MAX, misfits};
    use crate::objects::Object;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct Form {
        name: String,
        count: u64,
        #[serde(deserialize_with = "crate::objects::list")]
        targets: Vec<Target>,
        #[serde(deserialize_with = "crate::objects::one")]
        policy: Policy,
        locked: Option<bool>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct Target {
        asset: String,
        weight: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct Policy {
        rule: String,
    }

    fn told(json: &Value) -> Vec<(String, &'static str)> {
        let text = json.to_string();
        let Err(error) = serde_json::from_str::<Object<Form>>(&text) else { return Vec::new() };
        let errors = misfits::<Form>(text.as_bytes(), &error).into_iter();
        errors.map(|error| (error.pointer.unwrap(), error.code)).collect()
    }

    #[test]
    fn all_that_is_missing_unknown_or_of_another_type_is_told_at_once() {
        let json = json!({
            "nmae": "x", "count": "3", "more": [1],
            "targets": [{"asset": "A", "weight": 1}, {"weight": "0.5", "x": 1}, "B"],
            "locked": "yes",
        });
        let mut told = told(&json);
        told.sort();
        let expected = [
            ("#/count", "wrong-type"),
            ("#/locked", "wrong-type"),
            ("#/more", "unknown-field"),
            ("#/name", "missing-field"),
            ("#/nmae", "unknown-field"),
            ("#/policy", "missing-field"),
            ("#/targets/0/weight", "wrong-type"),
            ("#/targets/1/asset", "missing-field"),
            ("#/targets/1/x", "unknown-field"),
            ("#/targets/2", "wrong-type"),
        ];
        assert_eq!(told, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn what_is_no_object_is_told_as_that_alone() {
        for json in [json!([]), json!("x"), json!(null), json!(1)] {
            assert_eq!(told(&json), [("#".to_owned(), "wrong-type")]);
        }
    }

    #[test]
    fn an_answer_has_an_end() {
        let many: serde_json::Map<String, Value> = (0..200).map(|n| (format!("x{n}"), json!(n))).collect();
        assert_eq!(told(&Value::Object(many)).len(), MISFITS_MAX);
        let long = json!({"x".repeat(70_000): 1, "y": 2});
        assert_eq!(told(&long).len(), 1, "of a long body the first alone");
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), Just(json!(true)), Just(json!(1)), Just(json!("x"))];
        let key = prop_oneof!["name|count|targets|policy|locked|asset|weight|rule", "[a-z~/]{1,3}"];
        leaf.prop_recursive(4, 30, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_the_json_is_each_misfit_is_told_once(json in anything()) {
            let told = told(&json);
            let once: std::collections::BTreeSet<_> = told.iter().collect();
            prop_assert!(once.len() == told.len() && told.len() <= MISFITS_MAX, "{told:?}");
        }
    }
}
