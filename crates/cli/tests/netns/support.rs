//! What the tests have in common: `handfast serve` in a namespace, files, programs.

pub(crate) use netns::in_namespace;

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The command.
pub(crate) const HANDFAST: &str = env!("CARGO_BIN_EXE_handfast");

/// Far longer than anything here takes: what hangs shall fail.
const HANGS: Duration = Duration::from_secs(120);

/// Whether the long versions are asked for.
pub(crate) fn full() -> bool {
    std::env::var("HANDFAST_FULL").as_deref() == Ok("1")
}

/// Whether an interface is there.
pub(crate) fn there(name: &str) -> bool {
    device::netlink::Netlink::open().unwrap().link(name).is_ok()
}

/// A directory that goes away.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("handfast-netns-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file of `len` octets that repeat nowhere; gives its SHA-256.
    pub(crate) fn file(&self, name: &str, len: usize) -> String {
        let mut octets = vec![0; len];
        env::Rng::seeded(len as u64).fill(&mut octets);
        fs::write(self.path(name), &octets).unwrap();
        sha256(&octets)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets).iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(crate) fn sha256_of(path: impl AsRef<Path>) -> String {
    sha256(&fs::read(path).unwrap())
}

/// `handfast serve`, ready.
pub(crate) struct Server {
    child: Child,
    said: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Server {
    /// Starts it, and waits until it says that it serves.
    pub(crate) fn start(dir: &TempDir, arguments: &[&str]) -> Self {
        let mut server = Self::begin(dir, arguments);
        let json = arguments.contains(&"--json");
        server.wait_for(if json { r#""event":"serving""# } else { "Ctrl-C ends" });
        server
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn begin(dir: &TempDir, arguments: &[&str]) -> Self {
        let mut child = Command::new(HANDFAST)
            .arg("serve")
            .arg(&dir.0)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, said) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, said, errors: Some(errors) }
    }

    /// The next line, if there is one before it ends.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.said.recv_timeout(HANGS) {
            Err(RecvTimeoutError::Timeout) => panic!("the server says nothing; {}", self.end(Signal::KILL).1),
            line => line.ok(),
        }
    }

    /// Waits until it says something with `part` in it; gives the line.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        loop {
            match self.said.recv_timeout(HANGS) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(_) => panic!("the server never said {part:?}; {}", self.end(Signal::KILL).1),
            }
        }
    }

    /// Sends a signal and waits for the end: the exit status and what was said on standard error.
    pub(crate) fn end(&mut self, signal: Signal) -> (ExitStatus, String) {
        self.signal(signal);
        self.wait()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.errors.take().map(|errors| errors.join().unwrap()).unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The same, and it has to succeed; what it said.
pub(crate) fn succeed<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> String {
    let output = run(program, arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {}\n{said}{errors}", output.status);
    said
}
