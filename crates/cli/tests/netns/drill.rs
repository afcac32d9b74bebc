//! `handfast drill --against kernel`: scripts judged by this machine's kernel.

use crate::support::{HANDFAST, TempDir, in_namespace, there};
use std::fs;
use std::process::Command;

/// A server takes a connection, and sends what it is asked for.
const GOOD: &str = "--tolerance_usecs=500000
`sysctl -q net.ipv4.tcp_timestamps=0`
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0  > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0  accept(3, ..., ...) = 4
+0  write(4, ..., 500) = 500
+0  > P. 1:501(500) ack 1
";

#[test]
fn the_kernel_judges_scripts_and_they_may_say_that_it_differs() {
    in_namespace("drill::the_kernel_judges_scripts_and_they_may_say_that_it_differs", &["sysctl"], || {
        let dir = TempDir::new();
        let wrong = GOOD.replace("> P. 1:501", "> . 1:501");
        let scripts = [
            ("a.pkt", GOOD.to_owned()),
            ("b.pkt", format!("// differs: kernel pushes what was written\n{wrong}")),
            ("c.pkt", wrong.clone()),
            ("d.pkt", GOOD.replace("tcp_timestamps=0", "tcp_no_such_thing=0")),
        ];
        for (name, text) in scripts {
            fs::write(dir.path(name), text).unwrap();
        }
        let output = Command::new(HANDFAST)
            .args(["drill", "--against", "kernel", "--json"])
            .arg(dir.path(""))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<serde_json::Value> =
            told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let verdicts: Vec<_> = lines.iter().filter_map(|line| line["verdict"].as_str()).collect();
        assert_eq!(verdicts, ["ok", "differs", "fail", "fail"], "{told}");
        assert_eq!(lines[1]["because"], "pushes what was written");
        let counts = serde_json::json!({ "passed": 1, "failed": 2, "skipped": 0, "differing": 1 });
        assert_eq!(lines.last(), Some(&counts));
        assert_eq!(
            output.status.code(),
            Some(1),
            "two scripts failed: one for its packets, one for its command"
        );
        assert!(!there("tun0"), "the interface was another namespace's");
    });
}
