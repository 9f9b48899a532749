//! Compiling statements.

use super::expressions::bare_function_named;
use super::{Compiler, Loop};
use crate::diagnostic::{EXIT_OUTSIDE, HIDES_FUNCTION, UNREACHABLE};
use crate::language::{self, Changes};
use crate::parser::simple::variable_of;
use crate::program::{Constant, Instruction, Register};
use crate::syntax::{
    Call, Case, Condition, Expression, ExpressionKind, For, Hear, LoopKind, Name, Statement, StatementKind,
    Target,
};
use crate::value::Operator;

impl Compiler<'_, '_> {
    pub(super) fn main(&mut self, statements: &[Statement]) {
        self.statements(statements);
        let end = self.temporary();
        self.load(end, &Constant::Null);
        self.emit(Instruction::End { value: end });
    }

    pub(super) fn statements(&mut self, statements: &[Statement]) {
        let mut ended = false;
        let mut told = false;
        for statement in statements {
            let silent = matches!(statement.kind, StatementKind::Nothing | StatementKind::Label(_));
            if ended && !told && !silent {
                self.report
                    .add(UNREACHABLE, statement.span, "this is never reached");
                told = true;
            }
            self.span = statement.span;
            let top = self.top;
            let guard = self.guard();
            self.statement(statement);
            self.land_all(guard);
            self.top = top;
            if matches!(statement.kind, StatementKind::Label(_)) {
                ended = false;
            }
            ended |= matches!(
                statement.kind,
                StatementKind::Return(_)
                    | StatementKind::Exit(_)
                    | StatementKind::Goto(_)
                    | StatementKind::End
            );
        }
    }

    /// Says that a script which resumes after a mistake goes on where this lands.
    fn guard(&mut self) -> Option<usize> {
        let resumes = self.traps.resumes;
        resumes.then(|| self.emit_forward(Instruction::Guard { next: 0 }))
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Nothing => {}
            StatementKind::Assign { target, value } => self.assign(target, value),
            StatementKind::Default { name, value } => self.default(*name, value),
            StatementKind::If { arms, otherwise } => self.conditional(arms, otherwise),
            StatementKind::For(counting) => self.counting(counting),
            StatementKind::ForEach {
                item,
                list,
                index,
                of,
                body,
            } => self.each(*item, *list, *index, of, body),
            StatementKind::Loop {
                kind,
                head,
                body,
                tail,
            } => self.repeat(*kind, head.as_ref(), body, tail.as_ref()),
            StatementKind::Select {
                subject,
                of,
                cases,
                otherwise,
            } => self.select(*subject, of, cases, otherwise),
            StatementKind::Exit(kind) => self.exit(*kind),
            StatementKind::Call(call) => self.call_statement(call),
            StatementKind::Hear(hear) => self.hear(hear),
            StatementKind::Leave => self.leave(),
            StatementKind::Evaluate(value) => {
                let register = self.temporary();
                self.value(value, register);
            }
            StatementKind::Wait(seconds) => self.wait(seconds),
            StatementKind::With { target, body } => self.with(target, body),
            StatementKind::Label(label) => self.label(label),
            StatementKind::Goto(label) => self.goto(label),
            StatementKind::OnError(on) => self.on_error(on),
            StatementKind::Try {
                saved,
                body,
                name,
                handler,
            } => self.try_block(*saved, body, *name, handler),
            StatementKind::End => {
                let value = self.nothing();
                self.emit(Instruction::End { value });
            }
            StatementKind::Return(None) if self.own.is_some() => self.leave(),
            StatementKind::Return(value) => {
                let register = match value {
                    Some(value) => self.operand(value),
                    None => {
                        let register = self.temporary();
                        self.load(register, &Constant::Null);
                        register
                    }
                };
                self.emit(match self.own {
                    Some(_) => Instruction::Return { value: register },
                    None => Instruction::End { value: register },
                });
            }
        }
    }

    fn assign(&mut self, target: &Target, value: &Expression) {
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

    fn rebuild(&mut self, call: &Call, name: Name) {
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

    fn default(&mut self, name: Name, value: &Expression) {
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

    fn conditional(&mut self, arms: &[(Expression, Vec<Statement>)], otherwise: &[Statement]) {
        let mut ends = Vec::new();
        for (at, (condition, body)) in arms.iter().enumerate() {
            let skip = self.jump_unless(condition);
            self.statements(body);
            if at + 1 < arms.len() || !otherwise.is_empty() {
                ends.push(self.emit_forward(Instruction::Jump { target: 0 }));
            }
            self.land(skip);
        }
        self.statements(otherwise);
        self.land_all(ends);
    }

    fn jump_unless(&mut self, condition: &Expression) -> usize {
        let top = self.top;
        let register = self.operand(condition);
        self.top = top;
        self.emit_forward(Instruction::JumpUnless {
            condition: register,
            target: 0,
        })
    }

    fn counting(&mut self, counting: &For) {
        let For {
            counter,
            limit,
            step,
            from,
            to,
            by,
            body,
        } = counting;
        // All three are computed before the counter is set: they may mention it.
        let top = self.top;
        let start = self.temporary();
        self.value(from, start);
        self.value(to, *limit);
        match by {
            Some(by) => self.value(by, *step),
            None => self.load(*step, &Constant::Integer(1)),
        }
        self.emit(Instruction::Copy {
            to: *counter,
            from: start,
        });
        self.top = top;
        let span = self.span;
        let test = self.emit_forward(Instruction::ForTest {
            counter: *counter,
            limit: *limit,
            step: *step,
            exit: 0,
        });
        let first = self.here();
        self.loop_body(LoopKind::For, body, |compiler| {
            compiler.span = span;
            // A loop whose counter became something else ends; it would come back to the same mistake for ever.
            let guard = compiler.guard();
            compiler.emit(Instruction::ForNext {
                counter: *counter,
                limit: *limit,
                step: *step,
                body: first,
            });
            compiler.land(test);
            compiler.land_all(guard);
        });
    }

    fn each(&mut self, item: Name, list: Name, index: Name, of: &Expression, body: &[Statement]) {
        self.value(of, list);
        self.load(index, &Constant::Integer(0));
        let span = self.span;
        let next = self.emit_forward(Instruction::EachNext {
            list,
            index,
            item,
            exit: 0,
        });
        self.loop_body(LoopKind::For, body, |compiler| {
            compiler.span = span;
            compiler.emit(Instruction::Jump { target: next as u32 });
            compiler.land(next);
        });
        // The list is not needed any more.
        self.load(list, &Constant::Null);
    }

    fn repeat(
        &mut self,
        kind: LoopKind,
        head: Option<&Condition>,
        body: &[Statement],
        tail: Option<&Condition>,
    ) {
        let start = self.here();
        let span = self.span;
        // A condition that cannot be told ends the loop, above and below, the first time and later.
        let guard = head.and_then(|_| self.guard());
        let leave = head.map(|condition| self.leave_unless(condition));
        self.loop_body(kind, body, |compiler| {
            compiler.span = span;
            let guard_below = tail.and_then(|_| compiler.guard());
            let leave_below = tail.map(|condition| compiler.leave_unless(condition));
            compiler.emit(Instruction::Jump { target: start });
            let ends = [guard, leave, guard_below, leave_below];
            compiler.land_all(ends.into_iter().flatten());
        });
    }

    /// Emits the jump out of a loop whose condition no longer holds.
    fn leave_unless(&mut self, condition: &Condition) -> usize {
        let top = self.top;
        let register = self.operand(&condition.expression);
        self.top = top;
        self.emit_forward(match condition.until {
            true => Instruction::JumpIf {
                condition: register,
                target: 0,
            },
            false => Instruction::JumpUnless {
                condition: register,
                target: 0,
            },
        })
    }

    /// The statements of a loop, then what `close` emits, then the place to which EXIT jumps.
    fn loop_body(&mut self, kind: LoopKind, body: &[Statement], close: impl FnOnce(&mut Self)) {
        self.loops.push(Loop {
            kind,
            exits: Vec::new(),
        });
        self.statements(body);
        close(self);
        let exits = self.loops.pop().map(|inner| inner.exits).unwrap_or_default();
        self.land_all(exits);
    }

    fn exit(&mut self, kind: LoopKind) {
        let jump = self.emit_forward(Instruction::Jump { target: 0 });
        match self.loops.iter_mut().rev().find(|open| open.kind == kind) {
            Some(open) => open.exits.push(jump),
            None => {
                let word = match kind {
                    LoopKind::For => "FOR",
                    LoopKind::While => "WHILE",
                    LoopKind::Do => "DO",
                };
                self.report.add(
                    EXIT_OUTSIDE,
                    self.span,
                    format!("EXIT {word} stands outside of a {word} loop"),
                );
            }
        }
    }

    fn select(
        &mut self,
        subject: Name,
        of: &Expression,
        cases: &[(Vec<Case>, Vec<Statement>)],
        otherwise: &[Statement],
    ) {
        self.value(of, subject);
        let mut ends = Vec::new();
        for (tests, body) in cases {
            let matches: Vec<usize> = tests.iter().map(|test| self.case_test(subject, test)).collect();
            let skip = self.emit_forward(Instruction::Jump { target: 0 });
            self.land_all(matches);
            self.statements(body);
            ends.push(self.emit_forward(Instruction::Jump { target: 0 }));
            self.land(skip);
        }
        self.statements(otherwise);
        self.land_all(ends);
    }

    /// Emits the test of one case; answers the jump that is taken when it matches.
    fn case_test(&mut self, subject: Name, test: &Case) -> usize {
        let top = self.top;
        let condition = self.temporary();
        let compare = |compiler: &mut Self, operator: Operator, with: &Expression, to: Register| {
            let right = compiler.operand(with);
            compiler.emit(Instruction::Binary {
                operator,
                to,
                left: subject,
                right,
            });
        };
        let jump = match test {
            Case::Value(value) => {
                compare(self, Operator::Equal, value, condition);
                self.emit_forward(Instruction::JumpIf { condition, target: 0 })
            }
            Case::Compare(operator, value) => {
                compare(self, *operator, value, condition);
                self.emit_forward(Instruction::JumpIf { condition, target: 0 })
            }
            Case::Range(least, most) => {
                compare(self, Operator::GreaterOrEqual, least, condition);
                let below = self.emit_forward(Instruction::JumpUnless { condition, target: 0 });
                compare(self, Operator::LessOrEqual, most, condition);
                let jump = self.emit_forward(Instruction::JumpIf { condition, target: 0 });
                self.land(below);
                jump
            }
        };
        self.top = top;
        jump
    }

    /// A function as a statement: PUSH and the like set the variable that they are given.
    fn call_statement(&mut self, call: &Call) {
        let changes = call
            .word
            .function()
            .map_or(Changes::Nothing, |function| function.changes);
        let changed = call.arguments.first().and_then(variable_of);
        if let (Changes::AsStatement, Some((name, parts))) = (changes, changed) {
            if parts.is_empty() {
                return self.rebuild(call, name);
            }
            let result = self.temporary();
            let base = self.call_arguments(call, None);
            let (import, count) = (self.import(call.word), call.arguments.len() as u16);
            self.emit(Instruction::Call {
                import,
                to: result,
                base,
                count,
            });
            return self.set(name, parts, result);
        }
        let result = self.temporary();
        self.call(call, result);
    }

    fn hear(&mut self, hear: &Hear) {
        if let Some(prompt) = &hear.prompt
            && let Some(talk) = language::callable("TALK")
        {
            let top = self.top;
            let result = self.temporary();
            let base = self.consecutive(std::iter::once(prompt));
            let import = self.import(talk);
            self.emit(Instruction::Call {
                import,
                to: result,
                base,
                count: 1,
            });
            self.top = top;
        }
        let simple = hear
            .target
            .as_ref()
            .filter(|target| target.parts.is_empty())
            .map(|target| target.name);
        let to = simple.unwrap_or_else(|| self.temporary());
        let base = self.consecutive(hear.options.iter());
        let otherwise = hear.otherwise.as_ref().map(|value| {
            let register = self.temporary();
            self.value(value, register);
            register
        });
        let count = hear.options.len() as u16;
        self.emit(Instruction::Hear {
            to,
            kind: hear.kind,
            base,
            count,
            otherwise,
        });
        if let Some(target) = hear.target.as_ref().filter(|target| !target.parts.is_empty()) {
            self.set(target.name, &target.parts, to);
        }
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
                    .any(|part| matches!(part, crate::syntax::Part::Index(index) if mentions(index, name)))
        }
    }
}
