//! What users say of what they write: how much may wait, and where records end.

use handfast::device::memory;
use handfast::{Stack, TcpSocket, TcpStream};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::task::yield_now;

/// Far longer than anything here takes: a test that hangs shall fail.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}

/// Two connected ends: the first has room for 4,096 octets that nobody has read, the second writes.
async fn connected(unsent_limit: Option<u32>) -> (TcpStream, TcpStream, [Stack; 2]) {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let build = |device, address: &str| {
        Stack::builder().device(device).address(address.parse().unwrap()).build().unwrap()
    };
    let stacks = [build(left, "10.0.0.1/24"), build(right, "10.0.0.2/24")];
    let at: SocketAddr = "10.0.0.1:80".parse().unwrap();
    let socket = TcpSocket::new_v4_on(&stacks[0]).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind(at).unwrap();
    let listener = socket.listen(1).unwrap();
    let socket = TcpSocket::new_v4_on(&stacks[1]).unwrap();
    assert_eq!(socket.unsent_limit().unwrap(), None);
    socket.set_unsent_limit(unsent_limit).unwrap();
    assert_eq!(socket.unsent_limit().unwrap(), unsent_limit);
    let near = socket.connect(at).await.unwrap();
    (listener.accept().await.unwrap().0, near, stacks)
}

/// Writes until the peer's window is shut and `limit` octets wait behind it; how much it was.
async fn fills(near: &TcpStream, limit: u32) -> usize {
    let mut written = 0;
    loop {
        match near.try_write(&[7; 60_000]) {
            Ok(count) => written += count,
            Err(why) => assert_eq!(why.kind(), ErrorKind::WouldBlock),
        }
        let info = near.info().unwrap();
        assert!(info.unsent <= limit, "{info:?}");
        if (info.send_window, info.unsent) == (0, limit) {
            return written;
        }
        yield_now().await;
    }
}

#[tokio::test]
async fn no_more_waits_unsent_than_was_asked_for_and_writability_follows_what_is_asked() {
    soon(async {
        let (mut far, near, _stacks) = connected(Some(5_000)).await;
        let near = Arc::new(near);
        assert_eq!(near.unsent_limit().unwrap(), Some(5_000));
        let mut written = fills(&near, 5_000).await;
        assert_eq!(written, 4_096 + 5_000);

        // Another limit lets a writer go on that waited for the first.
        let waiting = tokio::spawn({
            let near = Arc::clone(&near);
            async move { near.writable().await }
        });
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!waiting.is_finished());
        near.set_unsent_limit(Some(9_000)).unwrap();
        waiting.await.unwrap().unwrap();
        let more = near.try_write(&[7; 60_000]).unwrap();
        assert_eq!((more, near.unsent_limit().unwrap()), (4_000, Some(9_000)));
        near.set_unsent_limit(None).unwrap();
        assert_eq!(near.try_write(&[7; 60_000]).unwrap(), 60_000);
        written += more + 60_000;

        // What waits beyond a smaller one stays, and there is room when all has left.
        near.set_unsent_limit(Some(1)).unwrap();
        assert_eq!(near.try_write(&[7]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let waiting = tokio::spawn({
            let near = Arc::clone(&near);
            async move {
                near.writable().await.unwrap();
                near.info().unwrap().unsent
            }
        });
        let mut got = vec![0; written];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(waiting.await.unwrap(), 0);
        assert!(got.iter().all(|&octet| octet == 7));
    })
    .await;
}

#[tokio::test]
async fn accepted_streams_have_the_limit_of_the_listeners_socket() {
    soon(async {
        let (device, _other_end) = memory::wired(memory::Config::default()).unwrap();
        let stack = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap()).build().unwrap();
        let socket = TcpSocket::new_v4_on(&stack).unwrap();
        socket.set_unsent_limit(Some(700)).unwrap();
        let listener = socket.listen(1).unwrap();
        let at = SocketAddr::new([10, 0, 0, 1].into(), listener.local_addr().unwrap().port());
        let near = TcpStream::connect_on(&stack, at).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        assert_eq!((far.unsent_limit().unwrap(), near.unsent_limit().unwrap()), (Some(700), None));
    })
    .await;
}

#[test]
fn a_stream_that_blocks_has_the_limit_too() {
    use handfast::blocking::{TcpListener, TcpStream};
    use std::io::{Read as _, Write as _};
    let (device, _other_end) = memory::wired(memory::Config::default()).unwrap();
    let builder = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap());
    let stack = builder.build_on_thread().unwrap();
    let listener = TcpListener::bind_on(&stack, "10.0.0.1:80").unwrap();
    let mut near = TcpStream::connect_on(&stack, "10.0.0.1:80").unwrap();
    let (mut far, _) = listener.accept().unwrap();
    near.set_unsent_limit(Some(700)).unwrap();
    assert_eq!(near.write(&[7; 60_000]).unwrap(), 700);
    near.set_unsent_limit(None).unwrap();
    assert_eq!(near.write(&[7; 60_000]).unwrap(), 60_000);
    let mut got = vec![0; 60_700];
    far.read_exact(&mut got).unwrap();
}

/// No frame arrives between two writes, for who turns the stacks is a task that is not polled meanwhile. So what is written
/// behind the first octet waits for its ACK (Nagle), and then goes together unless records end.
#[tokio::test]
async fn what_ends_a_record_shares_no_segment_with_what_is_written_later() {
    soon(async {
        for (records, segments) in [(false, 2), (true, 4)] {
            let (mut far, near, _stacks) = connected(None).await;
            near.write_bytes("x".into()).await.unwrap();
            let (_, mut write) = near.into_split();
            for text in ["one", "two", "three"] {
                match records {
                    true => write.write_record(text.into()).await.unwrap(),
                    false => write.write_bytes(text.into()).await.unwrap(),
                }
            }
            let mut got = [0; 12];
            far.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"xonetwothree");
            let info = write.as_ref().info().unwrap();
            assert_eq!(info.data_segments_sent - info.retransmitted_segments, segments, "{records}");
        }
    })
    .await;
}
