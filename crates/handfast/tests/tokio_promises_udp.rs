//! What tokio promises of `UdpSocket`: each body runs on tokio's sockets over the kernel's loopback and on ours over a
//! stack's, and what it notes must be the same.

use handfast::Stack;
use handfast::device::memory;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

/// What a body has seen: values, and kinds of errors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Notes(Vec<String>);

impl Notes {
    fn see<T: Debug>(&mut self, what: &str, value: T) {
        self.0.push(format!("{what}: {value:?}"));
    }

    /// A success with its value, or a failure with its kind: texts differ.
    fn result<T: Debug>(&mut self, what: &str, result: io::Result<T>) {
        self.see(what, result.map_err(|why| why.kind()));
    }

    /// Only whether it failed: for what `io::ErrorKind` has no name.
    fn outcome<T>(&mut self, what: &str, result: io::Result<T>) {
        self.see(what, result.is_ok());
    }
}

/// What never happens fails the test; nothing here takes that long.
const HANGS: Duration = Duration::from_secs(30);

/// Expands a body twice, with another `UdpSocket`, and compares.
macro_rules! promises {
    ($($(#[$doc:meta])* fn $name:ident($notes:ident) $body:block)*) => {
        mod kernel {
            #[allow(unused_imports)]
            use super::*;
            use tokio::net::UdpSocket;
            $(pub(crate) async fn $name($notes: &mut Notes) -> io::Result<()> { $body Ok(()) })*
        }
        mod ours {
            #[allow(unused_imports)]
            use super::*;
            use handfast::net::UdpSocket;
            $(pub(crate) async fn $name($notes: &mut Notes) -> io::Result<()> { $body Ok(()) })*
        }
        $($(#[$doc])*
        #[tokio::test]
        async fn $name() {
            let (mut theirs, mut here) = (Notes::default(), Notes::default());
            tokio::time::timeout(HANGS, kernel::$name(&mut theirs)).await.expect("tokio's hangs").unwrap();
            let (device, _far) = memory::wired(memory::Config::default()).unwrap();
            let stack = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap()).build().unwrap();
            let run = stack.scope(ours::$name(&mut here));
            tokio::time::timeout(HANGS, run).await.expect("ours hangs").unwrap();
            assert!(!here.0.is_empty(), "nothing was seen");
            for (theirs, ours) in theirs.0.iter().zip(&here.0) {
                assert_eq!(theirs, ours, "left is tokio's");
            }
            assert_eq!(theirs.0.len(), here.0.len());
        })*
    };
}

promises! {
    fn a_datagram_is_whole_and_what_does_not_fit_is_lost(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let mut buf = [0; 8];
        notes.see("sent", a.send_to(b"twelve bytes", b.local_addr()?).await?);
        notes.see("sent", a.send_to(b"next", b.local_addr()?).await?);
        let (count, from) = b.recv_from(&mut buf).await?;
        notes.see("cut", (&buf[..count], from == a.local_addr()?));
        let count = b.recv(&mut buf).await?;
        notes.see("next", &buf[..count]);
    }

    fn an_empty_datagram_is_one_and_an_empty_buffer_takes_one(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        notes.see("sent", a.send_to(b"", b.local_addr()?).await?);
        notes.see("received", b.recv(&mut [0; 8]).await?);
        a.send_to(b"gone", b.local_addr()?).await?;
        a.send_to(b"there", b.local_addr()?).await?;
        notes.see("into nothing", b.recv(&mut []).await?);
        notes.see("the next", b.recv(&mut [0; 8]).await?);
    }

    /// RFC 3493 §3.7, §5.3, as Linux has it unless told otherwise.
    fn a_socket_at_the_unspecified_ipv6_address_is_of_both_versions_and_sees_ipv4_as_ipv6(notes) {
        for address in ["127.0.0.1", "::1"] {
            let both = UdpSocket::bind("[::]:0").await?;
            let port = both.local_addr()?.port();
            notes.see("bound to", both.local_addr()?.ip());
            notes.result("the port is taken for both", UdpSocket::bind((address, port)).await.map(|_| ()));
            let peer = UdpSocket::bind((address, 0)).await?;
            let near = peer.local_addr()?;
            let mut buf = [0; 8];
            peer.send_to(b"hello", (address, port)).await?;
            notes.see("looked at", both.peek_from(&mut buf).await?.1.ip());
            notes.see("looked at", both.peek_sender().await?.port() == near.port());
            let (count, from) = both.recv_from(&mut buf).await?;
            notes.see("from", (count, from.ip(), from.port() == near.port()));
            for to in [from, near] {
                notes.see("answered", both.send_to(b"back", to).await?);
                let (count, from) = peer.recv_from(&mut buf).await?;
                notes.see("back", (count, from.ip(), from.port() == port));
            }
            both.connect(from).await?;
            notes.see("ends", (both.local_addr()?.ip(), both.peer_addr()? == from));
            both.send(b"to you").await?;
            notes.see("received", peer.recv(&mut buf).await?);
            drop(peer);
            both.send(b"gone?").await?;
            notes.result("gone", both.recv(&mut buf).await);
        }
    }

    /// RFC 3493 §3.7: such a socket is one for IPv4, by its addresses' other spelling.
    fn a_socket_at_a_mapped_address_talks_ipv4_and_sees_it_as_ipv6(notes) {
        let ours = UdpSocket::bind("[::ffff:127.0.0.1]:0").await?;
        let at = ours.local_addr()?;
        notes.see("bound to", at.ip());
        notes.result("taken", UdpSocket::bind(("127.0.0.1", at.port())).await.map(|_| ()));
        let peer = UdpSocket::bind("127.0.0.1:0").await?;
        let mut buf = [0; 8];
        peer.send_to(b"hello", ("127.0.0.1", at.port())).await?;
        let (count, from) = ours.recv_from(&mut buf).await?;
        notes.see("from", (count, from.ip(), from.port() == peer.local_addr()?.port()));
        notes.see("answered", ours.send_to(b"back", from).await?);
        notes.see("back", peer.recv_from(&mut buf).await? == (4, ("127.0.0.1".parse::<std::net::IpAddr>().unwrap(), at.port()).into()));
        ours.connect(from).await?;
        notes.see("ends", (ours.local_addr()? == at, ours.peer_addr()? == from));
        notes.see("sent", ours.send(b"to you").await?);
        notes.see("received", peer.recv(&mut buf).await?);
        drop(peer);
        ours.send(b"gone?").await?;
        notes.result("gone", ours.recv(&mut buf).await);
        notes.outcome("IPv4 sockets know no such address", UdpSocket::bind("127.0.0.1:0").await?.send_to(b"x", from).await);
    }

    fn a_connected_socket_hears_its_peer_only(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let stranger = UdpSocket::bind("127.0.0.1:0").await?;
        notes.result("no peer yet", a.peer_addr().map(|_| ()));
        notes.outcome("no destination", a.send(b"whom?").await);
        a.connect(b.local_addr()?).await?;
        notes.see("peer", a.peer_addr()? == b.local_addr()?);
        stranger.send_to(b"psst", a.local_addr()?).await?;
        notes.see("sent", a.send(b"hello").await?);
        let mut buf = [0; 16];
        let (count, from) = b.recv_from(&mut buf).await?;
        b.send_to(&buf[..count], from).await?;
        let count = a.recv(&mut buf).await?;
        notes.see("from the peer", &buf[..count]);
        notes.result("nothing else", a.try_recv(&mut buf));
        // And again, to another.
        a.connect(stranger.local_addr()?).await?;
        notes.see("peer", a.peer_addr()? == stranger.local_addr()?);
        stranger.send_to(b"at last", a.local_addr()?).await?;
        let count = a.recv(&mut buf).await?;
        notes.see("from the new one", &buf[..count]);
        notes.see("to somebody else", a.send_to(b"still", b.local_addr()?).await?);
        notes.see("received", b.recv(&mut buf).await?);
    }

    fn nobody_there_is_reported_once_to_whoever_asks_first(notes) {
        let gone = UdpSocket::bind("127.0.0.1:0").await?.local_addr()?;
        let mut buf = [0; 8];
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        a.connect(gone).await?;
        a.send(b"anybody?").await?;
        notes.result("recv", a.recv(&mut buf).await);
        notes.result("then nothing", a.try_recv(&mut buf));
        a.send(b"anybody?").await?;
        a.ready(Interest::ERROR).await?;
        notes.result("send", a.send(b"hello?").await);
        notes.result("peek", { a.send(b"hello?").await?; a.peek(&mut buf).await });
        a.send(b"anybody?").await?;
        a.ready(Interest::ERROR).await?;
        notes.see("take_error", a.take_error()?.map(|why| why.kind()));
        notes.see("taken", a.take_error()?.map(|why| why.kind()));
        notes.result("and nothing to receive", a.try_recv(&mut buf));
        // Who talks to many is not told.
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        b.send_to(b"anybody?", gone).await?;
        notes.see("sent again", b.send_to(b"anybody?", gone).await?);
        notes.see("no error", b.take_error()?.map(|why| why.kind()));
    }

    fn peeking_leaves_the_datagram(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let mut buf = [0; 16];
        notes.result("nothing", b.try_peek(&mut buf));
        notes.result("nobody", b.try_peek_sender().map(|_| ()));
        a.send_to(b"look twice", b.local_addr()?).await?;
        notes.see("sender", b.peek_sender().await? == a.local_addr()?);
        let (count, from) = b.peek_from(&mut buf).await?;
        notes.see("whole", (&buf[..count], from == a.local_addr()?));
        let count = b.peek(&mut buf[..4]).await?;
        notes.see("cut", &buf[..count]);
        let (count, _) = b.try_peek_from(&mut buf)?;
        notes.see("tried", &buf[..count]);
        notes.see("sender again", b.try_peek_sender()? == a.local_addr()?);
        let count = b.recv(&mut buf).await?;
        notes.see("taken", &buf[..count]);
        notes.result("nothing left", b.try_peek(&mut buf));
    }

    fn trying_says_would_block_and_readiness_when_it_pays(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let mut buf = [0; 16];
        notes.result("recv", b.try_recv(&mut buf));
        notes.result("recv_from", b.try_recv_from(&mut buf));
        notes.result("io", b.try_io(Interest::READABLE, || Ok(())));
        let ready = b.ready(Interest::READABLE | Interest::WRITABLE).await?;
        notes.see("ready", (ready.is_readable(), ready.is_writable()));
        a.writable().await?;
        notes.see("sent", a.try_send_to(b"one", b.local_addr()?)?);
        b.readable().await?;
        notes.see("ready to read", b.ready(Interest::READABLE).await?.is_readable());
        notes.see("one", b.try_recv(&mut buf)?);
        notes.result("no more", b.try_recv(&mut buf));
        // After WouldBlock readiness waits for news.
        let late = async { tokio::task::yield_now().await; a.send_to(b"two", b.local_addr()?).await };
        let (readable, sent) = tokio::join!(b.readable(), late);
        readable?;
        sent?;
        notes.see("two", b.try_recv_from(&mut buf)?.0);
    }

    fn io_of_ones_own_runs_when_ready(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        a.send_to(b"yes", b.local_addr()?).await?;
        notes.see("async_io", b.async_io(Interest::READABLE, || Ok(7)).await?);
        let failed = b.async_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::PermissionDenied.into()));
        notes.result("its error", failed.await);
        notes.result("try_io", b.try_io(Interest::READABLE, || Ok(8)));
        let mut tries = 0;
        let waited = b.async_io(Interest::WRITABLE, || {
            tries += 1;
            if tries == 1 { Ok(tries) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        notes.see("tries", waited.await?);
    }

    fn a_receive_that_is_dropped_takes_nothing(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let (mut one, mut two) = ([0; 16], [0; 16]);
        for _ in 0..10 {
            tokio::select! {
                biased;
                got = b.recv_from(&mut one) => notes.result("too early", got.map(|_| ())),
                got = b.peek(&mut two) => notes.result("too early", got),
                () = tokio::task::yield_now() => {}
            }
        }
        a.send_to(b"kept", b.local_addr()?).await?;
        let count = b.recv(&mut one).await?;
        notes.see("received", &one[..count]);
        notes.result("once", b.try_recv(&mut one));
    }

    fn several_tasks_may_share_a_socket(notes) {
        let shared = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let sender = UdpSocket::bind("127.0.0.1:0").await?;
        let receive = |_| {
            let socket = std::sync::Arc::clone(&shared);
            tokio::spawn(async move {
                let mut buf = [0; 8];
                socket.recv(&mut buf).await.map(|_| buf[0])
            })
        };
        let tasks: Vec<_> = (0..4).map(receive).collect();
        tokio::task::yield_now().await; // They wait.
        for n in 0..4u8 {
            sender.send_to(&[n], shared.local_addr()?).await?;
        }
        let mut got = Vec::new();
        for task in tasks {
            got.push(task.await.map_err(io::Error::other)??);
        }
        got.sort_unstable();
        notes.see("each got one", got);
    }

    fn binding_fails_as_it_should(notes) {
        let first = UdpSocket::bind("127.0.0.1:0").await?;
        notes.see("a port was chosen", first.local_addr()?.port() != 0);
        notes.see("the address asked for", first.local_addr()?.ip());
        notes.result("in use", UdpSocket::bind(first.local_addr()?).await.map(|_| ()));
        notes.result("not ours", UdpSocket::bind("192.0.2.1:0").await.map(|_| ()));
        notes.result("no address", UdpSocket::bind(&[][..]).await.map(|_| ()));
        notes.result("no port", UdpSocket::bind("127.0.0.1").await.map(|_| ()));
        // Of several the first that works.
        let several = [first.local_addr()?, ([127, 0, 0, 1], 0).into()];
        let second = UdpSocket::bind(&several[..]).await?;
        notes.see("another", second.local_addr()? != first.local_addr()?);
        let port = first.local_addr()?.port();
        drop(first);
        notes.result("free again", UdpSocket::bind(("127.0.0.1", port)).await.map(|_| ()));
        let any = UdpSocket::bind("0.0.0.0:0").await?;
        notes.see("any", any.local_addr()?.ip());
        any.connect(second.local_addr()?).await?;
        notes.see("chosen by the peer", any.local_addr()?.ip());
        notes.see("version 6", UdpSocket::bind("[::1]:0").await?.local_addr()?.ip());
    }

    fn options_are_what_they_were_set_to(notes) {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        notes.result("broadcast", socket.broadcast());
        socket.set_broadcast(true)?;
        notes.result("broadcast", socket.broadcast());
        notes.result("ttl", socket.ttl());
        socket.set_ttl(9)?;
        notes.result("ttl", socket.ttl());
        notes.result("ttl of 0", socket.set_ttl(0));
        notes.result("ttl of 256", socket.set_ttl(256));
        notes.result("still", socket.ttl());
        notes.result("multicast ttl", socket.multicast_ttl_v4());
        socket.set_multicast_ttl_v4(7)?;
        notes.result("multicast ttl", socket.multicast_ttl_v4());
        notes.result("multicast ttl of 256", socket.set_multicast_ttl_v4(256));
        notes.result("loop", socket.multicast_loop_v4());
        socket.set_multicast_loop_v4(false)?;
        notes.result("loop", socket.multicast_loop_v4());
        notes.result("tos", socket.tos_v4());
        socket.set_tos_v4(0xb8 | 2)?;
        notes.result("tos", socket.tos_v4());
        let six = UdpSocket::bind("[::1]:0").await?;
        notes.result("loop v6", six.multicast_loop_v6());
        six.set_multicast_loop_v6(false)?;
        notes.result("loop v6", six.multicast_loop_v6());
        notes.result("class", six.tclass_v6());
        six.set_tclass_v6(0x28)?;
        notes.result("class", six.tclass_v6());
        notes.result("class of 256", six.set_tclass_v6(256));
        notes.result("no error", six.take_error().map(|error| error.is_none()));
    }

    fn groups_are_joined_once_and_left_once(notes) {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        let (group, lo) = (Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::LOCALHOST);
        notes.result("join", socket.join_multicast_v4(group, lo));
        notes.result("twice", socket.join_multicast_v4(group, lo));
        notes.result("leave", socket.leave_multicast_v4(group, lo));
        notes.result("not in it", socket.leave_multicast_v4(group, lo));
        notes.result("no group", socket.join_multicast_v4(lo, lo));
        notes.outcome("no interface", socket.join_multicast_v4(group, Ipv4Addr::new(192, 0, 2, 1)));
    }

    fn the_largest_datagram_passes_and_a_larger_one_is_refused(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let data: Vec<u8> = (0..65_508u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        notes.outcome("too long", a.send_to(&data, b.local_addr()?).await);
        notes.see("longest", a.send_to(&data[..65_507], b.local_addr()?).await?);
        let mut buf = vec![0; 70_000];
        let count = b.recv(&mut buf).await?;
        notes.see("equal", (count, buf[..count] == data[..65_507]));
    }

    fn targets_are_the_first_of_several_and_there_must_be_one(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let c = UdpSocket::bind("127.0.0.1:0").await?;
        a.send_to(b"to the first", &[b.local_addr()?, c.local_addr()?][..]).await?;
        notes.see("the first", b.recv(&mut [0; 32]).await?);
        notes.result("not the second", c.try_recv(&mut [0; 32]));
        notes.result("no target", a.send_to(b"?", &[][..]).await);
        notes.result("no such name", a.connect("nothing-that-has-a-port").await);
        notes.outcome("port 0", a.send_to(b"?", "127.0.0.1:0").await);
        notes.outcome("another version", a.send_to(b"?", "[::1]:9").await);
    }

    fn buffers_that_grow_are_filled_as_far_as_they_are(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let mut buf = Vec::with_capacity(8);
        buf.extend_from_slice(b"<");
        a.send_to(b"four", b.local_addr()?).await?;
        notes.see("received", b.recv_buf(&mut buf).await?);
        notes.see("after what was there", String::from_utf8_lossy(&buf).into_owned());
        a.send_to(b"longer than there is room", b.local_addr()?).await?;
        let (count, from) = b.recv_buf_from(&mut buf).await?;
        notes.see("cut", (count, from == a.local_addr()?));
        notes.see("all", String::from_utf8_lossy(&buf).into_owned());
        notes.result("nothing", b.try_recv_buf(&mut buf));
        notes.result("nothing", b.try_recv_buf_from(&mut buf).map(|_| ()));
    }

    fn polling_fills_what_is_there(notes) {
        let a = UdpSocket::bind("127.0.0.1:0").await?;
        let b = UdpSocket::bind("127.0.0.1:0").await?;
        let (from, to) = (a.local_addr()?, b.local_addr()?);
        let mut room = [0; 16];
        let mut buf = ReadBuf::new(&mut room);
        let early = poll_fn(|cx| Poll::Ready(b.poll_recv_ready(cx).is_pending())).await;
        notes.see("pending", early);
        let early = poll_fn(|cx| Poll::Ready(b.poll_recv_from(cx, &mut buf).is_pending())).await;
        notes.see("pending", early);
        poll_fn(|cx| a.poll_send_ready(cx)).await?;
        notes.see("sent", poll_fn(|cx| a.poll_send_to(cx, b"polled", to)).await?);
        poll_fn(|cx| b.poll_recv_ready(cx)).await?;
        notes.see("sender", poll_fn(|cx| b.poll_peek_sender(cx)).await? == from);
        notes.see("peeked", poll_fn(|cx| b.poll_peek_from(cx, &mut buf)).await? == from);
        notes.see("filled", buf.filled().to_vec());
        notes.see("received", poll_fn(|cx| b.poll_recv_from(cx, &mut buf)).await? == from);
        notes.see("appended", buf.filled().to_vec());
        a.connect(to).await?;
        notes.see("sent", poll_fn(|cx| a.poll_send(cx, b"again, and more")).await?);
        poll_fn(|cx| b.poll_recv(cx, &mut buf)).await?;
        notes.see("as far as it goes", buf.filled().to_vec());
    }
}

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::task::Poll;
use tokio::io::{Interest, ReadBuf};
