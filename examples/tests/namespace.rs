//! The examples that talk to real servers, each in a network namespace of its own.

#[allow(dead_code)]
#[path = "../postgres.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "../redis.rs"]
mod redis;

use handfast_examples::namespace::{impossible, inside};
use std::io::Write as _;

/// Runs `body` in a namespace, by running this program again for the test `name` only. Where that is not possible it says
/// so loudly and skips; it fails instead when `HANDFAST_NO_SKIP` is 1.
fn in_namespace(name: &str, programs: &[&str], body: impl Future<Output = ()>) {
    if let Some(why) = impossible(programs) {
        assert_ne!(std::env::var("HANDFAST_NO_SKIP").as_deref(), Ok("1"), "{name} cannot run here: {why}");
        // Not `eprintln`, which the test runner swallows when a test passes.
        std::io::stderr().write_all(format!("SKIPPED: {name}: {why}\n").as_bytes()).unwrap();
        return;
    }
    if inside(&["--exact", name, "--nocapture", "--test-threads=1"]).unwrap() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(body);
    }
}

#[test]
fn a_redis_client_and_the_real_server() {
    in_namespace("a_redis_client_and_the_real_server", &["redis-server"], async {
        let kept = self::redis::run().await.unwrap();
        let greeting = "hello over handfast".to_owned();
        assert_eq!(kept, self::redis::Kept { greeting, octets: 4 << 20, count: 1000 });
    });
}

#[test]
fn a_postgres_client_and_the_real_server() {
    let programs = ["postgres", "initdb", "setpriv"];
    in_namespace("a_postgres_client_and_the_real_server", &programs, async {
        let said = self::postgres::run().await.unwrap();
        assert_eq!(said.rows, (50_000, 50_000 * 50_001 / 2));
        assert_eq!(said.refused, "28P01", "the wrong password");
        assert!(said.version.starts_with(|digit: char| digit.is_ascii_digit()), "{}", said.version);
    });
}
