//! Values. They never change once made, are shared and not copied, and none is bigger or deeper than anybody needs.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

/// How much a value may weigh: an octet of a string and a value in a list are one each.
pub(super) const HEAVIEST: usize = 1 << 16;

/// How deep lists go.
const DEEPEST: u32 = 32;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Rc<str>),
    List(Rc<Items>),
    Tuple(Rc<Items>),
    /// Keys and values in the order that they were written in; the keys are the even ones.
    Dict(Rc<Items>),
    Range(Steps),
}

/// The values of a list, and how heavy and deep they are.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) values: Vec<Value>,
    weight: usize,
    depth: u32,
}

/// What `range` says: from `from`, each further by `by` (never zero), `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) from: i128,
    pub(super) by: i128,
    pub(super) count: i128,
}

impl Steps {
    /// The number at `index`, if there is one.
    pub(super) fn at(&self, index: i128) -> Option<i128> {
        let within = (0..self.count).contains(&index);
        if within { self.by.checked_mul(index)?.checked_add(self.from) } else { None }
    }

    fn contains(&self, number: i128) -> bool {
        let Some(off) = number.checked_sub(self.from) else { return false };
        off.checked_rem(self.by) == Some(0)
            && off.checked_div(self.by).is_some_and(|index| (0..self.count).contains(&index))
    }
}

impl Items {
    /// Values of a list.
    ///
    /// # Errors
    /// When there are too many, or they go too deep.
    pub(super) fn new(values: Vec<Value>) -> Result<Rc<Self>, String> {
        let weight = values.iter().fold(values.len(), |sum, value| sum.saturating_add(value.weight()));
        let depth = 1 + values.iter().map(Value::depth).max().unwrap_or(0);
        if weight > HEAVIEST {
            return Err(format!("a value of more than {HEAVIEST} parts"));
        }
        if depth > DEEPEST {
            return Err(format!("a list more than {DEEPEST} deep"));
        }
        Ok(Rc::new(Self { values, weight, depth }))
    }

    /// The pairs of a dictionary.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Value, &Value)> {
        let (pairs, _) = self.values.as_chunks::<2>();
        pairs.iter().map(|[key, value]| (key, value))
    }
}

impl Value {
    /// A string.
    ///
    /// # Errors
    /// When it is too long.
    pub(super) fn text(text: &str) -> Result<Self, String> {
        if text.len() > HEAVIEST {
            return Err(format!("a string of more than {HEAVIEST} octets"));
        }
        Ok(Self::Text(text.into()))
    }

    /// How much it weighs beside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(items) | Self::Tuple(items) | Self::Dict(items) => items.weight,
            _ => 0,
        }
    }

    fn depth(&self) -> u32 {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Dict(items) => items.depth,
            _ => 0,
        }
    }

    /// What Python calls it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Float(_) => "a float",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::Range(_) => "a range",
        }
    }

    /// Whether it counts as true.
    pub(super) fn truth(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) | Self::Tuple(items) | Self::Dict(items) => !items.values.is_empty(),
            Self::Range(steps) => steps.count > 0,
        }
    }

    /// The number, if it is a whole one; a bool is 0 or 1.
    pub(super) fn int(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i128::from(*value)),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            // Beyond 2^53 a float is the nearest one, as in Python.
            _ => self.int().map(|value| value as f64),
        }
    }

    /// Which comes first, where there is an order between the two.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::List(left), Self::List(right)) | (Self::Tuple(left), Self::Tuple(right)) => {
                let unequal = left.values.iter().zip(&right.values).find(|(left, right)| left != right);
                unequal.map_or(Some(left.values.len().cmp(&right.values.len())), |(left, right)| {
                    left.order(right)
                })
            }
            _ => match (self.int(), other.int()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => self.float()?.partial_cmp(&other.float()?),
            },
        }
    }

    /// Whether `item` is in it; `None` for what nothing is in.
    pub(super) fn contains(&self, item: &Self) -> Option<bool> {
        Some(match self {
            Self::List(items) | Self::Tuple(items) => items.values.contains(item),
            Self::Dict(items) => items.pairs().any(|(key, _)| key == item),
            Self::Range(steps) => item.int().is_some_and(|number| steps.contains(number)),
            Self::Text(text) => match item {
                Self::Text(part) => text.contains(&**part),
                _ => return None,
            },
            _ => return None,
        })
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::List(left), Self::List(right)) | (Self::Tuple(left), Self::Tuple(right)) => {
                left.values == right.values
            }
            (Self::Dict(left), Self::Dict(right)) => {
                left.values.len() == right.values.len()
                    && left.pairs().all(|(key, value)| right.pairs().any(|pair| pair == (key, value)))
            }
            (Self::Range(left), Self::Range(right)) => left == right,
            _ => match (self.int(), other.int()) {
                (Some(left), Some(right)) => left == right,
                _ => matches!((self.float(), other.float()), (Some(left), Some(right)) if left == right),
            },
        }
    }
}

/// As `print` shows it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            _ => write!(f, "{}", Repr(self)),
        }
    }
}

/// A value as `repr` shows it: strings in quotes.
pub(super) struct Repr<'v>(pub(super) &'v Value);

impl fmt::Display for Repr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |f: &mut fmt::Formatter<'_>, values: &[Value]| {
            values.iter().enumerate().try_for_each(|(index, value)| {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{}", Repr(value))
            })
        };
        match self.0 {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Text(text) => write!(f, "'{}'", text.escape_debug()),
            Value::List(items) => {
                f.write_str("[")?;
                listed(f, &items.values)?;
                f.write_str("]")
            }
            Value::Tuple(items) => {
                f.write_str("(")?;
                listed(f, &items.values)?;
                f.write_str(if items.values.len() == 1 { ",)" } else { ")" })
            }
            Value::Dict(items) => {
                f.write_str("{")?;
                items.pairs().enumerate().try_for_each(|(index, (key, value))| {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", Repr(key), Repr(value))
                })?;
                f.write_str("}")
            }
            Value::Range(Steps { from, by, count }) => {
                let to = by.saturating_mul(*count).saturating_add(*from);
                if *by == 1 {
                    write!(f, "range({from}, {to})")
                } else {
                    write!(f, "range({from}, {to}, {by})")
                }
            }
        }
    }
}
