//! Files go both ways and stay what they are: kernel and Handfast, IPv4 and IPv6, MTU 1500 and 9000, with and without
//! offloads, over TUN and TAP; by curl against `serve`, and by `get` and `put` against a server of the kernel's.
//!
//! 8 MiB each; 1 GiB each when `HANDFAST_FULL` is 1.

use crate::support::{HANDFAST, Server, TempDir, full, in_namespace, succeed};
use crate::web;
use rustix::process::Signal;
use std::time::Instant;

fn mebibytes() -> usize {
    if full() { 1024 } else { 8 }
}

/// As the system's program reckons it, which is faster than ours in a test.
fn sum(path: impl AsRef<std::path::Path>) -> String {
    let said = succeed("sha256sum", [path.as_ref()]);
    said.split_whitespace().next().unwrap().to_owned()
}

/// Over one device with these settings.
fn move_files(kind: &str, offloads: &str, mtu: &str) {
    let dir = TempDir::new();
    dir.file("big", mebibytes() << 20);
    let hash = sum(dir.path("big"));
    let check = |name: &str, how: &str, began: Instant| {
        assert_eq!(sum(dir.path(name)), hash, "{how}: {kind}, offloads {offloads}, MTU {mtu}");
        std::fs::remove_file(dir.path(name)).unwrap();
        let rate = (mebibytes() << 23) as f64 / began.elapsed().as_secs_f64() / 1e6;
        println!("{kind} offloads {offloads:3} MTU {mtu}: {how:32} {rate:6.0} Mbit/s");
    };
    let path = |name: &str| dir.path(name).to_str().unwrap().to_owned();
    let device = [kind, "hf0", "--offloads", offloads, "--mtu", mtu];

    let mut server = Server::start(&dir, &device);
    for host in ["10.111.0.2", "[fd00:111::2]"] {
        let (big, got) = (path("big"), path("got"));
        let curl = |arguments: &[&str]| succeed("curl", ["-sSgf", "-m", "600"].iter().chain(arguments));
        let began = Instant::now();
        curl(&["-o", &got, &format!("http://{host}/big")]);
        check("got", &format!("curl from {host}"), began);
        let began = Instant::now();
        curl(&["-T", &big, &format!("http://{host}/up")]);
        check("up", &format!("curl to {host}"), began);
    }
    let (status, said) = server.end(Signal::INT);
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));

    let port = web::serve(&dir.path(""));
    let client = [kind, "hf1", "--offloads", offloads, "--mtu", mtu];
    for host in ["10.111.1.1", "[fd00:111:0:1::1]"] {
        let url = |name: &str| format!("http://{host}:{port}/{name}");
        let (big, got) = (path("big"), path("got"));
        let began = Instant::now();
        succeed(HANDFAST, ["get", "-o", &got, &url("big")].iter().chain(&client));
        check("got", &format!("get from {host}"), began);
        let began = Instant::now();
        succeed(HANDFAST, ["put", &big, &url("up")].iter().chain(&client));
        check("up", &format!("put to {host}"), began);
    }
}

#[test]
fn over_tun_with_offloads() {
    in_namespace("matrix::over_tun_with_offloads", &["curl", "sha256sum"], || {
        ["1500", "9000"].iter().for_each(|mtu| move_files("--tun", "on", mtu));
    });
}

#[test]
fn over_tun_without_offloads() {
    in_namespace("matrix::over_tun_without_offloads", &["curl", "sha256sum"], || {
        ["1500", "9000"].iter().for_each(|mtu| move_files("--tun", "off", mtu));
    });
}

#[test]
fn over_tap_with_offloads() {
    in_namespace("matrix::over_tap_with_offloads", &["curl", "sha256sum"], || {
        ["1500", "9000"].iter().for_each(|mtu| move_files("--tap", "on", mtu));
    });
}

#[test]
fn over_tap_without_offloads() {
    in_namespace("matrix::over_tap_without_offloads", &["curl", "sha256sum"], || {
        ["1500", "9000"].iter().for_each(|mtu| move_files("--tap", "off", mtu));
    });
}
