//! smoltcp, on any device of its kind.
//!
//! As its users run it where speed counts: release build, no log, no proto that is not needed, no congestion control (its
//! default), no timestamps (its default), trains where the device takes them.

pub(crate) mod link;
#[cfg(target_os = "linux")]
pub(crate) mod phy;

use crate::stack::Stack;
use crate::{BenchError, Ends};
use env::Instant;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpCidr};
use std::collections::VecDeque;
use std::fmt::Display;
use std::net::IpAddr;

/// A device that counts what it sends.
pub(crate) trait Counted {
    /// Frames sent so far.
    fn frames(&self) -> u64;
}

/// An interface of smoltcp, its sockets and its device.
pub(crate) struct Theirs<P> {
    interface: Interface,
    sockets: SocketSet<'static>,
    device: P,
    buffer: usize,
    local: IpAddr,
    remote: IpAddr,
    /// Sockets that listen; smoltcp turns the socket that listens into the connection.
    listening: VecDeque<SocketHandle>,
    port: u16,
    next_port: u16,
}

fn refused(call: &'static str) -> impl FnOnce(&dyn Display) -> BenchError {
    move |why| BenchError::Refused { stack: "smoltcp", call, why: why.to_string() }
}

fn micros(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

impl<P: Device> Theirs<P> {
    /// An interface at one of `ends`, with sockets of `buffer` octets each way.
    pub(crate) fn new(now: Instant, mut device: P, ends: Ends, buffer: usize) -> Result<Self, BenchError> {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut device, micros(now));
        let prefix = if ends.local.is_ipv4() { 24 } else { 64 };
        let mut fits = Ok(());
        interface.update_ip_addrs(|addresses| {
            fits = addresses.push(IpCidr::new(ends.local.into(), prefix));
        });
        fits.map_err(|_| refused("take its address")(&"no room"))?;
        Ok(Self {
            interface,
            sockets: SocketSet::new(Vec::new()),
            device,
            buffer,
            local: ends.local,
            remote: ends.remote,
            listening: VecDeque::new(),
            port: 0,
            next_port: 49_152,
        })
    }

    fn add_socket(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; self.buffer]);
        self.sockets.add(Socket::new(buffer(), buffer()))
    }

    fn socket(&mut self, id: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(id)
    }

    fn listen_again(&mut self, id: SocketHandle) -> Result<(), BenchError> {
        let port = self.port;
        self.socket(id).listen(port).map_err(|why| refused("listen")(&why))?;
        self.listening.push_back(id);
        Ok(())
    }
}

impl<P: Device + Counted> Stack for Theirs<P> {
    type Id = SocketHandle;

    const NAME: &'static str = "smoltcp";

    fn listen(&mut self, _: Instant, port: u16, at_once: usize) -> Result<(), BenchError> {
        self.port = port;
        for _ in 0..at_once {
            let id = self.add_socket();
            self.listen_again(id)?;
        }
        Ok(())
    }

    fn accept(&mut self) -> Option<SocketHandle> {
        // The first that listened takes the first that comes.
        let first = *self.listening.front()?;
        let open = matches!(self.socket(first).state(), State::Established | State::CloseWait);
        if open { self.listening.pop_front() } else { None }
    }

    fn connect(&mut self, _: Instant, port: u16) -> Result<SocketHandle, BenchError> {
        let id = self.add_socket();
        let (from, to) = ((self.local, self.next_port), (self.remote, port));
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        let socket: &mut Socket<'_> = self.sockets.get_mut(id);
        socket.connect(self.interface.context(), to, from).map_err(|why| refused("connect")(&why))?;
        Ok(id)
    }

    fn is_established(&self, id: SocketHandle) -> bool {
        self.sockets.get::<Socket<'_>>(id).state() == State::Established
    }

    fn send(&mut self, _: Instant, id: SocketHandle, octets: &[u8]) -> Result<usize, BenchError> {
        self.socket(id).send_slice(octets).map_err(|why| refused("send")(&why))
    }

    fn receive(&mut self, _: Instant, id: SocketHandle, into: &mut [u8]) -> Result<usize, BenchError> {
        let socket = self.socket(id);
        if !socket.can_recv() {
            return Ok(0);
        }
        socket.recv_slice(into).map_err(|why| refused("receive")(&why))
    }

    fn is_finished(&mut self, _: Instant, id: SocketHandle) -> bool {
        let socket = self.socket(id);
        !socket.may_recv() && !socket.can_recv()
    }

    fn close(&mut self, _: Instant, id: SocketHandle) -> Result<(), BenchError> {
        self.socket(id).close();
        Ok(())
    }

    fn forget(&mut self, _: Instant, id: SocketHandle) {
        // It is spared the TIME-WAIT that it would keep in a whole socket; one that listened listens again.
        if self.socket(id).listen_endpoint().port == 0 || self.listen_again(id).is_err() {
            self.sockets.remove(id);
        }
    }

    fn turn(&mut self, now: Instant) -> Result<(), BenchError> {
        self.interface.poll(micros(now), &mut self.device, &mut self.sockets);
        Ok(())
    }

    fn flush(&mut self, now: Instant) -> Result<(), BenchError> {
        let now = micros(now);
        while self.interface.poll_egress(now, &mut self.device, &mut self.sockets) != PollResult::None {}
        Ok(())
    }

    fn frames(&self) -> u64 {
        self.device.frames()
    }
}

#[cfg(target_os = "linux")]
impl<D: device::Device> crate::stack::Waits for Theirs<phy::Phy<D>> {
    fn wait(&mut self, now: Instant, limit: Instant) -> Result<(), BenchError> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        if let Some(why) = self.device.take_error() {
            return Err(BenchError::System { doing: "use the device", why });
        }
        let limit = limit.since(now);
        let due = self.interface.poll_delay(micros(now), &self.sockets);
        let wait = due.map_or(limit, |due| limit.min(due.into()));
        let wait = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let blocked = self.device.is_blocked();
        let Some(fd) = self.device.device().fd() else { return Ok(()) };
        let flags = if blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        match poll(&mut [PollFd::new(&fd, flags)], Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(why) => Err(BenchError::System { doing: "wait", why: why.into() }),
        }
    }
}
