//! Variables of a script by name.

use std::collections::HashMap;

use super::Parser;
use crate::diagnostic::TOO_LARGE;
use crate::source::Span;
use crate::syntax::{Name, NameUse};

/// Leaves room for temporaries in the 65536 registers.
const NAMES_MAX: usize = 50_000;

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
        if let Some(number) = self.names.numbers.get(&folded) {
            return *number;
        }
        let number = self.add_name(text, span);
        self.names.numbers.insert(folded, number);
        number
    }

    /// A variable that only the compiler uses, such as the limit of a loop.
    pub(super) fn hidden_name(&mut self, span: Span) -> Name {
        let number = self.add_name("", span);
        self.mark_set(number);
        number
    }

    pub(super) fn mark_set(&mut self, name: Name) {
        self.names.uses[usize::from(name)].set = true;
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
