//! Upcasters: how an event of an earlier version is read today. Stored events never change.

use std::borrow::Cow;

use serde_json::Value;

/// Turns one stored version of an event into the next: same fact, newer form. May move a sealed value, never look
/// inside.
pub struct Upcaster {
    pub event_type: &'static str,
    pub version: u16,
    pub upcast: fn(Value) -> (&'static str, u16, Value),
}

/// Every upcaster, one line each. Empty until a stored form changes; golden files of the old form stay for ever.
pub const UPCASTERS: &[Upcaster] = &[];

/// Applies upcasters until none fits.
pub fn upcast<'a>(event_type: &str, version: u16, payload: &'a Value) -> (String, u16, Cow<'a, Value>) {
    upcast_with(UPCASTERS, event_type, version, payload)
}

fn upcast_with<'a>(
    upcasters: &[Upcaster],
    event_type: &str,
    version: u16,
    payload: &'a Value,
) -> (String, u16, Cow<'a, Value>) {
    let mut current = (event_type.to_owned(), version, Cow::Borrowed(payload));
    while let Some(step) = upcasters
        .iter()
        .find(|u| u.event_type == current.0 && u.version == current.1)
    {
        let (name, version, payload) = (step.upcast)(current.2.into_owned());
        current = (name.to_owned(), version, Cow::Owned(payload));
    }
    current
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chain_of_upcasters_ends_at_the_newest_form() {
        let chain = [
            Upcaster {
                event_type: "lamp.lit",
                version: 1,
                upcast: |v| ("lamp.lit", 2, json!({ "colour": v["color"], "watts": 40 })),
            },
            Upcaster {
                event_type: "lamp.lit",
                version: 2,
                upcast: |v| ("lamp.switched_on", 1, json!({ "colour": v["colour"] })),
            },
        ];
        let red = json!({ "color": "red" });
        let (name, version, payload) = upcast_with(&chain, "lamp.lit", 1, &red);
        assert_eq!(
            (name.as_str(), version, payload.into_owned()),
            ("lamp.switched_on", 1, json!({ "colour": "red" }))
        );
    }

    #[test]
    fn an_upcaster_moves_a_sealed_value_without_looking_inside() {
        let chain = [Upcaster {
            event_type: "note.taken",
            version: 1,
            upcast: |mut v| ("note.taken", 2, json!({ "body": { "text": v["text"].take() } })),
        }];
        let sealed = json!({ "$sealed": { "v": 1, "x": "opaque" } });
        let taken = json!({ "text": sealed });
        let (_, _, payload) = upcast_with(&chain, "note.taken", 1, &taken);
        assert_eq!(payload["body"]["text"], sealed);
    }

    #[test]
    fn an_event_without_upcaster_stays_as_it_is() {
        assert_eq!(
            upcast("bot.created", 1, &json!({ "name": "x" })).2.into_owned(),
            json!({ "name": "x" })
        );
    }
}
