//! Variables of a script by name.

use std::collections::HashMap;

use super::Parser;
use crate::diagnostic::TOO_LARGE;
use crate::program::OWN_FROM;
use crate::source::Span;
use crate::syntax::{Name, NameUse};

/// Leaves room for temporaries in the 65536 registers.
const NAMES_MAX: usize = OWN_FROM as usize;

/// The same for the registers of a procedure's own.
const LOCALS_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Names {
    uses: Vec<NameUse>,
    numbers: HashMap<String, Name>,
}

impl Names {
    pub fn finish(self) -> Vec<NameUse> {
        self.uses
    }
}

impl Parser<'_, '_> {
    /// The number of the variable of this name, in any capitalisation.
    pub(super) fn name(&mut self, text: &str, span: Span) -> Name {
        let folded = text.to_lowercase();
        let local = self.scope.as_ref().and_then(|scope| scope.locals.get(&folded));
        if let Some(local) = local {
            return *local;
        }
        if let Some(number) = self.names.numbers.get(&folded) {
            return *number;
        }
        let number = self.add_name(text, span);
        self.names.numbers.insert(folded, number);
        number
    }

    /// A variable that only the compiler uses, such as the limit of a loop.
    pub(super) fn hidden_name(&mut self, span: Span) -> Name {
        if self.scope.is_some() {
            return self.local("", span);
        }
        let number = self.add_name("", span);
        self.mark_set(number);
        number
    }

    pub(super) fn mark_set(&mut self, name: Name) {
        let used = match name.checked_sub(OWN_FROM) {
            Some(own) => self
                .scope
                .as_mut()
                .and_then(|scope| scope.uses.get_mut(usize::from(own))),
            None => self.names.uses.get_mut(usize::from(name)),
        };
        if let Some(used) = used {
            used.set = true;
        }
    }

    /// Whether a statement above sets a variable of this name.
    pub(super) fn is_set(&self, text: &str) -> bool {
        let folded = text.to_lowercase();
        // `berths = FIND berths`: until the statement is over the name still means what it did before.
        if self.becoming.as_ref() == Some(&folded) {
            return false;
        }
        let local = self.scope.as_ref().and_then(|scope| scope.locals.get(&folded));
        let number = self.names.numbers.get(&folded);
        local.is_some() || number.is_some_and(|number| self.names.uses[usize::from(*number)].set)
    }

    /// A variable of the procedure that is being parsed; without a name one of the compiler.
    pub(super) fn local(&mut self, folded: &str, span: Span) -> Name {
        let Some(scope) = &mut self.scope else {
            return self.name(folded, span);
        };
        if scope.uses.len() >= LOCALS_MAX {
            let message = format!("a procedure has more than {LOCALS_MAX} variables and loops");
            self.report.add(TOO_LARGE, span, message);
            self.report.close();
            return OWN_FROM;
        }
        let number = OWN_FROM + scope.uses.len() as Name;
        scope.uses.push(NameUse {
            text: folded.to_owned(),
            set: true,
        });
        if !folded.is_empty() {
            scope.locals.insert(folded.to_owned(), number);
        }
        number
    }

    fn add_name(&mut self, text: &str, span: Span) -> Name {
        if self.names.uses.len() >= NAMES_MAX {
            self.report.add(
                TOO_LARGE,
                span,
                format!("the script has more than {NAMES_MAX} variables and loops"),
            );
            self.report.close();
            return 0;
        }
        self.names.uses.push(NameUse {
            text: text.to_owned(),
            set: false,
        });
        (self.names.uses.len() - 1) as Name
    }
}
