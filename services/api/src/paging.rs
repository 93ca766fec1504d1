//! Lists in pages: `limit`, an opaque `cursor` and the direction; where the next page is, in the body and in `Link`.

use axum::Json;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Stream;
use events::values::Sought;
use projections::{Order, Page};
use ring::digest;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::faults::{Fault, NotOneOf};
use crate::problem::{FieldError, Problem, ProblemType};

/// Items of a page where nothing else is asked for.
pub const PAGE_LIMIT: u32 = 50;
/// Items that a page may have.
pub const PAGE_LIMIT_MAX: u32 = 100;
/// The first byte of every cursor, so that its form can change.
const CURSOR_FORM: u8 = 3;
/// The same of a cursor that holds what a name is ordered by.
const NAME_CURSOR_FORM: u8 = 1;
/// Characters that a cursor may have: [`SOUGHT_BYTES_MAX`](events::values::SOUGHT_BYTES_MAX) and an id.
const CURSOR_CHARS_MAX: usize = 3_300;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub struct Listing<T> {
    /// The page's items.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` where this is the last.
    #[schema(required, example = "A8cvVgAAAAAAAAAq")]
    pub next: Option<String>,
}

/// The page of the list at this address that `limit` and `cursor` ask for.
///
/// # Errors
/// `invalid-parameter`, naming each that is not right.
pub fn page(uri: &Uri, limit: Option<&str>, cursor: Option<&str>) -> Result<Page, Problem> {
    let mut errors = Vec::new();
    let limit = match limit.map_or(Ok(PAGE_LIMIT), str::parse) {
        Ok(limit @ 1..=PAGE_LIMIT_MAX) => limit,
        _ => {
            let detail = format!("limit is a number from 1 to {PAGE_LIMIT_MAX}");
            errors.push(FieldError::in_parameter("limit", "out-of-range", detail));
            PAGE_LIMIT
        }
    };
    let after = cursor.map(|cursor| read_cursor(list_of(uri), cursor));
    if after == Some(None) {
        let detail = "a cursor is what `next` of the same list said, unchanged".to_owned();
        errors.push(FieldError::in_parameter("cursor", "not-a-cursor", detail));
    }
    if errors.is_empty() {
        Ok(Page { order: Order::OldestFirst, after: after.flatten(), limit })
    } else {
        Err(invalid_parameters(errors))
    }
}

/// The value that a parameter names by its word, `None` where it is not given.
///
/// # Errors
/// `invalid-parameter` where the word is not known.
pub fn word_parameter<T: Copy>(
    name: &str,
    text: Option<&str>,
    all: &[T],
    word: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Problem> {
    text.map(|text| NotOneOf::parsed(text, all, word))
        .transpose()
        .map_err(|fault| invalid_parameters(vec![FieldError::in_parameter(name, fault.code(), fault.to_string())]))
}

/// The direction that `sort` asks for, of a list that has only the order of creation; the oldest first where it says nothing.
///
/// # Errors
/// `invalid-parameter` where it names no direction.
pub fn order_parameter(sort: Option<&str>) -> Result<Order, Problem> {
    let word = |order| match order {
        Order::OldestFirst => "created",
        Order::NewestFirst => "-created",
    };
    let order = word_parameter("sort", sort, &[Order::OldestFirst, Order::NewestFirst], word)?;
    Ok(order.unwrap_or(Order::OldestFirst))
}

/// Characters that a search may have.
const SEARCH_CHARS_MAX: usize = 120;

/// What a parameter searches for, `None` where it is not given.
///
/// # Errors
/// `invalid-parameter` where the text is empty, too long, has a character that no name has, or is made of accents alone.
pub fn search_parameter(name: &str, text: Option<String>) -> Result<Option<Sought>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let sought = Sought::of(&text);
    if text.chars().count() <= SEARCH_CHARS_MAX && !text.chars().any(char::is_control) && !sought.is_empty() {
        return Ok(Some(sought));
    }
    let detail = format!(
        "a search has 1 to {SEARCH_CHARS_MAX} characters, none of them a control character and not all of them accents"
    );
    Err(invalid_parameters(vec![FieldError::in_parameter(name, "not-a-search", detail)]))
}

/// The problem that lists these errors of parameters.
pub fn invalid_parameters(errors: Vec<FieldError>) -> Problem {
    let detail = errors.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ");
    Problem::new(ProblemType::InvalidParameter, detail).with_errors(errors)
}

/// The answer with these items. `place` says where the last one stands: it is asked only where the page is full, for
/// then there may be a next one.
pub fn listing<R, T: Serialize>(
    uri: &Uri,
    page: Page,
    rows: Vec<R>,
    place: impl Fn(&R) -> u64,
    view: impl FnMut(R) -> T,
) -> Response {
    let next = next_place(page, &rows, place);
    listing_up_to(uri, rows.into_iter().map(view).collect(), next)
}

/// Where the page's last row stands, where there may be one behind it: where the page is full.
pub fn next_place<R>(page: Page, rows: &[R], place: impl Fn(&R) -> u64) -> Option<u64> {
    let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= page.limit);
    rows.last().filter(|_| full).map(place)
}

/// The answer with these items, of a list that was looked through up to this place and goes on behind it, if anywhere.
pub fn listing_up_to<T: Serialize>(uri: &Uri, items: Vec<T>, next: Option<u64>) -> Response {
    answer(uri, items, next.map(|place| write_cursor(list_of(uri), place)))
}

/// The answer with a page of items in the order of their names. `place` says where the last one stands in it.
pub fn listing_by_name<R, T: Serialize>(
    uri: &Uri,
    limit: u32,
    rows: Vec<R>,
    place: impl Fn(&R) -> (Sought, Uuid),
    view: impl FnMut(R) -> T,
) -> Response {
    let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
    let next = rows.last().filter(|_| full).map(place);
    listing_by_name_up_to(uri, rows.into_iter().map(view).collect(), next.as_ref())
}

/// As [`listing_up_to`], of a list in the order of names.
pub fn listing_by_name_up_to<T: Serialize>(uri: &Uri, items: Vec<T>, next: Option<&(Sought, Uuid)>) -> Response {
    answer(uri, items, next.map(|place| write_name_cursor(list_of(uri), place)))
}

fn answer<T: Serialize>(uri: &Uri, items: Vec<T>, next: Option<String>) -> Response {
    let link = next.as_deref().and_then(|cursor| link_to_next(uri, cursor));
    let mut response = Json(Listing { items, next }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The limit, and behind which place and id a page in the order of names begins.
///
/// # Errors
/// `invalid-parameter`, naming each that is not right.
pub fn page_by_name(
    uri: &Uri,
    limit: Option<&str>,
    cursor: Option<&str>,
) -> Result<(u32, Option<(Sought, Uuid)>), Problem> {
    let Page { limit, .. } = page(uri, limit, None)?;
    match cursor.map(|cursor| read_name_cursor(list_of(uri), cursor)) {
        None => Ok((limit, None)),
        Some(Some(place)) => Ok((limit, Some(place))),
        Some(None) => {
            let detail = "a cursor is what `next` of the same list said, unchanged, with the same order".to_owned();
            Err(invalid_parameters(vec![FieldError::in_parameter("cursor", "not-a-cursor", detail)]))
        }
    }
}

/// What tells one list from another in their cursors.
type ListTag = [u8; LIST_TAG_BYTES];
/// Bytes of it: of two lists one in sixteen million has the tag of the other.
const LIST_TAG_BYTES: usize = 3;

/// The tag of the list at this address: of its path, and of the stream and the direction where these are not the usual ones. A
/// place of one list says nothing in another.
fn list_of(uri: &Uri) -> ListTag {
    let mut list = digest::Context::new(&digest::SHA256);
    list.update(uri.path().as_bytes());
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let is_another = match name.as_ref() {
            "sort" => value.starts_with('-'),
            "stream" => value != Stream::Advisory.token(),
            _ => false,
        };
        if is_another {
            list.update(format!("?{name}={value}").as_bytes());
        }
    }
    let digest = list.finish();
    let mut tag = ListTag::default();
    tag.copy_from_slice(&digest.as_ref()[..LIST_TAG_BYTES]);
    tag
}

fn write_name_cursor(list: ListTag, (name, id): &(Sought, Uuid)) -> String {
    let mut bytes = vec![NAME_CURSOR_FORM];
    bytes.extend_from_slice(&list);
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(name.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_name_cursor(list: ListTag, text: &str) -> Option<(Sought, Uuid)> {
    if text.len() > CURSOR_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (form, rest) = bytes.split_first()?;
    let (of, rest) = rest.split_at_checked(list.len())?;
    let (id, name) = rest.split_at_checked(16)?;
    let text = str::from_utf8(name).ok().filter(|name| !name.contains('\0'))?;
    // What was written is what the order goes by; a name as it is spelt was put there by somebody else.
    let name = Some(Sought::of(text)).filter(|name| name.as_str() == text)?;
    (*form == NAME_CURSOR_FORM && *of == list).then_some((name, Uuid::from_slice(id).ok()?))
}

fn write_cursor(list: ListTag, place: u64) -> String {
    let mut bytes = [CURSOR_FORM; 12];
    bytes[1..4].copy_from_slice(&list);
    bytes[4..].copy_from_slice(&place.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(list: ListTag, text: &str) -> Option<u64> {
    let bytes: [u8; 12] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let [CURSOR_FORM, a, b, c, place @ ..] = bytes else { return None };
    ([a, b, c] == list).then_some(u64::from_be_bytes(place))
}

/// `<the same list, from the cursor on>; rel="next"`.
fn link_to_next(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let others =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: String = others.map(|pair| format!("{pair}&")).collect();
    HeaderValue::try_from(format!("<{}?{query}cursor={cursor}>; rel=\"next\"", uri.path())).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{Uri, header};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use events::values::Sought;
    use projections::{Order, Page};

    use super::{
        list_of, listing, order_parameter, page, read_cursor, read_name_cursor, search_parameter, write_cursor,
        write_name_cursor,
    };

    const LIST: [u8; 3] = [1, 2, 3];

    #[test]
    fn a_cursor_reads_back_and_rubbish_does_not() {
        for place in [0, 42, u64::MAX] {
            assert_eq!(read_cursor(LIST, &write_cursor(LIST, place)), Some(place));
        }
        for rubbish in ["", "42", "AQAAAAAAAAAq", "AwECAwAAAAAAAAA", "AgECAwAAAAAAAAAq", "AwECAwAAAAAAAAAq=", "\u{e9}"]
        {
            assert_eq!(read_cursor(LIST, rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn a_list_takes_no_cursor_of_another() {
        let list = |text: &str| list_of(&text.parse().unwrap());
        let clients = list("/v1/clients?limit=2");
        assert_eq!(clients, list("/v1/clients?standing=active&sort=created"), "filters leave a place where it is");
        for other in ["/v1/portfolios", "/v1/clients?sort=-created", "/v1/clients/7/reads"] {
            assert_eq!(read_cursor(list(other), &write_cursor(clients, 7)), None, "{other}");
        }
        assert_ne!(list("/v1/events"), list("/v1/events?stream=market"));
        assert_eq!(list("/v1/events"), list("/v1/events?stream=advisory"));
    }

    #[test]
    fn a_cursor_of_names_reads_back_and_rubbish_does_not() {
        let id = uuid::Uuid::from_u128(7);
        for name in ["Crescimento é", "", "Straße", &"ﷺ".repeat(120)] {
            let place = (Sought::of(name), id);
            assert_eq!(read_name_cursor(LIST, &write_name_cursor(LIST, &place)), Some(place));
        }
        for rubbish in ["", "AwECAwAAAAAAAAAq", "AA", "AAEC", "AQEC", &"A".repeat(3_301)] {
            assert_eq!(read_name_cursor(LIST, rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn a_cursor_of_names_is_refused_where_it_was_given_in_another_order() {
        let cursor = |form: u8, name: &str| {
            let bytes = [&[form], &LIST[..], &[7; 16], name.as_bytes()].concat();
            URL_SAFE_NO_PAD.encode(bytes)
        };
        assert!(read_name_cursor(LIST, &cursor(1, "agil")).is_some());
        assert_eq!(read_name_cursor(LIST, &cursor(0, "agil")), None, "of the order in which accents counted");
        assert_eq!(read_name_cursor(LIST, &cursor(1, "Ágil")), None);
        assert_eq!(read_name_cursor(LIST, &cursor(1, "a\0")), None);
    }

    #[test]
    fn a_search_is_for_letters_whatever_their_case_and_accents() {
        let search = |text: &str| search_parameter("search", Some(text.to_owned()));
        assert_eq!(search("AÇÕES").unwrap(), Some(Sought::of("acoes")));
        assert_eq!(search(" ").unwrap(), Some(Sought::of(" ")), "names have spaces");
        assert_eq!(search(&"ﷺ".repeat(120)).unwrap(), Some(Sought::of(&"ﷺ".repeat(120))));
        assert_eq!(search_parameter("search", None).unwrap(), None);
        for none in ["", "\u{301}", "\u{327}\u{303}", "\u{200b}", "a\n", "a\0", &"a".repeat(121)] {
            assert!(search(none).is_err(), "{none:?}");
        }
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        let uri: Uri = "/v1/things".parse().unwrap();
        assert_eq!(page(&uri, None, None).unwrap().limit, 50);
        for limit in ["0", "101", "-1", "x", ""] {
            assert!(page(&uri, Some(limit), None).is_err(), "{limit}");
        }
    }

    #[test]
    fn a_list_begins_with_its_oldest_unless_the_newest_are_asked_for() {
        assert_eq!(order_parameter(None).unwrap(), Order::OldestFirst);
        assert_eq!(order_parameter(Some("created")).unwrap(), Order::OldestFirst);
        assert_eq!(order_parameter(Some("-created")).unwrap(), Order::NewestFirst);
        for rubbish in ["", "name", "+created", "desc"] {
            assert!(order_parameter(Some(rubbish)).is_err(), "{rubbish}");
        }
    }

    #[test]
    fn a_full_page_leads_to_the_next_and_keeps_the_filters() {
        let uri: Uri = "/v1/things?limit=2&cursor=old&kind=a".parse().unwrap();
        let of_two = Page { limit: 2, ..Page::FIRST };
        let full = listing(&uri, of_two, vec![7, 8], |row| *row, |row| row);
        let link = full.headers()[header::LINK].to_str().unwrap();
        assert_eq!(
            link,
            format!("</v1/things?limit=2&kind=a&cursor={}>; rel=\"next\"", write_cursor(list_of(&uri), 8))
        );
        assert!(!listing(&uri, of_two, vec![7], |row| *row, |row| row).headers().contains_key(header::LINK));
    }
}
