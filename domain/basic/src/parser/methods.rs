//! What other dialects write behind a value: `list.push(x)`, `text.len()`, `list(0)`.

use super::Parser;
use crate::diagnostic::{TOO_DEEP, UNKNOWN_FUNCTION, UNKNOWN_STATEMENT};
use crate::language::{self, Changes, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind, Part, Statement, StatementKind};

/// Calls that may follow one another: `text.trim().split(",")`. Each is one level deeper in the tree.
const CHAINED_MAX: u32 = 20;

impl Parser<'_, '_> {
    /// Whether `.name(` stands so far on, without spaces.
    pub(super) fn is_method(&self, distance: usize) -> bool {
        let [dot, name, opening] = [0, 1, 2].map(|further| self.peek_at(distance + further));
        dot.kind == TokenKind::Symbol(Symbol::Dot)
            && name.kind == TokenKind::Word
            && opening.kind == TokenKind::Symbol(Symbol::OpenParenthesis)
            && name.span.end == opening.span.start
    }

    /// Whether the statement here is `value.name(…)`.
    pub(super) fn is_method_statement(&self) -> bool {
        let mut distance = 1;
        while self.peek_at(distance).kind == TokenKind::Symbol(Symbol::Dot) {
            if self.is_method(distance) {
                return true;
            }
            distance += 2;
        }
        false
    }

    /// `list.push(x)`: the same as `PUSH list, x`.
    pub(super) fn method_statement(&mut self, span: Span) -> Option<Statement> {
        let value = self.expression()?;
        let span = span.to(value.span);
        let kind = match value.kind {
            ExpressionKind::Call(call)
                if call
                    .word
                    .function()
                    .is_some_and(|function| function.changes != Changes::Nothing) =>
            {
                StatementKind::Call(call)
            }
            _ => StatementKind::Evaluate(value),
        };
        Some(Statement { span, kind })
    }

    /// Calls behind a value, which become its functions: `text.len()` is `LEN(text)`.
    pub(super) fn with_methods(&mut self, mut value: Expression) -> Option<Expression> {
        let mut chained = 0;
        while self.is_method(0) {
            chained += 1;
            if chained > CHAINED_MAX {
                let message = format!("more than {CHAINED_MAX} calls follow one another");
                return self.error(TOO_DEEP, self.peek().span, message);
            }
            self.advance();
            let place = self.advance().span;
            let word = self.method(&value, place)?;
            self.advance();
            let mut arguments = vec![value];
            while !self.at_symbol(Symbol::CloseParenthesis) {
                arguments.push(self.expression()?);
                if !self.take_symbol(Symbol::Comma) {
                    break;
                }
            }
            self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
            let arguments = self.counted(word, place, arguments)?;
            let span = arguments[0].span.to(self.previous());
            let call = Expression {
                span,
                kind: ExpressionKind::Call(Call { word, arguments }),
            };
            value = self.with_parts(call)?;
        }
        Some(value)
    }

    /// The function that is called behind a value.
    fn method(&mut self, value: &Expression, place: Span) -> Option<&'static Word> {
        let name = self.text(place).to_uppercase().replace('_', " ");
        // `Math.round(x)`, `console.log(x)`: what stands before the dot is no value.
        let written = self.text(value.span);
        let library = [
            "CONSOLE", "MATH", "JSON", "OBJECT", "DEBUG", "STRING", "DATE", "ARRAY",
        ]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(written));
        let known = language::find(&name).filter(|word| word.function().is_some());
        if !library && let Some(word) = known {
            return Some(word);
        }
        let meant = language::translated(&name.replace(' ', "")).or(known.map(|word| word.name));
        let json = written.eq_ignore_ascii_case("JSON");
        let help = match meant.or(json.then_some("JSON")) {
            Some("PRINT") => "write PRINT value".to_owned(),
            Some(word) if library => format!("write {word}(value)"),
            Some(word) => format!("write {word}({})", written.chars().take(40).collect::<String>()),
            None => {
                "functions stand before their values: LEN(text), REPLACE(text, \"a\", \"b\"), PUSH list, item"
                    .to_owned()
            }
        };
        let message = format!("there is no function {} of values", self.quoted(place));
        self.report.push(UNKNOWN_FUNCTION, place, message, Some(help));
        None
    }

    /// `Err.Clear`, `Debug.Print x`: statements of older dialects that look like a field.
    pub(super) fn member_statement(&mut self) -> bool {
        let member = |first: &str, second: &str| self.at_word(first) && self.word_is(2, second);
        let help = if member("ERR", "CLEAR") {
            "write CLEAR ERROR"
        } else if member("ERR", "RAISE") {
            "write THROW \"what is wrong\""
        } else if member("DEBUG", "PRINT") || member("CONSOLE", "LOG") || member("CONSOLE", "ERROR") {
            "write PRINT value"
        } else {
            return false;
        };
        let span = self.peek().span.to(self.peek_at(2).span);
        let message = format!("{} is not a statement", self.quoted(span));
        self.report.add_with_help(UNKNOWN_STATEMENT, span, message, help);
        true
    }

    /// `(index)` behind a variable, as older dialects have it: an item of its list.
    pub(super) fn item_in_parentheses(&mut self) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        if self.take_symbol(Symbol::OpenParenthesis) {
            loop {
                parts.push(Part::Index(self.expression()?));
                if !self.take_symbol(Symbol::Comma) {
                    break;
                }
            }
            self.expect_symbol(Symbol::CloseParenthesis, "`)`")?;
        }
        Some(parts)
    }
}
