//! Expressions: what they come to.

use super::builtin::{self, BUILTINS};
use super::run::Runner;
use super::syntax::{Expression, Meaning, Piece, Suffix};
use super::value::{Items, Repr, Value};
use super::{Or, format, operate, refuse};
use std::ops::Range;

impl Runner<'_> {
    /// What an expression comes to.
    pub(super) fn value(&mut self, expression: &Expression) -> Or<Value> {
        let span = &expression.span;
        self.step(span)?;
        Ok(match &expression.kind {
            Meaning::None => Value::None,
            Meaning::Bool(value) => Value::Bool(*value),
            Meaning::Int(value) => Value::Int(*value),
            Meaning::Float(value) => Value::Float(*value),
            Meaning::Text(text) => self.or(Value::text(text), span)?,
            Meaning::Formatted(pieces) => self.formatted(pieces, span)?,
            Meaning::Name(name) => self.name(name, span)?,
            Meaning::List(list) => Value::List(self.items(list, span)?),
            Meaning::Tuple(list) => Value::Tuple(self.items(list, span)?),
            Meaning::Dict(pairs) => self.dictionary(pairs, span)?,
            Meaning::Choose { condition, then, otherwise } => {
                let chosen = if self.value(condition)?.truth() { then } else { otherwise };
                self.value(chosen)?
            }
            Meaning::Any(parts) => self.first(parts, true)?,
            Meaning::All(parts) => self.first(parts, false)?,
            Meaning::Not(inner) => Value::Bool(!self.value(inner)?.truth()),
            Meaning::Compare(first, rest) => Value::Bool(self.compared(first, rest)?),
            Meaning::Chain(first, rest) => {
                let mut value = self.value(first)?;
                for (operator, operand) in rest {
                    let right = self.value(operand)?;
                    self.pay(value.weight() + right.weight(), span)?;
                    value = self.or(operate::binary(operator, &value, &right), span)?;
                }
                value
            }
            Meaning::Unary(operator, inner) => {
                let value = self.value(inner)?;
                self.or(operate::unary(operator, &value), span)?
            }
            Meaning::Suffixed(base, suffixes) => self.suffixed(base, suffixes, span)?,
        })
    }

    fn values(&mut self, list: &[Expression]) -> Or<Vec<Value>> {
        list.iter().map(|expression| self.value(expression)).collect()
    }

    fn items(&mut self, list: &[Expression], span: &Range<usize>) -> Or<std::rc::Rc<Items>> {
        let values = self.values(list)?;
        self.or(Items::new(values), span)
    }

    /// The first that counts as `wanted`, or the last: what `or` and `and` are.
    fn first(&mut self, parts: &[Expression], wanted: bool) -> Or<Value> {
        let mut value = Value::None;
        for part in parts {
            value = self.value(part)?;
            if value.truth() == wanted {
                break;
            }
        }
        Ok(value)
    }

    fn compared(&mut self, first: &Expression, rest: &[(&'static str, Expression)]) -> Or<bool> {
        let mut left = self.value(first)?;
        for (operator, operand) in rest {
            let right = self.value(operand)?;
            self.pay(comparing(&left, &right), &operand.span)?;
            if !self.or(operate::compare(operator, &left, &right), &operand.span)? {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    /// A dictionary. Of a key that is written twice the last value stays.
    fn dictionary(&mut self, pairs: &[(Expression, Expression)], span: &Range<usize>) -> Or<Value> {
        let mut values: Vec<Value> = Vec::new();
        for (key, value) in pairs {
            let (key, value) = (self.value(key)?, self.value(value)?);
            let known = values.iter().step_by(2).position(|other| *other == key);
            match known {
                Some(index) => values[2 * index + 1] = value,
                None => values.extend([key, value]),
            }
            // Keys are looked for one by one.
            self.pay(values.len() / 2, span)?;
        }
        Ok(Value::Dict(self.or(Items::new(values), span)?))
    }

    fn formatted(&mut self, pieces: &[Piece], span: &Range<usize>) -> Or<Value> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Hole { value, repr, spec } => {
                    let mut value = self.value(value)?;
                    if *repr {
                        value = self.or(Value::text(&Repr(&value).to_string()), span)?;
                    }
                    text.push_str(&self.or(format::specified(&value, spec), span)?);
                }
            }
        }
        self.or(Value::text(&text), span)
    }

    fn suffixed(&mut self, base: &Expression, suffixes: &[Suffix], span: &Range<usize>) -> Or<Value> {
        let mut suffixes = suffixes.iter();
        let mut value = match (&base.kind, suffixes.as_slice().first()) {
            (Meaning::Name(name), Some(Suffix::Call(arguments))) => {
                suffixes.next();
                self.call(name, arguments, base)?
            }
            _ => self.value(base)?,
        };
        for suffix in suffixes {
            self.pay(1 + value.weight(), span)?;
            value = match suffix {
                Suffix::Call(_) => return refuse(span.clone(), format!("{} is no function", value.kind())),
                Suffix::Index(index) => {
                    let index = self.value(index)?;
                    self.or(indexed(&value, &index), span)?
                }
                Suffix::Slice(from, to) => {
                    let mut bound = |bound: &Option<Box<Expression>>| match bound {
                        Some(bound) => self.value(bound).map(Some),
                        None => Ok(None),
                    };
                    let (from, to) = (bound(from)?, bound(to)?);
                    self.or(slice(&value, from.as_ref(), to.as_ref()), span)?
                }
                Suffix::Method(name, arguments) => {
                    let arguments = self.values(arguments)?;
                    self.or(builtin::method(&value, name, &arguments), span)?
                }
            };
        }
        Ok(value)
    }

    fn call(&mut self, name: &str, arguments: &[Expression], base: &Expression) -> Or<Value> {
        let arguments = self.values(arguments)?;
        if name == "print" {
            self.print(&arguments, &base.span)?;
            return Ok(Value::None);
        }
        // Sorting is what costs most of all that a function may do.
        self.pay(arguments.iter().map(|value| 16 * value.weight()).sum(), &base.span)?;
        if !BUILTINS.contains(&name) {
            return refuse(
                base.span.clone(),
                format!("`{name}` is none of the functions here: {}", BUILTINS.join(", ")),
            );
        }
        self.or(builtin::call(name, &arguments), &base.span)
    }
}

/// What it costs to compare two values: in the worst case each part of one with each of the other.
fn comparing(left: &Value, right: &Value) -> usize {
    match (left, right) {
        (Value::Text(_), Value::Text(_)) => left.weight() + right.weight(),
        _ => (1 + left.weight()).saturating_mul(1 + right.weight()) - 1,
    }
}

/// `value[index]`
fn indexed(value: &Value, index: &Value) -> Result<Value, String> {
    if let Value::Dict(items) = value {
        let found = items.pairs().find(|(key, _)| *key == index).map(|(_, value)| value.clone());
        return found.ok_or_else(|| format!("no key {}", Repr(index)));
    }
    let at = index.int().ok_or_else(|| format!("{} as an index", index.kind()))?;
    if let Value::Range(steps) = value {
        let at = if at < 0 { at.saturating_add(steps.count) } else { at };
        return steps.at(at).map(Value::Int).ok_or_else(|| format!("no index {at}"));
    }
    let values = builtin::items(value)?;
    let len = i128::try_from(values.len()).unwrap_or(i128::MAX);
    let from_front = if at < 0 { at.saturating_add(len) } else { at };
    let found = usize::try_from(from_front).ok().and_then(|index| values.get(index)).cloned();
    found.ok_or_else(|| format!("no index {at} in {len} values"))
}

/// `value[from:to]`
fn slice(value: &Value, from: Option<&Value>, to: Option<&Value>) -> Result<Value, String> {
    let values = builtin::items(value)?;
    let len = i128::try_from(values.len()).unwrap_or(i128::MAX);
    let bound = |bound: Option<&Value>, missing: i128| {
        let bound = bound.map_or(Some(missing), Value::int).ok_or("a slice between what is no number")?;
        let bound = if bound < 0 { bound.saturating_add(len) } else { bound };
        usize::try_from(bound.clamp(0, len)).map_err(|_| "a slice")
    };
    let (from, to) = (bound(from, 0)?, bound(to, len)?);
    let part = values.get(from..to.max(from)).unwrap_or_default().to_vec();
    match value {
        Value::Text(_) => Value::text(&part.iter().map(Value::to_string).collect::<String>()),
        Value::Tuple(_) => Items::new(part).map(Value::Tuple),
        _ => Items::new(part).map(Value::List),
    }
}

/// The names in an expression, each once.
pub(super) fn names(expression: &Expression, out: &mut Vec<String>) {
    match &expression.kind {
        Meaning::Name(name) if !out.contains(name) => out.push(name.clone()),
        Meaning::Any(parts) | Meaning::All(parts) | Meaning::List(parts) | Meaning::Tuple(parts) => {
            parts.iter().for_each(|part| names(part, out));
        }
        Meaning::Not(inner) | Meaning::Unary(_, inner) => names(inner, out),
        Meaning::Compare(first, rest) | Meaning::Chain(first, rest) => {
            names(first, out);
            rest.iter().for_each(|(_, operand)| names(operand, out));
        }
        Meaning::Choose { condition, then, otherwise } => {
            [condition, then, otherwise].into_iter().for_each(|part| names(part, out));
        }
        Meaning::Suffixed(base, suffixes) => {
            names(base, out);
            for suffix in suffixes {
                match suffix {
                    Suffix::Call(list) | Suffix::Method(_, list) => {
                        list.iter().for_each(|inner| names(inner, out))
                    }
                    Suffix::Index(index) => names(index, out),
                    Suffix::Slice(..) => {}
                }
            }
        }
        _ => {}
    }
}
