//! The reference page: the document as plain HTML, written once. No script, nothing loaded from anywhere.

use std::fmt::Write;

use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The page needs its own style and nothing else.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}\
h1,h2{line-height:1.2}code,pre{font:14px/1.45 ui-monospace,monospace}code{background:#f1f4f7;padding:.1em .3em;border-radius:3px}\
details{border:1px solid #d5dce3;border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}summary{cursor:pointer}\
pre{background:#f1f4f7;padding:.8rem;overflow:auto;border-radius:6px}.m{display:inline-block;min-width:4.5em;font-weight:600}\
table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #d5dce3;padding:.3rem .5rem;text-align:left;vertical-align:top}";

/// The page that shows the document.
#[must_use]
pub fn reference(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).expect("the document is plain data, which JSON can always say");
    let mut page = String::with_capacity(256 * 1024);
    page.push_str("<!doctype html><html lang=en><head><meta charset=utf-8><title>Insights: reference</title>");
    write_all(
        &mut page,
        format_args!("<meta name=viewport content=\"width=device-width\"><style>{STYLE}</style></head><body>"),
    );
    write_all(&mut page, format_args!("<h1>{}</h1>", escaped(text(&document["info"]["title"]))));
    paragraphs(&mut page, text(&document["info"]["description"]));
    page.push_str("<p>The document itself is at <a href=\"/openapi.json\"><code>/openapi.json</code></a>.</p>");
    for tag in document["tags"].as_array().into_iter().flatten() {
        write_all(&mut page, format_args!("<h2>{}</h2>", escaped(text(&tag["description"]))));
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if operation["tags"][0] == tag["name"] {
                    write_operation(&mut page, method, path, operation);
                }
            }
        }
    }
    page.push_str("<h2>What travels</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let name = escaped(name);
        write_all(
            &mut page,
            format_args!(
                "<details id=\"{name}\"><summary><code>{name}</code></summary><pre>{}</pre></details>",
                escaped(&json)
            ),
        );
    }
    page.push_str("</body></html>");
    page
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
    let summary = escaped(text(&operation["summary"]));
    write_all(
        page,
        format_args!("<details><summary><span class=m>{method}</span><code>{path}</code> {summary}</summary>"),
    );
    paragraphs(page, text(&operation["description"]));
    page.push_str("<table>");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let need = if parameter["required"] == true { ", needed" } else { "" };
        let (name, place) = (escaped(text(&parameter["name"])), escaped(text(&parameter["in"])));
        let about = escaped(text(&parameter["description"]));
        write_all(page, format_args!("<tr><td><code>{name}</code><td>{place}{need}<td>{about}"));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(name) = schema_name(body) {
        write_all(page, format_args!("<tr><td>body<td>needed<td><a href=\"#{name}\"><code>{name}</code></a>"));
    }
    page.push_str("</table><table>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let about = escaped(text(&response["description"])).replace("* `", "`").replace('\n', "<br>");
        let schema = &response["content"]["application/json"]["schema"];
        let link = schema_name(schema).map(|name| format!(" <a href=\"#{name}\"><code>{name}</code></a>"));
        write_all(page, format_args!("<tr><td>{}<td>{about}{}", escaped(status), link.unwrap_or_default()));
    }
    page.push_str("</table></details>");
}

fn schema_name(schema: &Value) -> Option<String> {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).map(escaped)
}

fn paragraphs(page: &mut String, about: &str) {
    for paragraph in about.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        write_all(page, format_args!("<p>{}</p>", escaped(paragraph)));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn write_all(page: &mut String, words: std::fmt::Arguments<'_>) {
    page.write_fmt(words).expect("writing to a string does not fail");
}
