//! Operators: Python's meaning of them, on whole numbers of 128 bits.

use super::format;
use super::value::{Items, Value};

/// Numbers beyond this are refused: no counter of a connection is near it.
const TOO_BIG: &str = "a number of more than 128 bits";

/// `left operator right`.
///
/// # Errors
/// A sentence without a full stop: why there is no such value.
pub(super) fn binary(operator: &str, left: &Value, right: &Value) -> Result<Value, String> {
    match (operator, left, right) {
        ("%", Value::Text(template), _) => return Value::text(&format::percent(template, right)?),
        ("+", Value::Text(left), Value::Text(right)) => return Value::text(&format!("{left}{right}")),
        ("+", Value::List(left), Value::List(right)) => return joined(left, right).map(Value::List),
        ("+", Value::Tuple(left), Value::Tuple(right)) => return joined(left, right).map(Value::Tuple),
        ("*", Value::Text(_) | Value::List(_) | Value::Tuple(_), _) => return repeated(left, right),
        ("*", _, Value::Text(_) | Value::List(_) | Value::Tuple(_)) => return repeated(right, left),
        _ => {}
    }
    match (left.int(), right.int()) {
        (Some(a), Some(b)) if operator != "/" => match whole(operator, a, b)? {
            // Of two bools `&`, `|` and `^` make a bool.
            Value::Int(value) if "&|^".contains(operator) && is_bool(left) && is_bool(right) => {
                Ok(Value::Bool(value != 0))
            }
            value => Ok(value),
        },
        _ => match (left.float(), right.float()) {
            (Some(a), Some(b)) => real(operator, a, b),
            _ => Err(format!("`{operator}` makes no sense of {} and {}", left.kind(), right.kind())),
        },
    }
}

const fn is_bool(value: &Value) -> bool {
    matches!(value, Value::Bool(_))
}

fn joined(left: &Items, right: &Items) -> Result<std::rc::Rc<Items>, String> {
    Items::new(left.values.iter().chain(&right.values).cloned().collect())
}

fn repeated(value: &Value, times: &Value) -> Result<Value, String> {
    let Some(times) = times.int() else {
        return Err(format!("`*` makes no sense of {} and {}", value.kind(), times.kind()));
    };
    let len = match value {
        Value::Text(text) => text.len(),
        Value::List(items) | Value::Tuple(items) => items.values.len(),
        _ => 0,
    };
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    let times = if len == 0 { 0 } else { times };
    if times.saturating_mul(len) > super::value::HEAVIEST {
        return Err("a value that is too big".to_owned());
    }
    let items = |items: &Items| Items::new((0..times).flat_map(|_| items.values.iter().cloned()).collect());
    match value {
        Value::List(list) => items(list).map(Value::List),
        Value::Tuple(tuple) => items(tuple).map(Value::Tuple),
        other => Value::text(&other.to_string().repeat(times)),
    }
}

fn whole(operator: &str, a: i128, b: i128) -> Result<Value, String> {
    if b == 0 && ["//", "%"].contains(&operator) {
        return Err("a division by zero".to_owned());
    }
    let shift = || match u32::try_from(b) {
        Ok(shift) => Ok(shift),
        Err(_) if b < 0 => Err("a shift by less than nothing".to_owned()),
        Err(_) => Ok(u32::MAX),
    };
    let value = match operator {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "//" => a
            .checked_div(b)
            .map(|quotient| if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }),
        // The remainder has the sign of what is divided by.
        "%" => a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
        "&" => Some(a & b),
        "|" => Some(a | b),
        "^" => Some(a ^ b),
        ">>" => Some(a >> shift()?.min(127)),
        "<<" => {
            let shift = shift()?;
            let fits = a == 0 || shift < 127 && (a << shift) >> shift == a;
            fits.then(|| if a == 0 { 0 } else { a << shift })
        }
        "**" if b < 0 => return real(operator, a as f64, b as f64),
        "**" => match u32::try_from(b) {
            Ok(exponent) => a.checked_pow(exponent),
            Err(_) => [0, 1].contains(&a).then_some(a),
        },
        _ => return Err(format!("`{operator}` is no operator")),
    };
    value.map(Value::Int).ok_or_else(|| TOO_BIG.to_owned())
}

fn real(operator: &str, a: f64, b: f64) -> Result<Value, String> {
    if b == 0.0 && ["/", "//", "%"].contains(&operator) {
        return Err("a division by zero".to_owned());
    }
    let value = match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "//" => (a / b).floor(),
        "%" => a - b * (a / b).floor(),
        "**" if a == 0.0 && b < 0.0 => return Err("a division by zero".to_owned()),
        "**" => a.powf(b),
        _ => return Err(format!("`{operator}` makes no sense of a float")),
    };
    Ok(Value::Float(value))
}

/// `operator value`.
///
/// # Errors
/// As [`binary`].
pub(super) fn unary(operator: &str, value: &Value) -> Result<Value, String> {
    match (operator, value.int(), value) {
        ("-", Some(value), _) => value.checked_neg().map(Value::Int).ok_or_else(|| TOO_BIG.to_owned()),
        ("+", Some(value), _) => Ok(Value::Int(value)),
        ("~", Some(value), _) => Ok(Value::Int(!value)),
        ("-", _, Value::Float(value)) => Ok(Value::Float(-value)),
        ("+", _, Value::Float(value)) => Ok(Value::Float(*value)),
        _ => Err(format!("`{operator}` makes no sense of {}", value.kind())),
    }
}

/// Whether `left operator right` holds.
///
/// # Errors
/// As [`binary`].
pub(super) fn compare(operator: &str, left: &Value, right: &Value) -> Result<bool, String> {
    let is = || {
        matches!((left, right), (Value::None, Value::None))
            || is_bool(left) == is_bool(right) && left == right
    };
    let holds = match operator {
        "==" => Some(left == right),
        "!=" => Some(left != right),
        "is" => Some(is()),
        "is not" => Some(!is()),
        "in" => right.contains(left),
        "not in" => right.contains(left).map(|is| !is),
        _ => left.order(right).map_or_else(
            || unordered(left, right),
            |order| {
                Some(match operator {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                })
            },
        ),
    };
    holds.ok_or_else(|| format!("`{operator}` makes no sense of {} and {}", left.kind(), right.kind()))
}

/// No number is before or behind one that is none.
fn unordered(left: &Value, right: &Value) -> Option<bool> {
    (left.float().is_some() && right.float().is_some()).then_some(false)
}
