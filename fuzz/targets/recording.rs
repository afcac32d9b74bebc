//! Fuzzes the reader of recordings, and a host that is given what it reads: the body is the property test's.
#![no_main]

extern crate handfast_stack as stack;

#[path = "../../crates/record/tests/any_octets/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::replay(bytes);
});
