//! Every example that needs nothing but memory, run as `cargo run --example NAME` runs it.

#[allow(dead_code)]
#[path = "../axum.rs"]
mod axum;
#[allow(dead_code)]
#[path = "../hickory.rs"]
mod hickory;
#[allow(dead_code)]
#[path = "../hyper.rs"]
mod hyper;
#[allow(dead_code)]
#[path = "../quinn.rs"]
mod quinn;
#[allow(dead_code)]
#[path = "../tls.rs"]
mod tls;
#[allow(dead_code)]
#[path = "../vegas.rs"]
mod vegas;
#[allow(dead_code)]
#[path = "../websocket.rs"]
mod websocket;

use handfast_examples::two;
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn hyper_asks_and_answers_on_one_connection() {
    let (server, client) = two().unwrap();
    let answers = self::hyper::run(&server, &client).await.unwrap();
    let texts: Vec<_> = answers.iter().map(|(status, text)| (status.as_u16(), text.as_str())).collect();
    assert_eq!(texts, [(200, "POST /hello, with 0 octets\n"), (200, "POST /much, with 3000000 octets\n")]);
    client.quiet().await.unwrap(); // The client closed its connection.
}

#[tokio::test(flavor = "multi_thread")]
async fn axum_routes_and_ends_gracefully() {
    let (server, client) = two().unwrap();
    assert_eq!(self::axum::run(&server, &client).await.unwrap(), ["Hello, world!", "42"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rustls_echoes_and_closes_as_it_should() {
    let (server, client) = two().unwrap();
    let words: Vec<u8> = (0..1_000_003u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let said = self::tls::run(&server, &client, &words).await.unwrap();
    assert_eq!(said.version, "TLSv1_3");
    assert!(said.echo == words, "{} octets came back, or others", said.echo.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_congestion_control_of_ones_own_moves_what_it_is_given() {
    let (server, client) = two().unwrap();
    let sent = self::vegas::run(&server, &client, 3_000_000).await.unwrap();
    assert_eq!((sent.read, sent.by.name()), (3_000_000, "vegas"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tungstenite_talks_and_closes() {
    let (server, client) = two().unwrap();
    let (answers, large) = self::websocket::run(&server, &client, &["hello", "grüße"]).await.unwrap();
    assert_eq!((answers, large), (vec!["HELLO".to_owned(), "GRÜSSE".to_owned()], 1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn hickory_finds_names_by_udp_and_long_answers_by_tcp() {
    let (server, client) = two().unwrap();
    let found = self::hickory::run(&server, &client).await.unwrap();
    assert_eq!(found.connected, handfast_examples::SERVER);
    assert_eq!(found.many, 100);
    assert_eq!(found.none, std::io::ErrorKind::NotFound);
    assert!(found.asked.udp.load(Ordering::Relaxed) >= 3, "each name was asked for by UDP first");
    assert!(found.asked.tcp.load(Ordering::Relaxed) >= 1, "and the long answer by TCP");
}

/// 1 GiB with `HANDFAST_FULL=1`; else 32 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn quinn_moves_much_and_all_of_it_arrives() {
    let full = std::env::var("HANDFAST_FULL").as_deref() == Ok("1");
    let (server, client) = two().unwrap();
    let moved = self::quinn::run(&server, &client, if full { 1 << 30 } else { 32 << 20 }).await.unwrap();
    let [ours, theirs] = &moved.sums;
    assert_eq!(ours, theirs, "SHA-256 at both ends");
    for (datagrams, frames) in [moved.sent, moved.received] {
        assert!(frames * 2 < datagrams, "{datagrams} datagrams travelled in {frames} frames: no trains");
    }
}
