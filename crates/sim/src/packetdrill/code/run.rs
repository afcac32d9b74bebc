//! Statements: what a block does.

use super::builtin::items;
use super::syntax::{Doing, Expression, Statement, Target};
use super::value::{Repr, Value};
use super::{FailureKind, Flaw, Names, Or, PRINTED, Program, refuse};
use std::ops::Range;

/// Of an assertion that does not hold so many characters are told.
const TOLD: usize = 1_000;

/// A block on its way.
pub(super) struct Runner<'r> {
    pub(super) program: &'r mut Program,
    pub(super) names: &'r dyn Names,
    pub(super) text: &'r str,
}

/// How statements end.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Runner<'_> {
    /// Runs the statements of a block.
    pub(super) fn block(&mut self, statements: &[Statement]) -> Or<()> {
        self.statements(statements).map(drop)
    }

    /// Pays for a step.
    pub(super) fn step(&mut self, span: &Range<usize>) -> Or<()> {
        self.pay(1, span)
    }

    /// Pays for so many steps.
    pub(super) fn pay(&mut self, steps: usize, span: &Range<usize>) -> Or<()> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.program.steps.checked_sub(steps));
        match left {
            Some(left) => {
                self.program.steps = left;
                Ok(())
            }
            None => refuse(span.clone(), format!("the program takes more than {} steps", super::STEPS)),
        }
    }

    fn statements(&mut self, statements: &[Statement]) -> Or<Flow> {
        for statement in statements {
            let flow = self.statement(statement)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn statement(&mut self, statement: &Statement) -> Or<Flow> {
        let span = &statement.span;
        self.step(span)?;
        match &statement.kind {
            Doing::Expression(expression) => {
                self.value(expression)?;
            }
            Doing::Assert { condition, message } => self.assert(statement, condition, message.as_ref())?,
            Doing::Assign { targets, value } => {
                let value = self.value(value)?;
                for target in targets {
                    self.assign(target, value.clone(), span)?;
                }
            }
            Doing::Augment { name, operator, value } => {
                let before = self.name(name, span)?;
                let value = self.value(value)?;
                self.pay(before.weight() + value.weight(), span)?;
                let value = self.or(super::operate::binary(operator, &before, &value), span)?;
                self.set(name, value);
            }
            Doing::Print(values) => {
                let values = values.iter().map(|value| self.value(value)).collect::<Or<Vec<_>>>()?;
                self.print(&values, span)?;
            }
            Doing::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.value(condition)?.truth() {
                        return self.statements(body);
                    }
                }
                return self.statements(otherwise);
            }
            Doing::For { target, values, body } => return self.each(target, values, body),
            Doing::While { condition, body } => {
                while self.value(condition)?.truth() {
                    if self.statements(body)? == Flow::Break {
                        break;
                    }
                }
            }
            Doing::Break => return Ok(Flow::Break),
            Doing::Continue => return Ok(Flow::Continue),
            Doing::Pass => {}
        }
        Ok(Flow::On)
    }

    fn each(&mut self, target: &Target, values: &Expression, body: &[Statement]) -> Or<Flow> {
        let span = &values.span;
        let value = self.value(values)?;
        // A range is gone through as it goes: most loops are left early.
        let list = match &value {
            Value::Range(_) => Vec::new(),
            other => self.or(items(other), span)?,
        };
        let mut index = 0;
        loop {
            let next = match &value {
                Value::Range(steps) => steps.at(index).map(Value::Int),
                _ => usize::try_from(index).ok().and_then(|index| list.get(index)).cloned(),
            };
            let Some(next) = next else { return Ok(Flow::On) };
            index += 1;
            self.step(span)?;
            self.assign(target, next, span)?;
            if self.statements(body)? == Flow::Break {
                return Ok(Flow::On);
            }
        }
    }

    fn assign(&mut self, target: &Target, value: Value, span: &Range<usize>) -> Or<()> {
        match target {
            Target::Name(name) => self.set(name, value),
            Target::Each(names) => {
                let values = self.or(items(&value), span)?;
                if values.len() != names.len() {
                    return refuse(
                        span.clone(),
                        format!("{} values for {} names", values.len(), names.len()),
                    );
                }
                names.iter().zip(values).for_each(|(name, value)| self.set(name, value));
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value) {
        self.program.variables.insert(name.to_owned(), (self.program.block, value));
    }

    /// What a name stands for: what this block assigned, what the host says, what was assigned before.
    pub(super) fn name(&self, name: &str, span: &Range<usize>) -> Or<Value> {
        let variable = self.program.variables.get(name);
        if let Some((block, value)) = variable
            && *block == self.program.block
        {
            return Ok(value.clone());
        }
        if let Some(value) = self.names.value(name) {
            return Ok(Value::Int(value));
        }
        match variable {
            Some((_, value)) => Ok(value.clone()),
            None => Err(Box::new(Flaw {
                span: span.clone(),
                kind: FailureKind::Unknown(name.to_owned()),
                message: format!("nobody knows `{name}`"),
            })),
        }
    }

    /// Prints a line.
    pub(super) fn print(&mut self, values: &[Value], span: &Range<usize>) -> Or<()> {
        let words: Vec<String> = values.iter().map(Value::to_string).collect();
        let line = words.join(" ");
        if self.program.printed.len() + line.len() >= PRINTED {
            return refuse(span.clone(), format!("the program prints more than {PRINTED} octets"));
        }
        self.program.printed.push_str(&line);
        self.program.printed.push('\n');
        Ok(())
    }

    fn assert(
        &mut self,
        statement: &Statement,
        condition: &Expression,
        message: Option<&Expression>,
    ) -> Or<()> {
        if self.value(condition)?.truth() {
            return Ok(());
        }
        let asserted = &self.text[condition.span.clone()];
        let mut told = format!("assert {}", asserted.split_whitespace().collect::<Vec<_>>().join(" "));
        if let Some(message) = message {
            told += &format!(": {}", self.value(message)?);
        }
        let mut names = Vec::new();
        super::evaluate::names(condition, &mut names);
        let known = names.iter().filter_map(|name| Some((name, self.name(name, &condition.span).ok()?)));
        let known: Vec<String> = known.map(|(name, value)| format!("{name} = {}", Repr(&value))).collect();
        if !known.is_empty() {
            told += &format!(" ({})", known.join(", "));
        }
        if let Some((end, _)) = told.char_indices().nth(TOLD) {
            told.truncate(end);
            told.push('…');
        }
        Err(Box::new(Flaw { span: statement.span.clone(), kind: FailureKind::Assertion, message: told }))
    }

    /// A value, or the refusal of what stands at `span`.
    pub(super) fn or<T>(&self, result: Result<T, String>, span: &Range<usize>) -> Or<T> {
        result.or_else(|why| refuse(span.clone(), why))
    }
}
