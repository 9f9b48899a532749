//! Compiling loops.

use super::{Compiler, Loop};
use crate::diagnostic::{ENDLESS, EXIT_OUTSIDE};
use crate::language::Role;
use crate::program::{Constant, Instruction};
use crate::syntax::{Condition, Expression, ExpressionKind, For, LoopKind, Name, Statement};

impl Compiler<'_, '_> {
    pub(super) fn counting(&mut self, counting: &For) {
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

    pub(super) fn each(&mut self, item: Name, list: Name, index: Name, of: &Expression, body: &[Statement]) {
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

    pub(super) fn repeat(
        &mut self,
        kind: LoopKind,
        head: Option<&Condition>,
        body: &[Statement],
        tail: Option<&Condition>,
    ) {
        let start = self.here();
        let span = self.span;
        let gotos = self.gotos.len();
        // A condition that cannot be told ends the loop, above and below, the first time and later.
        let guard = head.and_then(|_| self.guard());
        let leave = head
            .map(|condition| self.leave_unless(condition))
            .unwrap_or_default();
        self.loop_body(kind, body, |compiler| {
            compiler.span = span;
            let guard_below = tail.and_then(|_| compiler.guard());
            let leave_below = tail
                .map(|condition| compiler.leave_unless(condition))
                .unwrap_or_default();
            compiler.emit(Instruction::Jump { target: start });
            compiler.land_all(
                guard
                    .into_iter()
                    .chain(guard_below)
                    .chain(leave)
                    .chain(leave_below),
            );
        });
        let holds = |condition: Option<&Condition>| condition.is_none_or(always_holds);
        // Where something is wrong, what leads out of the loop may be what was not understood.
        let understood = self.gotos.len() == gotos && !self.report.has_errors();
        if holds(head) && holds(tail) && understood && !self.may_leave(start, self.here()) {
            self.report.add(ENDLESS, span, "this loop cannot end");
        }
    }

    /// Whether something may leave the loop that is from `start` to before `end`, wait, or ask whoever runs the script.
    pub(super) fn may_leave(&self, start: u32, end: u32) -> bool {
        let outside = |target: u32| target < start || target >= end;
        self.code[start as usize..end as usize]
            .iter()
            .any(|instruction| match instruction {
                Instruction::Hear { .. }
                | Instruction::End { .. }
                | Instruction::Return { .. }
                | Instruction::Sleep { .. }
                | Instruction::Invoke { .. }
                | Instruction::Script { .. }
                | Instruction::SetTrap { .. }
                | Instruction::RestoreTrap { .. }
                | Instruction::Guard { .. } => true,
                Instruction::Call { import, .. } => {
                    matches!(self.imports[usize::from(*import)].role, Role::Request(_))
                }
                Instruction::Jump { target } => outside(*target),
                _ => false,
            })
    }

    /// Emits the jumps out of a loop whose condition no longer holds.
    fn leave_unless(&mut self, condition: &Condition) -> Vec<usize> {
        self.jumps(&condition.expression, condition.until)
    }

    /// The statements of a loop, then what `close` emits, then the place to which EXIT jumps.
    fn loop_body(&mut self, kind: LoopKind, body: &[Statement], close: impl FnOnce(&mut Self)) {
        self.loops.push(Loop {
            kind,
            exits: Vec::new(),
            rounds: Vec::new(),
        });
        self.statements(body);
        let rounds = self
            .loops
            .last_mut()
            .map(|inner| std::mem::take(&mut inner.rounds));
        self.land_all(rounds.unwrap_or_default());
        close(self);
        let exits = self.loops.pop().map(|inner| inner.exits).unwrap_or_default();
        self.land_all(exits);
    }

    /// CONTINUE
    pub(super) fn next_round(&mut self, kind: Option<LoopKind>) {
        let jump = self.emit_forward(Instruction::Jump { target: 0 });
        let meant = |open: &&mut Loop| kind.is_none_or(|kind| open.kind == kind);
        match self.loops.iter_mut().rev().find(meant) {
            Some(open) => open.rounds.push(jump),
            None => {
                let message = "CONTINUE stands outside of the loop that it means";
                let help = "take it out, or write EXIT to end the script";
                self.report.add_with_help(EXIT_OUTSIDE, self.span, message, help);
            }
        }
    }

    pub(super) fn exit(&mut self, kind: LoopKind) {
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
}

/// Whether a loop goes on whatever happens. `WHILE 1` does, as `WHILE TRUE`.
fn always_holds(condition: &Condition) -> bool {
    let holds = match condition.expression.kind {
        ExpressionKind::Constant(Constant::Bool(value)) => value,
        ExpressionKind::Constant(Constant::Integer(value)) => value != 0,
        _ => return false,
    };
    holds != condition.until
}
