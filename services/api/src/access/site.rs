//! From which site a browser's request comes, as far as it tells.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

/// What browsers say of whose page sent a request. No page can set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request says that a page of another site had the browser send it: by `Sec-Fetch-Site`, or by an `Origin` that is
/// neither the one that the request is addressed to nor one of these.
///
/// Programs send neither, and nor do browsers when a person types an address.
pub fn is_another(headers: &HeaderMap, listed: &[HeaderValue]) -> bool {
    let is_here = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    let is_ours = |origin: &HeaderValue| listed.contains(origin) || is_addressed(headers, origin);
    !headers.get_all(SEC_FETCH_SITE).iter().all(is_here) || !headers.get_all(header::ORIGIN).iter().all(is_ours)
}

/// Whether the request is addressed to this origin. Which scheme its sender used is not told here: TLS may end before us.
fn is_addressed(headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let (Ok(host), Ok(origin)) = (host.to_str(), origin.to_str()) else { return false };
    let Some((scheme, _)) = origin.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return false;
    };
    // Spelt as browsers spell it: in lower case, without the scheme's own port.
    Url::parse(&format!("{scheme}://{host}")).is_ok_and(|url| url.origin().ascii_serialization() == origin)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::is_another;

    fn is_foreign(pairs: &[(&'static str, &str)], listed: &[&str]) -> bool {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let listed: Vec<HeaderValue> = listed.iter().map(|origin| origin.parse().unwrap()).collect();
        is_another(&pairs.collect::<HeaderMap>(), &listed)
    }

    #[test]
    fn a_request_that_names_no_site_or_this_one_is_of_this_one() {
        for ours in [
            &[("host", "insights.example")][..],
            &[("host", "insights.example"), ("sec-fetch-site", "same-origin")],
            &[("host", "insights.example"), ("sec-fetch-site", "none")],
            &[("host", "insights.example"), ("origin", "https://insights.example")],
            &[("host", "Insights.example:443"), ("origin", "https://insights.example")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")],
        ] {
            assert!(!is_foreign(ours, &[]), "{ours:?}");
        }
    }

    #[test]
    fn one_word_of_another_site_is_enough() {
        for foreign in [
            &[("host", "insights.example"), ("sec-fetch-site", "cross-site")][..],
            &[("host", "insights.example"), ("sec-fetch-site", "same-site"), ("origin", "https://insights.example")],
            &[("host", "insights.example"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("host", "insights.example"), ("origin", "https://elsewhere.example")],
            &[("host", "insights.example"), ("origin", "https://insights.example.elsewhere.example")],
            &[("host", "insights.example"), ("origin", "https://insights.example:8443")],
            &[("host", "insights.example"), ("origin", "null")],
            &[("host", "insights.example"), ("origin", "")],
            &[("host", "null"), ("origin", "null")],
            &[("host", "insights.example"), ("origin", "ftp://insights.example")],
            &[("host", "a.example"), ("host", "insights.example"), ("origin", "https://insights.example")],
            &[("origin", "https://insights.example")],
        ] {
            assert!(is_foreign(foreign, &[]), "{foreign:?}");
        }
    }

    #[test]
    fn an_origin_that_is_listed_is_one_of_ours_but_not_against_the_browser_s_own_word() {
        let behind_a_proxy = [("host", "10.0.0.7:8080"), ("origin", "https://insights.example")];
        assert!(is_foreign(&behind_a_proxy, &["https://other.example"]));
        assert!(!is_foreign(&behind_a_proxy, &["https://insights.example"]));
        let from_another =
            [("host", "insights.example"), ("origin", "https://b.example"), ("sec-fetch-site", "same-site")];
        assert!(is_foreign(&from_another, &["https://b.example"]));
    }
}
