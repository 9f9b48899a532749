//! From the syntax tree to instructions.
//!
//! Variables have the registers of their numbers; above them lies a stack of temporaries, each written
//! and read once.

mod assignments;
mod choices;
mod expressions;
mod loops;
mod procedures;
mod statements;

use std::collections::HashMap;

use crate::diagnostic::{Report, TOO_LARGE};
use crate::language::Word;
use crate::program::{Code, Constant, Instruction, OWN_FROM, Place, Program, Register, Trap, Trigger};
use crate::source::Span;
use crate::syntax::{LoopKind, Name, NameUse, Script, Traps};

/// Instructions of a script; jumps could address more.
const CODE_MAX: usize = 20_000_000;

/// Compiles a script. Absent when something is wrong with it, which is then reported.
pub(crate) fn compile(name: &str, script: Script, report: &mut Report<'_>) -> Option<Program> {
    let mut compiler = Compiler {
        report,
        names: script.names,
        top: 0,
        registers: 0,
        code: Vec::new(),
        places: Vec::new(),
        span: Span::default(),
        constants: Constants::default(),
        imports: Vec::new(),
        loops: Vec::new(),
        traps: script.traps,
        own: None,
        counts: Vec::new(),
        labels: HashMap::new(),
        gotos: Vec::new(),
        is_given: script
            .declared
            .triggers
            .iter()
            .any(|trigger| matches!(trigger, Trigger::Form { .. })),
    };
    compiler.top = compiler.names.len() as Register;
    compiler.registers = compiler.top;
    let procedures = compiler.procedures(&script.statements, &script.procedures);
    if compiler.report.has_errors() {
        return None;
    }
    let code = Code {
        name: name.to_owned(),
        description: script.description,
        parameters: script.parameters,
        constants: compiler.constants.list,
        imports: compiler.imports.iter().map(|word| word.name.to_owned()).collect(),
        procedures,
    };
    match Program::from_code(code, script.declared) {
        Ok(program) => Some(program),
        Err(_) => {
            // The one thing in which a script can exceed what its stored form holds.
            compiler.report.add(
                TOO_LARGE,
                Span::default(),
                "a text in the script is longer than a text may be",
            );
            None
        }
    }
}

struct Compiler<'r, 's> {
    report: &'r mut Report<'s>,
    /// Whether variables come from outside that nobody can name here: the fields of a form.
    is_given: bool,
    names: Vec<NameUse>,
    /// The first free temporary.
    top: Register,
    /// Registers used at most.
    registers: Register,
    code: Vec<Instruction>,
    places: Vec<Place>,
    /// What is being compiled.
    span: Span,
    constants: Constants,
    imports: Vec<&'static Word>,
    loops: Vec<Loop>,
    traps: Traps,
    /// The procedure that is being compiled; absent for the script itself.
    own: Option<Own>,
    /// Name and number of parameters of procedures by their numbers, from 1 on.
    counts: Vec<(String, usize)>,
    labels: HashMap<String, u32>,
    /// Jumps to labels, to be pointed at them.
    gotos: Vec<(usize, String, Span)>,
}

/// What a procedure has for itself.
struct Own {
    locals: Vec<NameUse>,
    /// What a function gives.
    result: Register,
}

/// A loop around what is being compiled.
struct Loop {
    kind: LoopKind,
    /// Jumps that leave it, to be pointed at its end.
    exits: Vec<usize>,
    /// Jumps to its next round, to be pointed at what stands behind its statements.
    rounds: Vec<usize>,
}

#[derive(Default)]
struct Constants {
    list: Vec<Constant>,
    /// Numbers of constants by a key that tells types apart.
    numbers: HashMap<(u8, String), u32>,
}

impl Constants {
    fn number(&mut self, constant: &Constant) -> u32 {
        let key = match constant {
            Constant::Null => (0, String::new()),
            Constant::Bool(value) => (1, value.to_string()),
            Constant::Integer(value) => (2, value.to_string()),
            Constant::Number(value) => (3, value.to_bits().to_string()),
            Constant::Text(text) => (4, text.clone()),
        };
        let list = &mut self.list;
        *self.numbers.entry(key).or_insert_with(|| {
            list.push(constant.clone());
            (list.len() - 1) as u32
        })
    }
}

impl Compiler<'_, '_> {
    fn emit(&mut self, instruction: Instruction) {
        if self.code.len() >= CODE_MAX {
            self.report.add(TOO_LARGE, self.span, "the script is too large");
            self.report.close();
            return;
        }
        let (line, column) = self.report.place(self.span.start);
        if self
            .places
            .last()
            .is_none_or(|place| (place.line, place.column) != (line, column))
        {
            self.places.push(Place {
                from: self.code.len() as u32,
                line,
                column,
            });
        }
        self.code.push(instruction);
    }

    fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Emits a jump whose target comes later; answers where it stands.
    fn emit_forward(&mut self, instruction: Instruction) -> usize {
        self.emit(instruction);
        self.code.len().saturating_sub(1)
    }

    /// Points a jump at what comes next.
    fn land(&mut self, jump: usize) {
        let here = self.here();
        // Nothing is emitted any more once a script has turned out to be too large.
        if let Some(
            Instruction::Jump { target }
            | Instruction::JumpIf { target, .. }
            | Instruction::JumpUnless { target, .. }
            | Instruction::ForTest { exit: target, .. }
            | Instruction::Guard { next: target }
            | Instruction::EachNext { exit: target, .. },
        ) = self.code.get_mut(jump)
        {
            *target = here;
        } else if let Some(Instruction::SetTrap { trap }) = self.code.get_mut(jump) {
            *trap = Trap::Goto(here).number();
        }
    }

    fn land_all(&mut self, jumps: impl IntoIterator<Item = usize>) {
        jumps.into_iter().for_each(|jump| self.land(jump));
    }

    /// A fresh temporary. The caller puts `top` back when it has been read.
    fn temporary(&mut self) -> Register {
        let register = self.top;
        if register >= Register::MAX - 1 {
            self.report
                .add(TOO_LARGE, self.span, "this expression has too many parts");
            self.report.close();
            return register;
        }
        self.top += 1;
        self.registers = self.registers.max(self.top);
        register
    }

    fn is_variable(&self, register: Register) -> bool {
        match (&self.own, register.checked_sub(OWN_FROM)) {
            (Some(own), Some(number)) => usize::from(number) < own.locals.len(),
            (Some(_), None) => true,
            (None, _) => usize::from(register) < self.names.len(),
        }
    }

    /// What is known of a variable.
    fn used(&self, name: Name) -> Option<&NameUse> {
        match (&self.own, name.checked_sub(OWN_FROM)) {
            (Some(own), Some(number)) => own.locals.get(usize::from(number)),
            _ => self.names.get(usize::from(name)),
        }
    }

    fn load(&mut self, to: Register, constant: &Constant) {
        let constant = self.constants.number(constant);
        self.emit(Instruction::Load { to, constant });
    }

    fn text(&mut self, text: &str) -> u32 {
        self.constants.number(&Constant::Text(text.to_owned()))
    }

    fn import(&mut self, word: &'static Word) -> u16 {
        let known = self.imports.iter().position(|import| import.name == word.name);
        known.unwrap_or_else(|| {
            self.imports.push(word);
            self.imports.len() - 1
        }) as u16
    }
}
