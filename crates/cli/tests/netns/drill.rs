//! `handfast drill --against kernel`: scripts judged by this machine's kernel.

use crate::support::{HANDFAST, TempDir, full, in_namespace, there};
use serde_json::Value;
use sim::packetdrill::find::scripts_below;
use std::fs;
use std::path::{Path, PathBuf};
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
        let remark = "// differs: kernel pushes what was written\n";
        let there_it_is = "+0  > . 1:501";
        let scripts = [
            ("a.pkt", GOOD.to_owned()),
            ("b.pkt", wrong.replace(there_it_is, &format!("{remark}{there_it_is}"))),
            ("c.pkt", wrong.clone()),
            ("d.pkt", GOOD.replace("tcp_timestamps=0", "tcp_no_such_thing=0")),
            ("e.pkt", wrong.replace("+0  listen", &format!("{remark}+0  listen"))),
            ("f.pkt", GOOD.replace("+0  listen", &format!("{remark}+0  listen"))),
            ("g.pkt", format!("// needs: kernel net.ipv4.tcp_no_such_thing=0\n{GOOD}")),
        ];
        for (name, text) in scripts {
            fs::write(dir.path(name), text).unwrap();
        }
        let (code, lines) = drilled(&[dir.path("")]);
        let verdicts: Vec<_> = lines.iter().filter_map(|line| line["verdict"].as_str()).collect();
        assert_eq!(verdicts, ["ok", "differs", "fail", "fail", "fail", "ok", "skip"], "{lines:?}");
        assert_eq!(lines[1]["because"], "pushes what was written");
        assert_eq!(lines[1]["differences"][0]["field"], "PSH");
        assert_eq!(lines[5]["stale"], serde_json::json!([6]), "nothing differs there");
        let counts = serde_json::json!(
            { "passed": 2, "failed": 3, "skipped": 1, "differing": 1, "stale": 1 }
        );
        assert_eq!(lines.last(), Some(&counts));
        assert_eq!(
            code,
            Some(1),
            "one failed for its command, and two for packets that nobody said would differ"
        );
        assert!(!there("tun0"), "the interface was another namespace's");
    });
}

/// Has the kernel judge scripts.
fn drilled(paths: &[PathBuf]) -> (Option<i32>, Vec<Value>) {
    let output = Command::new(HANDFAST).args(["drill", "--against", "kernel", "--json"]).args(paths).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    (output.status.code(), lines.collect())
}

/// Every so many of our scripts are judged; with `HANDFAST_FULL=1`, all of them.
const STRIDE: usize = 12;

#[test]
fn the_kernel_agrees_with_our_scripts_but_where_they_say_why_not() {
    in_namespace("drill::the_kernel_agrees_with_our_scripts_but_where_they_say_why_not", &["sysctl"], || {
        let scripts = scripts_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/scripts")).unwrap();
        let stride = if full() { 1 } else { STRIDE };
        let scripts: Vec<PathBuf> = scripts.into_iter().step_by(stride).collect();
        let (code, lines) = drilled(&scripts);
        let failed: Vec<_> = lines.iter().filter(|line| line["verdict"] == "fail").collect();
        assert!(failed.is_empty() && code == Some(0), "{failed:#?}");
        let counts = lines.last().unwrap();
        let (passed, differing) = (&counts["passed"], &counts["differing"]);
        let (passed, differing) = (passed.as_u64().unwrap(), differing.as_u64().unwrap());
        assert!(passed > 0 && passed >= 9 * differing, "{counts}: nine of ten agree");
    });
}
