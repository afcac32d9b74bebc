//! Fuzzes the reader and printer of packetdrill scripts, and the interpreter of their code: the body is the property test's.
#![no_main]

#[path = "../../crates/sim/tests/any_script/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::drill(bytes);
});
