//! Compiling choices: IF, SELECT CASE, SWITCH.

use super::Compiler;
use crate::program::{Instruction, Register};
use crate::syntax::{Case, Expression, Name, Statement};
use crate::value::Operator;

impl Compiler<'_, '_> {
    pub(super) fn conditional(&mut self, arms: &[(Expression, Vec<Statement>)], otherwise: &[Statement]) {
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
