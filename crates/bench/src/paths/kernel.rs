//! A kernel's end: a namespace of its own with a TUN to the relay, and plain sockets in it.

use super::end::{Ended, Run, Said};
use super::stream::{CHUNK, Stream};
use super::{Controller, PORT};
use crate::BenchError;
use device::kernel_tcp;
use device::namespace::Namespace;
use device::netlink::Netlink;
use device::tun::{self, Tun};
use rustix::net::sockopt::{
    Timeout, set_socket_linger, set_socket_timeout, set_tcp_congestion, tcp_congestion,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The interface.
const TUN: &str = "hfpath";
/// Packets that may wait until the relay takes them: more than any window, for none may be lost there.
const WAITING: u32 = 20_000;
/// How often a socket that has nothing to do looks whether the run is over.
const LOOK: Duration = Duration::from_millis(50);

/// A kernel's end.
#[derive(Debug)]
pub(super) struct Kernel {
    namespace: Namespace,
    controller: Controller,
}

/// Whether this user may have such an end at all.
pub(super) fn possible() -> Result<(), BenchError> {
    Kernel::new(IpAddr::V4(Ipv4Addr::new(10, 112, 0, 1)), Controller::ALL[0], false).map(drop)
}

impl Kernel {
    /// A namespace with a TUN that has `address`, and the TUN. With `probing` the kernel looks for the path's MTU by itself
    /// when it meets a black hole (tcp_mtu_probing).
    pub(super) fn new(
        address: IpAddr,
        controller: Controller,
        probing: bool,
    ) -> Result<(Self, Tun), BenchError> {
        let namespace = Namespace::new().map_err(|why| match why.kind() {
            ErrorKind::PermissionDenied => {
                BenchError::System { doing: "make network namespaces, which takes root", why }
            }
            _ => BenchError::System { doing: "make network namespaces", why },
        })?;
        let make = || -> io::Result<Tun> {
            let mut tun = tun::Options { offloads: false, ..tun::Options::new(TUN) }
                .open()
                .map_err(io::Error::other)?;
            Netlink::open()?.set_queue_length(TUN, WAITING)?;
            tun.configure(Some(1500), &[(address, 24)], &[])?;
            if probing {
                fs::write("/proc/sys/net/ipv4/tcp_mtu_probing", "1")?;
            }
            Ok(tun)
        };
        let tun = namespace.run(make).and_then(|made| made).map_err(BenchError::system("make a TUN"))?;
        Ok((Self { namespace, controller }, tun))
    }

    /// A socket of the namespace that the controller governs.
    fn socket(&self) -> io::Result<OwnedFd> {
        let name = self.controller.kernels();
        let make = || socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let socket = self.namespace.run(make)??;
        // Root may choose any that the kernel has, whatever tcp_allowed_congestion_control says.
        set_tcp_congestion(&socket, name)
            .map_err(|why| io::Error::other(format!("the kernel has no congestion control {name}: {why}")))?;
        let took = tcp_congestion(&socket)?;
        if took != name {
            return Err(io::Error::other(format!("congestion control {name} was asked for, {took} runs")));
        }
        Ok(socket)
    }

    /// Listens at `local`.
    pub(super) fn listen(&self, local: IpAddr) -> Result<TcpListener, BenchError> {
        let make = || -> io::Result<TcpListener> {
            let socket = self.socket()?;
            bind(&socket, &SocketAddr::new(local, PORT))?;
            listen(&socket, 1)?;
            set_socket_timeout(&socket, Timeout::Recv, Some(LOOK))?;
            Ok(socket.into())
        };
        make().map_err(BenchError::system("listen"))
    }

    /// Takes a connection, and reads from it until the run is over.
    pub(super) fn receive(&self, listener: &TcpListener, run: &Run<'_>) -> Result<Ended, BenchError> {
        let system = BenchError::system;
        let mut stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(why) if is_late(&why) && !run.is_over() => {}
                Err(why) => return Err(BenchError::System { doing: "accept", why }),
            }
        };
        set_socket_timeout(&stream, Timeout::Recv, Some(LOOK)).map_err(|why| system("wait")(why.into()))?;
        let (mut ended, mut expected) = (Ended::default(), Stream::new());
        let mut buffer = vec![0; CHUNK];
        while !run.is_over() {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => ended.take(run, &mut expected, buffer.get(..count).unwrap_or_default())?,
                Err(why) if is_late(&why) => {}
                Err(why) => return Err(BenchError::System { doing: "read", why }),
            }
        }
        self.ended(ended, stream)
    }

    /// Connects to `remote`, and writes until the run is over.
    pub(super) fn send(&self, remote: IpAddr, run: &Run<'_>) -> Result<Ended, BenchError> {
        let write = || -> io::Result<TcpStream> {
            let socket = self.socket()?;
            set_socket_timeout(&socket, Timeout::Send, Some(run.lasting))?;
            connect(&socket, &SocketAddr::new(remote, PORT))?;
            set_socket_timeout(&socket, Timeout::Send, Some(LOOK))?;
            let (mut stream, mut octets) = (TcpStream::from(socket), Stream::new());
            while !run.is_over() {
                match stream.write(octets.next()) {
                    Ok(count) => octets.advance(count),
                    Err(why) if is_late(&why) => {}
                    Err(why) => return Err(why),
                }
            }
            Ok(stream)
        };
        let stream = write().map_err(BenchError::system("send"))?;
        self.ended(Ended::default(), stream)
    }

    /// Takes down what the kernel says of a connection.
    fn ended(&self, ended: Ended, stream: TcpStream) -> Result<Ended, BenchError> {
        let ask = || -> io::Result<Ended> {
            let (controller, told) = (tcp_congestion(&stream)?, kernel_tcp::ask(&stream)?);
            set_socket_linger(&stream, Some(Duration::ZERO))?;
            let dropped = self.namespace.run(dropped)??;
            Ok(Ended { said: Said::Kernel { controller, told, dropped }, open: Some(stream), ..ended })
        };
        ask().map_err(BenchError::system("ask the kernel about a connection"))
    }
}

/// A time-out of [`LOOK`], or a signal.
fn is_late(why: &io::Error) -> bool {
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Packets that the kernel has dropped before the relay could take them, in this thread's namespace.
fn dropped() -> io::Result<u64> {
    let table = fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix(TUN)?.strip_prefix(':'));
    // Eight figures of what was received, then packets, octets, errors and drops of what was sent.
    let figure = line.and_then(|line| line.split_ascii_whitespace().nth(11)?.parse().ok());
    figure.ok_or_else(|| io::Error::other("/proc/net/dev does not tell of the TUN"))
}
