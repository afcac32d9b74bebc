//! Data with the SYN, from socket to socket (RFC 7413).

use handfast::device::memory;
use handfast::fast_open::{FastOpenConnect, FastOpenListen, FastOpenState, Key, Keys};
use handfast::{Stack, TcpListener, TcpSocket, blocking};
use std::io::{ErrorKind, Read as _, Write as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SERVES: Option<FastOpenListen> = Some(FastOpenListen { queue: 16, cookie: true });

fn pair() -> (Stack, Stack) {
    let (left, right) = memory::wired(memory::Config::default()).expect("two ends");
    let stack = |device, address: &str| {
        Stack::builder().device(device).address(address.parse().expect("an address")).build_on_thread()
    };
    let server = stack(left, "10.0.0.1/24").expect("a stack");
    (server, stack(right, "10.0.0.2/24").expect("a stack"))
}

/// Covers: RFC 7413 7413-1, 7413-8
#[tokio::test]
async fn all_that_is_written_arrives_whether_or_not_it_fits_the_syn() {
    let (server, client) = pair();
    let listener = TcpListener::bind_on(&server, "10.0.0.1:80").await.expect("free");
    let to = listener.local_addr().expect("an address");
    let sizes = [(0, FastOpenState::Withheld), (1, FastOpenState::Withheld)];
    let later =
        [(1, FastOpenState::Given), (9, FastOpenState::Accepted), (3_000_000, FastOpenState::Accepted)];
    for (octets, state) in sizes.into_iter().chain(later) {
        if state == FastOpenState::Given {
            listener.set_fast_open(SERVES).expect("it listens");
            client.forget_fast_open().expect("it is there");
        }
        let data: Vec<u8> = (0..octets).map(|n| n as u8).collect();
        let socket = TcpSocket::new_v4_on(&client).expect("a socket");
        let open = socket.connect_with(to, &data, FastOpenConnect::default());
        let serve = async {
            let (mut far, _) = listener.accept().await.expect("it listens");
            let mut heard = vec![0; octets];
            far.read_exact(&mut heard).await.expect("all of it");
            far.write_all(b"done").await.expect("open");
            (far, heard)
        };
        let (near, (_far, heard)) = tokio::join!(open, serve);
        let mut near = near.expect("a connection");
        assert_eq!(heard, data);
        assert_eq!(near.info().expect("open").fast_open, Some(state), "{octets}");
        let mut said = [0; 4];
        near.read_exact(&mut said).await.expect("an answer");
        assert_eq!(&said, b"done");
    }
}

#[tokio::test]
async fn what_is_started_does_not_wait_and_tells_what_went_with_the_syn() {
    let (server, client) = pair();
    let listener = TcpListener::bind_on(&server, "10.0.0.1:80").await.expect("free");
    listener.set_fast_open(SERVES).expect("it listens");
    let to = listener.local_addr().expect("an address");
    for taken in [0, 1_420] {
        let socket = TcpSocket::new_v4_on(&client).expect("a socket");
        let (mut near, count) =
            socket.start_with(to, &[7; 2_000], FastOpenConnect::default()).expect("a connection");
        assert_eq!(count, taken);
        near.write_all(&[8; 10]).await.expect("a connection, once it is one");
        let (mut far, _) = listener.accept().await.expect("it listens");
        let mut heard = vec![0; taken + 10];
        far.read_exact(&mut heard).await.expect("all of it");
        assert!(heard.iter().take(taken).all(|octet| *octet == 7) && heard.ends_with(&[8; 10]));
    }
    let nobody = TcpSocket::new_v4_on(&client).expect("a socket");
    let (near, _) = nobody
        .start_with("10.0.0.1:81".parse().expect("an address"), b"anybody?", FastOpenConnect::default())
        .expect("a connection, for now");
    near.readable().await.expect("readable");
    assert_eq!(near.try_read(&mut [0; 1]).map_err(|e| e.kind()), Err(ErrorKind::ConnectionRefused));
}

/// Covers: RFC 7413 7413-3
#[test]
fn stacks_with_one_key_take_each_others_cookies_and_threads_need_no_runtime() {
    let (server, client) = pair();
    let keys = |octet| Some(Keys { primary: Key::new([octet; 16]), backup: None });
    server.set_fast_open_keys(keys(1)).expect("it is there");
    let mut listener = blocking::TcpListener::bind_on(&server, "10.0.0.1:80").expect("free");
    let refused = listener.set_fast_open_keys(keys(2)).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::InvalidInput), "it takes no data with a SYN");
    for (own, state) in [(1, FastOpenState::Given), (1, FastOpenState::Accepted), (2, FastOpenState::Refused)]
    {
        listener.set_fast_open(SERVES).expect("it listens");
        listener.set_fast_open_keys(keys(own)).expect("it listens");
        let to = listener.local_addr().expect("an address");
        let mut near =
            blocking::TcpStream::connect_with(&client, to, b"question", FastOpenConnect::default())
                .expect("a connection");
        let (mut far, _) = listener.accept().expect("it listens");
        let mut heard = [0; 8];
        far.read_exact(&mut heard).expect("all of it");
        assert_eq!(&heard, b"question");
        far.write_all(b"answer").expect("open");
        assert_eq!(near.read(&mut [0; 6]).expect("open"), 6);
        assert_eq!(near.status().fast_open, Some(state));
        if state == FastOpenState::Given {
            // Another listener, at the same address: the stack's keys are the same.
            drop(listener);
            listener = blocking::TcpListener::bind_on(&server, to).expect("free");
        }
    }
}
