//! Feeds: RSS, Atom, JSON Feed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use basic::{Refusal, Value};

use crate::{VALUES_MAX, tags, too_large, unreadable, values};

/// Entries that are told where a script does not say how many, and at most.
const ENTRIES: usize = 20;
const ENTRIES_MAX: usize = 500;
/// Entries and elements of a feed that is read: each takes far more memory than it has bytes.
const ENTRIES_READ_MAX: usize = 10_000;
const ELEMENTS_MAX: usize = VALUES_MAX;
/// Characters of one description.
const TEXT_CHARACTERS_MAX: usize = 20_000;

/// The newest entries of a feed: title, link, description, author, date and id.
pub fn entries(bytes: &[u8], count: Option<usize>) -> Result<Value, Refusal> {
    let unclear = || unreadable("the address does not answer with a feed");
    check(bytes)?;
    let feed = catch_unwind(AssertUnwindSafe(|| feed_rs::parser::parse(bytes)))
        .map_err(|_| unclear())?
        .map_err(|_| unclear())?;
    let count = count.unwrap_or(ENTRIES).min(ENTRIES_MAX);
    let entries = feed.entries.into_iter().take(count).map(|entry| {
        let text = |text: Option<feed_rs::model::Text>| text.map(|text| text.content).unwrap_or_default();
        let date = entry.published.or(entry.updated);
        let body = entry.content.and_then(|content| content.body);
        let description = match text(entry.summary) {
            summary if summary.is_empty() => body.unwrap_or_default(),
            summary => summary,
        };
        let author = entry.authors.into_iter().next().and_then(|person| person.name);
        let link = entry.links.into_iter().next().map(|link| link.href);
        let cut = |text: String| Value::from(text.chars().take(TEXT_CHARACTERS_MAX).collect::<String>());
        let fields = [
            ("title", cut(text(entry.title).trim().to_owned())),
            ("link", cut(link.unwrap_or_default())),
            ("description", cut(description.trim().to_owned())),
            ("author", cut(author.unwrap_or_default())),
            ("date", date.map_or(Value::Null, Value::Moment)),
            ("id", cut(entry.id)),
        ];
        Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    });
    Ok(Value::Array(entries.collect()))
}

/// Refuses what would take too much memory, or time, to be read.
fn check(bytes: &[u8]) -> Result<(), Refusal> {
    tags::check(bytes)?;
    let elements = bytes.iter().filter(|byte| **byte == b'<').count();
    let entries = |name: &[u8]| {
        let starts = bytes.windows(name.len() + 1);
        starts
            .filter(|at| matches!(at[0], b'<' | b':') && &at[1..] == name)
            .count()
    };
    let is_json = bytes.trim_ascii_start().starts_with(b"{");
    if elements > ELEMENTS_MAX
        || entries(b"item") + entries(b"entry") > ENTRIES_READ_MAX
        || is_json && values(bytes) > VALUES_MAX
    {
        return Err(too_large("the feed has more entries than are read"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_of_each_kind_are_read() {
        let rss = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>t</title><link>https://x</link><description>d</description>\
            <item><title>High tide</title><link>https://x/1</link><description>At eight</description>\
            <pubDate>Mon, 30 Nov 2026 08:15:00 GMT</pubDate></item><item><title>Low tide</title></item></channel></rss>";
        let read = entries(rss.as_bytes(), None).expect("a feed").to_json();
        assert_eq!(read[0]["title"], "High tide");
        assert_eq!(read[0]["link"], "https://x/1");
        assert_eq!(read[0]["date"], "2026-11-30 08:15:00");
        assert_eq!(read.as_array().map(Vec::len), Some(2));
        assert_eq!(
            entries(rss.as_bytes(), Some(1))
                .expect("a feed")
                .to_json()
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title><id>x</id><updated>2026-11-30T08:15:00Z</updated>\
            <entry><title>Tide</title><id>7</id><updated>2026-11-30T08:15:00Z</updated><author><name>Ana</name></author></entry></feed>";
        assert_eq!(
            entries(atom.as_bytes(), None).expect("a feed").to_json()[0]["author"],
            "Ana"
        );
        assert_eq!(
            entries(b"<html></html>", None).expect_err("no feed").code,
            "document_unreadable"
        );
    }

    #[test]
    fn more_than_a_feed_is_not_read() {
        let around = |items: &str| format!("<rss version=\"2.0\"><channel>{items}</channel></rss>");
        let json =
            |items: &str| format!("{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{items}0]}}");
        for many in [
            around(&"<item/>".repeat(20_000)),
            around(&"<category/>".repeat(300_000)),
            json(&"{\"\":0},".repeat(200_000)),
        ] {
            assert_eq!(
                entries(many.as_bytes(), None).expect_err("too many").code,
                "document_too_large"
            );
        }
        assert!(entries(around(&"<item/>".repeat(1_000)).as_bytes(), None).is_ok());
    }
}
