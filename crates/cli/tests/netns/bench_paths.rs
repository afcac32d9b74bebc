//! `handfast bench paths`: what it says, whatever the figures are.

use super::support::{HANDFAST, in_namespace, run, succeed};

#[test]
fn every_pair_moves_octets_over_the_path_and_says_what_ran() {
    in_namespace("bench_paths::every_pair_moves_octets_over_the_path_and_says_what_ran", &[], || {
        let asked = "bench paths --json --only clean --controller newreno --rtt 20 --time 1 --runs 1";
        let said: serde_json::Value = serde_json::from_str(&succeed(HANDFAST, asked.split(' '))).unwrap();
        let lines = said["lines"].as_array().unwrap();
        assert_eq!(lines.len(), 1, "{said}");
        assert_eq!((&lines[0]["path"], &lines[0]["rtt_ms"]), (&"clean".into(), &20.into()));
        let pairs = lines[0]["pairs"].as_array().unwrap();
        let named: Vec<_> = pairs.iter().filter_map(|pair| pair["pair"].as_str()).collect();
        assert_eq!(named, ["kernel-kernel", "handfast-kernel", "kernel-handfast", "handfast-handfast"]);
        for pair in pairs {
            let run = &pair["runs"][0];
            let octets: u64 =
                run["octets_by_tenth"].as_array().unwrap().iter().filter_map(|tenth| tenth.as_u64()).sum();
            assert!(octets > 100_000, "{pair}");
            assert!(pair["mbit"].as_f64().unwrap() > 0.0 && pair["ratio"].as_f64().unwrap() > 0.0, "{pair}");
            let ours = pair["pair"].as_str().is_some_and(|name| name.starts_with("handfast"));
            assert_eq!(run["sender"]["stack"], if ours { "handfast" } else { "kernel" });
            if !ours {
                assert_eq!(run["sender"]["controller"], "reno", "the one that was asked for has run");
            }
        }
    });
}

#[test]
fn a_path_that_nobody_knows_is_refused_with_those_there_are() {
    let output = run(HANDFAST, ["bench", "paths", "--only", "muddy"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("muddy") && said.contains("reorder"), "{said}");
}
