//! TCP: `TcpStream`, its halves, `TcpListener` and `TcpSocket`.

use crate::methods;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

type Accepted<S> = Poll<io::Result<(S, SocketAddr)>>;

methods! {
    tokio {
        use tokio::net::{TcpListener, TcpSocket, TcpStream};
        use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
    }
    ours {
        use handfast::net::{TcpListener, TcpSocket, TcpStream};
        use handfast::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
    }

    TcpStream {
        has {
            waits connect(to: (&'a str, u16)) -> io::Result<TcpStream>;
            sync local_addr(s: &TcpStream) -> io::Result<SocketAddr>;
            sync peer_addr(s: &TcpStream) -> io::Result<SocketAddr>;
            sync take_error(s: &TcpStream) -> io::Result<Option<io::Error>>;
            waits peek(s: &'a TcpStream, into: &'a mut [u8]) -> io::Result<usize>;
            sync poll_peek(s: &TcpStream, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<usize>>;
            waits ready(s: &'a TcpStream, to: Interest) -> io::Result<Ready>;
            waits readable(s: &'a TcpStream) -> io::Result<()>;
            sync poll_read_ready(s: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
            sync try_read(s: &TcpStream, into: &mut [u8]) -> io::Result<usize>;
            sync try_read_vectored(s: &TcpStream, into: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
            sync try_read_buf(s: &TcpStream, into: &mut Vec<u8>) -> io::Result<usize>;
            waits writable(s: &'a TcpStream) -> io::Result<()>;
            sync poll_write_ready(s: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
            sync try_write(s: &TcpStream, data: &[u8]) -> io::Result<usize>;
            sync try_write_vectored(s: &TcpStream, data: &[IoSlice<'_>]) -> io::Result<usize>;
            sync try_io(s: &TcpStream, to: Interest, f: fn() -> io::Result<u8>) -> io::Result<u8>;
            waits async_io(s: &'a TcpStream, to: Interest, f: fn() -> io::Result<u8>) -> io::Result<u8>;
            sync nodelay(s: &TcpStream) -> io::Result<bool>;
            sync set_nodelay(s: &TcpStream, on: bool) -> io::Result<()>;
            sync quickack(s: &TcpStream) -> io::Result<bool>;
            sync set_quickack(s: &TcpStream, on: bool) -> io::Result<()>;
            sync linger(s: &TcpStream) -> io::Result<Option<Duration>>;
            sync set_linger(s: &TcpStream, to: Option<Duration>) -> io::Result<()>;
            sync set_zero_linger(s: &TcpStream) -> io::Result<()>;
            sync ttl(s: &TcpStream) -> io::Result<u32>;
            sync set_ttl(s: &TcpStream, to: u32) -> io::Result<()>;
            sync split(s: &'a mut TcpStream) -> (ReadHalf<'a>, WriteHalf<'a>);
            sync into_split(s: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf);
        }
        traits {
            "AsyncRead": AsyncRead;
            "AsyncWrite": AsyncWrite;
            "Debug": std::fmt::Debug;
            "AsRef<Self>": AsRef<TcpStream>;
        }
        left out {
            "from_std": "a stream of the kernel is none of ours: there is nothing to adopt";
            "into_std": "a stream of ours has no descriptor that the kernel knows";
            "TryFrom<std::net::TcpStream>": "as `from_std`";
            "AsRawFd": "a stream of ours has no descriptor; code that needs one wants the kernel's stack";
            "AsFd": "as `AsRawFd`";
        }
        beyond { "`connect_on`, `connect_from`, `read_chunk`, `write_bytes`, `write_record`, `try_write_bytes`, `abort`, `status`, `info`, buffer sizes, the unsent limit, keep-alive and the user timeout" }
    }

    ReadHalf {
        has {
            waits peek(s: &'a mut ReadHalf<'a>, into: &'a mut [u8]) -> io::Result<usize>;
            sync poll_peek(s: &mut ReadHalf<'_>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<usize>>;
            waits ready(s: &'a ReadHalf<'a>, to: Interest) -> io::Result<Ready>;
            waits readable(s: &'a ReadHalf<'a>) -> io::Result<()>;
            sync try_read(s: &ReadHalf<'_>, into: &mut [u8]) -> io::Result<usize>;
            sync try_read_vectored(s: &ReadHalf<'_>, into: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
            sync try_read_buf(s: &ReadHalf<'_>, into: &mut Vec<u8>) -> io::Result<usize>;
            sync peer_addr(s: &ReadHalf<'_>) -> io::Result<SocketAddr>;
            sync local_addr(s: &ReadHalf<'_>) -> io::Result<SocketAddr>;
        }
        traits {
            "AsyncRead": AsyncRead;
            "AsRef<TcpStream>": AsRef<TcpStream>;
        }
        left out {}
        beyond { "`read_chunk`" }
    }

    WriteHalf {
        has {
            waits ready(s: &'a WriteHalf<'a>, to: Interest) -> io::Result<Ready>;
            waits writable(s: &'a WriteHalf<'a>) -> io::Result<()>;
            sync try_write(s: &WriteHalf<'_>, data: &[u8]) -> io::Result<usize>;
            sync try_write_vectored(s: &WriteHalf<'_>, data: &[IoSlice<'_>]) -> io::Result<usize>;
            sync peer_addr(s: &WriteHalf<'_>) -> io::Result<SocketAddr>;
            sync local_addr(s: &WriteHalf<'_>) -> io::Result<SocketAddr>;
        }
        traits {
            "AsyncWrite": AsyncWrite;
            "AsRef<TcpStream>": AsRef<TcpStream>;
        }
        left out {}
        beyond { "`write_bytes`, `write_record`" }
    }

    OwnedReadHalf {
        has {
            sync reunite(s: OwnedReadHalf, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError>;
            waits peek(s: &'a mut OwnedReadHalf, into: &'a mut [u8]) -> io::Result<usize>;
            sync poll_peek(s: &mut OwnedReadHalf, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<usize>>;
            waits ready(s: &'a OwnedReadHalf, to: Interest) -> io::Result<Ready>;
            waits readable(s: &'a OwnedReadHalf) -> io::Result<()>;
            sync try_read(s: &OwnedReadHalf, into: &mut [u8]) -> io::Result<usize>;
            sync try_read_vectored(s: &OwnedReadHalf, into: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
            sync try_read_buf(s: &OwnedReadHalf, into: &mut Vec<u8>) -> io::Result<usize>;
            sync peer_addr(s: &OwnedReadHalf) -> io::Result<SocketAddr>;
            sync local_addr(s: &OwnedReadHalf) -> io::Result<SocketAddr>;
        }
        traits {
            "AsyncRead": AsyncRead;
            "AsRef<TcpStream>": AsRef<TcpStream>;
        }
        left out {}
        beyond { "`read_chunk`" }
    }

    OwnedWriteHalf {
        has {
            sync reunite(s: OwnedWriteHalf, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError>;
            sync forget(s: OwnedWriteHalf) -> ();
            waits ready(s: &'a OwnedWriteHalf, to: Interest) -> io::Result<Ready>;
            waits writable(s: &'a OwnedWriteHalf) -> io::Result<()>;
            sync try_write(s: &OwnedWriteHalf, data: &[u8]) -> io::Result<usize>;
            sync try_write_vectored(s: &OwnedWriteHalf, data: &[IoSlice<'_>]) -> io::Result<usize>;
            sync peer_addr(s: &OwnedWriteHalf) -> io::Result<SocketAddr>;
            sync local_addr(s: &OwnedWriteHalf) -> io::Result<SocketAddr>;
        }
        traits {
            "Drop": Drop;
            "AsyncWrite": AsyncWrite;
            "AsRef<TcpStream>": AsRef<TcpStream>;
        }
        left out {}
        beyond { "`write_bytes`, `write_record`" }
    }

    TcpListener {
        has {
            waits bind(at: (&'a str, u16)) -> io::Result<TcpListener>;
            waits accept(l: &'a TcpListener) -> io::Result<(TcpStream, SocketAddr)>;
            sync poll_accept(l: &TcpListener, cx: &mut Context<'_>) -> Accepted<TcpStream>;
            sync local_addr(l: &TcpListener) -> io::Result<SocketAddr>;
            sync ttl(l: &TcpListener) -> io::Result<u32>;
            sync set_ttl(l: &TcpListener, to: u32) -> io::Result<()>;
        }
        traits {
            "Debug": std::fmt::Debug;
        }
        left out {
            "from_std": "a listener of the kernel is none of ours: there is nothing to adopt";
            "into_std": "a listener of ours has no descriptor that the kernel knows";
            "TryFrom<net::TcpListener>": "as `from_std`";
            "AsRawFd": "a listener of ours has no descriptor";
            "AsFd": "as `AsRawFd`";
        }
        beyond { "`bind_on`, `bind_with` (backlog, SYN queue, cookies, one IP version only, sharing of a port)" }
    }

    TcpSocket {
        has {
            sync new_v4() -> io::Result<TcpSocket>;
            sync new_v6() -> io::Result<TcpSocket>;
            sync set_keepalive(s: &TcpSocket, on: bool) -> io::Result<()>;
            sync keepalive(s: &TcpSocket) -> io::Result<bool>;
            sync set_reuseaddr(s: &TcpSocket, on: bool) -> io::Result<()>;
            sync reuseaddr(s: &TcpSocket) -> io::Result<bool>;
            sync set_reuseport(s: &TcpSocket, on: bool) -> io::Result<()>;
            sync reuseport(s: &TcpSocket) -> io::Result<bool>;
            sync set_send_buffer_size(s: &TcpSocket, to: u32) -> io::Result<()>;
            sync send_buffer_size(s: &TcpSocket) -> io::Result<u32>;
            sync set_recv_buffer_size(s: &TcpSocket, to: u32) -> io::Result<()>;
            sync recv_buffer_size(s: &TcpSocket) -> io::Result<u32>;
            sync set_linger(s: &TcpSocket, to: Option<Duration>) -> io::Result<()>;
            sync set_zero_linger(s: &TcpSocket) -> io::Result<()>;
            sync linger(s: &TcpSocket) -> io::Result<Option<Duration>>;
            sync set_nodelay(s: &TcpSocket, on: bool) -> io::Result<()>;
            sync nodelay(s: &TcpSocket) -> io::Result<bool>;
            sync tclass_v6(s: &TcpSocket) -> io::Result<u32>;
            sync set_tclass_v6(s: &TcpSocket, to: u32) -> io::Result<()>;
            sync tos_v4(s: &TcpSocket) -> io::Result<u32>;
            sync tos(s: &TcpSocket) -> io::Result<u32>;
            sync set_tos_v4(s: &TcpSocket, to: u32) -> io::Result<()>;
            sync set_tos(s: &TcpSocket, to: u32) -> io::Result<()>;
            sync local_addr(s: &TcpSocket) -> io::Result<SocketAddr>;
            sync take_error(s: &TcpSocket) -> io::Result<Option<io::Error>>;
            sync bind(s: &TcpSocket, at: SocketAddr) -> io::Result<()>;
            waits connect(s: TcpSocket, to: SocketAddr) -> io::Result<TcpStream>;
            sync listen(s: TcpSocket, backlog: u32) -> io::Result<TcpListener>;
        }
        traits {
            "Debug": std::fmt::Debug;
        }
        left out {
            "device": "a stack is bound to its devices by how it was built; routes choose between them";
            "bind_device": "as `device`";
            "from_std_stream": "a stream of the kernel is none of ours: there is nothing to adopt";
            "AsRawFd": "a socket of ours has no descriptor";
            "AsFd": "as `AsRawFd`";
            "FromRawFd": "as `from_std_stream`";
            "IntoRawFd": "as `AsRawFd`";
        }
        beyond { "`new_v4_on`, `new_v6_on`, `set_keepalive_times`, `set_ttl`, `ttl`, `set_congestion`, `set_ecn`, `set_unsent_limit`" }
    }
}

/// Where ours differ on purpose, for the page.
pub(crate) const DIFFERENCES: &str = "
## Where TCP sockets differ on purpose

| what | the kernel's | ours |
|---|---|---|
| unread data when a RST comes | is still read, then the reset | is gone; the reset is told at once (RFC 9293 §3.10.7.4) |
| a linger of some seconds | blocks the thread that drops | the stack lingers, and resets what is left when the time is over |
| ICMP unreachable while connecting | ends the connection | TCP goes on (RFC 9293 MUST-56); `connect` gives up and says why |
| peers of a listener at `[::]` over IPv4 | IPv4-mapped IPv6 addresses | IPv4 addresses (at `[::ffff:a.b.c.d]`: as the kernel's) |
| names where an address may be | looked up by the system | looked up over the stack, by what `Stack::set_resolver` was given; `Unsupported` before |
| `peer_addr` of a connection that was cut | `NotConnected` | the address |
| `connect` to an unspecified address, or to port 0 | goes to loopback; is refused | `InvalidInput` (RFC 9293 MUST-46) |
| an address of the other IP version | an error without a kind | `InvalidInput` |
| `set_tos_v4` on an IPv6 socket and the like | an error without a kind | `Unsupported` |
| buffer sizes | doubled when asked for | as set, the nearest from 2 KiB to 1 GiB |
| `set_quickack` | is forgotten at times | stays |
| `bind` without `reuseaddr` beside resting connections | `AddrInUse` | works: a connection is named by both its ends |
";
