//! HTML, read as browsers read it, as far as that ends soon.
//!
//! How long the reader takes depends on how deeply elements nest, and one tag may have it repeat hundreds of elements. What
//! nests is only known by who reads: comments, scripts and tags that end others look different to everybody else. So the
//! tree is watched while it grows, and reading ends where it grows too large.

use std::borrow::Cow;
use std::cell::{Cell, Ref};

use basic::Refusal;
use ego_tree::NodeId;
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, ParseOpts, QualName, parse_document};
use scraper::{Html, HtmlTreeSink};

use crate::{tags, too_large, unreadable};

/// A longer page is not read.
pub(crate) const PAGE_BYTES_MAX: usize = 4 << 20;
/// Elements within elements.
const DEPTH_MAX: usize = 256;
/// Elements, attributes and texts of one page.
const NODES_MAX: usize = 500_000;
/// What is read between two looks at the tree.
const STEP_BYTES: usize = 1 << 10;

/// A page, read as browsers read it.
pub(crate) fn parsed(text: &str) -> Result<Html, Refusal> {
    if text.len() > PAGE_BYTES_MAX {
        return Err(too_large("the page has more than 4 MiB"));
    }
    tags::check(text.as_bytes())?;
    let mut parser = parse_document(Watched::new(), ParseOpts::default());
    let mut rest = text;
    while !rest.is_empty() {
        let (step, after) = rest.split_at(rest.floor_char_boundary(STEP_BYTES));
        parser.process(StrTendril::from(step));
        parser.tokenizer.sink.sink.check()?;
        rest = after;
    }
    let watched = parser.finish();
    watched.check()?;
    Ok(watched.tree.finish())
}

/// A tree that knows how large it has become.
struct Watched {
    tree: HtmlTreeSink,
    nodes: Cell<usize>,
    deepest: Cell<usize>,
}

impl Watched {
    fn new() -> Watched {
        Watched {
            tree: HtmlTreeSink::new(Html::new_document()),
            nodes: Cell::new(0),
            deepest: Cell::new(0),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.deepest.get() > DEPTH_MAX {
            return Err(unreadable("the page nests too deeply"));
        }
        if self.nodes.get() > NODES_MAX {
            return Err(too_large("the page has more than 500000 elements"));
        }
        Ok(())
    }

    fn count(&self, nodes: usize) {
        self.nodes.set(self.nodes.get() + nodes);
    }

    /// Notes how deep the children of a node are.
    fn grown(&self, node: NodeId) {
        let html = self.tree.0.borrow();
        if let Some(node) = html.tree.get(node) {
            let depth = node.ancestors().take(DEPTH_MAX + 1).count();
            self.deepest.set(self.deepest.get().max(depth));
        }
    }
}

impl TreeSink for Watched {
    type Handle = NodeId;
    type Output = Watched;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Watched {
        self
    }

    // Every page has errors.
    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        self.tree.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        self.tree.elem_name(target)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.count(1 + attrs.len());
        self.tree.create_element(name, attrs, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.count(1);
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.count(1);
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.count(usize::from(matches!(child, NodeOrText::AppendText(_))));
        self.tree.append(parent, child);
        self.grown(*parent);
    }

    fn append_based_on_parent_node(
        &self,
        element: &NodeId,
        prev_element: &NodeId,
        child: NodeOrText<NodeId>,
    ) {
        self.count(usize::from(matches!(child, NodeOrText::AppendText(_))));
        self.tree
            .append_based_on_parent_node(element, prev_element, child);
        self.grown(*element);
        self.grown(*prev_element);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.count(1);
        self.tree.append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.tree.get_template_contents(target)
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &NodeId, new_node: NodeOrText<NodeId>) {
        self.count(usize::from(matches!(new_node, NodeOrText::AppendText(_))));
        self.tree.append_before_sibling(sibling, new_node);
        self.grown(*sibling);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attrs: Vec<Attribute>) {
        self.count(attrs.len());
        self.tree.add_attrs_if_missing(target, attrs);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.tree.reparent_children(node, new_parent);
        self.grown(*new_parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(page: &str) -> String {
        let refusal = parsed(page).map(drop).expect_err("refused");
        refusal.code
    }

    #[test]
    fn pages_that_nest_without_end_are_refused() {
        for deep in [
            "<div>".repeat(100_000),
            "<div><!--</div>-->".repeat(100_000),
            "<div title=\"</div>\">".repeat(100_000),
            "<div><script></div></script>".repeat(1_000),
            "<b x=1><i>".repeat(300),
        ] {
            assert_eq!(refused(&deep), "document_unreadable", "{}", &deep[..30]);
        }
        for flat in [
            "<p>one<br><li>two".repeat(10_000),
            "<div><span>x</span></div>".repeat(10_000),
            "<!-- <div> --><script>'<div>'</script>".repeat(10_000),
            "<svg><path d='M0'/></svg>".repeat(1_000),
        ] {
            assert!(parsed(&flat).is_ok(), "{}", &flat[..30]);
        }
        assert_eq!(refused(&" ".repeat(PAGE_BYTES_MAX + 1)), "document_too_large");
    }

    #[test]
    fn a_page_that_grows_by_being_read_is_refused() {
        // Each paragraph has all the elements that the ones before left open.
        let open: String = (0..200).map(|n| format!("<b id={n}>")).collect();
        let page = format!("<p>{open}{}", "<p>x".repeat(100_000));
        assert_eq!(refused(&page), "document_too_large");
    }
}
