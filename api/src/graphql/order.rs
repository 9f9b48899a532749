//! The order of an answer's fields: that of the document, as the specification wants it. The library resolves fields
//! side by side and notes each as it is done.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// Response keys in the order of a document, each with the order of what is selected within.
#[derive(Debug, Default)]
pub(super) struct Order {
    places: HashMap<Name, (usize, Order)>,
}

/// How the answer to an operation is to be ordered. Fragments must not contain themselves.
pub(super) fn order_of(document: &ExecutableDocument, operation: &OperationDefinition) -> Order {
    let mut order = Order::default();
    order.select(document, &operation.selection_set.node);
    order
}

impl Order {
    fn select(&mut self, document: &ExecutableDocument, selections: &SelectionSet) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let next = self.places.len();
                    let key = field.node.response_key().node.clone();
                    let (_, inner) = self.places.entry(key).or_insert_with(|| (next, Order::default()));
                    inner.select(document, &field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => self.select(document, &inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.select(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    /// Orders an answer in place.
    pub fn arrange(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.sort_by_cached_key(|name, _| self.places.get(name).map(|(place, _)| *place));
                for (name, member) in members.iter_mut() {
                    if let Some((_, inner)) = self.places.get(name) {
                        inner.arrange(member);
                    }
                }
            }
            Value::List(items) if !self.places.is_empty() => {
                items.iter_mut().for_each(|item| self.arrange(item));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_follows_the_document() {
        let text = "{ b { y x } ...F a } fragment F on Q { c b { z } }";
        let document = parse_query(text).expect("parses");
        let operation = super::super::extent::selected(&document, None).expect("is the only one");
        let answer = json!({ "a": 1, "c": 2, "b": [{ "x": 1, "z": 2, "y": 3 }, null] });
        let mut answer = Value::from_json(answer).expect("is a value");
        order_of(&document, operation).arrange(&mut answer);
        assert_eq!(
            answer.to_string(),
            r#"{b: [{y: 3, x: 1, z: 2}, null], c: 2, a: 1}"#
        );
    }
}
