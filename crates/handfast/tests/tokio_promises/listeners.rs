//! `TcpListener`, and `TcpStream::connect`.

use super::{Log, at_once};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

promises! {
    async fn port_0_is_a_port_of_the_stacks_choice(log) {
        let (one, two) = (listener().await.1, listener().await.1);
        log.is("chosen", one.port() != 0 && two.port() != 0);
        log.is("address", one.ip());
    }

    async fn a_port_is_had_once_until_its_listener_is_dropped(log) {
        let (held, addr) = listener().await;
        log.saw("twice", TcpListener::bind(addr).await.map(drop));
        let everywhere = SocketAddr::from(([0, 0, 0, 0], addr.port()));
        log.saw("everywhere", TcpListener::bind(everywhere).await.map(drop));
        drop(held);
        log.saw("again", TcpListener::bind(addr).await.map(drop));
    }

    async fn a_port_whose_connections_rest_can_be_bound_again(log) {
        let (held, addr) = listener().await;
        let near = TcpStream::connect(addr).await.unwrap();
        let (far, _) = held.accept().await.unwrap();
        drop((far, held));
        let mut near = near;
        log.saw("end", near.read(&mut [0; 4]).await);
        drop(near);
        log.saw("again", TcpListener::bind(addr).await.map(drop));
    }

    async fn a_foreign_address_cannot_be_bound(log) {
        log.saw("bind", TcpListener::bind("192.0.2.77:0").await.map(drop));
        log.saw("bind", TcpListener::bind("[2001:db8::77]:0").await.map(drop));
    }

    async fn of_several_addresses_the_first_that_works_is_bound(log) {
        let (held, addr) = listener().await;
        let foreign: SocketAddr = "192.0.2.77:0".parse().unwrap();
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let bound = TcpListener::bind(&[foreign, addr, free][..]).await.unwrap().local_addr().unwrap();
        log.is("the third", bound != addr && bound.ip() == free.ip());
        log.saw("the last one's error", TcpListener::bind(&[addr, foreign][..]).await.map(drop));
        log.saw("the last one's error", TcpListener::bind(&[foreign, addr][..]).await.map(drop));
        log.saw("none at all", TcpListener::bind(&[][..]).await.map(drop));
        drop(held);
    }

    async fn what_is_no_address_cannot_be_bound_or_reached(log) {
        log.saw("no port", TcpListener::bind("127.0.0.1").await.map(drop));
        log.saw("no port", TcpStream::connect("127.0.0.1").await.map(drop));
        log.saw("no number", TcpStream::connect("127.0.0.1:http").await.map(drop));
        log.saw("none at all", TcpStream::connect(&[][..]).await.map(drop));
    }

    async fn nobody_there_is_a_refusal(log) {
        let (gone, addr) = listener().await;
        drop(gone);
        log.saw("connect", TcpStream::connect(addr).await.map(drop));
    }

    async fn of_several_addresses_the_first_that_answers_is_connected(log) {
        let ((gone, nobody), (held, addr)) = (listener().await, listener().await);
        drop(gone);
        let near = TcpStream::connect(&[nobody, addr][..]).await.unwrap();
        log.is("the second", near.peer_addr().unwrap() == addr);
        log.saw("none", TcpStream::connect(&[nobody, nobody][..]).await.map(drop));
        drop(held);
    }

    async fn everybody_is_no_peer(log) {
        log.saw("broadcast", TcpStream::connect("255.255.255.255:9").await.map(drop));
        log.saw("multicast", TcpStream::connect("224.0.0.1:9").await.map(drop));
    }

    async fn connections_are_accepted_in_their_order(log) {
        let (listener, addr) = listener().await;
        let mut near = Vec::new();
        for _ in 0..5 {
            near.push(TcpStream::connect(addr).await.unwrap());
        }
        for stream in &near {
            let (far, peer) = listener.accept().await.unwrap();
            log.is("next", peer == stream.local_addr().unwrap() && far.peer_addr().unwrap() == peer);
        }
        log.is("none left", at_once(listener.accept()).await.is_none());
    }

    async fn an_accept_that_is_dropped_takes_no_connection_along(log) {
        let (listener, addr) = listener().await;
        log.is("waits", at_once(listener.accept()).await.is_none());
        let near = TcpStream::connect(addr).await.unwrap();
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            _ = listener.accept() => unreachable!(),
        }
        let (_, peer) = listener.accept().await.unwrap();
        log.is("still there", peer == near.local_addr().unwrap());
    }

    async fn several_tasks_may_accept(log) {
        let (listener, addr) = listener().await;
        let listener = std::sync::Arc::new(listener);
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let listener = std::sync::Arc::clone(&listener);
                tokio::spawn(async move { listener.accept().await.map(|(_, peer)| peer).unwrap() })
            })
            .collect();
        let mut near = Vec::new();
        for _ in 0..4 {
            near.push(TcpStream::connect(addr).await.unwrap());
        }
        let mut peers = Vec::new();
        for task in tasks {
            peers.push(task.await.unwrap());
        }
        peers.sort();
        let mut expected: Vec<_> = near.iter().map(|near| near.local_addr().unwrap()).collect();
        expected.sort();
        log.is("each once", peers == expected);
    }

    async fn what_came_before_the_accept_is_there_after_it(log) {
        let (listener, addr) = listener().await;
        let mut near = TcpStream::connect(addr).await.unwrap();
        near.write_all(b"early").await.unwrap();
        drop(near);
        crate::others_run().await;
        let (mut far, _) = listener.accept().await.unwrap();
        let mut heard = String::new();
        log.saw("read", far.read_to_string(&mut heard).await);
        log.is("heard", heard);
    }

    async fn a_connection_that_was_cut_before_is_accepted_and_tells_itself(log) {
        let (listener, addr) = listener().await;
        let near = TcpStream::connect(addr).await.unwrap();
        near.set_zero_linger().unwrap();
        drop(near);
        crate::others_run().await;
        let (mut far, _) = listener.accept().await.unwrap();
        log.saw("read", far.read(&mut [0; 4]).await);
    }

    async fn dropping_a_listener_resets_whom_nobody_accepted(log) {
        let (listener, addr) = listener().await;
        let mut near = TcpStream::connect(addr).await.unwrap();
        crate::others_run().await;
        drop(listener);
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("connect", TcpStream::connect(addr).await.map(drop));
    }

    async fn a_connect_that_is_dropped_is_given_up(log) {
        let (listener, addr) = listener().await;
        drop(at_once(TcpStream::connect(addr)).await);
        // The next one is served all the same.
        let near = TcpStream::connect(addr).await.unwrap();
        let found = loop {
            let (_, peer) = listener.accept().await.unwrap();
            if peer == near.local_addr().unwrap() {
                break true;
            }
        };
        log.is("served", found);
    }

    async fn more_than_the_backlog_are_all_served_in_the_end(log) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..6)
            .map(|n| {
                let connecting = TcpStream::connect(addr);
                tokio::spawn(async move {
                    let mut near = connecting.await?;
                    near.write_all(&[n]).await?;
                    near.read(&mut [0; 4]).await
                })
            })
            .collect();
        crate::others_run().await;
        let mut heard = Vec::new();
        for _ in 0..6 {
            let (mut far, _) = listener.accept().await.unwrap();
            heard.push(far.read_u8().await.unwrap());
        }
        heard.sort_unstable();
        log.is("heard", heard);
        for client in clients {
            log.saw("client", client.await.unwrap());
        }
    }

    async fn the_unspecified_ipv6_address_takes_both_versions(log) {
        let listener = match TcpListener::bind("[::]:0").await {
            Err(why) if why.kind() == ErrorKind::AddrNotAvailable || why.kind() == ErrorKind::Unsupported => {
                panic!("this machine's kernel has no IPv6 to compare with: {why}")
            }
            bound => bound.unwrap(),
        };
        let port = listener.local_addr().unwrap().port();
        let v4 = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        log.is("IPv4", peer.ip().to_canonical());
        log.is("port", peer.port() == v4.local_addr().unwrap().port());
        let v6 = TcpStream::connect(("::1", port)).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        log.is("IPv6", peer.ip());
        log.is("port", peer.port() == v6.local_addr().unwrap().port());
        log.saw("and IPv4 is held", TcpListener::bind(("0.0.0.0", port)).await.map(drop));
    }

    async fn a_listeners_ttl_is_its_connections(log) {
        let (listener, addr) = listener().await;
        log.saw("ttl", listener.ttl());
        log.saw("set", listener.set_ttl(7));
        log.saw("ttl", listener.ttl());
        log.saw("none", listener.set_ttl(0));
        log.saw("too long", listener.set_ttl(256));
        let near = TcpStream::connect(addr).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        log.saw("theirs", far.ttl());
        log.saw("the peer's", near.ttl());
    }

    async fn poll_accept_is_accept(log) {
        let (listener, addr) = listener().await;
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_pending())).await;
        log.is("waits", polled);
        let (near, far) =
            tokio::join!(TcpStream::connect(addr), std::future::poll_fn(|cx| listener.poll_accept(cx)));
        log.is("peer", near.unwrap().local_addr().unwrap() == far.unwrap().1);
    }
}
