//! What people see at a terminal: bars, colours, and what is left on the screen after Ctrl-C.
//!
//! ```text
//!   keys ─► script(1): a terminal, 90 columns ─► handfast ─► octets ─► vt100 ─► the screen, as it would look
//! ```

use crate::support::{HANDFAST, TempDir, in_namespace, sha256_of, there};
use crate::web;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

const TOOLS: [&str; 2] = ["script", "stty"];
const ROWS: u16 = 24;
const COLUMNS: u16 = 90;
/// Variables by which whoever runs the tests has a say in colours. With `CI` even a dumb terminal has them.
const SAYS: [&str; 5] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "CI"];

/// What the screen shows.
struct Seen {
    parser: vt100::Parser,
    code: Option<i32>,
}

impl Seen {
    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Whether any cell is more than plain.
    fn is_coloured(&self) -> bool {
        let cells = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| self.parser.screen().cell(row, column))
            .any(|cell| cell.fgcolor() != vt100::Color::Default || cell.bold() || cell.dim())
    }
}

/// Runs a command at a terminal to its end. `watch` sees the screen whenever it has changed, and may press keys.
fn at_terminal(arguments: &str, watch: impl FnMut(&str) -> &'static str) -> Seen {
    under("", arguments, watch)
}

/// The same, with variables of the environment.
fn under(variables: &str, arguments: &str, mut watch: impl FnMut(&str) -> &'static str) -> Seen {
    let line = format!("stty rows {ROWS} cols {COLUMNS}; exec env {variables} {HANDFAST} {arguments}");
    let mut script = Command::new("script");
    for name in SAYS {
        script.env_remove(name);
    }
    let mut child = script
        .args(["-q", "-e", "-f", "-c", &line, "/dev/null"])
        .envs([("TERM", "xterm-256color"), ("SHELL", "/bin/sh")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Seen { parser: vt100::Parser::new(ROWS, COLUMNS, 0), code: None };
    let mut buffer = [0; 4096];
    loop {
        match output.read(&mut buffer).unwrap() {
            0 => break,
            count => seen.parser.process(&buffer[..count]),
        }
        let press = watch(&seen.text());
        if !press.is_empty() {
            keys.write_all(press.as_bytes()).unwrap();
        }
    }
    drop(keys);
    seen.code = child.wait().unwrap().code();
    seen
}

/// A bar with its figures.
fn is_bar(screen: &str) -> bool {
    screen.contains('█') && screen.contains(" %  ") && screen.contains(" left")
}

#[test]
fn a_bar_grows_and_makes_room_for_what_came_of_it() {
    in_namespace("terminal::a_bar_grows_and_makes_room_for_what_came_of_it", &TOOLS, || {
        let dir = TempDir::new();
        let hash = dir.file("big", 2_000_000);
        let port = web::serve(&dir.path(""));
        let got = dir.path("got");
        let get = format!("get http://10.111.1.1:{port}/big -o {} --link rate=16mbit", got.display());
        let mut lengths = Vec::new();
        let seen = at_terminal(&get, |screen| {
            if is_bar(screen) {
                lengths.push(screen.matches('█').count());
            }
            ""
        });
        assert!(lengths.is_sorted() && lengths.first() < lengths.last(), "{lengths:?}");
        let text = seen.text();
        assert_eq!(seen.code, Some(0), "{text}");
        assert!(text.contains("2000000 octets in") && !is_bar(&text), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(sha256_of(&got), hash);
    });
}

#[test]
fn ctrl_c_ends_a_bar_and_leaves_the_terminal_as_it_was() {
    in_namespace("terminal::ctrl_c_ends_a_bar_and_leaves_the_terminal_as_it_was", &TOOLS, || {
        let dir = TempDir::new();
        dir.file("big", 20_000_000);
        let port = web::serve(&dir.path(""));
        let got = dir.path("got");
        let url = format!("http://10.111.1.1:{port}");
        let get = format!("get {url}/big -o {} --link rate=16mbit", got.display());
        let put = format!("put {} {url}/up --link rate=16mbit", dir.path("big").display());
        for command in [get, put] {
            let mut pressed = false;
            let seen = at_terminal(&command, |screen| {
                let press = is_bar(screen) && !std::mem::replace(&mut pressed, is_bar(screen));
                if press { "\x03" } else { "" }
            });
            let text = seen.text();
            assert_eq!((seen.code, pressed), (Some(130), true), "{text}");
            // The ^C that the terminal shows behind a bar as wide as itself begins a line: such a bar stays above it.
            assert!(text.contains("handfast: interrupted after "), "{text}");
            let screen = seen.parser.screen();
            assert!(!screen.hide_cursor(), "the cursor is there");
            assert_eq!(screen.cursor_position().1, 0, "what is written next begins a line: {text}");
            assert!(!screen.alternate_screen() && !there("hf1"));
        }
    });
}

#[test]
fn a_ladder_is_coloured_at_a_terminal_unless_somebody_said_otherwise() {
    in_namespace(
        "terminal::a_ladder_is_coloured_at_a_terminal_unless_somebody_said_otherwise",
        &TOOLS,
        || {
            let ping = "ping -c 1 10.111.1.1 --trace";
            for (variables, coloured) in [("", true), ("NO_COLOR=1", false), ("TERM=dumb", false)] {
                let seen = under(variables, ping, |_| "");
                let text = seen.text();
                assert_eq!(seen.code, Some(0), "{text}");
                assert!(text.contains("ICMP echo reply"), "{text}");
                assert_eq!(seen.is_coloured(), coloured, "{variables}: {text}");
            }
        },
    );
}
