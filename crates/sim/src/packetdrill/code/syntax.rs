//! What a block says, as a tree.
//!
//! Chains of operators, comparisons and suffixes are lists and not trees, so that only brackets make a tree deeper, and the
//! parser bounds those.

use std::ops::Range;

/// A statement, and which octets it is.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) span: Range<usize>,
    pub(super) kind: Doing,
}

/// What a statement does.
#[derive(Debug)]
pub(super) enum Doing {
    /// An expression for what it does, `print(…)` most of all.
    Expression(Expression),
    /// `assert condition, message`
    Assert {
        condition: Expression,
        message: Option<Expression>,
    },
    /// `a = b, c = value`: the targets from the left.
    Assign {
        targets: Vec<Target>,
        value: Expression,
    },
    /// `a += value`: the operator without its `=`.
    Augment {
        name: String,
        operator: &'static str,
        value: Expression,
    },
    /// `print a, b`, as Python 2 had it.
    Print(Vec<Expression>),
    /// `if`, each `elif`, and `else`.
    If {
        branches: Vec<(Expression, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    /// `for target in values`
    For {
        target: Target,
        values: Expression,
        body: Vec<Statement>,
    },
    /// `while condition`
    While {
        condition: Expression,
        body: Vec<Statement>,
    },
    Break,
    Continue,
    Pass,
}

/// Where a value goes.
#[derive(Debug)]
pub(super) enum Target {
    Name(String),
    /// Each takes one of as many.
    Each(Vec<String>),
}

/// An expression, and which octets it is.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) span: Range<usize>,
    pub(super) kind: Meaning,
}

/// What an expression means.
#[derive(Debug)]
pub(super) enum Meaning {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    /// A string that begins with `f`.
    Formatted(Vec<Piece>),
    Name(String),
    List(Vec<Expression>),
    Tuple(Vec<Expression>),
    Dict(Vec<(Expression, Expression)>),
    /// `then if condition else otherwise`
    Choose {
        condition: Box<Expression>,
        then: Box<Expression>,
        otherwise: Box<Expression>,
    },
    /// `a or b or c`
    Any(Vec<Expression>),
    /// `a and b and c`
    All(Vec<Expression>),
    Not(Box<Expression>),
    /// `a < b <= c`: each with the operator before it.
    Compare(Box<Expression>, Vec<(&'static str, Expression)>),
    /// `a + b - c`, operators of one rank, from the left.
    Chain(Box<Expression>, Vec<(&'static str, Expression)>),
    /// `-a`, `+a`, `~a`
    Unary(&'static str, Box<Expression>),
    /// `f(a)(b)[c]`, from the left.
    Suffixed(Box<Expression>, Vec<Suffix>),
}

/// What may follow a value.
#[derive(Debug)]
pub(super) enum Suffix {
    Call(Vec<Expression>),
    Index(Box<Expression>),
    /// `[from:to]`
    Slice(Option<Box<Expression>>, Option<Box<Expression>>),
    /// `.name(arguments)`
    Method(String, Vec<Expression>),
}

/// A piece of a string that begins with `f`.
#[derive(Debug)]
pub(super) enum Piece {
    Plain(String),
    Hole { value: Box<Expression>, repr: bool, spec: String },
}
