//! A network namespace for real servers: whatever they do there, this machine's network stays as it is.

use anyhow::{Context as _, Result, bail, ensure};
use handfast::device::netlink::Netlink;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Set in the process that is in the namespace.
const INSIDE: &str = "HANDFAST_EXAMPLE_IN_NAMESPACE";
/// Far longer than a server takes to start.
const HANGS: Duration = Duration::from_secs(60);

/// Whether this process is in a namespace of its own; if not, runs this program there again, with `arguments`, and waits
/// for its end.
///
/// # Errors
/// It cannot be had, or the program failed there.
pub fn inside(arguments: &[&str]) -> Result<bool> {
    if std::env::var_os(INSIDE).is_some() {
        Netlink::open()?.set_up("lo")?;
        return Ok(true);
    }
    let status = Command::new("unshare")
        .args(["--net", "--"])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .env(INSIDE, "1")
        .status()
        .context("unshare (of util-linux)")?;
    ensure!(status.success(), "it ended with {status} in its namespace");
    Ok(false)
}

/// Why there can be no namespace here, or no `programs` in it.
pub fn impossible(programs: &[&str]) -> Option<String> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let unshared = Command::new("unshare").args(["--net", "true"]).output();
    if !unshared.is_ok_and(|output| output.status.success()) {
        return Some("no network namespace of its own (root?)".to_owned());
    }
    if let Err(why) = File::options().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("/dev/net/tun: {why}"));
    }
    let missing = programs.iter().find(|name| program(name).is_none())?;
    Some(format!("{missing} is not installed"))
}

/// Where a program is: on the path, or where Debian keeps PostgreSQL's.
pub fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    std::env::split_paths(&paths)
        .chain(debian.map(|version| version.path().join("bin")))
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

/// A server that is killed when it is dropped.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts it, and waits until it says `ready` on its standard output or error.
    ///
    /// # Errors
    /// It ends first, or never says so; the error has what it said.
    pub fn start(command: &mut Command, ready: &str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let (lines, said) = channel();
        // They read on until the server ends, so that it never waits for a reader.
        let streams: [Option<Box<dyn std::io::Read + Send>>; 2] =
            [child.stdout.take().map(|s| Box::new(s) as _), child.stderr.take().map(|s| Box::new(s) as _)];
        for stream in streams.into_iter().flatten() {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    // Once it is ready nobody listens.
                    let _nobody = lines.send(line);
                }
            });
        }
        drop(lines);
        let server = Self(child);
        let mut heard = String::new();
        loop {
            let Ok(line) = said.recv_timeout(HANGS) else {
                bail!("{command:?} never said {ready:?}, but:\n{heard}");
            };
            if line.contains(ready) {
                return Ok(server);
            }
            heard += &line;
            heard.push('\n');
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
