//! Fuzzes the virtio-net header and the frame behind it: the body is the property test's.
#![no_main]

#[path = "../../crates/device/tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::virtio(bytes));
