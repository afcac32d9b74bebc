//! `handfast get` and `handfast put`: a client of HTTP/1.1, over a stack of our own.
//!
//! ```text
//!   URL ─► names ─► TcpStream ─► hyper ─► head ─► get: sink (a file, standard output)
//!                                  ▲                    └ progress
//!                  put: a file ────┘
//! ```

mod early;
mod get;
mod line;
mod progress;
mod put;

pub(crate) use get::GetArgs;
pub(crate) use put::PutArgs;

pub(crate) use get::run as get;
pub(crate) use put::run as put;

use crate::net::{Exit, Failure, Net};
use crate::{Done, Usage, clean, out};
use early::AnswersFirst;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use line::Line;
use progress::Progress;
use serde_json::json;
use std::io;
use tokio::task::AbortHandle;
use url::Url;

const AGENT: &str = concat!("handfast/", env!("CARGO_PKG_VERSION"));

/// Reads a URL; one without a scheme is taken to be http's.
///
/// # Errors
/// [`Usage`]: it is none, or not one that we can follow.
fn parse(text: &str) -> Result<Url, Usage> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    if whole
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .is_some_and(|(ip, _)| ip.contains('%'))
    {
        return Err(Usage(format!("{text}: {}", crate::net::SCOPED)));
    }
    let url = Url::parse(&whole).map_err(|why| Usage(format!("{text:?} is no URL: {why}")))?;
    usable(&url).map_err(Usage)?;
    Ok(url)
}

/// Whether we can follow it.
fn usable(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "http" => {}
        "https" => {
            return Err(format!(
                "{url}: https is not spoken by this command, which shows TCP: ask for http, or see the tokio-rustls \
                 example of the library"
            ));
        }
        scheme => return Err(format!("{url}: only http, not {scheme}")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{}: a URL with a password is shown to everybody", url.host_str().unwrap_or("")));
    }
    if url.host_str().is_none_or(str::is_empty) || url.port_or_known_default() == Some(0) {
        return Err(format!("{url}: it names no host and port"));
    }
    Ok(())
}

/// A header as it is written on a command line.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parts = text.split_once(':').and_then(|(name, value)| {
        Some((name.trim().parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?))
    });
    parts.ok_or_else(|| "a name and a value, as in 'Accept: text/plain'".to_owned())
}

/// The connection of an answer. It goes when this does: by then all of the answer is there, or nobody wants the rest.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a request and gives the head of its answer, whose body is still to come by the connection.
///
/// # Errors
/// [`Failure`] says what came of it.
async fn ask<B>(
    net: &Net,
    method: Method,
    url: &Url,
    headers: &HeaderMap,
    body: B,
    line: &Line,
) -> anyhow::Result<(Response<Incoming>, Connection)>
where
    B: HttpBody + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let host = url.host_str().unwrap_or_default();
    let stream = net.connect(host, url.port_or_known_default().unwrap_or(80)).await?;
    // What is small goes at once: a request waits for nothing.
    stream.set_nodelay(true).map_err(|why| Failure::broken("cannot send", &why))?;
    let handshake = http1::handshake(TokioIo::new(AnswersFirst::new(line.over(stream)))).await;
    let (mut sender, connection) = handshake.map_err(|why| broken(url, &why))?;
    // What goes wrong is told by the sender and the body.
    let connection = tokio::task::spawn_local(async move { drop(connection.await) });
    let connection = Connection(connection.abort_handle());
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::builder().method(method).uri(path).body(body)?;
    let own = request.headers_mut();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    own.insert(HOST, HeaderValue::from_str(&format!("{host}{port}"))?);
    own.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in headers {
        own.insert(name, value.clone());
    }
    let response = sender.send_request(request).await.map_err(|why| broken(url, &why))?;
    Ok((response, connection))
}

/// Does `work` until it is done, there is no time left of `limit` seconds, or the user ends it; tells of the link meanwhile.
/// `late` and `interrupted` say what came of it then, and see to how it ends: its connection is still there.
///
/// # Errors
/// Of `work`; [`Failure`]: it took too long.
async fn under_way(
    net: &Net,
    limit: Option<u32>,
    progress: &Progress,
    work: impl Future<Output = anyhow::Result<Done>>,
    late: impl FnOnce(u32) -> String,
    interrupted: impl FnOnce() -> String,
) -> anyhow::Result<Done> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => done,
        () = net.late() => Err(Failure::error(Exit::TimedOut, late(limit.unwrap_or(u32::MAX)))),
        () = net.interrupted() => {
            progress.end();
            out::complain(&interrupted());
            Ok(Done::Interrupted)
        }
        never = net.watch_link(|words| progress.say(words)) => match never {},
    }
}

/// What broke, in our words.
fn broken(url: &Url, why: &hyper::Error) -> anyhow::Error {
    // Ours, or the stack's: it says it best.
    let mut cause = std::error::Error::source(why);
    while let Some(why) = cause {
        if let Some(own) = why.downcast_ref::<io::Error>() {
            return Failure::broken(&format!("{url}: the connection broke"), own);
        }
        cause = why.source();
    }
    let text = match why {
        why if why.is_incomplete_message() => "the server closed the connection in the midst".to_owned(),
        why if why.is_parse() => "what came is no HTTP/1.1".to_owned(),
        why => why.to_string(),
    };
    Failure::error(Exit::Broken, format!("{url}: {text}"))
}

/// Shows the head of an answer beside what it carries.
fn show_head(url: &Url, response: &Response<Incoming>) {
    out::aside(|| head_json(url, response), &head_text(response));
}

/// The head of an answer, for programs.
fn head_json(url: &Url, response: &Response<Incoming>) -> serde_json::Value {
    let headers: serde_json::Map<_, _> = (response.headers().iter())
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    json!({ "event": "head", "url": url.as_str(), "status": response.status().as_u16(), "headers": headers })
}

/// The head of an answer, as it is on the wire, but for what would steer a terminal.
fn head_text<B>(response: &Response<B>) -> String {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("");
    let mut text = format!("{:?} {} {reason}\n", response.version(), status.as_u16());
    for (name, value) in response.headers() {
        let value = clean::line(&String::from_utf8_lossy(value.as_bytes()));
        text.push_str(&format!("{name}: {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_needs_no_scheme_but_may_not_have_every_one() {
        let url = |text: &str| parse(text).map(|url| url.to_string()).map_err(|why| why.to_string());
        assert_eq!(url("10.111.0.2/a b"), Ok("http://10.111.0.2/a%20b".to_owned()));
        assert_eq!(url("http://[fd00::1]:8080"), Ok("http://[fd00::1]:8080/".to_owned()));
        assert_eq!(url("host.example:81/x?y#z"), Ok("http://host.example:81/x?y#z".to_owned()));
        for (bad, part) in [
            ("https://a.example/", "https is not spoken"),
            ("ftp://a.example/", "not ftp"),
            ("http://u:p@a.example/", "password"),
            ("http://:80/", "no URL"),
            ("http://a.example:0/", "no host and port"),
            ("http://[fe80::1%25hf0]/", "not supported"),
            ("", "no URL"),
        ] {
            let why = url(bad).unwrap_err();
            assert!(why.contains(part), "{bad}: {why}");
        }
    }

    #[test]
    fn a_head_is_shown_without_what_steers_a_terminal() {
        let value = HeaderValue::from_bytes("x\u{9b}2Jy \u{9d}0;z".as_bytes()).unwrap();
        let response = Response::builder().header("x-name", value).body(()).unwrap();
        assert_eq!(head_text(&response), "HTTP/1.1 200 OK\nx-name: x\u{fffd}2Jy \u{fffd}0;z\n");
    }

    #[test]
    fn a_header_has_a_name_and_a_value() {
        let (name, value) = header("Accept:  text/plain ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("accept", "text/plain"));
        assert!(header("nothing").is_err() && header("a b: c").is_err() && header("a: b\nc: d").is_err());
    }
}
