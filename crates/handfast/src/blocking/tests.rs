//! The same on the system's sockets and on ours: what `std::net` does, these do.

use super::{TcpListener, TcpStream, UdpSocket};
use crate::device::memory;
use crate::{Stack, State};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

fn two() -> (Stack, Stack) {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let build = |device, address: &str| {
        Stack::builder().device(device).address(address.parse().unwrap()).build().unwrap()
    };
    (build(left, "10.0.0.1/24"), build(right, "10.0.0.2/24"))
}

fn pair() -> (Stack, Stack, TcpStream, TcpStream) {
    let (server, client) = two();
    let listener = TcpListener::bind_on(&server, "10.0.0.1:80").unwrap();
    let near = TcpStream::connect_on(&client, "10.0.0.1:80").unwrap();
    let far = listener.accept().unwrap().0;
    (server, client, far, near)
}

fn std_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, near)
}

/// What became of a call, to be compared: a time-out says so by its kind alone.
fn said<T: std::fmt::Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(why) => format!("{:?}", why.kind()),
    }
}

/// One body for both kinds of stream: a log of what each call gave.
macro_rules! stream_body {
    ($far:expr, $near:expr) => {{
        let (mut far, mut near) = ($far, $near);
        let mut log = Vec::new();
        let mut buffer = [0u8; 16];
        log.push(said(near.set_read_timeout(Some(Duration::ZERO))));
        near.set_read_timeout(Some(Duration::from_millis(8))).unwrap();
        log.push(said(near.read_timeout()));
        log.push(said(near.write_timeout()));
        log.push(said(near.read(&mut buffer)));
        log.push(said(near.peek(&mut buffer)));
        near.set_read_timeout(None).unwrap();
        near.set_nonblocking(true).unwrap();
        log.push(said(near.read(&mut buffer)));
        near.set_nonblocking(false).unwrap();
        near.set_nodelay(true).unwrap();
        log.push(said(near.nodelay()));
        near.set_ttl(9).unwrap();
        log.push(said(near.ttl()));
        log.push(said(near.set_ttl(256)));
        log.push(said(near.take_error().map(|error| error.is_some())));

        far.write_all(b"hello, world").unwrap();
        log.push(said(near.peek(&mut buffer[..5])));
        let (mut one, mut two) = ([0; 5], [0; 7]);
        while near.peek(&mut buffer).unwrap() < 12 {
            thread::yield_now();
        }
        log.push(said(near.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)])));
        log.push(format!("{one:?} {two:?}"));
        log.push(said(near.write_vectored(&[IoSlice::new(b"good"), IoSlice::new(b"bye")])));
        far.read_exact(&mut buffer[..7]).unwrap();
        log.push(format!("{:?}", &buffer[..7]));

        let clone = near.try_clone().unwrap();
        (&clone).write_all(b"by a clone").unwrap();
        far.read_exact(&mut buffer[..10]).unwrap();
        drop(clone);
        near.write_all(b"!").unwrap();
        far.read_exact(&mut buffer[..1]).unwrap();

        // A thread that waits learns that nobody listens any more.
        let waits = near.try_clone().unwrap();
        let waiting = thread::spawn(move || said((&waits).read(&mut [0; 8])));
        near.shutdown(Shutdown::Read).unwrap();
        log.push(waiting.join().unwrap());

        near.shutdown(Shutdown::Write).unwrap();
        log.push(said(near.write(b"more")));
        log.push(said(far.read(&mut buffer)));
        log.push(said(far.read(&mut buffer)));
        log
    }};
}

#[test]
fn a_stream_does_what_the_standard_librarys_does() {
    let (_server, _client, far, near) = pair();
    let ours = stream_body!(far, near);
    let (far, near) = std_pair();
    let theirs = stream_body!(far, near);
    assert_eq!(ours, theirs);
}

#[test]
fn errors_are_those_that_a_program_expects() {
    let (_server, client, far, mut near) = pair();
    let refused = TcpStream::connect_on(&client, "10.0.0.1:81").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let nobody: SocketAddr = "10.0.0.77:80".parse().unwrap();
    let late = TcpStream::connect_timeout_on(&client, &nobody, Duration::from_millis(20)).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    let never = TcpStream::connect_timeout_on(&client, &nobody, Duration::ZERO).unwrap_err();
    assert_eq!(never.kind(), ErrorKind::InvalidInput);

    // Left unread there: a RST here, told once by whoever asks first.
    near.write_all(b"unread").unwrap();
    far.peek(&mut [0; 1]).unwrap();
    drop(far);
    let error = loop {
        if let Some(error) = near.take_error().unwrap() {
            break error;
        }
        thread::yield_now();
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(near.take_error().unwrap().is_none());

    let (_server, client, _far, mut near) = pair();
    let waits = near.try_clone().unwrap();
    let waiting = thread::spawn(move || (&waits).read(&mut [0; 8]).unwrap_err().kind());
    client.blocking_close(Duration::ZERO);
    assert_eq!(waiting.join().unwrap(), ErrorKind::NotConnected);
    assert_eq!(near.write(b"x").unwrap_err().kind(), ErrorKind::NotConnected);
}

#[test]
fn a_stream_tells_what_is_known_of_its_connection() {
    let (_server, _client, mut far, mut near) = pair();
    near.write_all(&[7; 5_000]).unwrap();
    far.read_exact(&mut [0; 5_000]).unwrap();
    far.write_all(&[7]).unwrap();
    near.read_exact(&mut [0]).unwrap(); // its acknowledgment has come with it
    let info = near.info().unwrap();
    assert_eq!((info.state, info.octets_acknowledged, info.octets_received), (State::Established, 5_000, 1));
    assert!(info.retransmitted_segments == 0 && info.rtt.is_some() && info.congestion_window > 0, "{info:?}");
}

#[test]
fn megabytes_go_both_ways_at_once_between_threads() {
    let (server, client, far, near) = pair();
    let sent: Vec<u8> = (0..4_000_000u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    let mut threads = Vec::new();
    for stream in [far, near] {
        let (out, mut write) = (sent.clone(), stream.try_clone().unwrap());
        threads.push(thread::spawn(move || {
            write.write_all(&out).unwrap();
            write.shutdown(Shutdown::Write).unwrap();
            Vec::new()
        }));
        threads.push(thread::spawn(move || {
            let mut got = Vec::new();
            (&stream).read_to_end(&mut got).unwrap();
            got
        }));
    }
    for thread in threads {
        let got = thread.join().unwrap();
        assert!(got.is_empty() || got == sent);
    }
    assert_eq!(client.blocking_close(Duration::from_secs(60)).aborted, 0);
    assert_eq!(server.blocking_close(Duration::from_secs(60)).aborted, 0);
}

#[test]
fn a_listener_gives_connections_as_they_come_to_whichever_thread() {
    let (server, client) = two();
    let listener = TcpListener::bind_on(&server, "10.0.0.1:80").unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    listener.set_nonblocking(false).unwrap();
    let accepts: Vec<_> = (0..4)
        .map(|_| {
            let listener = listener.try_clone().unwrap();
            thread::spawn(move || {
                let stream = listener.incoming().next().unwrap().unwrap();
                (&stream).write_all(b"welcome").unwrap();
            })
        })
        .collect();
    for _ in 0..4 {
        let mut near = TcpStream::connect_on(&client, listener.local_addr().unwrap()).unwrap();
        let mut text = String::new();
        near.read_to_string(&mut text).unwrap();
        assert_eq!(text, "welcome");
    }
    accepts.into_iter().for_each(|accept| accept.join().unwrap());
    let again = TcpListener::bind_on(&server, "10.0.0.1:80").unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    drop(listener);
    TcpListener::bind_on(&server, "10.0.0.1:80").expect("the port is free again");
}

/// The same for sockets of datagrams, each at the loopback of its own network.
macro_rules! udp_body {
    ($bind:expr) => {{
        let bind = $bind;
        let (one, two) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut log = Vec::new();
        let mut buffer = [0u8; 4];
        one.set_read_timeout(Some(Duration::from_millis(8))).unwrap();
        log.push(said(one.recv_from(&mut buffer).map(|(count, _)| count)));
        one.set_read_timeout(None).unwrap();
        log.push(said(one.send(b"to whom?").map_err(|why| match why.kind() {
            // No kind of the standard library's: EDESTADDRREQ.
            ErrorKind::NotConnected => io::Error::from_raw_os_error(89),
            _ => why,
        })));
        log.push(said(one.peer_addr()));
        two.send_to(b"longer than four", one.local_addr().unwrap()).unwrap();
        log.push(said(
            one.peek_from(&mut buffer).map(|(count, from)| (count, from == two.local_addr().unwrap())),
        ));
        log.push(said(one.peek(&mut buffer)));
        log.push(said(
            one.recv_from(&mut buffer).map(|(count, from)| (count, from == two.local_addr().unwrap())),
        ));
        one.set_nonblocking(true).unwrap();
        log.push(said(one.recv(&mut buffer)));
        one.set_nonblocking(false).unwrap();
        one.connect(two.local_addr().unwrap()).unwrap();
        log.push(said(one.send(b"")));
        log.push(said(two.recv(&mut buffer)));
        log.push(said(two.try_clone().unwrap().send_to(b"back", one.local_addr().unwrap())));
        log.push(said(one.recv(&mut buffer)));
        for on in [true, false] {
            one.set_broadcast(on).unwrap();
            log.push(said(one.broadcast()));
            one.set_multicast_loop_v4(on).unwrap();
            log.push(said(one.multicast_loop_v4()));
        }
        one.set_ttl(3).unwrap();
        one.set_multicast_ttl_v4(4).unwrap();
        log.push(format!("{} {} {}", said(one.ttl()), said(one.multicast_ttl_v4()), said(one.set_ttl(0))));
        // Nobody is at the port any more.
        drop(two);
        one.send(b"still there?").unwrap();
        log.push(said(one.recv(&mut buffer)));
        log.push(said(one.take_error().map(|error| error.is_some())));
        log
    }};
}

#[test]
fn datagrams_do_what_the_standard_librarys_do() {
    let (server, _client) = two();
    let ours = udp_body!(|addr: &str| UdpSocket::bind_on(&server, addr).unwrap());
    let theirs = udp_body!(|addr: &str| std::net::UdpSocket::bind(addr).unwrap());
    assert_eq!(ours, theirs);
}

/// A task's budget is its runtime's; a thread that is blocked has none.
#[test]
fn blocking_calls_within_a_task_are_not_put_off_for_ever() {
    let (over, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let stack =
            crate::Stack::builder().device(crate::device::memory::wired(Default::default()).unwrap().0);
        let stack = stack.address("10.0.0.1/24".parse().unwrap()).build_on_thread().unwrap();
        let task = runtime.spawn(async move {
            let listener = super::TcpListener::bind_on(&stack, "127.0.0.1:80").unwrap();
            let mut near = super::TcpStream::connect_on(&stack, "127.0.0.1:80").unwrap();
            let (mut far, _) = listener.accept().unwrap();
            for turn in 0..=255 {
                near.write_all(&[turn]).unwrap();
                let mut there = [0];
                far.read_exact(&mut there).unwrap();
                assert_eq!(there, [turn]);
            }
        });
        runtime.block_on(task).unwrap();
        over.send(()).unwrap();
    });
    said.recv_timeout(std::time::Duration::from_secs(60)).expect("it hangs");
}
