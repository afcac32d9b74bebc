//! All runs, several at a time.

use super::cell::{self, Cell, Outcome};
use super::plan::Plan;
use super::{Options, Table, kernel};
use crate::{BenchError, Progress};
use driver::Clock;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How often whoever watches is told, and asked whether to go on.
const TELL: Duration = Duration::from_millis(100);

type Came = (Cell, thread::Result<Result<Outcome, BenchError>>);

/// Runs everything, several cells at a time; until `progress` says no, and then the table has what had been measured.
///
/// # Errors
/// [`BenchError`]; it takes root.
pub fn run(options: &Options, machine: String, progress: Progress<'_>) -> Result<Table, BenchError> {
    kernel::possible()?;
    let mut table = Table::new(options, machine);
    let captures = options.captures.as_deref();
    let stop = AtomicBool::new(false);
    let mut plan = Plan::new(options);
    let (clock, at_once) = (Clock::new(), options.at_once.max(1));
    let began = clock.now();
    let (ended, ends) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        let start = |cell: Cell| {
            let (ended, stop) = (ended.clone(), &stop);
            scope.spawn(move || {
                let came = catch_unwind(AssertUnwindSafe(|| cell::run(&cell, stop, captures)));
                // Who waits for it may have gone.
                let _ = ended.send((cell, came));
            });
        };
        let (mut running, mut done, mut outcome) = (0, 0, Ok(()));
        loop {
            while outcome.is_ok()
                && running < at_once
                && let Some(cell) = plan.next(&table, clock.now().since(began))
            {
                running += 1;
                start(cell);
            }
            if running == 0 {
                break;
            }
            if outcome.is_ok() && !progress(done, done + running + plan.waiting(), "") {
                outcome = Err(BenchError::Interrupted);
            }
            // Whatever went wrong, those that run are waited for: what they have made goes away with them.
            stop.store(outcome.is_err(), Ordering::Relaxed);
            let Some((cell, came)) = next(&ends) else { continue };
            (running, done) = (running - 1, done + 1);
            match came {
                // One that was stopped is no shorter run.
                Ok(Ok(came)) if outcome.is_ok() => table.take(&cell, came),
                Ok(Err(why)) if outcome.is_ok() => {
                    outcome = Err(BenchError::Cell { cell: cell.to_string(), why: Box::new(why) });
                }
                Ok(_) => {}
                Err(panic) => {
                    stop.store(true, Ordering::Relaxed);
                    resume_unwind(panic);
                }
            }
        }
        outcome
    });
    match outcome {
        Ok(()) => {}
        Err(BenchError::Interrupted) => table.interrupt(),
        Err(why) => return Err(why),
    }
    Ok(table)
}

/// The next that has ended, if one does soon.
fn next(ends: &Receiver<Came>) -> Option<Came> {
    match ends.recv_timeout(TELL) {
        Ok(came) => Some(came),
        Err(RecvTimeoutError::Timeout) => None,
        // We hold a sender ourselves.
        Err(RecvTimeoutError::Disconnected) => unreachable!("a channel whose sender is here"),
    }
}
