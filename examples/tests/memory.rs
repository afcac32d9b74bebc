//! Every example that needs nothing but memory, run as `cargo run --example NAME` runs it.

#[allow(dead_code)]
#[path = "../axum.rs"]
mod axum;
#[allow(dead_code)]
#[path = "../hyper.rs"]
mod hyper;

use handfast_examples::two;

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
