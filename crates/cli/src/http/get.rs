//! `handfast get URL`.

use super::line::Line;
use super::progress::{self, Progress};
use super::{Connection, ask, broken, head_json, head_text, header, parse, show_head, under_way, usable};
use crate::body::Body;
use crate::net::{self, Exit, Failure, Net, NetArgs, Prepared, Role};
use crate::sink::Sink;
use crate::{Done, Usage, clean};
use anyhow::{Context as _, anyhow};
use clap::Args;
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, COOKIE, HOST, PROXY_AUTHORIZATION};
use hyper::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, RANGE};
use hyper::{Method, Response, StatusCode};
use rustix::fs::{Access, access};
use serde_json::json;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use url::Url;

/// So many redirections are followed.
const REDIRECTIONS: u32 = 10;

/// Fetch a file over HTTP, by a stack of our own
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{}", net::ABOUT, crate::args::CODES))]
pub(crate) struct GetArgs {
    /// What: http://HOST[:PORT]/PATH; http:// may be left out
    url: String,
    /// Write to this file; - is standard output, as is none
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on where the file ends
    #[arg(short = 'C', long = "continue", requires = "output")]
    resume: bool,
    /// Only the head of the answer
    #[arg(short = 'I', long)]
    head: bool,
    /// Send this header, too; may be given several times
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// Show the heads of all answers
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
  sudo handfast get http://10.111.0.2/README.md         from `handfast serve`: two stacks, the kernel between them
  sudo handfast get http://10.111.0.2/big -o big        with a progress bar
  sudo handfast get http://10.111.0.2/big -o big -C     go on with what is there already
  sudo handfast get http://10.111.1.1:8000/             from a server on this machine (python3 -m http.server)
  sudo handfast get http://www.example/ --dns 10.0.0.53
  sudo handfast get http://10.111.0.2/big -o - --loss 2% --stats | sha256sum
  sudo handfast get http://10.111.0.2/README.md --trace -o /dev/null";

pub(crate) fn run(args: GetArgs) -> anyhow::Result<Done> {
    let url = parse(&args.url)?;
    let file = args.output.as_deref().filter(|path| *path != Path::new("-"));
    if args.resume && file.is_none() {
        return Err(Usage("only a file can be gone on with: give -o FILE".into()).into());
    }
    if let Some(path) = file.filter(|_| !args.head) {
        check_writable(path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let prepared = Prepared::new(args.net.clone(), Role::Any, file.is_none())?.within(args.max_time);
    prepared.run(async |net| {
        let progress = Progress::new(progress::may_show(net.say, args.net.trace, args.verbose));
        let rest = || goes_on(file, args.resume, progress.octets());
        let late = |limit| format!("{url}: in {limit} s only {} octets came{}", progress.octets(), rest());
        let interrupted = || format!("interrupted after {}{}", progress.words(), rest());
        let work = fetch(net, &args, url.clone(), file, &progress);
        under_way(net, args.max_time, &progress, work, late, interrupted).await
    })
}

/// Whether the file can be written, as far as that can be known without changing anything: who asks a server first asks in
/// vain.
fn check_writable(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        // A pipe would wait for its reader.
        Ok(about) if about.is_file() || about.is_dir() => File::options().append(true).open(path).map(drop),
        Ok(_) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::NotFound && path.file_name().is_some() => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            if !std::fs::metadata(parent)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            Ok(access(parent, Access::WRITE_OK | Access::EXEC_OK)?)
        }
        Err(why) => Err(why),
    }
}

/// What can be done about a file that is not whole: where something came, or was there to go on with. What lies there of
/// another time is no part of this one.
fn goes_on(file: Option<&Path>, resumes: bool, came: u64) -> &'static str {
    let there = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|about| about.is_file() && (came > 0 || about.len() > 0))
    };
    match file {
        Some(path) if (came > 0 || resumes) && there(path) => "; -C goes on there",
        _ => "",
    }
}

async fn fetch(
    net: &Net,
    args: &GetArgs,
    mut url: Url,
    file: Option<&Path>,
    progress: &Progress,
) -> anyhow::Result<Done> {
    let there = match file.filter(|_| args.resume).map(std::fs::metadata) {
        Some(Ok(about)) => about.len(),
        _ => 0,
    };
    let mut headers: HeaderMap = args.header.iter().cloned().collect();
    if there > 0 {
        headers.insert(RANGE, HeaderValue::from_str(&format!("bytes={there}-"))?);
    }
    let method = if args.head { Method::HEAD } else { Method::GET };
    for _ in 0..=REDIRECTIONS {
        let (response, connection) =
            ask(net, method.clone(), &url, &headers, Body::empty(), &Line::default()).await?;
        if args.verbose {
            show_head(&url, &response);
        }
        let Some(next) = redirection(&url, &response)? else {
            return match there {
                _ if args.head => tell_head(net, &url, &response),
                0 if response.status() == StatusCode::PARTIAL_CONTENT && !headers.contains_key(RANGE) => Err(
                    Failure::error(Exit::Status, format!("{url}: a part came, but all of it was asked for")),
                ),
                0 => receive(net, &url, (response, connection), file, 0, progress).await,
                there => go_on(net, &url, (response, connection), file, there, progress).await,
            };
        };
        leave(&mut headers, &url, &next);
        url = next;
    }
    Err(Failure::error(Exit::Status, format!("{url}: more than {REDIRECTIONS} redirections")))
}

/// Where the answer sends us, if it does (RFC 9110 §15.4).
fn redirection(url: &Url, response: &Response<Incoming>) -> anyhow::Result<Option<Url>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let next = to.and_then(|to| url.join(to).ok());
    let next =
        next.ok_or_else(|| Failure::error(Exit::Status, format!("{url}: sent elsewhere, but not where")))?;
    usable(&next).map_err(|why| Failure::error(Exit::Status, format!("{url} sent us to {why}")))?;
    Ok(Some(next))
}

/// Another host may not see what was meant for the first one (RFC 9110 §15.4).
fn leave(headers: &mut HeaderMap, from: &Url, to: &Url) {
    let place = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    if place(from) != place(to) {
        for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST] {
            headers.remove(name);
        }
    }
}

fn tell_head(net: &Net, url: &Url, response: &Response<Incoming>) -> anyhow::Result<Done> {
    let status = response.status();
    if net.say.json {
        writeln!(stdout(), "{}", clean::json(&head_json(url, response)))?;
    } else {
        write!(stdout(), "{}", head_text(response))?;
    }
    if status.as_u16() < 400 { Ok(Done::Well) } else { Err(refused(url, status)) }
}

fn refused(url: &Url, status: StatusCode) -> anyhow::Error {
    Failure::error(Exit::Status, format!("{url}: the server answered {status}"))
}

/// The rest of a file of which `there` octets are here.
async fn go_on(
    net: &Net,
    url: &Url,
    answer: (Response<Incoming>, Connection),
    file: Option<&Path>,
    there: u64,
    progress: &Progress,
) -> anyhow::Result<Done> {
    let response = &answer.0;
    let range =
        response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
    match response.status() {
        StatusCode::PARTIAL_CONTENT if range.starts_with(&format!("bytes {there}-")) => {
            receive(net, url, answer, file, there, progress).await
        }
        StatusCode::PARTIAL_CONTENT => {
            Err(Failure::error(Exit::Status, format!("{url}: another part came than was asked for: {range}")))
        }
        StatusCode::RANGE_NOT_SATISFIABLE if range == format!("bytes */{there}") => {
            net.conclude(
                || json!({ "event": "got", "url": url.as_str(), "octets": 0, "whole": there, "seconds": 0.0 }),
                "all of it is here already",
            )?;
            Ok(Done::Well)
        }
        StatusCode::RANGE_NOT_SATISFIABLE => Err(Failure::error(
            Exit::Status,
            format!("{url}: more is here than there ({there} octets, {range})"),
        )),
        // All of it, from the beginning.
        _ => receive(net, url, answer, file, 0, progress).await,
    }
}

/// Takes the body, behind the `there` octets that are here.
async fn receive(
    net: &Net,
    url: &Url,
    (response, _connection): (Response<Incoming>, Connection),
    file: Option<&Path>,
    there: u64,
    progress: &Progress,
) -> anyhow::Result<Done> {
    let status = response.status();
    if !status.is_success() {
        return Err(refused(url, status));
    }
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    progress.begin(there, length.map(|length: u64| there.saturating_add(length)));
    let sink = match file {
        None => Sink::stdout(),
        Some(path) => {
            let file = if there > 0 { File::options().append(true).open(path) } else { File::create(path) };
            Sink::file(file.with_context(|| format!("cannot write {}", path.display()))?)
        }
    };
    let mut body = response.into_body();
    let mut broke = None;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => {
                progress.add(data.len());
                if !sink.put(data).await {
                    break;
                }
            }
            Ok(Err(_trailers)) => {}
            Err(why) => {
                broke = Some(broken(url, &why));
                break;
            }
        }
    }
    // What came is kept, whatever happened to the rest.
    let written = sink.end().await;
    progress.end();
    written.with_context(|| match file {
        Some(path) => format!("cannot write {}", path.display()),
        None => "cannot write to standard output".to_owned(),
    })?;
    if let Some(why) = broke {
        let how = goes_on(file, there > 0, progress.octets());
        let exit = why.downcast_ref::<Failure>().map_or(Exit::Broken, |why| why.exit);
        return Err(Failure::error(exit, format!("{why} after {} octets{how}", progress.whole())));
    }
    tell(net, url, status, file, progress)?;
    Ok(Done::Well)
}

fn tell(
    net: &Net,
    url: &Url,
    status: StatusCode,
    file: Option<&Path>,
    progress: &Progress,
) -> anyhow::Result<()> {
    if file.is_none() && !net.say.json {
        return Ok(());
    }
    let name = file.map(|file| file.display().to_string());
    let json = || {
        json!({ "event": "got", "url": url.as_str(), "status": status.as_u16(), "file": name,
            "octets": progress.octets(), "whole": progress.whole(), "seconds": progress.took().as_secs_f64() })
    };
    let words = format!("{}: {}", name.as_deref().unwrap_or("-"), progress.words());
    net.conclude(json, &words).map_err(|why| anyhow!(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of the headers after a redirection.
    fn left(from: &str, to: &str) -> Vec<&'static str> {
        let names = ["authorization", "cookie", "host", "accept"];
        let mut headers: HeaderMap = names
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x")))
            .into_iter()
            .collect();
        leave(&mut headers, &from.parse().unwrap(), &to.parse().unwrap());
        names.into_iter().filter(|name| headers.contains_key(*name)).collect()
    }

    #[test]
    fn what_was_meant_for_one_host_is_not_sent_to_another() {
        let all = ["authorization", "cookie", "host", "accept"];
        assert_eq!(left("http://a.example/x", "http://a.example:80/y"), all);
        for elsewhere in ["http://b.example/x", "http://a.example:81/x", "http://[fd00::1]/"] {
            assert_eq!(left("http://a.example/x", elsewhere), ["accept"], "{elsewhere}");
        }
    }

    #[test]
    fn only_what_is_there_can_be_gone_on_with() {
        let path = std::env::temp_dir().join(format!("handfast-goes-on-{}", std::process::id()));
        let says = |resumes, came| !goes_on(Some(&path), resumes, came).is_empty();
        assert!(!says(false, 0) && !says(true, 0));
        std::fs::write(&path, b"some").unwrap();
        // Without -C it is of another time, until something has come.
        assert!(!says(false, 0) && says(true, 0) && says(false, 4));
        std::fs::write(&path, b"").unwrap();
        assert!(!says(true, 0));
        std::fs::remove_file(&path).unwrap();
        assert!(!goes_on(Some(Path::new("/dev/null")), false, 4).contains("-C"));
        assert!(goes_on(None, false, 4).is_empty());
    }

    #[test]
    fn where_nothing_can_be_written_is_known_before_anybody_is_asked() {
        let dir = std::env::temp_dir().join(format!("handfast-writable-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("file");
        std::fs::write(&file, b"as it was").unwrap();
        let kind = |path: &Path| check_writable(path).map_err(|why| why.kind());
        assert_eq!(kind(&dir.join("new")), Ok(()));
        assert_eq!(kind(&file), Ok(()));
        assert_eq!(kind(Path::new("/dev/null")), Ok(()));
        assert_eq!(kind(&dir.join("none/new")), Err(io::ErrorKind::NotFound));
        assert_eq!(kind(&file.join("new")), Err(io::ErrorKind::NotADirectory));
        assert_eq!(kind(&dir), Err(io::ErrorKind::IsADirectory));
        assert!(!dir.join("new").exists() && std::fs::read(&file).unwrap() == b"as it was");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
