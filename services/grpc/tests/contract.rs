//! What the proto files promise: kept for ever once it was promised, and written as the style of protobuf asks.

use std::collections::BTreeSet;
use std::path::Path;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

fn files() -> Vec<FileDescriptorProto> {
    let set = <FileDescriptorSet as prost::Message>::decode(grpc::proto::DESCRIPTORS).expect("we encoded it");
    set.file.into_iter().filter(|file| file.package().starts_with("insights.")).collect()
}

/// Every promise as a line: a field with number, type and label; a value with its number; a method with its types.
fn promises() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in files() {
        let package = file.package().to_owned();
        file.message_type.iter().for_each(|message| of_message(&package, message, &mut lines));
        file.enum_type.iter().for_each(|one| of_enum(&package, one, &mut lines));
        for service in &file.service {
            for method in &service.method {
                let stream = if method.server_streaming() { "stream " } else { "" };
                let (name, input, output) = (method.name(), method.input_type(), method.output_type());
                lines.insert(format!("rpc {package}.{}.{name}({input}) {stream}{output}", service.name()));
            }
        }
    }
    lines
}

fn of_message(scope: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let scope = format!("{scope}.{}", message.name());
    for field in &message.field {
        let label = if field.label() == Label::Repeated { "repeated " } else { "" };
        let presence = if field.proto3_optional() { "optional " } else { "" };
        let kind = field.r#type().as_str_name();
        let (name, number, of) = (field.name(), field.number(), field.type_name());
        lines.insert(format!("field {scope}.{name} = {number} {label}{presence}{kind} {of}").trim_end().to_owned());
    }
    message.nested_type.iter().for_each(|nested| of_message(&scope, nested, lines));
    message.enum_type.iter().for_each(|nested| of_enum(&scope, nested, lines));
}

fn of_enum(scope: &str, one: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &one.value {
        lines.insert(format!("value {scope}.{}.{} = {}", one.name(), value.name(), value.number()));
    }
}

/// New promises are written down with `INSIGHTS_BLESS=1`; one that was made is never taken back.
#[test]
fn what_was_once_promised_is_still_promised() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/promised.txt");
    let now = promises();
    if std::env::var_os("INSIGHTS_BLESS").is_some() {
        let all: Vec<&str> = now.iter().map(String::as_str).collect();
        std::fs::write(&path, all.join("\n") + "\n").expect("the file can be written");
    }
    let promised = std::fs::read_to_string(&path).expect("the file is there");
    let broken: Vec<&str> = promised.lines().filter(|line| !now.contains(*line)).collect();
    assert!(broken.is_empty(), "no longer so: {broken:#?}");
    let unwritten: Vec<&String> = now.iter().filter(|line| !promised.lines().any(|known| known == *line)).collect();
    assert!(unwritten.is_empty(), "run the test with INSIGHTS_BLESS=1: {unwritten:#?}");
}

/// The rules of buf's standard set that can be broken here.
#[test]
fn names_are_as_the_style_of_protobuf_asks() {
    let is_lower = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let is_camel = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains('_');
    let mut requests = BTreeSet::new();
    for file in files() {
        let folder = file.package().replace('.', "/");
        assert_eq!(file.name().rsplit_once('/').map(|(folder, _)| folder), Some(folder.as_str()), "folder = package");
        assert!(file.package().rsplit('.').next().is_some_and(|last| last.starts_with('v')), "packages have versions");
        for message in &file.message_type {
            assert!(is_camel(message.name()), "{}", message.name());
            for field in &message.field {
                assert!(is_lower(field.name()), "{}", field.name());
                assert_ne!(field.r#type(), Type::Float, "{}: numbers are doubles", field.name());
            }
        }
        for one in &file.enum_type {
            let upper: String = one.name().char_indices().fold(String::new(), |mut name, (place, c)| {
                if place > 0 && c.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(c.to_ascii_uppercase());
                name
            });
            for value in &one.value {
                assert!(value.name().starts_with(&format!("{upper}_")), "{}", value.name());
            }
            assert_eq!(one.value[0].name(), format!("{upper}_UNSPECIFIED"));
        }
        for method in file.service.iter().flat_map(|service| &service.method) {
            let own = |kind: &str| format!(".{}.{}{kind}", file.package(), method.name());
            assert_eq!(
                (method.input_type(), method.output_type()),
                (own("Request").as_str(), own("Response").as_str())
            );
            assert!(requests.insert(method.input_type().to_owned()), "each method has its own request");
        }
    }
    assert!(requests.len() >= 5);
}
