//! `handfast put FILE URL`.

use super::line::Line;
use super::progress::{self, Progress};
use super::{ask, header, parse, show_head, under_way};
use crate::body::Body;
use crate::net::{self, Exit, Failure, Net, NetArgs, Prepared, Role};
use crate::{Done, Usage, clean};
use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use hyper::Method;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use url::Url;

/// As much of what a server has to say is shown.
const SAID: usize = 2_000;

/// Upload a file over HTTP, by a stack of our own
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{}", net::ABOUT, crate::args::CODES))]
pub(crate) struct PutArgs {
    /// The file; - is standard input
    file: PathBuf,
    /// Where to: http://HOST[:PORT]/PATH; where it ends in /, the file keeps its name
    url: String,
    /// Send this header, too; may be given several times
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// Show the head of the answer
    #[arg(short, long)]
    verbose: bool,
    /// Give up after so many seconds
    #[arg(short = 'm', long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    max_time: Option<u32>,
    #[command(flatten)]
    net: NetArgs,
}

const EXAMPLES: &str = "\
Examples:
  sudo handfast put big http://10.111.0.2/              to `handfast serve`, as /big
  tar c . | sudo handfast put - http://10.111.0.2/all.tar
  sudo handfast put big http://10.111.0.2/ --link delay=20ms,loss=1% --stats";

pub(crate) fn run(args: PutArgs) -> anyhow::Result<Done> {
    let mut url = parse(&args.url)?;
    let stdin = args.file == Path::new("-");
    if url.path().ends_with('/') {
        let name = args.file.file_name().filter(|_| !stdin).map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| Usage(format!("{url} needs the name of the file at its end")))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&name);
        }
    }
    let file = if stdin {
        None
    } else {
        let cannot = || format!("cannot read {}", args.file.display());
        let file = File::open(&args.file).with_context(cannot)?;
        let about = file.metadata().with_context(cannot)?;
        anyhow::ensure!(!about.is_dir(), "cannot read {}: it is a directory", args.file.display());
        Some((file, about))
    };
    Prepared::new(args.net.clone(), Role::Any, false)?.within(args.max_time).run(async |net| {
        let progress = Rc::new(Progress::new(progress::may_show(net.say, args.net.trace, args.verbose)));
        let (body, len) = match file {
            // A pipe or a device has no length.
            Some((file, about)) if about.is_file() => (Body::part(file, 0, about.len()), Some(about.len())),
            Some((file, _)) => (Body::stream(file), None),
            None => (Body::stream(io::stdin()), None),
        };
        progress.begin(0, len);
        let line = Rc::new(Line::default());
        let body = Counted { body, progress: Rc::clone(&progress), line: Rc::clone(&line) };
        // What is in our queues is nothing that went; the head of the request is acknowledged with the rest.
        let cut = || {
            let acknowledged = line.acknowledged();
            line.cut();
            format!("{acknowledged} octets of the request were acknowledged, and the upload was cut off")
        };
        let late = |limit| format!("{url}: no answer came in {limit} s; {}", cut());
        let interrupted = || format!("interrupted after {:.2} s: {}", progress.took().as_secs_f64(), cut());
        let work = send(net, &args, &url, body, &progress, &line);
        under_way(net, args.max_time, &progress, work, late, interrupted).await
    })
}

async fn send(
    net: &Net,
    args: &PutArgs,
    url: &Url,
    body: Counted,
    progress: &Progress,
    line: &Line,
) -> anyhow::Result<Done> {
    let headers: HeaderMap = args.header.iter().cloned().collect();
    let (response, _connection) = ask(net, Method::PUT, url, &headers, body, line).await?;
    progress.end();
    if args.verbose {
        show_head(url, &response);
    }
    let status = response.status();
    let said = text(response.into_body()).await;
    if !status.is_success() {
        let said = said.lines().next().unwrap_or_default();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        return Err(Failure::error(Exit::Status, format!("{url}: the server answered {status}{said}")));
    }
    let words = format!("{url}: {}, {}", status.as_u16(), progress.words());
    let json = || {
        json!({ "event": "put", "url": url.as_str(), "status": status.as_u16(), "octets": progress.octets(),
            "seconds": progress.took().as_secs_f64() })
    };
    net.conclude(json, &words)?;
    Ok(Done::Well)
}

/// What the server has to say, as far as it comes: its status counts, which is here already.
async fn text(mut body: Incoming) -> String {
    let mut octets = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { break };
        if let Ok(data) = frame.into_data() {
            octets.extend_from_slice(&data[..data.len().min(SAID.saturating_sub(octets.len()))]);
        }
    }
    // It may be anything.
    clean::text(&String::from_utf8_lossy(&octets))
}

/// A body whose octets are counted as they go.
struct Counted {
    body: Body,
    progress: Rc<Progress>,
    line: Rc<Line>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.progress.add(frame.data_ref().map_or(0, Bytes::len));
            }
            // There is no rest: the server has to see that.
            Poll::Ready(Some(Err(_))) => self.line.cut(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
