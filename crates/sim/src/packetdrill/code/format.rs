//! Formatting: `'%d of %s' % (1, 'x')`, `'{:.2f}'.format(x)`, `f'{x:>8}'`.

use super::value::{Repr, Value};

/// Nothing is padded to more than this.
const WIDEST: usize = 1_000;

/// How a value is to look.
#[derive(Debug, Default)]
struct Look {
    fill: Option<char>,
    /// `<`, `>`, `^`; what suits the value where it is missing.
    align: Option<char>,
    sign: bool,
    alternate: bool,
    comma: bool,
    width: usize,
    precision: Option<usize>,
    /// `d`, `x`, `f` and so on.
    kind: Option<char>,
}

/// `template % values`.
///
/// # Errors
/// A sentence without a full stop: what does not fit.
pub(super) fn percent(template: &str, values: &Value) -> Result<String, String> {
    let values: &[Value] = match values {
        Value::Tuple(items) => &items.values,
        one => std::slice::from_ref(one),
    };
    let mut values = values.iter();
    let mut out = String::new();
    let mut rest = template;
    while let Some((plain, behind)) = rest.split_once('%') {
        out.push_str(plain);
        let Some(after) = behind.strip_prefix('%') else {
            let (look, after) = directive(behind)?;
            let value = values.next().ok_or("fewer values than the format has places for")?;
            out.push_str(&looked(value, &look)?);
            rest = after;
            continue;
        };
        out.push('%');
        rest = after;
    }
    if values.next().is_some() {
        return Err("more values than the format has places for".to_owned());
    }
    Ok(out + rest)
}

/// What stands behind a `%`, up to and with its letter.
fn directive(text: &str) -> Result<(Look, &str), String> {
    let mut look = Look::default();
    let mut rest = text;
    while let Some(flag) = rest.chars().next().filter(|flag| "-+ #0".contains(*flag)) {
        match flag {
            '-' => look.align = Some('<'),
            '+' => look.sign = true,
            '#' => look.alternate = true,
            '0' => look.fill = Some('0'),
            _ => {}
        }
        rest = &rest[1..];
    }
    if look.align.is_some() {
        look.fill = None;
    }
    (look.width, rest) = number(rest)?;
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = number(behind)?;
        look.precision = Some(precision);
        rest = behind;
    }
    let kind = rest.chars().next().ok_or("a % at the end of the format")?;
    if !"disrxXofFeEgGuc".contains(kind) {
        return Err(format!("`%{}` in a format", kind.escape_debug()));
    }
    look.kind = Some(if kind == 'i' || kind == 'u' { 'd' } else { kind });
    // Strings stand at the right where nothing else is said, unlike in the other kinds of formatting.
    look.align = look.align.or(Some('>'));
    Ok((look, &rest[kind.len_utf8()..]))
}

/// The digits at the front, as a number.
fn number(text: &str) -> Result<(usize, &str), String> {
    let len = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(len);
    let number = if digits.is_empty() { Ok(0) } else { digits.parse() };
    match number {
        Ok(number) if number <= WIDEST => Ok((number, rest)),
        _ => Err(format!("a format wider than {WIDEST}")),
    }
}

/// A value as the specification behind a `:` wants it.
///
/// # Errors
/// As [`percent`].
pub(super) fn specified(value: &Value, spec: &str) -> Result<String, String> {
    let mut look = Look::default();
    let mut rest = spec;
    let mut chars = spec.chars();
    let (first, second) = (chars.next(), chars.next());
    let aligns = |char: Option<char>| char.is_some_and(|char| "<>^".contains(char));
    if aligns(second) {
        (look.fill, look.align) = (first, second);
        rest = &spec[first.map_or(0, char::len_utf8) + 1..];
    } else if aligns(first) {
        look.align = first;
        rest = &spec[1..];
    }
    for (flag, here) in [('+', &mut look.sign), ('#', &mut look.alternate)] {
        if let Some(behind) = rest.strip_prefix(flag) {
            *here = true;
            rest = behind;
        }
    }
    if rest.starts_with('0') && look.fill.is_none() {
        look.fill = Some('0');
    }
    (look.width, rest) = number(rest)?;
    if let Some(behind) = rest.strip_prefix(',') {
        look.comma = true;
        rest = behind;
    }
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = number(behind)?;
        look.precision = Some(precision);
        rest = behind;
    }
    let mut kinds = rest.chars();
    look.kind = kinds.next();
    if kinds.next().is_some() || look.kind.is_some_and(|kind| !"dsxXobfFeEgG%".contains(kind)) {
        return Err(format!("`{}` as a format", spec.escape_debug()));
    }
    looked(value, &look)
}

/// The value as it is to look.
fn looked(value: &Value, look: &Look) -> Result<String, String> {
    let wrong = || format!("{} under the format `{}`", value.kind(), look.kind.unwrap_or('s'));
    let numeric = value.float().is_some() && !matches!(look.kind, Some('s' | 'r'));
    let mut text = match look.kind {
        Some('r') => Repr(value).to_string(),
        Some('s') => value.to_string(),
        Some('c') => {
            let char = value.int().and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
            char.ok_or_else(wrong)?.to_string()
        }
        Some('d') => match value {
            // A float under %d loses what is behind its point.
            Value::Float(value) if value.is_finite() => (*value as i128).to_string(),
            _ => value.int().ok_or_else(wrong)?.to_string(),
        },
        Some(kind @ ('x' | 'X' | 'o' | 'b')) => radix(value.int().ok_or_else(wrong)?, kind, look.alternate),
        Some(kind @ ('f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%')) => {
            real(value.float().ok_or_else(wrong)?, kind, look.precision.unwrap_or(6))
        }
        _ => match (value, look.precision) {
            (Value::Float(value), Some(precision)) => real(*value, 'g', precision),
            _ => value.to_string(),
        },
    };
    if let (Some(most), false) = (look.precision, numeric) {
        text = text.chars().take(most).collect();
    }
    if look.comma {
        text = grouped(&text);
    }
    if look.sign && numeric && !text.starts_with('-') {
        text.insert(0, '+');
    }
    Ok(padded(text, look, numeric))
}

fn padded(text: String, look: &Look, numeric: bool) -> String {
    let missing = look.width.saturating_sub(text.chars().count());
    let fill = look.fill.unwrap_or(' ');
    let pad = |count: usize| fill.to_string().repeat(count);
    if fill == '0' && numeric && !matches!(look.align, Some('<' | '^')) {
        // Zeros go between the sign, or the `0x`, and the digits.
        let digits = text.trim_start_matches(['+', '-']);
        let prefix = look.alternate && matches!(look.kind, Some('x' | 'X' | 'o' | 'b'));
        let digits = if prefix { &digits[2..] } else { digits };
        let (sign, digits) = text.split_at(text.len() - digits.len());
        return format!("{sign}{}{digits}", pad(missing));
    }
    match look.align.unwrap_or(if numeric { '>' } else { '<' }) {
        '>' => pad(missing) + &text,
        '^' => format!("{}{text}{}", pad(missing / 2), pad(missing - missing / 2)),
        _ => text + &pad(missing),
    }
}

fn radix(value: i128, kind: char, alternate: bool) -> String {
    let digits = value.unsigned_abs();
    let sign = if value < 0 { "-" } else { "" };
    let (prefix, digits) = match kind {
        'x' => ("0x", format!("{digits:x}")),
        'X' => ("0X", format!("{digits:X}")),
        'o' => ("0o", format!("{digits:o}")),
        _ => ("0b", format!("{digits:b}")),
    };
    format!("{sign}{}{digits}", if alternate { prefix } else { "" })
}

fn real(value: f64, kind: char, precision: usize) -> String {
    match kind {
        'f' | 'F' => format!("{value:.precision$}"),
        '%' => format!("{:.precision$}%", value * 100.0),
        'e' | 'E' => {
            let text = exponent(&format!("{value:.precision$e}"));
            if kind == 'E' { text.to_uppercase() } else { text }
        }
        _ => general(value, precision.max(1)),
    }
}

/// The exponent of at least two digits with its sign, as C writes it.
fn exponent(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `%g`: so many digits that mean something, and an exponent only where the number is far from one.
fn general(value: f64, precision: usize) -> String {
    let scientific = format!("{value:.*e}", precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let places = usize::try_from(i64::try_from(precision).unwrap_or(i64::MAX) - 1 - i64::from(power));
    match places {
        Ok(places) if power >= -4 => trimmed(&format!("{value:.places$}")),
        _ => match scientific.split_once('e') {
            Some((digits, power)) => exponent(&format!("{}e{power}", trimmed(digits))),
            None => scientific,
        },
    }
}

/// A comma before each three digits of the whole part.
fn grouped(text: &str) -> String {
    let unsigned = text.trim_start_matches('-');
    let whole = unsigned.find(|char: char| !char.is_ascii_digit()).unwrap_or(unsigned.len());
    let mut out = text[..text.len() - unsigned.len()].to_owned();
    for (at, digit) in unsigned[..whole].char_indices() {
        if at > 0 && (whole - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &unsigned[whole..]
}

/// `template.format(values…)`: holes without names, numbered or not.
///
/// # Errors
/// As [`percent`].
pub(super) fn braces(template: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    let mut next = 0;
    while let Some(at) = rest.find(['{', '}']) {
        let (plain, behind) = rest.split_at(at);
        out.push_str(plain);
        let sign = &behind[..1];
        if behind[1..].starts_with(sign) {
            out.push_str(sign);
            rest = &behind[2..];
            continue;
        }
        let Some((hole, after)) = behind[1..].split_once('}').filter(|_| sign == "{") else {
            return Err(format!("a lone {sign} in a format"));
        };
        let (which, spec) = hole.split_once(':').unwrap_or((hole, ""));
        let (which, repr) = which.strip_suffix("!r").map_or((which, false), |which| (which, true));
        let index = if which.is_empty() { Ok(next) } else { which.parse::<usize>() };
        let value = index
            .ok()
            .and_then(|index| values.get(index))
            .ok_or_else(|| format!("no value for {{{which}}}"))?;
        next += 1;
        let shown = if repr { Value::text(&Repr(value).to_string())? } else { value.clone() };
        out.push_str(&specified(&shown, spec)?);
        rest = after;
    }
    Ok(out + rest)
}
