//! Pages of the web: what a CSS selector finds in them, their tables, links and pictures.

use std::collections::HashMap;

use basic::{Array, Object, Refusal, Value};
use scraper::{ElementRef, Html, Selector};

use crate::{too_large, unreadable};

/// A longer page is not read: how long reading takes grows faster than the page where it nests.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// Elements within elements, about.
const DEPTH_MAX: usize = 500;
/// What is found on one page.
const FOUND_MAX: usize = 10_000;
const SELECTOR_CHARACTERS_MAX: usize = 500;

/// Elements that nothing is within.
const EMPTY: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    "param",
];
/// Elements that end by themselves where the next begins.
const ENDING: [&str; 14] = [
    "p", "li", "td", "th", "tr", "dd", "dt", "option", "thead", "tbody", "tfoot", "colgroup", "rt", "rp",
];

/// A page, read as browsers read it.
pub(crate) fn parsed(text: &str) -> Result<Html, Refusal> {
    if text.len() > PAGE_BYTES_MAX {
        return Err(too_large("the page has more than 4 MiB"));
    }
    if depth(text) > DEPTH_MAX {
        return Err(unreadable("the page nests too deeply"));
    }
    Ok(Html::parse_document(text))
}

/// How deeply a page nests at most, about, by counting what opens and closes.
fn depth(text: &str) -> usize {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut depth, mut deepest) = (0, 0);
    for tag in text.split('<').skip(1) {
        let (closes, rest) = match tag.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name.is_empty() || EMPTY.contains(&name.as_str()) || ENDING.contains(&name.as_str()) {
            continue;
        }
        let count = open.entry(name).or_default();
        if !closes {
            *count += 1;
            depth += 1;
            deepest = deepest.max(depth);
        } else if *count > 0 {
            *count -= 1;
            depth -= 1;
        }
    }
    deepest
}

fn selector(text: &str) -> Result<Selector, Refusal> {
    let wrong = || {
        let shown: String = text.chars().take(60).collect();
        Refusal::mistake("selector_unclear", format!("`{shown}` is no CSS selector"))
    };
    if text.chars().count() > SELECTOR_CHARACTERS_MAX {
        return Err(wrong());
    }
    Selector::parse(text).map_err(|_| wrong())
}

/// The text of a page without its scripts and styles, line by line.
pub fn text(page: &str) -> Result<String, Refusal> {
    let page = parsed(page)?;
    let hidden = ["script", "style", "noscript", "template", "title"];
    let mut lines: Vec<String> = Vec::new();
    for node in page.tree.root().descendants() {
        let Some(text) = node.value().as_text() else {
            continue;
        };
        let within = node
            .parent()
            .and_then(|parent| parent.value().as_element().map(|element| element.name()));
        if within.is_none_or(|name| !hidden.contains(&name)) {
            let said = spaced(text);
            if !said.is_empty() {
                lines.push(said);
            }
        }
    }
    Ok(lines.join("\n"))
}

/// The texts of all that a selector finds, in the order of the page. `a@href` are the attributes of that name.
pub fn all(page: &str, wanted: &str) -> Result<Value, Refusal> {
    Ok(Value::Array(
        found(page, wanted, FOUND_MAX)?
            .into_iter()
            .map(Value::from)
            .collect(),
    ))
}

/// The text of the first that a selector finds, and nothing where none is.
pub fn first(page: &str, wanted: &str) -> Result<Value, Refusal> {
    Ok(found(page, wanted, 1)?.pop().map_or(Value::Null, Value::from))
}

fn found(page: &str, wanted: &str, most: usize) -> Result<Vec<String>, Refusal> {
    let (wanted, attribute) = match wanted.rsplit_once('@') {
        Some((before, name))
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') =>
        {
            (before, Some(name))
        }
        _ => (wanted, None),
    };
    let (page, selector) = (parsed(page)?, selector(wanted.trim())?);
    let elements = page.select(&selector);
    Ok(match attribute {
        Some(name) => {
            let values = elements.filter_map(|element| element.attr(name));
            values.take(most).map(str::to_owned).collect()
        }
        None => elements.take(most).map(said).collect(),
    })
}

/// The rows of the first table that a selector finds. Fields are called as the headings are, or column1 and so on.
pub fn table(page: &str, wanted: &str) -> Result<Value, Refusal> {
    let (page, wanted) = (parsed(page)?, selector(wanted)?);
    let Some(table) = page.select(&wanted).next() else {
        return Ok(Value::Array(Array::default()));
    };
    let (row, cell) = (selector("tr")?, selector("th, td")?);
    let mut headings: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for row in table.select(&row).take(FOUND_MAX) {
        let cells: Vec<ElementRef<'_>> = row.select(&cell).take(1_000).collect();
        let heads = !cells.is_empty() && cells.iter().all(|cell| cell.value().name() == "th");
        if headings.is_none() && rows.is_empty() && heads {
            headings = Some(crate::tables::headings(cells.into_iter().map(said))?);
            continue;
        }
        let name = |at: usize| {
            let heading = headings.as_ref().and_then(|headings| headings.get(at).cloned());
            heading.unwrap_or_else(|| format!("column{}", at + 1))
        };
        let fields = cells.into_iter().enumerate();
        let row: Object = fields
            .map(|(at, cell)| (name(at), Value::from(said(cell))))
            .collect();
        if !row.is_empty() {
            rows.push(Value::Object(row));
        }
    }
    Ok(Value::Array(rows.into_iter().collect()))
}

/// Links as records of text and address; `whole` makes addresses of what stands there.
pub fn links(page: &str, whole: impl Fn(&str) -> Option<String>) -> Result<Value, Refusal> {
    records(page, "a[href]", |element| {
        let url = whole(element.attr("href")?)?;
        Some(vec![("text", said(element)), ("url", url)])
    })
}

/// Pictures as records of their address and what they show.
pub fn images(page: &str, whole: impl Fn(&str) -> Option<String>) -> Result<Value, Refusal> {
    records(page, "img[src]", |element| {
        let url = whole(element.attr("src")?)?;
        Some(vec![
            ("url", url),
            ("alt", element.attr("alt").unwrap_or_default().to_owned()),
        ])
    })
}

fn records(
    page: &str,
    wanted: &str,
    record: impl Fn(ElementRef<'_>) -> Option<Vec<(&'static str, String)>>,
) -> Result<Value, Refusal> {
    let (page, wanted) = (parsed(page)?, selector(wanted)?);
    let records = page.select(&wanted).filter_map(record).take(FOUND_MAX);
    let objects = records.map(|fields| {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)));
        Value::Object(fields.collect())
    });
    Ok(Value::Array(objects.collect()))
}

fn said(element: ElementRef<'_>) -> String {
    spaced(&element.text().collect::<Vec<_>>().join(" "))
}

/// One space between words.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<html><head><title>Ropes</title><style>.x{}</style></head><body>\
        <h1>Our ropes</h1><p class=price>12,50\n €</p><p class=price>9 €</p>\
        <a href=/more>More <b>ropes</b></a><a href='javascript:alert(1)'>no</a><a>none</a>\
        <img src=rope.png alt='A rope'><script>var x = 1</script>\
        <table id=t><tr><th>What</th><th>Metres</th></tr><tr><td>thin</td><td>30</td><td>x</td></tr></table></body></html>";

    fn json(value: Result<Value, Refusal>) -> serde_json::Value {
        value.expect("found").to_json()
    }

    #[test]
    fn selectors_find_texts_and_attributes() {
        assert_eq!(json(first(PAGE, ".price")), "12,50 €");
        assert_eq!(json(all(PAGE, ".price")), serde_json::json!(["12,50 €", "9 €"]));
        assert_eq!(json(first(PAGE, "img@alt")), "A rope");
        assert_eq!(json(first(PAGE, "h7")), serde_json::Value::Null);
        assert_eq!(
            first(PAGE, "p[[").expect_err("no selector").code,
            "selector_unclear"
        );
        assert_eq!(text(PAGE).expect("read").lines().next(), Some("Our ropes"));
        assert!(!text(PAGE).expect("read").contains("var x"));
    }

    #[test]
    fn tables_links_and_pictures_are_records() {
        let expected = serde_json::json!([{ "What": "thin", "Metres": "30", "column3": "x" }]);
        assert_eq!(json(table(PAGE, "#t")), expected);
        assert_eq!(json(table(PAGE, "ul")), serde_json::json!([]));
        let whole = |link: &str| (!link.starts_with("javascript:")).then(|| format!("https://x{link}"));
        assert_eq!(
            json(links(PAGE, whole)),
            serde_json::json!([{ "text": "More ropes", "url": "https://x/more" }])
        );
        let expected = serde_json::json!([{ "url": "https://xrope.png", "alt": "A rope" }]);
        assert_eq!(json(images(PAGE, whole)), expected);
    }

    #[test]
    fn pages_that_nest_without_end_are_refused() {
        for deep in [
            "<div>".repeat(100_000),
            "<b><p>".repeat(1_000),
            "<a x=1><i>".repeat(300),
        ] {
            assert_eq!(text(&deep).expect_err("too deep").code, "document_unreadable");
        }
        assert!(text(&"<p>one<br><li>two".repeat(10_000)).is_ok());
        assert!(text(&"<div><span>x</span></div>".repeat(10_000)).is_ok());
        assert_eq!(
            text(&" ".repeat(PAGE_BYTES_MAX + 1)).expect_err("too long").code,
            "document_too_large"
        );
    }
}
