//! This machine's kernel and its ordinary programs talk to Handfast through a TUN, in a network namespace that each test
//! makes for itself.
//!
//! Needs root, /dev/net/tun, and the programs that each test names. What cannot run says `SKIPPED`, or fails when
//! `HANDFAST_NO_SKIP` is 1. `HANDFAST_FULL=1` moves gigabytes and holds connections for real seconds.
#![cfg(target_os = "linux")]

extern crate explain as handfast_explain;

mod autoconfigure;
mod bench_paths;
mod captures;
mod clients;
mod crowds;
mod dns;
mod drill;
mod endings;
mod files;
mod kernel;
mod matrix;
mod paths;
mod programs;
mod record;
mod soak;
mod support;
mod terminal;
mod trouble;
mod web;
