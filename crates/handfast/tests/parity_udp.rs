//! `handfast::UdpSocket` beside `tokio::net::UdpSocket`: the same methods with the same signatures.
//!
//! Each line below is compiled twice, once for each type. That no method of tokio's is missing here is checked against
//! tokio's own source: a new one fails the test until it is had, or left out with a reason.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What tokio's type has and ours has not.
const OMITTED: [(&str, &str); 4] = [
    ("from_std", "a socket of the kernel's is on another network than the stack's"),
    ("into_std", "a socket of ours is none of the kernel's"),
    (
        "bind_device",
        "interfaces of a stack have numbers: see UdpSend::interface and UdpOptions::multicast_interface",
    ),
    ("device", "see bind_device"),
];

macro_rules! parity {
    ($(async $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*
     sync; $($sync:ident($($sarg:ident: $stype:ty),*) -> $sout:ty;)*) => {
        /// Every method that both have.
        const SAME: &[&str] = &[$(stringify!($name),)* $(stringify!($sync),)*];

        parity!(@of tokio_has, tokio::net::UdpSocket,
            [$($name($($arg: $type),*) -> $out;)*] [$($sync($($sarg: $stype),*) -> $sout;)*]);
        parity!(@of handfast_has, handfast::net::UdpSocket,
            [$($name($($arg: $type),*) -> $out;)*] [$($sync($($sarg: $stype),*) -> $sout;)*]);
    };
    (@of $module:ident, $socket:ty,
     [$($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*]
     [$($sync:ident($($sarg:ident: $stype:ty),*) -> $sout:ty;)*]) => {
        /// Never called: that it compiles is the test.
        #[allow(dead_code, deprecated)]
        mod $module {
            use bytes::BytesMut;
            use std::future::Future;
            use std::io;
            use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
            use std::task::{Context, Poll};
            use tokio::io::{Interest, ReadBuf, Ready};

            type S = $socket;
            fn any_thread<T: Send + Sync + Unpin>() {}
            const ANY_THREAD: fn() = any_thread::<S>;
            $(fn $name($($arg: $type),*) -> impl Future<Output = $out> + Send { S::$name($($arg),*) })*
            $(fn $sync($($sarg: $stype),*) -> $sout { S::$sync($($sarg),*) })*
        }
    };
}

parity! {
    async bind(addr: &str) -> io::Result<S>;
    async connect(socket: &S, addr: SocketAddr) -> io::Result<()>;
    async ready(socket: &S, interest: Interest) -> io::Result<Ready>;
    async writable(socket: &S) -> io::Result<()>;
    async readable(socket: &S) -> io::Result<()>;
    async send(socket: &S, buf: &[u8]) -> io::Result<usize>;
    async send_to(socket: &S, buf: &[u8], target: (&str, u16)) -> io::Result<usize>;
    async recv(socket: &S, buf: &mut [u8]) -> io::Result<usize>;
    async recv_from(socket: &S, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    async recv_buf(socket: &S, buf: &mut BytesMut) -> io::Result<usize>;
    async recv_buf_from(socket: &S, buf: &mut BytesMut) -> io::Result<(usize, SocketAddr)>;
    async peek(socket: &S, buf: &mut [u8]) -> io::Result<usize>;
    async peek_from(socket: &S, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    async peek_sender(socket: &S) -> io::Result<SocketAddr>;
    async async_io(socket: &S, interest: Interest, f: fn() -> io::Result<u8>) -> io::Result<u8>;
    sync;
    local_addr(socket: &S) -> io::Result<SocketAddr>;
    peer_addr(socket: &S) -> io::Result<SocketAddr>;
    poll_send_ready(socket: &S, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    poll_send(socket: &S, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;
    poll_send_to(socket: &S, cx: &mut Context<'_>, buf: &[u8], to: SocketAddr) -> Poll<io::Result<usize>>;
    poll_recv_ready(socket: &S, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    poll_recv(socket: &S, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
    poll_recv_from(socket: &S, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>>;
    poll_peek(socket: &S, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
    poll_peek_from(socket: &S, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>>;
    poll_peek_sender(socket: &S, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>>;
    try_send(socket: &S, buf: &[u8]) -> io::Result<usize>;
    try_send_to(socket: &S, buf: &[u8], target: SocketAddr) -> io::Result<usize>;
    try_recv(socket: &S, buf: &mut [u8]) -> io::Result<usize>;
    try_recv_from(socket: &S, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    try_recv_buf(socket: &S, buf: &mut BytesMut) -> io::Result<usize>;
    try_recv_buf_from(socket: &S, buf: &mut BytesMut) -> io::Result<(usize, SocketAddr)>;
    try_peek(socket: &S, buf: &mut [u8]) -> io::Result<usize>;
    try_peek_from(socket: &S, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    try_peek_sender(socket: &S) -> io::Result<SocketAddr>;
    try_io(socket: &S, interest: Interest, f: fn() -> io::Result<u8>) -> io::Result<u8>;
    broadcast(socket: &S) -> io::Result<bool>;
    set_broadcast(socket: &S, on: bool) -> io::Result<()>;
    multicast_loop_v4(socket: &S) -> io::Result<bool>;
    set_multicast_loop_v4(socket: &S, on: bool) -> io::Result<()>;
    multicast_loop_v6(socket: &S) -> io::Result<bool>;
    set_multicast_loop_v6(socket: &S, on: bool) -> io::Result<()>;
    multicast_ttl_v4(socket: &S) -> io::Result<u32>;
    set_multicast_ttl_v4(socket: &S, ttl: u32) -> io::Result<()>;
    ttl(socket: &S) -> io::Result<u32>;
    set_ttl(socket: &S, ttl: u32) -> io::Result<()>;
    tos(socket: &S) -> io::Result<u32>;
    set_tos(socket: &S, tos: u32) -> io::Result<()>;
    tos_v4(socket: &S) -> io::Result<u32>;
    set_tos_v4(socket: &S, tos: u32) -> io::Result<()>;
    tclass_v6(socket: &S) -> io::Result<u32>;
    set_tclass_v6(socket: &S, tclass: u32) -> io::Result<()>;
    join_multicast_v4(socket: &S, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()>;
    join_multicast_v6(socket: &S, group: &Ipv6Addr, interface: u32) -> io::Result<()>;
    leave_multicast_v4(socket: &S, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()>;
    leave_multicast_v6(socket: &S, group: &Ipv6Addr, interface: u32) -> io::Result<()>;
    take_error(socket: &S) -> io::Result<Option<io::Error>>;
}

/// The names of the public methods in tokio's source: those of macros' bodies too, as `recv_buf`.
fn methods(source: &str) -> BTreeSet<&str> {
    let names = source.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("pub ")?;
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        rest.strip_prefix("fn ")?.split(['(', '<']).next()
    });
    names.collect()
}

#[test]
fn no_method_of_tokios_is_forgotten() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let tokio = packages.iter().find(|package| package["name"] == "tokio").unwrap();
    let manifest = std::path::Path::new(tokio["manifest_path"].as_str().unwrap());
    let source = std::fs::read_to_string(manifest.with_file_name("src").join("net/udp.rs")).unwrap();

    let theirs = methods(&source);
    assert!(theirs.len() > 40, "tokio's source reads otherwise than it did: {theirs:?}");
    let ours: BTreeSet<&str> = SAME.iter().copied().chain(OMITTED.map(|(name, _)| name)).collect();
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "tokio has {missing:?}, and we have neither them nor a reason");
    let gone: Vec<_> = ours.difference(&theirs).collect();
    assert!(gone.is_empty(), "tokio has no {gone:?} (any more)");
}
