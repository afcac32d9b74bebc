//! Tests in a network namespace of their own: whatever they do there, this machine's network stays as it is.
//!
//! ```text
//!   test program ─ in_namespace ─► unshare --net --mount ─► the same program, for this one test ─► body
//! ```
//!
//! Whole processes, since a namespace is a thread's: a test that starts threads and programs has them all in it. Not
//! published: tests of `driver`, `handfast` and `cli` use it.
#![cfg(target_os = "linux")]

use device::netlink::Netlink;
use std::fs::File;
use std::io::Write as _;
use std::process::Command;

/// Set in the process that is in the namespace.
const INSIDE: &str = "HANDFAST_TEST_IN_NAMESPACE";

/// Runs `body` in a network namespace of its own, with its loopback up, which is gone when it ends: the test program runs
/// itself again, for the test `name` only. Where that is not possible, or one of the programs `tools` is missing, it says
/// so loudly and skips; it fails instead when `HANDFAST_NO_SKIP` is 1.
///
/// # Panics
/// `body` failed, or there is no test `name`.
pub fn in_namespace(name: &str, tools: &[&str], body: impl FnOnce()) {
    if std::env::var(INSIDE).as_deref() == Ok(name) {
        Netlink::open().and_then(|mut netlink| netlink.set_up("lo")).expect("loopback");
        return body();
    }
    if let Some(why) = impossible(tools) {
        assert_ne!(std::env::var("HANDFAST_NO_SKIP").as_deref(), Ok("1"), "{name} cannot run here: {why}");
        // Not `eprintln`, which the test runner swallows when a test passes.
        let line = format!("SKIPPED: {name}: {why}\n");
        return std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
    }
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--"])
        // Whoever runs the tests may not listen to it (nohup), and children take after them.
        .args(["env", "--default-signal=HUP"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture", "--test-threads=1", "--include-ignored"])
        .env(INSIDE, name)
        .output()
        .expect("unshare");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}{err}");
    assert!(output.status.success(), "{name} failed in its namespace:\n{out}{err}");
    assert!(out.contains("1 passed"), "{name} did not run in its namespace:\n{out}{err}");
}

/// Why there can be no namespace here, no TUN in it, or none of the programs.
fn impossible(tools: &[&str]) -> Option<String> {
    let unshared = Command::new("unshare").args(["--net", "--mount", "true"]).output();
    if !unshared.is_ok_and(|output| output.status.success()) {
        return Some("no network namespace of its own (root? util-linux?)".to_owned());
    }
    if let Err(why) = File::options().read(true).write(true).open(device::tun::NODE) {
        return Some(format!("{}: {why}", device::tun::NODE));
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let there = |tool: &str| std::env::split_paths(&paths).any(|dir| dir.join(tool).is_file());
    let missing = tools.iter().find(|tool| !there(tool))?;
    Some(format!("{missing} is not installed"))
}
