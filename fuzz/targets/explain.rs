//! Fuzzes the reader of captures and all that is told of them: the body is the property test's.
#![no_main]

#[path = "../../crates/explain/tests/any_octets/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::explain(bytes);
});
