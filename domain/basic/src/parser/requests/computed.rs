//! `UPDATE … SET stock = stock - 1`: fields that are computed from what they were, row by row, where the rows are.
//!
//! How becomes a list: `chain` and operands with the operators between them, `negate` and an operand, `field` and a name, or
//! `value` and a value.

use super::{array, operation, text};
use crate::parser::Parser;
use crate::syntax::{Expression, ExpressionKind};
use crate::value::Operator;

impl Parser<'_, '_> {
    /// Whether a value is arithmetic with the field that it sets. Everything else in it is computed by the script.
    pub(super) fn is_computed(&self, field: &str, value: &Expression) -> bool {
        let arithmetic = matches!(value.kind, ExpressionKind::Chain(..) | ExpressionKind::Negate(_));
        arithmetic && !self.is_set(field) && self.reads(field, value)
    }

    fn reads(&self, field: &str, value: &Expression) -> bool {
        match &value.kind {
            ExpressionKind::Name(_) => self.text(value.span).eq_ignore_ascii_case(field),
            ExpressionKind::Negate(of) => self.reads(field, of),
            ExpressionKind::Chain(first, rest) => {
                let signs = rest.iter().all(|(operator, _)| sign(*operator).is_some());
                signs
                    && (self.reads(field, first)
                        || rest.iter().any(|(_, operand)| self.reads(field, operand)))
            }
            _ => false,
        }
    }

    /// How such a value is computed.
    pub(super) fn computed(&self, field: &str, value: Expression) -> Expression {
        let span = value.span;
        if !self.reads(field, &value) {
            return array(span, vec![text(span, "value"), value]);
        }
        match value.kind {
            ExpressionKind::Name(_) => array(span, vec![text(span, "field"), text(span, field)]),
            ExpressionKind::Negate(of) => operation("negate", vec![self.computed(field, *of)], span),
            ExpressionKind::Chain(first, rest) => {
                let mut operands = vec![self.computed(field, *first)];
                for (operator, operand) in rest {
                    operands.push(text(operand.span, sign(operator).unwrap_or_default()));
                    operands.push(self.computed(field, operand));
                }
                operation("chain", operands, span)
            }
            kind => array(span, vec![text(span, "value"), Expression { span, kind }]),
        }
    }
}

/// How the operators are called that can be computed where the rows are.
fn sign(operator: Operator) -> Option<&'static str> {
    Some(match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Remainder => "%",
        Operator::Join => "&",
        _ => return None,
    })
}
