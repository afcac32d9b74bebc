//! Fuzzes a whole host with frames, times and calls: the body is the property test's.
#![no_main]

extern crate handfast_wire as wire;

#[path = "../../crates/stack/tests/any_calls/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::host(bytes));
