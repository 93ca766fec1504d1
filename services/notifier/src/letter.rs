//! The letter: what a client reads. A pure function of the advice and of who gives and gets it.

use std::sync::LazyLock;

use events::advisor::AdvisorDetails;
use events::recommendation::Advice;
use events::suitability::{Basis, GateShut};
use events::values::{Language, RecommendationId};
use jiff::civil::Date;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use vault::Identity;

mod cash;
mod costs;
mod figures;
mod missing;
mod numbers;
mod regime;
mod suitability;
#[cfg(test)]
mod tests;
mod words;

use costs::Told;
use figures::Line;
use numbers::{Share, day, shares};
use words::Fixed;

/// What a letter is made of.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// Of which recommendation.
    pub recommendation: RecommendationId,
    /// What is recommended, and on which figures.
    pub advice: &'a Advice,
    /// The gates that stayed shut before compliance let it out; none where all were open.
    pub let_through: &'a [GateShut],
    /// How the client's profile had come about on that day; `None` where they had none.
    pub basis: Option<&'a Basis>,
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
    let subject = words::subject(content.advisor.language, &content.advisor.firm);
    let filling = Value::from(Serde(Filling::of(content, &subject)));
    let text = TEMPLATES.get_template(TEXT)?.render(&filling)?;
    let html = TEMPLATES.get_template(HTML)?.render(&filling)?;
    Ok(Letter { subject, text, html })
}

/// The page in plain text, and in HTML; the words are the language's.
const TEXT: &str = "letter.txt";
const HTML: &str = "letter.html";

/// The templates, compiled in. A name that a template misspells is an error, not an empty place in a letter.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
        .set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    templates.add_filter("wrapped", |text: &str| lines(text).join("\n"));
    for (name, source) in
        [(TEXT, include_str!("../templates/letter.txt")), (HTML, include_str!("../templates/letter.html"))]
    {
        templates.add_template(name, source).expect("the templates are part of the build, and tested");
    }
    templates
});

/// What the templates are filled with: words and nothing else.
#[derive(Serialize)]
struct Filling<'a> {
    words: Fixed,
    subject: &'a str,
    firm: &'a str,
    advisor: &'a str,
    date: String,
    portfolio: &'a str,
    /// That it does not suit the client, and goes out all the same.
    unsuitable: Option<suitability::Told>,
    rationale: &'a str,
    /// The rationale for HTML: paragraphs of lines.
    paragraphs: Vec<Vec<&'a str>>,
    positions: Vec<Position<'a>>,
    /// What of them is cash; empty where nothing is.
    cash: Vec<String>,
    /// On which days the figures rest; nothing where there are none.
    window: Option<String>,
    figures: Vec<Line>,
    /// What stands in their place where there is no window.
    no_figures: String,
    /// Under whose rules the advice is given; empty where there are none to name.
    notice: String,
    costs: Told,
    /// Until when the advice holds, where that was said.
    holds: Option<String>,
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

impl<'a> Filling<'a> {
    fn of(content: &Content<'a>, subject: &'a str) -> Self {
        let Advice { figures, rationale, .. } = content.advice;
        let language = content.advisor.language;
        let currency = content.advice.currency;
        Self {
            words: words::fixed(language, &content.client.name),
            subject,
            firm: content.advisor.firm.as_str(),
            advisor: content.advisor.name.as_str(),
            date: day(language, content.day),
            portfolio: content.advice.portfolio_name.as_str(),
            unsuitable: suitability::told(language, &content.advisor.firm, content.let_through),
            rationale: rationale.as_str(),
            paragraphs: paragraphs(rationale.as_str()),
            positions: positions(language, content.advice),
            cash: cash::told(language, figures, currency),
            // Without a return there were no figures, and the days that stand there are nobody's window.
            window: (figures.returns > 0).then(|| words::window(language, figures, currency)),
            figures: figures::lines(language, figures, currency),
            no_figures: missing::told_of_all(language, figures, currency),
            notice: regime::notice(content.advisor, content.basis, content.let_through.is_empty()).unwrap_or_default(),
            costs: costs::told(language, content.advice.terms.costs),
            holds: content.advice.terms.valid_until.map(|last| words::holds(language, last)),
            reference: content.recommendation.to_string(),
            portfolio_reference: content.advice.portfolio.to_string(),
            portfolio_version: content.advice.portfolio_version,
            definitions: &figures.definitions,
            prices: figures.prices_position.to_string(),
        }
    }
}

/// The paragraph in lines of plain text, broken between words.
fn lines(paragraph: &str) -> Vec<String> {
    const LINE_CHARS_MAX: usize = 76;
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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
