//! WebSockets by tokio-tungstenite over handfast: a server that answers each message in capitals, and a client.

use anyhow::{Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use handfast::{Stack, TcpListener, TcpStream};
use handfast_examples::{Place, SERVER, until_ctrl_c};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

async fn talk(stream: TcpStream) -> Result<()> {
    let mut socket = accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => socket.send(Message::text(text.to_uppercase())).await?,
            Message::Binary(data) => socket.send(Message::Binary(data)).await?,
            _ => {} // Pings and the close are answered by the library.
        }
    }
    Ok(())
}

async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(why) = talk(stream).await {
                eprintln!("{peer}: {why}");
            }
        });
    }
}

/// What the server answers to `words`, one message each, and how many octets of a large one came back.
pub(crate) async fn run(server: &Stack, client: &Stack, words: &[&str]) -> Result<(Vec<String>, usize)> {
    let listener = TcpListener::bind_on(server, (SERVER, 80)).await?;
    let served = tokio::spawn(serve(listener));
    let stream = TcpStream::connect_on(client, (SERVER, 80)).await?;
    let (mut socket, _response) = client_async(format!("ws://{SERVER}/talk"), stream).await?;
    let mut answers = Vec::new();
    for &word in words {
        socket.send(Message::text(word)).await?;
        match socket.next().await {
            Some(Ok(Message::Text(text))) => answers.push(text.to_string()),
            other => bail!("{other:?} instead of an answer"),
        }
    }
    socket.send(Message::binary(vec![7; 1 << 20])).await?;
    let large = match socket.next().await {
        Some(Ok(Message::Binary(data))) => data.len(),
        other => bail!("{other:?} instead of an echo"),
    };
    socket.close(None).await?;
    while let Some(last) = socket.next().await {
        last?; // until the server's close
    }
    served.abort();
    Ok((answers, large))
}

#[tokio::main]
async fn main() -> Result<()> {
    match Place::from_args()? {
        Place::Memory { server, client } => {
            let (answers, large) = run(&server, &client, &["hello", "world"]).await?;
            println!("{}; and {large} octets there and back", answers.join(" "));
            Ok(())
        }
        Place::Tun { server } => {
            let listener = TcpListener::bind_on(&server, (SERVER, 80)).await?;
            tokio::select! {
                served = serve(listener) => served,
                ended = until_ctrl_c("websocat ws://10.111.0.2/") => ended,
            }
        }
    }
}
