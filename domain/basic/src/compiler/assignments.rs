//! Compiling assignments.
//!
//! What a variable holds is changed in place where nothing can tell the difference.

use super::Compiler;
use super::expressions::bare_function_named;
use crate::diagnostic::HIDES_FUNCTION;
use crate::language::Changes;
use crate::parser::simple::variable_of;
use crate::program::Instruction;
use crate::syntax::{Call, Expression, ExpressionKind, Name, Part, Target};
use crate::value::Operator;

impl Compiler<'_, '_> {
    pub(super) fn assign(&mut self, target: &Target, value: &Expression) {
        if !target.parts.is_empty() {
            let register = self.operand(value);
            return self.set(target.name, &target.parts, register);
        }
        match &value.kind {
            // `now = NOW`: the variable is not set yet, so the name still means the function.
            ExpressionKind::Name(name) if *name == target.name => {
                let text = self.used(*name).map(|used| used.text.clone()).unwrap_or_default();
                if let Some(word) = bare_function_named(&text) {
                    let (import, base) = (self.import(word), self.top);
                    self.emit(Instruction::Call {
                        import,
                        to: target.name,
                        base,
                        count: 0,
                    });
                }
            }
            ExpressionKind::Call(call) if self.rebuilds(call, target.name) => self.rebuild(call, target.name),
            ExpressionKind::Chain(first, rest) if self.extends(first, rest, target.name) => {
                for (operator, operand) in rest {
                    let top = self.top;
                    let right = self.operand(operand);
                    let (to, left) = (target.name, target.name);
                    self.emit(Instruction::Binary {
                        operator: *operator,
                        to,
                        left,
                        right,
                    });
                    self.top = top;
                }
            }
            _ => {
                self.warn_hidden_function(target.name, value);
                self.value(value, target.name);
            }
        }
    }

    fn warn_hidden_function(&mut self, name: Name, value: &Expression) {
        let text = self.used(name).map(|used| used.text.clone()).unwrap_or_default();
        let Some(word) = bare_function_named(&text) else {
            return;
        };
        let same = matches!(&value.kind, ExpressionKind::Call(call) if call.word.name == word.name);
        if !same {
            let message = format!("`{text}` is now a variable; the function is {}()", word.name);
            self.report.add(HIDES_FUNCTION, self.span, message);
        }
    }

    /// Whether `name = call` is `list = APPEND(list, x)`, which can change the list in place.
    fn rebuilds(&self, call: &Call, name: Name) -> bool {
        let changes = call
            .word
            .function()
            .is_some_and(|function| function.changes == Changes::AsStatement);
        changes && matches!(call.arguments.first().and_then(variable_of), Some((first, [])) if first == name)
    }

    pub(super) fn rebuild(&mut self, call: &Call, name: Name) {
        let base = self.call_arguments(call, Some(name));
        let (import, count) = (self.import(call.word), call.arguments.len() as u16);
        self.emit(Instruction::Call {
            import,
            to: name,
            base,
            count,
        });
    }

    /// Whether `name = name + a + b` can add to the variable bit by bit: when the rest does not read it.
    fn extends(&self, first: &Expression, rest: &[(Operator, Expression)], name: Name) -> bool {
        let adds = |operator: &Operator| matches!(operator, Operator::Add | Operator::Join);
        matches!(first.kind, ExpressionKind::Name(first) if first == name)
            && rest
                .iter()
                .all(|(operator, operand)| adds(operator) && !mentions(operand, name))
    }

    pub(super) fn default(&mut self, name: Name, value: &Expression) {
        let empty = self.temporary();
        self.emit(Instruction::IsNull {
            to: empty,
            from: name,
        });
        let skip = self.emit_forward(Instruction::JumpUnless {
            condition: empty,
            target: 0,
        });
        self.value(value, name);
        self.land(skip);
    }
}

/// Whether an expression reads a variable.
fn mentions(expression: &Expression, name: Name) -> bool {
    match &expression.kind {
        ExpressionKind::Name(other) => *other == name,
        ExpressionKind::Constant(_) => false,
        // A procedure may read any variable.
        ExpressionKind::Invoke(_) => true,
        ExpressionKind::Array(items)
        | ExpressionKind::Joined(items)
        | ExpressionKind::All(items)
        | ExpressionKind::Any(items)
        | ExpressionKind::Script(_, items)
        | ExpressionKind::Call(Call { arguments: items, .. }) => {
            items.iter().any(|item| mentions(item, name))
        }
        ExpressionKind::Hear(hear) => hear.prompt.iter().any(|prompt| mentions(prompt, name)),
        ExpressionKind::Object(fields) => fields.iter().any(|(_, field)| mentions(field, name)),
        ExpressionKind::Chain(first, rest) => {
            mentions(first, name) || rest.iter().any(|(_, operand)| mentions(operand, name))
        }
        ExpressionKind::Not(of) | ExpressionKind::Negate(of) | ExpressionKind::IsNull { of, .. } => {
            mentions(of, name)
        }
        ExpressionKind::Part(of, parts) => {
            mentions(of, name)
                || parts
                    .iter()
                    .any(|part| matches!(part, Part::Index(index) if mentions(index, name)))
        }
    }
}
