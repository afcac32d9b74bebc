//! UDP: `UdpSocket`.

use crate::methods;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{Interest, ReadBuf, Ready};

methods! {
    tokio { use tokio::net::UdpSocket; }
    ours { use handfast::net::UdpSocket; }

    UdpSocket {
        has {
            waits bind(addr: &'a str) -> io::Result<UdpSocket>;
            waits connect(s: &'a UdpSocket, addr: SocketAddr) -> io::Result<()>;
            waits ready(s: &'a UdpSocket, interest: Interest) -> io::Result<Ready>;
            waits writable(s: &'a UdpSocket) -> io::Result<()>;
            waits readable(s: &'a UdpSocket) -> io::Result<()>;
            waits send(s: &'a UdpSocket, buf: &'a [u8]) -> io::Result<usize>;
            waits send_to(s: &'a UdpSocket, buf: &'a [u8], target: (&'a str, u16)) -> io::Result<usize>;
            waits recv(s: &'a UdpSocket, buf: &'a mut [u8]) -> io::Result<usize>;
            waits recv_from(s: &'a UdpSocket, buf: &'a mut [u8]) -> io::Result<(usize, SocketAddr)>;
            waits recv_buf(s: &'a UdpSocket, buf: &'a mut Vec<u8>) -> io::Result<usize>;
            waits recv_buf_from(s: &'a UdpSocket, buf: &'a mut Vec<u8>) -> io::Result<(usize, SocketAddr)>;
            waits peek(s: &'a UdpSocket, buf: &'a mut [u8]) -> io::Result<usize>;
            waits peek_from(s: &'a UdpSocket, buf: &'a mut [u8]) -> io::Result<(usize, SocketAddr)>;
            waits peek_sender(s: &'a UdpSocket) -> io::Result<SocketAddr>;
            waits async_io(s: &'a UdpSocket, interest: Interest, f: fn() -> io::Result<u8>) -> io::Result<u8>;
            sync local_addr(s: &UdpSocket) -> io::Result<SocketAddr>;
            sync peer_addr(s: &UdpSocket) -> io::Result<SocketAddr>;
            sync poll_send_ready(s: &UdpSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
            sync poll_send(s: &UdpSocket, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;
            sync poll_send_to(s: &UdpSocket, cx: &mut Context<'_>, buf: &[u8], to: SocketAddr) -> Poll<io::Result<usize>>;
            sync poll_recv_ready(s: &UdpSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
            sync poll_recv(s: &UdpSocket, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
            sync poll_recv_from(s: &UdpSocket, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>>;
            sync poll_peek(s: &UdpSocket, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
            sync poll_peek_from(s: &UdpSocket, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>>;
            sync poll_peek_sender(s: &UdpSocket, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>>;
            sync try_send(s: &UdpSocket, buf: &[u8]) -> io::Result<usize>;
            sync try_send_to(s: &UdpSocket, buf: &[u8], target: SocketAddr) -> io::Result<usize>;
            sync try_recv(s: &UdpSocket, buf: &mut [u8]) -> io::Result<usize>;
            sync try_recv_from(s: &UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
            sync try_recv_buf(s: &UdpSocket, buf: &mut Vec<u8>) -> io::Result<usize>;
            sync try_recv_buf_from(s: &UdpSocket, buf: &mut Vec<u8>) -> io::Result<(usize, SocketAddr)>;
            sync try_peek(s: &UdpSocket, buf: &mut [u8]) -> io::Result<usize>;
            sync try_peek_from(s: &UdpSocket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
            sync try_peek_sender(s: &UdpSocket) -> io::Result<SocketAddr>;
            sync try_io(s: &UdpSocket, interest: Interest, f: fn() -> io::Result<u8>) -> io::Result<u8>;
            sync broadcast(s: &UdpSocket) -> io::Result<bool>;
            sync set_broadcast(s: &UdpSocket, on: bool) -> io::Result<()>;
            sync multicast_loop_v4(s: &UdpSocket) -> io::Result<bool>;
            sync set_multicast_loop_v4(s: &UdpSocket, on: bool) -> io::Result<()>;
            sync multicast_loop_v6(s: &UdpSocket) -> io::Result<bool>;
            sync set_multicast_loop_v6(s: &UdpSocket, on: bool) -> io::Result<()>;
            sync multicast_ttl_v4(s: &UdpSocket) -> io::Result<u32>;
            sync set_multicast_ttl_v4(s: &UdpSocket, ttl: u32) -> io::Result<()>;
            sync ttl(s: &UdpSocket) -> io::Result<u32>;
            sync set_ttl(s: &UdpSocket, ttl: u32) -> io::Result<()>;
            sync tos(s: &UdpSocket) -> io::Result<u32>;
            sync set_tos(s: &UdpSocket, tos: u32) -> io::Result<()>;
            sync tos_v4(s: &UdpSocket) -> io::Result<u32>;
            sync set_tos_v4(s: &UdpSocket, tos: u32) -> io::Result<()>;
            sync tclass_v6(s: &UdpSocket) -> io::Result<u32>;
            sync set_tclass_v6(s: &UdpSocket, tclass: u32) -> io::Result<()>;
            sync join_multicast_v4(s: &UdpSocket, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()>;
            sync join_multicast_v6(s: &UdpSocket, group: &Ipv6Addr, interface: u32) -> io::Result<()>;
            sync leave_multicast_v4(s: &UdpSocket, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()>;
            sync leave_multicast_v6(s: &UdpSocket, group: &Ipv6Addr, interface: u32) -> io::Result<()>;
            sync take_error(s: &UdpSocket) -> io::Result<Option<io::Error>>;
        }
        traits {
            "Debug": std::fmt::Debug;
        }
        left out {
            "from_std": "a socket of the kernel's is on another network than the stack's";
            "into_std": "a socket of ours is none of the kernel's";
            "bind_device": "interfaces of a stack have numbers: `UdpSend::interface`, `UdpOptions::multicast_interface`";
            "device": "as `bind_device`";
            "TryFrom<std::net::UdpSocket>": "as `from_std`";
            "AsRawFd": "a socket of ours has no descriptor; code that needs one wants the kernel's stack";
            "AsFd": "as `AsRawFd`";
        }
        beyond { "`bind_on`; `datagram`, `train`, `send_datagram` and their `try_` and `poll_` forms: ECN marks, destinations, trains, without a copy; `options`, `path`, `counters`" }
    }
}

/// What differs though the signatures do not.
pub(crate) const DIFFERENCES: &str = "
## Where UDP sockets differ on purpose

| what | the kernel's | ours |
|---|---|---|
| a socket at `[::]` | hears IPv4, too, unless told otherwise | hears both, always |
| TTL, TOS and loop settings | one for each IP version | one for both: a socket that is bound to an address has but one |
| a pending error | does not end `readable()`, but `recv()` | ends both |
| sending without a destination, or too much | errors without a kind | `NotConnected`, `InvalidInput` |
";
