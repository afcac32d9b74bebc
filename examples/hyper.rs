//! hyper, client and server, over handfast.
//!
//! `hyper_util::rt::TokioIo` is all that it takes: our `TcpStream` reads and writes as tokio's does.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use handfast::{Stack, TcpListener, TcpStream};
use handfast_examples::{Place, SERVER, until_ctrl_c};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;

/// Answers each request with what was asked.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let text = match request.into_body().collect().await {
        Ok(body) => format!("{asked}, with {} octets\n", body.to_bytes().len()),
        Err(why) => format!("{asked}, and then {why}\n"),
    };
    Ok(Response::new(Full::from(text)))
}

/// Serves whoever connects, for as long as the stack is there.
async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            if let Err(why) = connection.await {
                eprintln!("{peer}: {why}");
            }
        });
    }
}

/// Two requests on one connection; gives the answers.
async fn ask(client: &Stack) -> Result<Vec<(StatusCode, String)>> {
    let stream = TcpStream::connect_on(client, (SERVER, 80)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut answers = Vec::new();
    for (path, body) in [("/hello", Bytes::new()), ("/much", vec![7; 3_000_000].into())] {
        let request =
            Request::post(path).header("host", SERVER.to_string()).body(Full::<Bytes>::from(body))?;
        sender.ready().await?;
        let response = sender.send_request(request).await.with_context(|| path)?;
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        answers.push((status, String::from_utf8(text.to_vec())?));
    }
    drop(sender); // The last one to use the connection: it ends.
    connection.await??;
    Ok(answers)
}

/// Client and server, each on a stack of its own.
pub(crate) async fn run(server: &Stack, client: &Stack) -> Result<Vec<(StatusCode, String)>> {
    let listener = TcpListener::bind_on(server, (SERVER, 80)).await?;
    let served = tokio::spawn(serve(listener));
    let answers = ask(client).await?;
    served.abort();
    Ok(answers)
}

#[tokio::main]
async fn main() -> Result<()> {
    match Place::from_args()? {
        Place::Memory { server, client } => {
            for (status, text) in run(&server, &client).await? {
                print!("{status}: {text}");
            }
            Ok(())
        }
        Place::Tun { server } => {
            let listener = TcpListener::bind_on(&server, (SERVER, 80)).await?;
            tokio::select! {
                served = serve(listener) => served,
                ended = until_ctrl_c("curl --data hello http://10.111.0.2/greeting") => ended,
            }
        }
    }
}
