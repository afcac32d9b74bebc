//! Fuzzes mld: the body is the property test's.
#![no_main]

#[path = "../../crates/wire/tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::mld(bytes));
