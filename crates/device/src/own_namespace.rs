//! For tests: a network namespace of their own.

use crate::namespace::Namespace;
use std::io::Write;

/// Runs `test` on a thread in a new network namespace. Where that is not possible it says so loudly on standard
/// error and skips, or fails when `HANDFAST_NO_SKIP` is 1.
pub(crate) fn run(what: &str, test: impl FnOnce() + Send + 'static) {
    match Namespace::new() {
        Ok(apart) => apart.run(test).unwrap(),
        Err(why) => skip(what, &format!("no network namespace of its own: {why}")),
    }
}

/// Says that a test was skipped, or fails where nothing may be.
pub(crate) fn skip(what: &str, why: &str) {
    assert_ne!(std::env::var("HANDFAST_NO_SKIP").as_deref(), Ok("1"), "{what} cannot run here: {why}");
    // Not `eprintln`, which the test runner swallows when a test passes.
    let line = format!("SKIPPED: {what}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
}
