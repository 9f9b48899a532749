//! Compiling statements.

use super::Compiler;
use crate::diagnostic::UNREACHABLE;
use crate::language::{self, Changes};
use crate::parser::simple::variable_of;
use crate::program::{Constant, Instruction, Register};
use crate::syntax::{Call, Hear, Statement, StatementKind};

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
            let silent = matches!(
                statement.kind,
                StatementKind::Nothing | StatementKind::Default { .. } | StatementKind::Label(_)
            );
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
                    | StatementKind::Continue(_)
                    | StatementKind::Goto(_)
                    | StatementKind::End
            );
        }
    }

    /// Says that a script which resumes after a mistake goes on where this lands.
    pub(super) fn guard(&mut self) -> Option<usize> {
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
            StatementKind::Continue(kind) => self.next_round(*kind),
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
        let simple = hear
            .target
            .as_ref()
            .filter(|target| target.parts.is_empty())
            .map(|target| target.name);
        let to = simple.unwrap_or_else(|| self.temporary());
        self.ask(hear, to);
        if let Some(target) = hear.target.as_ref().filter(|target| !target.parts.is_empty()) {
            self.set(target.name, &target.parts, to);
        }
    }

    /// Says the question, if there is one, and puts the answer into a register.
    pub(super) fn ask(&mut self, hear: &Hear, to: Register) {
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
        let base = self.consecutive(hear.options.iter());
        let otherwise = hear.otherwise.as_ref().map(|value| {
            let register = self.temporary();
            self.value(value, register);
            register
        });
        self.emit(Instruction::Hear {
            to,
            kind: hear.kind,
            base,
            count: hear.options.len() as u16,
            otherwise,
        });
    }
}
