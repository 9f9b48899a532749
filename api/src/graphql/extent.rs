//! How much a document asks, found before anything is validated or executed.
//!
//! 1. What fragments expand to is counted, not expanded: a few lines can stand for billions of fields, and the
//!    library's validation walks through every one of them.
//! 2. Introspection is measured apart: what tools ask is deeper than any question about data.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};

use super::nesting::NESTING_MAX;

/// Fields after fragments are expanded. A page of a large client has about 200.
const FIELDS_MAX: u64 = 1_000;
/// Aliases after fragments are expanded: each can repeat a costly field.
const ALIASES_MAX: u64 = 50;
const DIRECTIVES_MAX: u64 = 50;
/// `__schema` and `__type` with nine levels of `ofType`, as current tools ask for.
const INTROSPECTION_DEPTH_MAX: u64 = 16;

/// A document that asks too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuch {
    #[error("the document is nested too deep")]
    Depth,
    #[error("the document asks for too many fields")]
    Fields,
    #[error("the document has too many aliases")]
    Aliases,
    #[error("the document has too many directives")]
    Directives,
    #[error("a fragment contains itself")]
    Cycle,
}

impl TooMuch {
    pub fn code(self) -> &'static str {
        match self {
            TooMuch::Depth => "QUERY_TOO_DEEP",
            TooMuch::Fields | TooMuch::Aliases | TooMuch::Directives => "QUERY_TOO_COMPLEX",
            TooMuch::Cycle => "GRAPHQL_VALIDATION_FAILED",
        }
    }
}

/// The operation that will run: the named one, or the only one.
pub(super) fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    match name {
        Some(name) => operations
            .find(|(known, _)| known.is_some_and(|known| known.as_str() == name))
            .map(|(_, operation)| &operation.node),
        None => match (operations.next(), operations.next()) {
            (Some((_, only)), None) => Some(&only.node),
            _ => None,
        },
    }
}

/// Refuses a document with an operation that asks too much, whichever of them will run: all are validated.
pub(super) fn check_document(document: &ExecutableDocument, depth_max: usize) -> Result<(), TooMuch> {
    let mut measure = Measure {
        document,
        known: HashMap::new(),
    };
    for name in document.fragments.keys() {
        measure.fragment(name)?;
    }
    let mut whole = Extent::default();
    for (_, operation) in document.operations.iter() {
        let extent = measure.root(&operation.node.selection_set.node)?;
        whole = whole.beside(extent).directed(operation.node.directives.len());
    }
    match whole {
        Extent { depth, .. } if depth > depth_max as u64 => Err(TooMuch::Depth),
        Extent {
            introspection_depth, ..
        } if introspection_depth > INTROSPECTION_DEPTH_MAX => Err(TooMuch::Depth),
        Extent { fields, .. } if fields > FIELDS_MAX => Err(TooMuch::Fields),
        Extent { aliases, .. } if aliases > ALIASES_MAX => Err(TooMuch::Aliases),
        Extent { directives, .. } if directives > DIRECTIVES_MAX => Err(TooMuch::Directives),
        _ => Ok(()),
    }
}

/// What a selection stands for once its fragments are expanded. Numbers stop at their largest value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Extent {
    fields: u64,
    aliases: u64,
    directives: u64,
    depth: u64,
    introspection_depth: u64,
}

impl Extent {
    fn beside(self, other: Extent) -> Extent {
        Extent {
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            depth: self.depth.max(other.depth),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
        }
    }

    fn directed(self, count: usize) -> Extent {
        Extent {
            directives: self.directives.saturating_add(count as u64),
            ..self
        }
    }

    /// The field around this selection.
    fn within(self, field: &Field) -> Extent {
        let introspection = matches!(field.name.node.as_str(), "__schema" | "__type");
        let depth = self.depth.saturating_add(1);
        Extent {
            fields: self.fields.saturating_add(1),
            aliases: self.aliases.saturating_add(u64::from(field.alias.is_some())),
            depth: if introspection { 1 } else { depth },
            introspection_depth: if introspection {
                depth
            } else {
                self.introspection_depth
            },
            ..self
        }
        .directed(field.directives.len())
    }
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    /// Fragments measured already; `None` while one is being measured.
    known: HashMap<&'a Name, Option<Extent>>,
}

impl<'a> Measure<'a> {
    fn root(&mut self, selections: &'a SelectionSet) -> Result<Extent, TooMuch> {
        let mut whole = Extent::default();
        for selection in &selections.items {
            let extent = match &selection.node {
                Selection::Field(field) => {
                    let inner = self.root(&field.node.selection_set.node)?;
                    inner.within(&field.node)
                }
                Selection::InlineFragment(inline) => self
                    .root(&inline.node.selection_set.node)?
                    .directed(inline.node.directives.len()),
                Selection::FragmentSpread(spread) => self
                    .fragment(&spread.node.fragment_name.node)?
                    .directed(spread.node.directives.len()),
            };
            whole = whole.beside(extent);
        }
        Ok(whole)
    }

    /// An unknown fragment counts nothing: validation will name it.
    fn fragment(&mut self, name: &Name) -> Result<Extent, TooMuch> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Extent::default());
        };
        match self.known.get(name) {
            Some(Some(extent)) => return Ok(*extent),
            Some(None) => return Err(TooMuch::Cycle),
            None => {}
        }
        // A chain of fragments is as deep as it is long; the text's nesting does not show it.
        if self.known.values().filter(|extent| extent.is_none()).count() > NESTING_MAX {
            return Err(TooMuch::Depth);
        }
        self.known.insert(name, None);
        let extent = self
            .root(&fragment.node.selection_set.node)?
            .directed(fragment.node.directives.len());
        self.known.insert(name, Some(extent));
        Ok(extent)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::OperationType;

    use super::*;

    fn check(text: &str) -> Result<(), TooMuch> {
        check_document(&parse_query(text).expect("parses"), 4)
    }

    #[test]
    fn what_asks_little_passes() {
        for text in [
            "{ a { b { c { d } } } }",
            "query Q { a } query R { b }",
            "{ __schema { types { fields { args { type { ofType { ofType { name } } } } } } } }",
            "query { ...A } fragment A on T { a { ...B } } fragment B on T { b { c } }",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_asks_too_much_is_refused() {
        let aliases: String = (0..51).map(|n| format!("a{n}: a ")).collect();
        let fields = "a ".repeat(1_001);
        let directives = "@skip(if: false) ".repeat(51);
        for (text, expected) in [
            ("{ a { b { c { d { e } } } } }".to_owned(), TooMuch::Depth),
            (
                "{ ...A } fragment A on T { a { ...B } } fragment B on T { b { c { d { e } } } }".to_owned(),
                TooMuch::Depth,
            ),
            (format!("{{ {aliases} }}"), TooMuch::Aliases),
            (format!("{{ {fields} }}"), TooMuch::Fields),
            (format!("{{ a {directives} }}"), TooMuch::Directives),
            (
                "{ ...A } fragment A on T { ...B } fragment B on T { ...A }".to_owned(),
                TooMuch::Cycle,
            ),
            ("{ a } fragment A on T { b { ...A } }".to_owned(), TooMuch::Cycle),
        ] {
            assert_eq!(check(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn fragments_that_double_each_other_are_counted_without_being_expanded() {
        let mut text = "{ ...F0 }".to_owned();
        for n in 0..40 {
            text.push_str(&format!(" fragment F{n} on T {{ ...F{} ...F{} }}", n + 1, n + 1));
        }
        text.push_str(" fragment F40 on T { a }");
        assert_eq!(check(&text), Err(TooMuch::Fields));
    }

    #[test]
    fn a_long_chain_of_fragments_is_refused() {
        let chain: String = (0..500)
            .map(|n| format!(" fragment F{n} on T {{ ...F{} }}", n + 1))
            .collect();
        assert_eq!(
            check(&format!("{{ ...F0 }} {chain} fragment F500 on T {{ a }}")),
            Err(TooMuch::Depth)
        );
    }

    #[test]
    fn the_operation_that_runs_is_the_named_or_the_only_one() {
        let document = parse_query("query A { a } mutation B { b }").expect("parses");
        let kind = |name| selected(&document, Some(name)).map(|operation| operation.ty);
        assert_eq!(kind("A"), Some(OperationType::Query));
        assert_eq!(kind("B"), Some(OperationType::Mutation));
        assert!(selected(&document, Some("C")).is_none());
        assert!(selected(&document, None).is_none());
        let only = parse_query("{ a }").expect("parses");
        assert!(selected(&only, None).is_some());
    }
}
