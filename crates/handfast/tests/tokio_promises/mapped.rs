//! IPv4 addresses as IPv6 programs write them (RFC 3493 §3.7): what they name, and what is seen of them.

use super::Log;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Loopback at `port`, as IPv6 writes it.
fn mapped(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port).into()
}

/// An end with its port only named as known or not, for it is chosen.
fn end(addr: SocketAddr, port: u16) -> (std::net::IpAddr, bool) {
    (addr.ip(), addr.port() == port)
}

promises! {
    async fn a_mapped_address_reaches_ipv4_and_is_seen_as_it_was_written(log) {
        let (listener, addr) = listener().await;
        let mut near = TcpStream::connect(mapped(addr.port())).await.unwrap();
        let (mut far, peer) = listener.accept().await.unwrap();
        log.is("their peer", peer.ip());
        log.is("near peer", near.peer_addr().unwrap() == mapped(addr.port()));
        log.is("near local", end(near.local_addr().unwrap(), peer.port()));
        log.saw("write", near.write_all(b"over IPv4").await);
        let mut buf = [0; 9];
        log.saw("read", far.read_exact(&mut buf).await);
        log.is("octets", buf);
    }

    async fn nobody_there_is_refused_as_over_ipv4(log) {
        let (listener, addr) = listener().await;
        drop(listener);
        log.saw("connect", TcpStream::connect(mapped(addr.port())).await);
        log.saw("connect", TcpSocket::new_v6().unwrap().connect(mapped(addr.port())).await);
    }

    async fn a_listener_at_a_mapped_address_takes_ipv4(log) {
        let listener = TcpListener::bind(mapped(0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        log.is("at", at.ip());
        log.saw("taken", TcpListener::bind((Ipv4Addr::LOCALHOST, at.port())).await);
        let near = TcpStream::connect((Ipv4Addr::LOCALHOST, at.port())).await.unwrap();
        let (far, peer) = listener.accept().await.unwrap();
        log.is("peer", end(peer, near.local_addr().unwrap().port()));
        log.is("far", (far.local_addr().unwrap() == at, far.peer_addr().unwrap() == peer));
        log.is("near", near.peer_addr().unwrap().ip());
        log.saw("over IPv6", TcpStream::connect((Ipv6Addr::LOCALHOST, at.port())).await);
    }

    async fn an_ipv6_socket_goes_to_ipv4_from_wherever_it_is_bound(log) {
        let (listener, addr) = listener().await;
        for bound in [None, Some(mapped(0)), Some((Ipv6Addr::UNSPECIFIED, 0).into())] {
            let socket = TcpSocket::new_v6().unwrap();
            let mut port = None;
            if let Some(bound) = bound {
                log.saw("bind", socket.bind(bound));
                let local = socket.local_addr().unwrap();
                log.is("bound to", local.ip());
                port = Some(local.port());
            }
            let near = socket.connect(mapped(addr.port())).await.unwrap();
            let (_far, peer) = listener.accept().await.unwrap();
            let local = near.local_addr().unwrap();
            log.is("local", (end(local, peer.port()), port.is_none_or(|port| port == peer.port())));
            log.is("peer", near.peer_addr().unwrap() == mapped(addr.port()));
        }
    }

    async fn an_ipv6_socket_listens_where_it_is_bound_in_ipv4(log) {
        let socket = TcpSocket::new_v6().unwrap();
        log.saw("bind", socket.bind(mapped(0)));
        let listener = socket.listen(4).unwrap();
        let at = listener.local_addr().unwrap();
        log.is("at", at.ip());
        let near = TcpStream::connect(at).await.unwrap();
        log.is("near", near.peer_addr().unwrap() == at);
        let (_far, peer) = listener.accept().await.unwrap();
        log.is("peer", peer == near.local_addr().unwrap());
    }

    async fn sockets_of_one_version_do_not_take_the_other_for_theirs(log) {
        let (_listener, addr) = listener().await;
        log.is("IPv4", TcpSocket::new_v4().unwrap().connect(mapped(addr.port())).await.is_err());
        log.is("IPv4", TcpSocket::new_v4().unwrap().bind(mapped(0)).is_err());
        log.is("elsewhere", TcpListener::bind((Ipv4Addr::new(192, 0, 2, 77).to_ipv6_mapped(), 0)).await.is_err());
        log.saw("to us from IPv6", {
            let socket = TcpSocket::new_v6().unwrap();
            socket.bind((Ipv6Addr::LOCALHOST, 0).into()).unwrap();
            socket.connect(mapped(addr.port())).await.is_ok().then_some(()).ok_or(std::io::ErrorKind::Other.into())
        });
    }
}
