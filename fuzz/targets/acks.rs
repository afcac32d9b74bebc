//! Fuzzes a sender with what a peer may say that it has: the body is the property test's.
#![no_main]

extern crate handfast_wire as wire;

#[path = "../../crates/tcp/src/cost/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::acks(bytes, || 0));
