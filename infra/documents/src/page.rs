//! Pages of the web: what a CSS selector finds in them, their tables, links and pictures.

use basic::{Array, Refusal, Value};
use scraper::{ElementRef, Selector};

use crate::html::parsed;
use crate::too_large;

/// What is found on one page.
const FOUND_MAX: usize = 10_000;
/// What is found on one page, together: of elements within elements each has the text of those in it.
const FOUND_BYTES_MAX: usize = 8 << 20;
/// What a value takes beside its text.
const VALUE_BYTES: usize = 32;
const SELECTOR_CHARACTERS_MAX: usize = 500;

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
    let (elements, mut room) = (page.select(&selector), Room::default());
    match attribute {
        Some(name) => {
            let values = elements.filter_map(|element| element.attr(name));
            values.take(most).map(|value| room.of(value)).collect()
        }
        None => elements.take(most).map(|element| room.said(element)).collect(),
    }
}

/// The rows of the first table that a selector finds, without those of tables within it. Fields are called as the headings
/// are, or column1 and so on.
pub fn table(page: &str, wanted: &str) -> Result<Value, Refusal> {
    let (page, wanted) = (parsed(page)?, selector(wanted)?);
    let Some(table) = page.select(&wanted).next() else {
        return Ok(Value::Array(Array::default()));
    };
    let (row, cell) = (selector("tr")?, selector("th, td")?);
    let mut headings: Option<Vec<String>> = None;
    let (mut rows, mut room) = (Vec::new(), Room::default());
    let own_rows = table
        .select(&row)
        .filter(|row| nearest(*row, "table") == Some(table));
    for row in own_rows.take(FOUND_MAX) {
        let own_cells = row.select(&cell).filter(|cell| nearest(*cell, "tr") == Some(row));
        let cells: Vec<ElementRef<'_>> = own_cells.take(1_000).collect();
        let heads = !cells.is_empty() && cells.iter().all(|cell| cell.value().name() == "th");
        if headings.is_none() && rows.is_empty() && heads {
            let said: Result<Vec<String>, Refusal> = cells.into_iter().map(|cell| room.said(cell)).collect();
            headings = Some(crate::tables::headings(said?.into_iter())?);
            continue;
        }
        let mut fields = Vec::with_capacity(cells.len());
        for (at, cell) in cells.into_iter().enumerate() {
            let heading = headings.as_ref().and_then(|headings| headings.get(at));
            let name = match heading {
                Some(heading) => room.of(heading)?,
                None => room.of(&format!("column{}", at + 1))?,
            };
            fields.push((name, Value::from(room.said(cell)?)));
        }
        if !fields.is_empty() {
            rows.push(Value::Object(fields.into_iter().collect()));
        }
    }
    Ok(Value::Array(rows.into_iter().collect()))
}

/// The innermost element of this name around another.
fn nearest<'p>(element: ElementRef<'p>, name: &str) -> Option<ElementRef<'p>> {
    let mut around = element.ancestors().filter_map(ElementRef::wrap);
    around.find(|around| around.value().name() == name)
}

/// Links as records of text and address; `whole` makes addresses of what stands there.
pub fn links(page: &str, whole: impl Fn(&str) -> Option<String>) -> Result<Value, Refusal> {
    records(page, "a[href]", |element, room| {
        let Some(url) = element.attr("href").and_then(&whole) else {
            return Ok(None);
        };
        let url = room.of(&url)?;
        Ok(Some([("text", room.said(element)?), ("url", url)]))
    })
}

/// Pictures as records of their address and what they show.
pub fn images(page: &str, whole: impl Fn(&str) -> Option<String>) -> Result<Value, Refusal> {
    records(page, "img[src]", |element, room| {
        let Some(url) = element.attr("src").and_then(&whole) else {
            return Ok(None);
        };
        let alt = room.of(element.attr("alt").unwrap_or_default())?;
        Ok(Some([("url", room.of(&url)?), ("alt", alt)]))
    })
}

fn records(
    page: &str,
    wanted: &str,
    record: impl Fn(ElementRef<'_>, &mut Room) -> Result<Option<[(&'static str, String); 2]>, Refusal>,
) -> Result<Value, Refusal> {
    let (page, wanted, mut room) = (parsed(page)?, selector(wanted)?, Room::default());
    let records = page
        .select(&wanted)
        .filter_map(|element| record(element, &mut room).transpose());
    let objects = records.take(FOUND_MAX).map(|fields| {
        let fields = fields?.into_iter();
        Ok(Value::Object(
            fields
                .map(|(name, value)| (name.to_owned(), Value::from(value)))
                .collect(),
        ))
    });
    Ok(Value::Array(
        objects
            .collect::<Result<Vec<Value>, Refusal>>()?
            .into_iter()
            .collect(),
    ))
}

/// What has room among that which is found.
struct Room {
    left: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            left: FOUND_BYTES_MAX,
        }
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| too_large("what is found on the page has more than 8 MiB"))?;
        Ok(())
    }

    fn of(&mut self, text: &str) -> Result<String, Refusal> {
        self.take(VALUE_BYTES + text.len())?;
        Ok(text.to_owned())
    }

    /// What an element says, with what is in it.
    fn said(&mut self, element: ElementRef<'_>) -> Result<String, Refusal> {
        self.take(VALUE_BYTES)?;
        let mut said = String::new();
        for word in element.text().flat_map(str::split_whitespace) {
            self.take(word.len() + 1)?;
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(word);
        }
        Ok(said)
    }
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
    fn what_is_found_within_what_is_found_has_an_end() {
        let nested = format!("{}{}", "<div>".repeat(200), "word ".repeat(10_000));
        assert_eq!(json(all(&nested, "p")), serde_json::json!([]));
        let refused = all(&nested, "div").expect_err("200 times the text");
        assert_eq!(refused.code, "document_too_large");
        let linked = format!("<p><a href={}>{}", "x".repeat(1 << 20), "<p>y".repeat(100));
        let refused = all(&linked, "a@href").expect_err("100 times the address");
        assert_eq!(refused.code, "document_too_large");
        let whole = |link: &str| Some(link.to_owned());
        assert_eq!(
            links(&linked, whole).expect_err("100 times the address").code,
            "document_too_large"
        );
    }

    #[test]
    fn a_table_within_a_cell_gives_no_rows() {
        let page = "<table id=t><tr><td>a</td><td>b<table><tr><td>c</td></tr></table></td></tr></table>";
        let expected = serde_json::json!([{ "column1": "a", "column2": "b c" }]);
        assert_eq!(json(table(page, "#t")), expected);
    }
}
