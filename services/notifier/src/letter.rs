//! The letter: what a client reads. A pure function of the advice and of who gives and gets it.

use std::sync::LazyLock;

use events::advisor::AdvisorDetails;
use events::recommendation::Advice;
use events::values::{Language, RecommendationId};
use jiff::civil::Date;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use vault::Identity;

mod figures;
mod numbers;
mod regime;
#[cfg(test)]
mod tests;

use figures::Line;
use numbers::{Share, count, day, shares};

/// What a letter is made of.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// Of which recommendation.
    pub recommendation: RecommendationId,
    /// What is recommended, and on which figures.
    pub advice: &'a Advice,
    /// To whom.
    pub client: &'a Identity,
    /// Who recommends, for which firm, under whose rules and in which language.
    pub advisor: &'a AdvisorDetails,
    /// The day of the recommendation.
    pub day: Date,
}

/// A letter in words: a subject without personal data, and the same text twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same in HTML, without anything to load from elsewhere.
    pub html: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The bodies name the client.
        f.debug_struct("Letter").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The letter that says this.
///
/// # Errors
/// Where a template cannot be filled, which its tests rule out.
pub fn letter(content: &Content<'_>) -> Result<Letter, minijinja::Error> {
    let firm = &content.advisor.firm;
    let (subject, text, html) = match content.advisor.language {
        Language::English => (format!("Your investment recommendation from {firm}"), "letter.txt", "letter.html"),
        Language::BrazilianPortuguese => {
            (format!("Sua recomendação de investimento de {firm}"), "letter.pt-BR.txt", "letter.pt-BR.html")
        }
    };
    let words = Value::from(Serde(Words::of(content, &subject)));
    let text = TEMPLATES.get_template(text)?.render(&words)?;
    let html = TEMPLATES.get_template(html)?.render(&words)?;
    Ok(Letter { subject, text, html })
}

/// The templates, compiled in. A name that a template misspells is an error, not an empty place in a letter.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
        .set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    for (name, source) in [
        ("letter.txt", include_str!("../templates/letter.txt")),
        ("letter.html", include_str!("../templates/letter.html")),
        ("letter.pt-BR.txt", include_str!("../templates/letter.pt-BR.txt")),
        ("letter.pt-BR.html", include_str!("../templates/letter.pt-BR.html")),
    ] {
        templates.add_template(name, source).expect("the templates are part of the build, and tested");
    }
    templates
});

/// What the templates are filled with: words and nothing else.
#[derive(Serialize)]
struct Words<'a> {
    subject: &'a str,
    firm: &'a str,
    advisor: &'a str,
    client: &'a str,
    date: String,
    portfolio: &'a str,
    rationale: &'a str,
    /// The rationale for HTML: paragraphs of lines.
    paragraphs: Vec<Vec<&'a str>>,
    positions: Vec<Position<'a>>,
    window: Option<Window>,
    currency: &'a str,
    figures: Vec<Line>,
    /// Under whose rules the advice is given; empty where there are none to name.
    notice: String,
    /// The same in lines.
    notice_lines: Vec<String>,
    reference: String,
    portfolio_reference: String,
    portfolio_version: u64,
    definitions: &'a str,
    prices: String,
}

#[derive(Serialize)]
struct Position<'a> {
    asset: &'a str,
    weight: String,
    /// Both in two columns of plain text.
    line: String,
    /// The bar's dark part, in whole per cent of its length, and the light part.
    filled: u8,
    rest: u8,
}

#[derive(Serialize)]
struct Window {
    start: String,
    end: String,
    returns: String,
}

impl<'a> Words<'a> {
    fn of(content: &Content<'a>, subject: &'a str) -> Self {
        let Advice { figures, rationale, .. } = content.advice;
        let language = content.advisor.language;
        let notice = regime::notice(content.advisor).unwrap_or_default();
        Self {
            subject,
            firm: content.advisor.firm.as_str(),
            advisor: content.advisor.name.as_str(),
            client: content.client.name.as_str(),
            date: day(language, content.day),
            portfolio: content.advice.portfolio_name.as_str(),
            rationale: rationale.as_str(),
            paragraphs: paragraphs(rationale.as_str()),
            positions: positions(language, content.advice),
            // Without a return there were no figures, and the days that stand there are nobody's window.
            window: (figures.returns > 0).then(|| Window {
                start: day(language, figures.start),
                end: day(language, figures.end),
                returns: count(language, figures.returns),
            }),
            currency: content.advice.currency.as_str(),
            figures: figures::lines(language, figures),
            notice_lines: regime::lines(&notice),
            notice,
            reference: content.recommendation.to_string(),
            portfolio_reference: content.advice.portfolio.to_string(),
            portfolio_version: content.advice.portfolio_version,
            definitions: &figures.definitions,
            prices: figures.prices_position.to_string(),
        }
    }
}

/// Lines of text by paragraph; an empty line, or several, ends one.
fn paragraphs(text: &str) -> Vec<Vec<&str>> {
    let mut paragraphs = vec![Vec::new()];
    for line in text.lines().map(str::trim_end) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => last.push(line),
            Some(last) if !last.is_empty() => paragraphs.push(Vec::new()),
            _ => {}
        }
    }
    paragraphs.retain(|lines| !lines.is_empty());
    paragraphs
}

fn positions<'a>(language: Language, advice: &'a Advice) -> Vec<Position<'a>> {
    let shares = shares(language, &advice.allocation);
    let asset_chars = shares.iter().map(|share| share.asset.as_str().len()).max().unwrap_or(0);
    let weight_chars = shares.iter().map(|share| share.percent.len()).max().unwrap_or(0);
    let position = |share: Share<'a>| {
        let asset = share.asset.as_str();
        let line = format!("  {asset:<asset_chars$}   {:>weight_chars$}", share.percent);
        Position { asset, line, weight: share.percent, filled: share.bar, rest: 100 - share.bar }
    };
    shares.into_iter().map(position).collect()
}
