//! Functions that are always there, and methods of strings and dictionaries.

use super::format;
use super::value::{Items, Repr, Steps, Value};

/// The built-in functions.
pub const BUILTINS: &[&str] = &[
    "abs", "all", "any", "bool", "float", "int", "len", "list", "max", "min", "print", "range", "repr",
    "round", "sorted", "str", "sum", "tuple",
];

/// What `name(arguments)` is, for all but `print`.
///
/// # Errors
/// A sentence without a full stop: why there is no such value.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let misused = || {
        let kinds: Vec<&str> = arguments.iter().map(Value::kind).collect();
        format!("`{name}` makes no sense of ({})", kinds.join(", "))
    };
    match (name, arguments) {
        ("min" | "max", [one]) => extreme(name, &items(one)?).ok_or_else(misused),
        ("min" | "max", several) => extreme(name, several).ok_or_else(misused),
        ("len", [value]) => len(value).ok_or_else(misused),
        ("abs", [Value::Float(value)]) => Ok(Value::Float(value.abs())),
        ("abs", [value]) => value.int().and_then(i128::checked_abs).map(Value::Int).ok_or_else(misused),
        ("int", [value]) => int(value).ok_or_else(misused),
        ("int", [Value::Text(text), base]) => based(text, base).ok_or_else(misused),
        ("float", [Value::Text(text)]) => text.trim().parse().map(Value::Float).map_err(|_| misused()),
        ("float", [value]) => value.float().map(Value::Float).ok_or_else(misused),
        ("bool", [value]) => Ok(Value::Bool(value.truth())),
        ("str", [value]) => Value::text(&value.to_string()),
        ("repr", [value]) => Value::text(&Repr(value).to_string()),
        ("round", [value]) => round(value, 0).and_then(|value| int(&value)).ok_or_else(misused),
        ("round", [value, digits]) => {
            digits.int().and_then(|digits| round(value, digits)).ok_or_else(misused)
        }
        ("range", bounds) => range(bounds).ok_or_else(misused),
        ("list", []) => Ok(Value::List(Items::new(Vec::new())?)),
        ("list", [value]) => Ok(Value::List(Items::new(items(value)?)?)),
        ("tuple", [value]) => Ok(Value::Tuple(Items::new(items(value)?)?)),
        ("sum", [value]) => items(value)?
            .iter()
            .try_fold(Value::Int(0), |sum, value| super::operate::binary("+", &sum, value)),
        ("any", [value]) => Ok(Value::Bool(items(value)?.iter().any(Value::truth))),
        ("all", [value]) => Ok(Value::Bool(items(value)?.iter().all(Value::truth))),
        ("sorted", [value]) => {
            sorted(items(value)?).ok_or_else(misused).and_then(|values| Ok(Value::List(Items::new(values)?)))
        }
        _ => Err(misused()),
    }
}

/// What `for` goes through: the values of a list, the keys of a dictionary, the characters of a string.
///
/// # Errors
/// When nothing is in it, or far too much.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, String> {
    Ok(match value {
        Value::List(items) | Value::Tuple(items) => items.values.clone(),
        Value::Dict(items) => items.pairs().map(|(key, _)| key.clone()).collect(),
        Value::Text(text) => {
            text.chars().map(|char| Value::text(char.encode_utf8(&mut [0; 4]))).collect::<Result<_, _>>()?
        }
        Value::Range(steps) => {
            if usize::try_from(steps.count).is_ok_and(|count| count > super::value::HEAVIEST) {
                return Err("a range that is too long to be written out".to_owned());
            }
            (0..steps.count).filter_map(|index| steps.at(index).map(Value::Int)).collect()
        }
        other => return Err(format!("nothing is in {}", other.kind())),
    })
}

fn extreme(name: &str, values: &[Value]) -> Option<Value> {
    let mut values = values.iter();
    let mut best = values.next()?;
    for value in values {
        let order = value.order(best)?;
        if if name == "min" { order.is_lt() } else { order.is_gt() } {
            best = value;
        }
    }
    Some(best.clone())
}

/// Sorts what can be compared with each other; two numbers that are none would not be.
fn sorted(mut values: Vec<Value>) -> Option<Vec<Value>> {
    for (index, value) in values.iter().enumerate().skip(1) {
        value.order(&values[index - 1])?;
        value.order(&values[0])?;
    }
    values.sort_by(|left, right| left.order(right).unwrap_or(std::cmp::Ordering::Equal));
    Some(values)
}

fn len(value: &Value) -> Option<Value> {
    let len = match value {
        Value::Text(text) => text.chars().count(),
        Value::List(items) | Value::Tuple(items) => items.values.len(),
        Value::Dict(items) => items.values.len() / 2,
        Value::Range(steps) => return Some(Value::Int(steps.count)),
        _ => return None,
    };
    i128::try_from(len).ok().map(Value::Int)
}

fn int(value: &Value) -> Option<Value> {
    match value {
        // Within 2^127 the conversion is exact but for what is behind the point.
        Value::Float(float) if float.abs() < 1e38 => Some(Value::Int(float.trunc() as i128)),
        Value::Text(text) => text.trim().parse().ok().map(Value::Int),
        _ => value.int().map(Value::Int),
    }
}

fn based(text: &str, base: &Value) -> Option<Value> {
    let base = u32::try_from(base.int()?).ok().filter(|base| (2..=36).contains(base))?;
    let digits = text.trim();
    let digits = if base == 16 { digits.trim_start_matches("0x") } else { digits };
    i128::from_str_radix(digits, base).ok().map(Value::Int)
}

/// To so many digits behind the point, halves to the even neighbour.
fn round(value: &Value, digits: i128) -> Option<Value> {
    let Value::Float(float) = value else { return value.int().map(Value::Int) };
    let digits = i32::try_from(digits).ok().filter(|digits| digits.abs() <= 300)?;
    let scale = 10_f64.powi(digits);
    let scaled = (float * scale).round_ties_even() / scale;
    Some(Value::Float(if scaled.is_finite() { scaled } else { *float }))
}

fn range(bounds: &[Value]) -> Option<Value> {
    let bounds: Vec<i128> = bounds.iter().map(Value::int).collect::<Option<_>>()?;
    let (from, to, by) = match bounds[..] {
        [to] => (0, to, 1),
        [from, to] => (from, to, 1),
        [from, to, by] => (from, to, by),
        _ => return None,
    };
    let span = if by > 0 { to.checked_sub(from)? } else { from.checked_sub(to)? };
    let step = by.checked_abs().filter(|step| *step > 0)?;
    let count = if span <= 0 { 0 } else { (span - 1) / step + 1 };
    Some(Value::Range(Steps { from, by, count }))
}

/// What `value.name(arguments)` is.
///
/// # Errors
/// As [`call`].
pub(super) fn method(value: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (value, name, arguments) {
        (Value::Text(template), "format", _) => Value::text(&format::braces(template, arguments)?),
        (Value::Text(between), "join", [list]) => {
            let parts: Vec<String> = items(list)?.iter().map(Value::to_string).collect();
            Value::text(&parts.join(between))
        }
        (Value::Dict(items), "keys", []) => {
            Ok(Value::List(Items::new(items.pairs().map(|(key, _)| key.clone()).collect())?))
        }
        (Value::Dict(items), "values", []) => {
            Ok(Value::List(Items::new(items.pairs().map(|(_, value)| value.clone()).collect())?))
        }
        (Value::Dict(items), "items", []) => {
            let pair = |(key, value): (&Value, &Value)| {
                Items::new(vec![key.clone(), value.clone()]).map(Value::Tuple)
            };
            Ok(Value::List(Items::new(items.pairs().map(pair).collect::<Result<_, _>>()?)?))
        }
        (Value::Dict(items), "get", [key, rest @ ..]) if rest.len() < 2 => {
            let found = items.pairs().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
            Ok(found.or_else(|| rest.first().cloned()).unwrap_or(Value::None))
        }
        _ => Err(format!("{} has no method `{name}` for these {} arguments", value.kind(), arguments.len())),
    }
}
