//! Fuzzes receive coalescing: what was joined is cut again and compared. The body is the property test's.
#![no_main]

extern crate handfast_wire as wire;

#[path = "../../crates/device/tests/exercise/coalesce.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::coalesce(bytes);
});
