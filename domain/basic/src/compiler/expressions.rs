//! Compiling expressions.

use super::Compiler;
use crate::diagnostic::NEVER_SET;
use crate::language::{self, Changes, PROVIDED, Word};
use crate::parser::simple::variable_of;
use crate::program::{Constant, Instruction, Register};
use crate::syntax::{Call, Expression, ExpressionKind, Name, Part};
use crate::value::Operator;

impl Compiler<'_, '_> {
    /// Computes an expression into a register.
    pub(super) fn value(&mut self, expression: &Expression, to: Register) {
        let outer = std::mem::replace(&mut self.span, expression.span);
        let top = self.top;
        match &expression.kind {
            ExpressionKind::Constant(constant) => self.load(to, constant),
            ExpressionKind::Name(name) => self.read(*name, to),
            ExpressionKind::Chain(first, rest) => self.chain(first, rest, to),
            ExpressionKind::Not(of) => {
                let from = self.operand(of);
                self.emit(Instruction::Not { to, from });
            }
            ExpressionKind::Negate(of) => {
                let from = self.operand(of);
                self.emit(Instruction::Negate { to, from });
            }
            ExpressionKind::IsNull { of, negated } => {
                let from = self.operand(of);
                self.emit(Instruction::IsNull { to, from });
                if *negated {
                    self.emit(Instruction::Not { to, from: to });
                }
            }
            ExpressionKind::Part(of, parts) => self.part(of, parts, to),
            ExpressionKind::Call(call) => self.call(call, to),
            ExpressionKind::Invoke(invoke) => self.invoke(invoke, to),
            ExpressionKind::Script(name, arguments) => self.script(name, arguments, to),
            ExpressionKind::Hear(hear) => self.ask(hear, to),
            ExpressionKind::Joined(pieces) => {
                let base = self.consecutive(pieces.iter());
                self.emit(Instruction::Join {
                    to,
                    base,
                    count: pieces.len() as u16,
                });
            }
            // These build their value step by step, so they must not do it in a variable that their
            // parts may still read.
            _ if self.is_variable(to) => {
                let from = self.temporary();
                self.composed(expression, from);
                self.emit(Instruction::Copy { to, from });
            }
            _ => self.composed(expression, to),
        }
        self.top = top;
        self.span = outer;
    }

    fn composed(&mut self, expression: &Expression, to: Register) {
        match &expression.kind {
            ExpressionKind::Array(items) => {
                self.emit(Instruction::NewArray { to });
                for item in items {
                    let top = self.top;
                    let value = self.operand(item);
                    self.emit(Instruction::Push { array: to, value });
                    self.top = top;
                }
            }
            ExpressionKind::Object(fields) => {
                self.emit(Instruction::NewObject { to });
                for (name, field) in fields {
                    let top = self.top;
                    let value = self.operand(field);
                    let name = self.text(name);
                    self.emit(Instruction::Field {
                        object: to,
                        name,
                        value,
                    });
                    self.top = top;
                }
            }
            ExpressionKind::All(operands) => self.logic(operands, to, false),
            ExpressionKind::Any(operands) => self.logic(operands, to, true),
            _ => unreachable!("other kinds are compiled where they are told apart"),
        }
    }

    /// The register in which a value can be read: its own for a variable, else a temporary.
    pub(super) fn operand(&mut self, expression: &Expression) -> Register {
        if let ExpressionKind::Name(name) = expression.kind
            && self.bare_function(name).is_none()
        {
            self.check_set(name, expression);
            return name;
        }
        let register = self.temporary();
        self.value(expression, register);
        register
    }

    fn read(&mut self, name: Name, to: Register) {
        if let Some(word) = self.bare_function(name) {
            let (import, base) = (self.import(word), self.top);
            return self.emit(Instruction::Call {
                import,
                to,
                base,
                count: 0,
            });
        }
        self.warn_never_set(name);
        self.emit(Instruction::Copy { to, from: name });
    }

    fn check_set(&mut self, name: Name, expression: &Expression) {
        let outer = std::mem::replace(&mut self.span, expression.span);
        self.warn_never_set(name);
        self.span = outer;
    }

    /// The function that a name alone calls: one such as NOW, unless the script has a variable of that name.
    pub(super) fn bare_function(&self, name: Name) -> Option<&'static Word> {
        let name = self.used(name).filter(|name| !name.set)?;
        bare_function_named(&name.text)
    }

    fn warn_never_set(&mut self, name: Name) {
        let Some(used) = self.names.get_mut(usize::from(name)) else {
            return;
        };
        let provided = PROVIDED
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&used.text));
        if used.set || provided || self.is_given {
            return;
        }
        used.set = true; // Told once.
        if !self.report.takes_warnings() {
            return;
        }
        let text = used.text.clone();
        let others = self
            .names
            .iter()
            .filter(|other| other.set && other.text != text)
            .map(|other| other.text.as_str());
        let help = match language::nearest(&text, others.chain(PROVIDED.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "set it first, or give it to the script as param-{} in config.csv",
                text.to_lowercase()
            ),
        };
        self.report.push(
            NEVER_SET,
            self.span,
            format!("`{text}` is never set, so it is empty"),
            Some(help),
        );
    }

    /// Operators of one rank, from left to right.
    fn chain(&mut self, first: &Expression, rest: &[(Operator, Expression)], to: Register) {
        let mut left = self.operand(first);
        for (at, (operator, operand)) in rest.iter().enumerate() {
            let top = self.top;
            let right = self.operand(operand);
            let (result, kept) = if at + 1 == rest.len() {
                (to, top)
            } else if self.is_variable(left) {
                let result = self.temporary();
                (result, result.saturating_add(1))
            } else {
                (left, top) // A temporary on the left is extended in place.
            };
            self.emit(Instruction::Binary {
                operator: *operator,
                to: result,
                left,
                right,
            });
            self.top = kept;
            left = result;
        }
    }

    /// AND and OR: stops at the operand that decides. The result is always TRUE or FALSE.
    fn logic(&mut self, operands: &[Expression], to: Register, decided_by: bool) {
        let mut jumps = Vec::new();
        for operand in operands {
            let top = self.top;
            let condition = self.operand(operand);
            let jump = if decided_by {
                Instruction::JumpIf { condition, target: 0 }
            } else {
                Instruction::JumpUnless { condition, target: 0 }
            };
            jumps.push(self.emit_forward(jump));
            self.top = top;
        }
        self.load(to, &Constant::Bool(!decided_by));
        let end = self.emit_forward(Instruction::Jump { target: 0 });
        self.land_all(jumps);
        self.load(to, &Constant::Bool(decided_by));
        self.land(end);
    }

    fn part(&mut self, of: &Expression, parts: &[Part], to: Register) {
        let mut from = self.operand(of);
        // Holds the parts on the way: not in a variable that one of the indices may still read.
        let way = if self.is_variable(to) && parts.len() > 1 {
            self.temporary()
        } else {
            to
        };
        let top = self.top;
        for (at, part) in parts.iter().enumerate() {
            let result = if at + 1 == parts.len() { to } else { way };
            match part {
                Part::Member(name) => {
                    let name = self.text(name);
                    self.emit(Instruction::Member {
                        to: result,
                        from,
                        name,
                    });
                }
                Part::Index(index) => {
                    let index = self.operand(index);
                    self.emit(Instruction::Index {
                        to: result,
                        from,
                        index,
                    });
                }
            }
            self.top = top;
            from = result;
        }
    }

    /// Computes values into consecutive temporaries; answers the first.
    pub(super) fn consecutive<'e>(&mut self, expressions: impl Iterator<Item = &'e Expression>) -> Register {
        let base = self.top;
        for expression in expressions {
            let register = self.temporary();
            self.value(expression, register);
        }
        base
    }

    pub(super) fn call(&mut self, call: &Call, to: Register) {
        let changes = call
            .word
            .function()
            .map_or(Changes::Nothing, |function| function.changes);
        let changed = call.arguments.first().and_then(variable_of);
        match changed {
            Some((name, parts)) if changes == Changes::Always => {
                // The result must not land where the changed argument waits to be written back.
                let base = self.call_arguments(call, parts.is_empty().then_some(name));
                let result = self.temporary();
                let (import, count) = (self.import(call.word), call.arguments.len() as u16);
                self.emit(Instruction::Call {
                    import,
                    to: result,
                    base,
                    count,
                });
                self.set(name, parts, base);
                self.emit(Instruction::Copy { to, from: result });
            }
            _ => {
                let base = self.call_arguments(call, None);
                let (import, count) = (self.import(call.word), call.arguments.len() as u16);
                self.emit(Instruction::Call {
                    import,
                    to,
                    base,
                    count,
                });
            }
        }
    }

    /// The call with its first argument moved out of the variable `moved`, which the caller sets again:
    /// what nobody else holds is changed in place.
    pub(super) fn call_arguments(&mut self, call: &Call, moved: Option<Name>) -> Register {
        // A variable from which a value was moved would be lost if an error is caught meanwhile.
        let Some(name) = moved.filter(|_| !self.traps.any) else {
            return self.consecutive(call.arguments.iter());
        };
        let base = self.temporary();
        self.consecutive(call.arguments.iter().skip(1));
        self.emit(Instruction::Take { to: base, from: name });
        base
    }

    /// Emits what sets a variable, or a part of one, from a register.
    pub(super) fn set(&mut self, name: Name, parts: &[Part], value: Register) {
        if parts.is_empty() {
            return self.emit(Instruction::Copy {
                to: name,
                from: value,
            });
        }
        let (base, mut members) = (self.top, 0_u32);
        for (at, part) in parts.iter().enumerate() {
            let key = self.temporary();
            match part {
                Part::Member(member) => {
                    members |= 1 << (at % 32);
                    self.load(key, &Constant::Text(member.clone()));
                }
                Part::Index(index) => self.value(index, key),
            }
        }
        self.emit(Instruction::Store {
            target: name,
            base,
            count: parts.len() as u16,
            members,
            value,
        });
    }
}

/// The function that this name alone calls.
pub(super) fn bare_function_named(name: &str) -> Option<&'static Word> {
    let word = language::find(&name.to_uppercase().replace('_', " "))?;
    word.function()
        .is_some_and(|function| function.bare)
        .then_some(word)
}
