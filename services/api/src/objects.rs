//! JSON objects as objects only. serde also reads a struct from a list of its fields' values in order; nobody asked for
//! that spelling, and a field added later would change what it means.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` that was spelt as an object.
pub struct Object<T>(pub T);

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// For a field that is a list of objects.
///
/// # Errors
/// Where it is something else.
pub fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(value)| value).collect())
}

/// For a field that is an object.
///
/// # Errors
/// Where it is something else.
pub fn one<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Object::<T>::deserialize(deserializer)?.0)
}

/// For a field that is an object or not there.
///
/// # Errors
/// Where it is something else.
pub fn optional<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::Object;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        name: String,
        #[serde(deserialize_with = "super::list")]
        parts: Vec<Part>,
        #[serde(default, deserialize_with = "super::optional")]
        more: Option<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        weight: String,
    }

    #[test]
    fn an_object_is_read_from_an_object_and_from_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Object<Form>>(text).map(|Object(form)| form);
        let form = read(r#"{"name":"n","parts":[{"weight":"1"}],"more":{"weight":"2"}}"#).unwrap();
        assert_eq!((form.name.as_str(), form.parts[0].weight.as_str()), ("n", "1"));
        assert_eq!(form.more.unwrap().weight, "2");
        assert!(read(r#"{"name":"n","parts":[]}"#).unwrap().more.is_none());
        for other in [
            r#"["n",[{"weight":"1"}],null]"#,
            r#"{"name":"n","parts":[["1"]]}"#,
            r#"{"name":"n","parts":[],"more":["2"]}"#,
            r#"{"name":"n","parts":[{"weight":"1","x":1}]}"#,
            r#"{"name":"n","name":"m","parts":[]}"#,
        ] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
