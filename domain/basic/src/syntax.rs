//! The syntax tree.
//!
//! Chains of operators and of parts are lists, not nested pairs: a sum of ten thousand terms is as flat as
//! it looks, and walking or dropping a tree recurses no deeper than the parser did.

use crate::language::Word;
use crate::machine::HearKind;
use crate::parser::mentions::Mention;
use crate::program::{Constant, Declared, Parameter};
use crate::source::Span;
use crate::value::Operator;

/// A variable, by its number.
pub(crate) type Name = u16;

#[derive(Debug)]
pub(crate) struct Script {
    pub statements: Vec<Statement>,
    pub names: Vec<NameUse>,
    pub procedures: Vec<Procedure>,
    pub traps: Traps,
    pub description: Option<String>,
    /// How many triggers stand above the first DESCRIPTION or PARAM.
    pub above: usize,
    pub parameters: Vec<Parameter>,
    pub declared: Declared,
    pub mentions: Vec<Mention>,
}

/// What the parser learnt about a variable.
#[derive(Clone, Debug)]
pub(crate) struct NameUse {
    /// As first written; empty for variables of the compiler.
    pub text: String,
    pub set: bool,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub span: Span,
    pub kind: StatementKind,
}

#[derive(Debug)]
pub(crate) enum StatementKind {
    /// A declaration, which does nothing when it is reached.
    Nothing,
    Assign {
        target: Target,
        value: Expression,
    },
    /// Sets a variable that has no value yet.
    Default {
        name: Name,
        value: Expression,
    },
    If {
        arms: Vec<(Expression, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    For(For),
    ForEach {
        item: Name,
        list: Name,
        index: Name,
        of: Expression,
        body: Vec<Statement>,
    },
    Loop {
        kind: LoopKind,
        head: Option<Condition>,
        body: Vec<Statement>,
        tail: Option<Condition>,
    },
    Select {
        subject: Name,
        of: Expression,
        cases: Vec<(Vec<Case>, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    Exit(LoopKind),
    /// The next round of a loop: of the innermost, or of the innermost of a kind.
    Continue(Option<LoopKind>),
    /// Ends the script, from inside of procedures too.
    End,
    /// EXIT SUB and EXIT FUNCTION.
    Leave,
    /// A call whose value is not used.
    Evaluate(Expression),
    Wait(Expression),
    With {
        target: Target,
        body: Vec<Statement>,
    },
    Label(String),
    Goto(String),
    OnError(OnError),
    Try {
        /// Keeps the trap around it.
        saved: Name,
        body: Vec<Statement>,
        name: Option<Name>,
        handler: Vec<Statement>,
    },
    Call(Call),
    Hear(Hear),
    Return(Option<Expression>),
}

#[derive(Debug)]
pub(crate) struct For {
    pub counter: Name,
    pub limit: Name,
    pub step: Name,
    pub from: Expression,
    pub to: Expression,
    pub by: Option<Expression>,
    pub body: Vec<Statement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    For,
    While,
    Do,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub expression: Expression,
    /// UNTIL instead of WHILE.
    pub until: bool,
}

#[derive(Debug)]
pub(crate) enum Case {
    Value(Expression),
    Range(Expression, Expression),
    Compare(Operator, Expression),
}

/// A variable or a part of one.
#[derive(Debug)]
pub(crate) struct Target {
    pub name: Name,
    pub parts: Vec<Part>,
}

#[derive(Debug)]
pub(crate) struct Hear {
    pub target: Option<Target>,
    pub kind: HearKind,
    pub options: Vec<Expression>,
    pub prompt: Option<Expression>,
    pub otherwise: Option<Expression>,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub word: &'static Word,
    pub arguments: Vec<Expression>,
}

#[derive(Debug)]
pub(crate) struct Expression {
    pub span: Span,
    pub kind: ExpressionKind,
}

#[derive(Debug)]
pub(crate) enum ExpressionKind {
    Constant(Constant),
    Name(Name),
    /// A text with values in it.
    Joined(Vec<Expression>),
    Array(Vec<Expression>),
    Object(Vec<(String, Expression)>),
    /// Operators of one rank, from left to right.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    IsNull {
        of: Box<Expression>,
        negated: bool,
    },
    Part(Box<Expression>, Vec<Part>),
    Call(Call),
    Invoke(Invoke),
    /// Another script and its arguments.
    Script(String, Vec<Expression>),
    /// A question, whose answer is the value.
    Hear(Box<Hear>),
}

#[derive(Debug)]
pub(crate) enum Part {
    Member(String),
    Index(Expression),
}

/// SUB or FUNCTION.
#[derive(Debug)]
pub(crate) struct Procedure {
    /// From 1 on.
    pub number: u16,
    pub name: String,
    /// Its first locals are its parameters.
    pub parameters: usize,
    pub locals: Vec<NameUse>,
    /// The local that holds what a function gives.
    pub result: Name,
    pub statements: Vec<Statement>,
    pub span: Span,
}

#[derive(Debug)]
pub(crate) struct Invoke {
    pub procedure: u16,
    pub arguments: Vec<Expression>,
}

/// Whether a script catches errors at all, and whether it goes on with the next statement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traps {
    pub any: bool,
    pub resumes: bool,
}

#[derive(Debug)]
pub(crate) enum OnError {
    Off,
    Next,
    Goto(String),
}
