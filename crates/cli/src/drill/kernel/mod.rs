//! The Linux kernel as a host under test: judged by our scripts, and ours by what it does.
//!
//! ```text
//!   player ─ begin ──► Workers ─► system calls on sockets of a namespace of its own    a thread each, for calls may block
//!          ─ inject ─► TUN ─────► the kernel's TCP
//!          ◄─ take ─── TUN ◄─────
//!          ─ run_until: real time, till a packet or a returned call comes
//! ```
//!
//! Each script has a network namespace to itself, made for it and gone with it: nothing of one script is left for the next,
//! and nothing of this machine's own network is touched. Making one takes root. Its clock is real.

mod calls;
#[cfg(test)]
mod tests;
mod workers;

use calls::{Table, errno_of};
use device::kernel_tcp;
use device::namespace::Namespace;
use device::netlink::Netlink;
use device::tun::{self, Tun};
use env::{Duration, Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as SystemError;
use sim::packetdrill::linux;
use sim::packetdrill::subject::{
    Begun, Call, Errno, Fd, Finished, Ran, Refusal, Returned, Sent, Setup, Subject, Ticket,
};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use workers::Workers;

use device::Device as _;

/// The interface, by the name that scripts' own commands know.
const TUN: &str = "tun0";
/// What a call that should return at once is waited for, before time goes on without it.
const AT_ONCE: Duration = Duration::from_millis(50);
/// What a call that may block is waited for: so long it takes a thread to be in it.
const UNDER_WAY: Duration = Duration::from_micros(500);
/// The last part of a wait is spent looking: a sleeping thread wakes some tens of microseconds late.
const LOOKING: Duration = Duration::from_micros(80);
/// The congestion control that scripts presume unless they name one.
const CONTROLLER: &str = "cubic";

/// Options that are about how another interpreter works inside.
const WITHOUT_MEANING: [&str; 1] = ["send_omit_free"];

/// The nice value of threads that keep time.
const URGENT: i32 = -15;
/// The status of a shell that finds no such command.
const NOT_FOUND: i32 = 127;
/// How many were made.
static KERNELS: AtomicU64 = AtomicU64::new(0);

/// The kernel, with one script's sockets and interface.
pub(crate) struct Kernel {
    /// Where the script is: its commands run there.
    directory: PathBuf,
    /// What scripts' helpers take for a process of its own: they name a file by it.
    process: String,
    place: Option<Place>,
    table: Arc<Table>,
    workers: Workers,
    finished: Vec<(Ticket, Finished)>,
    sent: VecDeque<Sent>,
    began: std::time::Instant,
}

/// Where it lives.
struct Place {
    namespace: Namespace,
    tun: Tun,
    /// What every TCP socket is told to use, where the namespace's default is not what scripts presume.
    controller: Option<&'static str>,
}

/// Whether the kernel can be driven from here.
///
/// # Errors
/// A sentence that says what to do.
pub(crate) fn possible() -> Result<(), String> {
    let namespace = Namespace::new().map_err(|why| refused(&why))?;
    let opened = namespace.run(|| link().open().map(drop).map_err(io::Error::other));
    opened.and_then(|opened| opened).map_err(|why| refused(&why))
}

/// Whether the kernel takes this value for a setting, named with dots. One that it doesn't know it doesn't take.
///
/// # Errors
/// A sentence, where there is no namespace to try it in.
pub(crate) fn takes(name: &str, value: &str) -> Result<bool, String> {
    let namespace = Namespace::new().map_err(|why| refused(&why))?;
    let file = format!("/proc/sys/{}", name.replace('.', "/"));
    namespace.run(|| fs::write(file, value).is_ok()).map_err(|why| refused(&why))
}

/// The interface that scripts speak through: what it sends comes as it is.
fn link() -> tun::Options {
    tun::Options { offloads: false, ..tun::Options::new(TUN) }
}

fn refused(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::PermissionDenied => {
            "the kernel is tested in network namespaces of their own, and making one takes root: sudo"
                .to_owned()
        }
        _ => format!("no network namespace with a TUN: {why}"),
    }
}

impl Kernel {
    /// A host that is not made yet; `directory` is where the script is.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub(crate) fn new(directory: PathBuf) -> io::Result<Self> {
        // This thread, and those that it starts, before others where it may: lateness is the machine's and not the kernel's.
        let _ = rustix::process::setpriority_process(None, URGENT);
        Ok(Self {
            directory,
            process: format!("{}-{}", std::process::id(), KERNELS.fetch_add(1, Ordering::Relaxed)),
            place: None,
            table: Arc::new(Table::default()),
            workers: Workers::new()?,
            finished: Vec::new(),
            sent: VecDeque::new(),
            began: std::time::Instant::now(),
        })
    }

    fn place(&self) -> Result<&Place, Refusal> {
        self.place.as_ref().ok_or_else(|| Refusal::because("the host is not made yet"))
    }

    fn instant(&self, at: std::time::Instant) -> Instant {
        Instant::ZERO + at.saturating_duration_since(self.began)
    }

    /// Takes in all that has come, packets and calls that returned.
    fn collect(&mut self) {
        while let Some((ticket, at, returned)) = self.workers.finished() {
            let at = self.instant(at);
            self.finished.push((ticket, Finished { at, returned }));
        }
        let Some(fd) = self.place.as_ref().and_then(|place| place.tun.fd()) else { return };
        let mut octets = vec![0; 65_536];
        let mut packets = Vec::new();
        // A TUN that has nothing says EAGAIN; one that is gone says so when the next packet is injected.
        while let Ok(count) = rustix::io::read(fd, &mut octets) {
            packets.push((std::time::Instant::now(), octets.get(..count).unwrap_or_default().to_vec()));
        }
        for (at, packet) in packets {
            if !is_to_a_group(&packet) {
                let at = self.instant(at);
                self.sent.push_back(Sent { at, packet });
            }
        }
    }

    /// Makes the namespace, its interface, addresses and routes.
    fn make(setup: &Setup<'_>) -> io::Result<Place> {
        let namespace = Namespace::new()?;
        let (local, gateway) = (setup.local, setup.gateway);
        let everywhere: (IpAddr, u8) = match local {
            IpAddr::V4(_) => (IpAddr::from([0; 4]), 0),
            IpAddr::V6(_) => (IpAddr::from([0; 16]), 0),
        };
        let make = || -> io::Result<Tun> {
            // No router is asked for, and no address is looked for twice: the link has one end.
            for (name, value) in [("router_solicitations", "0"), ("accept_dad", "0"), ("accept_ra", "0")] {
                let _ = fs::write(format!("/proc/sys/net/ipv6/conf/default/{name}"), value);
            }
            let mut tun = link().open().map_err(io::Error::other)?;
            tun.configure(Some(setup.mtu), &[(local, setup.prefix)], &[])?;
            let mut netlink = Netlink::open()?;
            netlink.set_up("lo")?;
            netlink.wait_until_local(local)?;
            netlink.add_route(everywhere.0, everywhere.1, TUN, Some(gateway))?;
            Ok(tun)
        };
        let tun = namespace.run(make)??;
        Ok(Place { namespace, tun, controller: None })
    }

    /// Runs shell text in the namespace, where the script is.
    fn shell(&self, text: &str) -> Result<Ran, Refusal> {
        let place = self.place()?;
        let directory = &self.directory;
        let process = &self.process;
        // The file that they name is of this script, however many others are played.
        let text = &text.replace("${PPID}", process);
        let run = || {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(text).current_dir(directory).env("PACKETDRILL_PID", process).output()
        };
        let output = place.namespace.run(run).and_then(|output| output);
        let output = output.map_err(|why| Refusal::because(format!("`{text}` cannot be run: {why}")))?;
        if output.status.success() {
            return Ok(Ran::Well);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        // The status is that of the last command, and so is what was said last.
        let said = said.lines().next_back().unwrap_or("it says nothing");
        if output.status.code() == Some(NOT_FOUND) {
            return Err(Refusal::because(format!("this machine has no such command: {said}")));
        }
        if said.contains("qdisc kind is unknown") {
            return Err(Refusal::because(format!("this kernel was built without it: {said}")));
        }
        Ok(Ran::Badly(format!("{}: {said}", output.status)))
    }

    /// The namespace begins with the controller that is this machine's; scripts presume another.
    fn presume_controller(&mut self) -> io::Result<()> {
        const DEFAULT: &str = "/proc/sys/net/ipv4/tcp_congestion_control";
        let machines = fs::read_to_string(DEFAULT)?;
        let Some(place) = &mut self.place else { return Ok(()) };
        let here = place.namespace.run(|| fs::read_to_string(DEFAULT))??;
        // Who chose another one in the script's commands has it already.
        if here == machines && here.trim() != CONTROLLER {
            place.controller = Some(CONTROLLER);
        }
        Ok(())
    }

    fn socket(&self, v6: bool, kind: i32, protocol: i32) -> Result<Returned, Refusal> {
        let place = self.place()?;
        let made = place.namespace.run(|| device::kernel_socket::socket(v6, kind, protocol));
        let made = match made.and_then(|made| made) {
            Ok(made) => made,
            Err(why) => return Ok(Returned::error(errno_of(&why))),
        };
        let controller = place.controller.filter(|_| kind & 0xf == linux::SOCK_STREAM as i32);
        if let Some(name) = controller {
            rustix::net::sockopt::set_tcp_congestion(&made, name).map_err(|why| {
                Refusal::because(format!("this kernel has no congestion control {name}: {why}"))
            })?;
        }
        Ok(Returned::value(self.table.put(made).0.into()))
    }
}

impl Subject for Kernel {
    fn name(&self) -> String {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!("linux {}", release.trim())
    }

    fn configure(&mut self, setup: &Setup<'_>) -> Result<Ran, Refusal> {
        if let Some((name, _)) = setup.options.iter().find(|(name, _)| !WITHOUT_MEANING.contains(name)) {
            return Err(Refusal::because(format!("the option --{name} is not known for the kernel")));
        }
        let place = Self::make(setup).map_err(|why| Refusal::because(refused(&why)))?;
        self.place = Some(place);
        for command in &setup.commands {
            let ran = self.shell(command)?;
            if ran != Ran::Well {
                return Ok(ran);
            }
        }
        self.presume_controller().map_err(|why| Refusal::because(format!("no congestion control: {why}")))?;
        // What the interface says when it comes up is nobody's business.
        self.collect();
        self.sent.clear();
        self.began = std::time::Instant::now();
        Ok(Ran::Well)
    }

    fn command(&mut self, line: &str) -> Result<Ran, Refusal> {
        self.shell(line)
    }

    fn now(&self) -> Instant {
        self.instant(std::time::Instant::now())
    }

    fn run_until(&mut self, deadline: Instant) {
        loop {
            let before = (self.sent.len(), self.finished.len());
            self.collect();
            let now = self.now();
            if before != (self.sent.len(), self.finished.len()) || now >= deadline {
                return;
            }
            let left = deadline.since(now);
            let asleep = Timespec::try_from(left.saturating_sub(LOOKING));
            let Some(fd) = self.place.as_ref().and_then(|place| place.tun.fd()) else { return };
            let mut fds = [
                PollFd::from_borrowed_fd(fd, PollFlags::IN),
                PollFd::from_borrowed_fd(self.workers.bell(), PollFlags::IN),
            ];
            match poll(&mut fds, asleep.ok().as_ref()) {
                Ok(_) | Err(SystemError::INTR) => {}
                // Nothing to sleep on: look until the time has come.
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    fn begin(&mut self, call: &Call, may_block: bool) -> Result<Begun, Refusal> {
        if let Call::Socket { v6, kind, protocol } = call {
            return self.socket(*v6, *kind, *protocol).map(Begun::Done);
        }
        calls::known(call)?;
        let patience = if may_block { UNDER_WAY } else { AT_ONCE };
        let begun = self.workers.begin(&self.table, call.clone(), patience);
        begun.map_err(|why| Refusal::because(format!("no thread for a call: {why}")))
    }

    fn finished(&mut self, ticket: Ticket) -> Option<Finished> {
        let index = self.finished.iter().position(|(known, _)| *known == ticket)?;
        Some(self.finished.remove(index).1)
    }

    fn inject(&mut self, packet: &[u8]) {
        if let Some(fd) = self.place.as_ref().and_then(|place| place.tun.fd()) {
            // A packet that the kernel will not have is a lost packet: what the script expects of it does not come.
            let _ = rustix::io::write(fd, packet);
        }
    }

    fn take(&mut self) -> Option<Sent> {
        if self.sent.is_empty() {
            self.collect();
        }
        self.sent.pop_front()
    }

    fn tcp_info(&mut self, fd: Fd) -> Result<Vec<(&'static str, i64)>, Errno> {
        let socket = self.table.get(fd).ok_or(linux::EBADF)?;
        kernel_tcp::fields(socket.as_fd()).map_err(|why| errno_of(&why))
    }
}

/// Calls that still block are told to return: their sockets are shut down.
impl Drop for Kernel {
    fn drop(&mut self) {
        self.table.close_all();
        // What would restore settings of a namespace that is gone; most scripts made none.
        let _ = fs::remove_file(format!("/tmp/sysctl_restore_{}.sh", self.process));
    }
}

/// Whether a packet is for a group: what interfaces send of themselves (MLD, IGMP, router solicitations), no script's.
fn is_to_a_group(packet: &[u8]) -> bool {
    match packet.first().map(|first| first >> 4) {
        Some(4) => packet.get(16).is_some_and(|first| first & 0xf0 == 0xe0),
        Some(6) => packet.get(24) == Some(&0xff),
        _ => false,
    }
}
