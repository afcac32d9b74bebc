//! `TcpSocket`, and what is set before or after a connection is there.

use super::Log;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Loopback and a port that is chosen.
fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

promises! {
    async fn a_new_socket_is_nowhere_and_has_no_error(log) {
        for socket in [TcpSocket::new_v4().unwrap(), TcpSocket::new_v6().unwrap()] {
            log.saw("local", socket.local_addr());
            log.saw("error", socket.take_error().map(|error| error.is_some()));
        }
    }

    async fn options_start_as_documented(log) {
        let socket = TcpSocket::new_v4().unwrap();
        log.saw("reuseaddr", socket.reuseaddr());
        log.saw("reuseport", socket.reuseport());
        log.saw("keepalive", socket.keepalive());
        log.saw("nodelay", socket.nodelay());
        log.saw("linger", socket.linger());
        log.saw("tos", socket.tos_v4());
        log.saw("tclass", TcpSocket::new_v6().unwrap().tclass_v6());
    }

    async fn options_are_as_they_were_set(log) {
        let socket = TcpSocket::new_v4().unwrap();
        for on in [true, false, true] {
            log.saw("set", socket.set_reuseaddr(on));
            log.saw("reuseaddr", socket.reuseaddr());
            log.saw("set", socket.set_reuseport(on));
            log.saw("reuseport", socket.reuseport());
            log.saw("set", socket.set_keepalive(on));
            log.saw("keepalive", socket.keepalive());
            log.saw("set", socket.set_nodelay(on));
            log.saw("nodelay", socket.nodelay());
        }
        #[allow(deprecated)]
        let set = socket.set_linger(Some(Duration::from_secs(4)));
        log.saw("set", set);
        log.saw("linger", socket.linger());
        log.saw("set", socket.set_zero_linger());
        log.saw("linger", socket.linger());
        // Without the bits of ECN, which are TCP's own.
        log.saw("set", socket.set_tos_v4(0xb8));
        log.saw("tos", socket.tos_v4());
        let v6 = TcpSocket::new_v6().unwrap();
        log.saw("set", v6.set_tclass_v6(0x28));
        log.saw("tclass", v6.tclass_v6());
    }

    async fn buffers_are_at_least_what_was_asked_for(log) {
        let socket = TcpSocket::new_v4().unwrap();
        log.saw("set", socket.set_send_buffer_size(40_000));
        log.saw("set", socket.set_recv_buffer_size(50_000));
        log.is("send", socket.send_buffer_size().unwrap() >= 40_000);
        log.is("receive", socket.recv_buffer_size().unwrap() >= 50_000);
        log.saw("next to nothing", socket.set_send_buffer_size(1));
        log.saw("next to nothing", socket.set_recv_buffer_size(1));
        log.is("at least", socket.send_buffer_size().unwrap() > 1 && socket.recv_buffer_size().unwrap() > 1);
    }

    async fn a_bound_socket_has_its_port_to_itself(log) {
        let socket = TcpSocket::new_v4().unwrap();
        log.saw("bind", socket.bind(any()));
        let bound = socket.local_addr().unwrap();
        log.is("somewhere", bound.ip() == any().ip() && bound.port() != 0);
        log.saw("bind again", socket.bind(any()));
        log.saw("another", TcpSocket::new_v4().unwrap().bind(bound));
        drop(socket);
        log.saw("free again", TcpSocket::new_v4().unwrap().bind(bound));
    }

    async fn a_foreign_address_cannot_be_bound(log) {
        log.saw("bind", TcpSocket::new_v4().unwrap().bind("192.0.2.77:0".parse().unwrap()));
        log.saw("bind", TcpSocket::new_v6().unwrap().bind("[2001:db8::77]:0".parse().unwrap()));
    }

    async fn a_connection_comes_from_where_its_socket_is_bound(log) {
        let (listener, addr) = listener().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let bound = socket.local_addr().unwrap();
        let near = socket.connect(addr).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        log.is("from there", near.local_addr().unwrap() == bound && peer == bound);
        drop(near);
    }

    async fn a_connection_has_the_options_of_its_socket(log) {
        let (listener, addr) = listener().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_zero_linger().unwrap();
        let near = socket.connect(addr).await.unwrap();
        log.saw("nodelay", near.nodelay());
        log.saw("linger", near.linger());
        let (mut far, _) = listener.accept().await.unwrap();
        drop(near);
        log.saw("read", far.read(&mut [0; 4]).await);
    }

    async fn accepted_connections_have_the_options_of_the_listeners_socket(log) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_zero_linger().unwrap();
        let listener = socket.listen(8).unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        log.saw("nodelay", far.nodelay());
        log.saw("linger", far.linger());
        drop(far);
        log.saw("read", near.read(&mut [0; 4]).await);
    }

    async fn a_socket_listens_where_it_is_bound_or_anywhere(log) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let bound = socket.local_addr().unwrap();
        log.is("there", socket.listen(8).unwrap().local_addr().unwrap() == bound);
        let listener = TcpSocket::new_v4().unwrap().listen(8).unwrap();
        let addr = listener.local_addr().unwrap();
        log.is("anywhere", (addr.ip(), addr.port() != 0));
        let near = TcpStream::connect(("127.0.0.1", addr.port())).await.unwrap();
        log.is("reached", listener.accept().await.unwrap().1 == near.local_addr().unwrap());
        // No room to wait is room for one.
        let listener = TcpSocket::new_v4().unwrap().listen(0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let near = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        log.is("reached", listener.accept().await.unwrap().1 == near.local_addr().unwrap());
    }

    async fn sockets_that_allow_it_share_an_address_and_one_listens(log) {
        let (one, two) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
        one.set_reuseaddr(true).unwrap();
        log.saw("one", one.bind(any()));
        let bound = one.local_addr().unwrap();
        log.saw("two that does not", two.bind(bound));
        two.set_reuseaddr(true).unwrap();
        log.saw("two that does", two.bind(bound));
        let listener = one.listen(8);
        log.saw("one listens", listener.as_ref().map(drop).map_err(|why| why.kind().into()));
        log.saw("two does not", two.listen(8).map(drop));
        let three = TcpSocket::new_v4().unwrap();
        three.set_reuseaddr(true).unwrap();
        log.saw("nor is it bound now", three.bind(bound));
    }

    async fn listeners_that_allow_it_share_a_port_and_its_peers(log) {
        let open = |addr| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            socket.bind(addr).unwrap();
            socket.listen(64).unwrap()
        };
        let one = open(any());
        let addr = one.local_addr().unwrap();
        let two = open(addr);
        log.saw("one that does not", TcpListener::bind(addr).await.map(drop));
        let mut met = [0; 2];
        for _ in 0..64 {
            let _near = TcpStream::connect(addr).await.unwrap();
            tokio::select! {
                far = one.accept() => { far.unwrap(); met[0] += 1 }
                far = two.accept() => { far.unwrap(); met[1] += 1 }
            }
        }
        log.is("each met some", met[0] > 0 && met[1] > 0);
        drop(two);
        let mut near = TcpStream::connect(addr).await.unwrap();
        let (mut far, _) = one.accept().await.unwrap();
        near.write_all(b"x").await.unwrap();
        log.saw("the other is left", far.read(&mut [0; 4]).await);
    }

    async fn nobody_there_is_a_refusal(log) {
        let (gone, addr) = listener().await;
        drop(gone);
        log.saw("connect", TcpSocket::new_v4().unwrap().connect(addr).await.map(drop));
    }

    async fn options_of_a_stream_are_as_they_were_set(log) {
        let (near, _far) = pair().await;
        log.saw("nodelay", near.nodelay());
        log.saw("set", near.set_nodelay(true));
        log.saw("nodelay", near.nodelay());
        log.saw("ttl", near.ttl());
        log.saw("set", near.set_ttl(9));
        log.saw("ttl", near.ttl());
        log.saw("none", near.set_ttl(0));
        log.saw("too long", near.set_ttl(256));
        log.saw("still", near.ttl());
        log.saw("set", near.set_quickack(true));
        log.saw("quickack", near.quickack());
    }
}
