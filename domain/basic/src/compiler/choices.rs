//! Compiling choices: IF, SELECT CASE, SWITCH.

use super::Compiler;
use crate::program::{Instruction, Register};
use crate::syntax::{Case, Expression, ExpressionKind, Name, Statement};
use crate::value::Operator;

impl Compiler<'_, '_> {
    pub(super) fn conditional(&mut self, arms: &[(Expression, Vec<Statement>)], otherwise: &[Statement]) {
        let mut ends = Vec::new();
        for (at, (condition, body)) in arms.iter().enumerate() {
            let skip = self.jumps(condition, false);
            self.statements(body);
            if at + 1 < arms.len() || !otherwise.is_empty() {
                ends.push(self.emit_forward(Instruction::Jump { target: 0 }));
            }
            self.land_all(skip);
        }
        self.statements(otherwise);
        self.land_all(ends);
    }

    /// The jumps that are taken when a condition comes out like this. AND and OR stop at the operand that decides.
    pub(super) fn jumps(&mut self, condition: &Expression, when: bool) -> Vec<usize> {
        let (operands, decided_by) = match &condition.kind {
            ExpressionKind::Not(of) => return self.jumps(of, !when),
            ExpressionKind::All(operands) => (operands, false),
            ExpressionKind::Any(operands) => (operands, true),
            _ => {
                let outer = std::mem::replace(&mut self.span, condition.span);
                let top = self.top;
                let condition = self.operand(condition);
                self.top = top;
                let jump = self.emit_forward(match when {
                    true => Instruction::JumpIf { condition, target: 0 },
                    false => Instruction::JumpUnless { condition, target: 0 },
                });
                self.span = outer;
                return vec![jump];
            }
        };
        if when == decided_by {
            return operands
                .iter()
                .flat_map(|operand| self.jumps(operand, when))
                .collect();
        }
        // Each but the last may decide the other way, and then goes past the rest.
        let Some((last, before)) = operands.split_last() else {
            return Vec::new();
        };
        let past: Vec<usize> = before
            .iter()
            .flat_map(|operand| self.jumps(operand, decided_by))
            .collect();
        let jumps = self.jumps(last, when);
        self.land_all(past);
        jumps
    }

    pub(super) fn select(
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
}
