//! axum over handfast: its `Listener` is our `TcpListener` (feature `axum`).

use anyhow::{Result, ensure};
use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use handfast::{Stack, TcpListener, TcpStream};
use handfast_examples::{Place, SERVER, until_ctrl_c};
use std::future::Future;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn routes() -> Router {
    Router::new()
        .route("/hello/{name}", get(|Path(name): Path<String>| async move { format!("Hello, {name}!") }))
        .route("/sum", post(|Json(numbers): Json<Vec<i64>>| async move { Json(numbers.iter().sum::<i64>()) }))
}

/// Serves until `end`, and then until the last answer was given.
async fn serve(listener: TcpListener, end: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    Ok(axum::serve(listener, routes()).with_graceful_shutdown(end).await?)
}

/// One request, in plain text; gives the body of the answer.
async fn ask(client: &Stack, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect_on(client, (SERVER, 80)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    ensure!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    Ok(response.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

/// A server on one stack, and a client on the other; gives its answers.
pub(crate) async fn run(server: &Stack, client: &Stack) -> Result<[String; 2]> {
    let listener = TcpListener::bind_on(server, (SERVER, 80)).await?;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, async {
        // Sent, or dropped: over.
        let _ = ended.await;
    }));
    let hello = "GET /hello/world HTTP/1.1\r\nhost: example\r\nconnection: close\r\n\r\n";
    let sum = "POST /sum HTTP/1.1\r\nhost: example\r\ncontent-type: application/json\r\n\
               content-length: 10\r\nconnection: close\r\n\r\n[30, 7, 5]";
    let answers = [ask(client, hello).await?, ask(client, sum).await?];
    drop(end);
    served.await??;
    Ok(answers)
}

#[tokio::main]
async fn main() -> Result<()> {
    match Place::from_args()? {
        Place::Memory { server, client } => {
            for answer in run(&server, &client).await? {
                println!("{answer}");
            }
            Ok(())
        }
        Place::Tun { server } => {
            let listener = TcpListener::bind_on(&server, (SERVER, 80)).await?;
            serve(listener, async {
                if let Err(why) = until_ctrl_c("curl http://10.111.0.2/hello/kernel").await {
                    eprintln!("{why}");
                }
            })
            .await
        }
    }
}
