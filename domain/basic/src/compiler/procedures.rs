//! Compiling procedures, calls, jumps and traps.
//!
//! Inside of a procedure, parameters, what DIM declares and the name of the function itself are local to
//! each call. All other variables are those of the script.

use super::{Compiler, Own};
use crate::diagnostic::{ARGUMENT_COUNT, DEFINED_TWICE, ENDLESS, EXIT_SCRIPT, UNKNOWN_LABEL};
use crate::language::{self, nearest};
use crate::program::{Constant, Instruction, OWN_FROM, Procedure, Register, Trap};
use crate::source::Span;
use crate::syntax::{self, Expression, Invoke, Name, OnError, Statement, Target};

/// Instructions that are looked at for rounds without end: scripts of many jumps back stay fast to compile.
const LOOKED_AT_MAX: u32 = 1_000_000;

impl Compiler<'_, '_> {
    /// The script itself, then its procedures in the order of their numbers.
    pub(super) fn procedures(
        &mut self,
        statements: &[Statement],
        defined: &[syntax::Procedure],
    ) -> Vec<Procedure> {
        let mut ordered: Vec<&syntax::Procedure> = defined.iter().collect();
        ordered.sort_by_key(|procedure| procedure.number);
        let count = ordered.last().map_or(0, |last| usize::from(last.number));
        self.counts = vec![(String::new(), 0); count + 1];
        for procedure in &ordered {
            self.counts[usize::from(procedure.number)] = (procedure.name.clone(), procedure.parameters);
        }
        self.main(statements);
        let names = self.names.iter().map(|name| name.text.clone()).collect();
        let mut compiled = vec![self.finish(String::new(), names)];
        for procedure in ordered {
            self.own = Some(Own {
                locals: procedure.locals.clone(),
                result: procedure.result,
            });
            self.top = OWN_FROM + procedure.locals.len() as Register;
            self.registers = self.top;
            self.span = procedure.span;
            self.statements(&procedure.statements);
            self.emit(Instruction::Return {
                value: procedure.result,
            });
            let names = procedure.locals.iter().map(|name| name.text.clone()).collect();
            compiled.push(self.finish(procedure.name.clone(), names));
        }
        compiled
    }

    fn finish(&mut self, name: String, variables: Vec<String>) -> Procedure {
        let gotos = std::mem::take(&mut self.gotos);
        let labels = std::mem::take(&mut self.labels);
        for (jump, label, span) in &gotos {
            match (labels.get(label), self.code.get_mut(*jump)) {
                (Some(place), Some(Instruction::SetTrap { trap })) => *trap = Trap::Goto(*place).number(),
                (Some(place), Some(Instruction::Jump { target })) => *target = *place,
                (Some(_), _) => {}
                (None, _) => {
                    let help = nearest(label, labels.keys().map(String::as_str))
                        .map(|near| format!("did you mean {near}?"));
                    let message = format!("there is no label `{label}` in this procedure or script");
                    self.report.push(UNKNOWN_LABEL, *span, message, help);
                }
            }
        }
        self.warn_of_rounds(&gotos);
        Procedure {
            name,
            variables,
            registers: self.registers,
            code: std::mem::take(&mut self.code),
            places: std::mem::take(&mut self.places),
        }
    }

    /// Tells of the first GOTO that leads back to where nothing leads away from.
    fn warn_of_rounds(&mut self, gotos: &[(usize, String, Span)]) {
        let mut looked_at = 0;
        for (jump, _, span) in gotos {
            let Some(Instruction::Jump { target }) = self.code.get(*jump) else {
                continue;
            };
            let (target, end) = (*target, *jump as u32 + 1);
            if target >= end || self.report.has_errors() {
                continue;
            }
            looked_at += end - target;
            if looked_at > LOOKED_AT_MAX {
                return;
            }
            let leaves = |instruction: &Instruction| match instruction {
                Instruction::JumpIf { target: to, .. }
                | Instruction::JumpUnless { target: to, .. }
                | Instruction::ForTest { exit: to, .. }
                | Instruction::EachNext { exit: to, .. } => *to < target || *to >= end,
                _ => false,
            };
            let jumps_out = self.code[target as usize..end as usize].iter().any(leaves);
            if !jumps_out && !self.may_leave(target, end) {
                let message = "from here the script goes round for ever";
                let help = "ask something with HEAR on the way, or leave with IF condition THEN GOTO";
                self.report.add_with_help(ENDLESS, *span, message, help);
                return;
            }
        }
    }

    pub(super) fn label(&mut self, label: &str) {
        let here = self.here();
        if self.labels.insert(label.to_owned(), here).is_some() {
            let message = format!("there is a label `{label}` already");
            self.report.add(DEFINED_TWICE, self.span, message);
        }
    }

    pub(super) fn goto(&mut self, label: &str) {
        let jump = self.emit_forward(Instruction::Jump { target: 0 });
        self.gotos.push((jump, label.to_owned(), self.span));
    }

    pub(super) fn on_error(&mut self, on: &OnError) {
        let trap = match on {
            OnError::Next => Trap::Next,
            OnError::Off | OnError::Goto(_) => Trap::Off,
        };
        let at = self.emit_forward(Instruction::SetTrap { trap: trap.number() });
        if let OnError::Goto(label) = on {
            self.gotos.push((at, label.clone(), self.span));
        }
    }

    pub(super) fn try_block(
        &mut self,
        saved: Name,
        body: &[Statement],
        name: Option<Name>,
        handler: &[Statement],
    ) {
        self.emit(Instruction::SaveTrap { to: saved });
        let trap = self.emit_forward(Instruction::SetTrap { trap: 0 });
        self.statements(body);
        self.emit(Instruction::RestoreTrap { from: saved });
        let end = self.emit_forward(Instruction::Jump { target: 0 });
        self.land(trap);
        self.emit(Instruction::RestoreTrap { from: saved });
        if let Some(name) = name {
            self.inquire("ERROR MESSAGE", name);
        }
        self.statements(handler);
        let top = self.top;
        let nothing = self.temporary();
        self.inquire("CLEAR ERROR", nothing);
        self.top = top;
        self.land(end);
    }

    fn inquire(&mut self, name: &str, to: Register) {
        if let Some(word) = language::callable(name) {
            let (import, base) = (self.import(word), self.top);
            self.emit(Instruction::Call {
                import,
                to,
                base,
                count: 0,
            });
        }
    }

    /// Builds the object if there is none, then sets its fields.
    pub(super) fn with(&mut self, target: &Target, body: &[Statement]) {
        if target.parts.is_empty() {
            let top = self.top;
            let empty = self.temporary();
            self.emit(Instruction::IsNull {
                to: empty,
                from: target.name,
            });
            let skip = self.emit_forward(Instruction::JumpUnless {
                condition: empty,
                target: 0,
            });
            self.emit(Instruction::NewObject { to: target.name });
            self.land(skip);
            self.top = top;
        }
        self.statements(body);
    }

    /// `EXIT SUB`, and RETURN without a value.
    pub(super) fn leave(&mut self) {
        match &self.own {
            Some(own) => {
                let value = own.result;
                self.emit(Instruction::Return { value });
            }
            None => {
                let message = "this stands outside of a procedure, where it ends the script";
                self.report.add(EXIT_SCRIPT, self.span, message);
                let value = self.nothing();
                self.emit(Instruction::End { value });
            }
        }
    }

    pub(super) fn invoke(&mut self, invoke: &Invoke, to: Register) {
        let (name, takes) = self
            .counts
            .get(usize::from(invoke.procedure))
            .cloned()
            .unwrap_or_default();
        let given = invoke.arguments.len();
        if given != takes {
            let wanted = match takes {
                0 => "no arguments".to_owned(),
                1 => "1 argument".to_owned(),
                _ => format!("{takes} arguments"),
            };
            let message = format!("`{name}` takes {wanted}, not {given}");
            return self.report.add(ARGUMENT_COUNT, self.span, message);
        }
        let base = self.consecutive(invoke.arguments.iter());
        self.emit(Instruction::Invoke {
            procedure: invoke.procedure,
            to,
            base,
            count: given as u16,
        });
    }

    pub(super) fn script(&mut self, name: &str, arguments: &[Expression], to: Register) {
        let base = self.consecutive(arguments.iter());
        let name = self.text(name);
        self.emit(Instruction::Script {
            name,
            to,
            base,
            count: arguments.len() as u16,
        });
    }

    /// Sleeps so many seconds.
    pub(super) fn wait(&mut self, seconds: &Expression) {
        let seconds = self.operand(seconds);
        self.emit(Instruction::Sleep { seconds });
    }

    pub(super) fn nothing(&mut self) -> Register {
        let register = self.temporary();
        self.load(register, &Constant::Null);
        register
    }
}
