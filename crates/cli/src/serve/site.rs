//! From a request to its response.

use super::listing::{self, Entry};
use super::path::{self, BadPath};
use super::range::{self, Asked};
use super::upload::{self, Failed, Stored};
use crate::body::Body;
use anyhow::Context as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, statat};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::SystemTime;

/// Octets that are read though nobody wants them.
const UNWANTED: usize = 16 << 20;

/// A directory that is served.
pub(super) struct Site {
    root: OwnedFd,
    uploads: bool,
}

/// Marks the answer to an upload that was cut off: most likely nobody reads it.
#[derive(Clone, Copy)]
pub(super) struct CutOff;

/// What a path leads to.
enum Found {
    File(File, Metadata),
    Directory(Vec<Entry>),
    /// A directory whose name was asked for as a file's.
    Elsewhere,
    /// A device, a pipe, a socket.
    Other,
}

impl Site {
    /// Serves `dir`.
    ///
    /// # Errors
    /// It is not there, or no directory, or cannot be read.
    pub(super) fn open(dir: &Path, uploads: bool) -> anyhow::Result<Self> {
        let said = || format!("cannot serve {}", dir.display());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(dir, flags, Mode::empty()).map_err(io::Error::from).with_context(said)?;
        list(&root, Path::new(""), root.as_fd()).with_context(said)?;
        Ok(Self { root, uploads })
    }

    /// Answers a request.
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let head = request.method() == Method::HEAD;
        let asked = match path::ask(request.uri().path()) {
            Ok(asked) => asked,
            Err(BadPath::Malformed) => return text(StatusCode::BAD_REQUEST, "not a path", head),
            Err(BadPath::Forbidden) => {
                return text(StatusCode::FORBIDDEN, "not beneath this directory", head);
            }
        };
        match *request.method() {
            Method::GET | Method::HEAD => self.get(asked, request.headers(), head).await,
            Method::PUT | Method::POST if self.uploads => self.put(asked, request).await,
            _ => {
                discard(request.into_body()).await;
                let allowed = if self.uploads { "GET, HEAD, PUT, POST" } else { "GET, HEAD" };
                let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "not here", head);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
                response
            }
        }
    }

    fn root(&self) -> io::Result<OwnedFd> {
        self.root.try_clone()
    }

    async fn get(&self, asked: path::Asked, headers: &HeaderMap, head: bool) -> Response<Body> {
        let found = match self.root() {
            Ok(root) => {
                let path = asked.path.clone();
                tokio::task::spawn_blocking(move || find(&root, &path, asked.slash)).await
            }
            Err(why) => Ok(Err(why)),
        };
        match found.map_err(io::Error::other).and_then(|found| found) {
            Ok(Found::File(file, about)) => send(file, &about, &asked.path, headers, head),
            Ok(Found::Directory(entries)) => {
                let shown = asked.path.to_string_lossy();
                let shown = if shown.is_empty() { String::new() } else { format!("{shown}/") };
                html(StatusCode::OK, listing::page(&shown, entries), head)
            }
            Ok(Found::Elsewhere) => {
                let mut response = text(StatusCode::MOVED_PERMANENTLY, "it is a directory", head);
                if let Ok(to) = HeaderValue::try_from(listing::location(&asked.path)) {
                    response.headers_mut().insert(header::LOCATION, to);
                }
                response
            }
            Ok(Found::Other) => text(StatusCode::FORBIDDEN, "neither file nor directory", head),
            Err(why) => failed(&why, head),
        }
    }

    async fn put(&self, asked: path::Asked, request: Request<Incoming>) -> Response<Body> {
        if let Some(refusal) = refusal(&asked, request.headers()) {
            discard(request.into_body()).await;
            return refusal;
        }
        let stored = match self.root() {
            Ok(root) => upload::store(root, &asked.path, request.into_body()).await,
            Err(why) => Err(why.into()),
        };
        match stored {
            Ok(Stored::New) => text(StatusCode::CREATED, "stored", false),
            Ok(Stored::Replaced) => text(StatusCode::OK, "replaced", false),
            Err(Failed::Directory) => text(StatusCode::CONFLICT, "there is a directory of this name", false),
            Err(Failed::Peer) => {
                let mut response = text(StatusCode::BAD_REQUEST, "not all of it came", false);
                response.extensions_mut().insert(CutOff);
                response
            }
            Err(Failed::Disk(why)) if why.kind() == io::ErrorKind::NotFound => {
                text(StatusCode::CONFLICT, "there is no directory for it", false)
            }
            Err(Failed::Disk(why)) => failed(&why, false),
        }
    }
}

/// Why an upload is not even tried.
fn refusal(asked: &path::Asked, headers: &HeaderMap) -> Option<Response<Body>> {
    let form = |value: &HeaderValue| value.to_str().is_ok_and(|kind| kind.starts_with("multipart/"));
    let (status, how) = if headers.get(header::CONTENT_TYPE).is_some_and(form) {
        let how = "no forms: send the file itself (curl -T FILE, or curl --data-binary @FILE)";
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, how)
    } else if headers.contains_key(header::CONTENT_RANGE) {
        (StatusCode::BAD_REQUEST, "only whole files") // RFC 9110 §14.5
    } else if headers.contains_key(header::CONTENT_ENCODING) {
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "only files as they are")
    } else if asked.slash || asked.path.as_os_str().is_empty() {
        (StatusCode::CONFLICT, "a name is missing: PUT /name")
    } else {
        return None;
    };
    Some(text(status, how, false))
}

/// Reads what nobody wants, as far as that is reasonable: a connection that is closed with data unread is reset, and the
/// answer lost with it (RFC 9112 §9.6).
async fn discard(mut body: Incoming) {
    let mut left = UNWANTED;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
        if left == 0 {
            return;
        }
    }
}

/// Looks for what a path leads to; in a directory, for its index page first.
fn find(root: &OwnedFd, path: &Path, slash: bool) -> io::Result<Found> {
    // Not to wait for a pipe's other end.
    let fd = path::open(root, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let file = File::from(fd);
    let about = file.metadata()?;
    if about.is_dir() {
        if !slash {
            return Ok(Found::Elsewhere);
        }
        return match find(root, &path.join("index.html"), false) {
            Ok(found @ Found::File(..)) => Ok(found),
            _ => list(root, path, file.as_fd()).map(Found::Directory),
        };
    }
    if !about.is_file() {
        return Ok(Found::Other);
    }
    if slash {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Found::File(file, about))
}

/// What is in a directory, which is at `path` beneath `root`.
fn list(root: &OwnedFd, path: &Path, directory: BorrowedFd<'_>) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
        if name == "." || name == ".." {
            continue;
        }
        let mut about = statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
        // As a link leads; one that leads nowhere, or outside, shows as itself.
        if about.is_ok_and(|about| FileType::from_raw_mode(about.st_mode).is_symlink())
            && let Ok(target) = path::open(root, &path.join(&name), OFlags::PATH)
        {
            about = fstat(target);
        }
        // It may have gone meanwhile.
        let Ok(about) = about else { continue };
        let file = !FileType::from_raw_mode(about.st_mode).is_dir();
        entries.push(Entry { file, name, len: u64::try_from(about.st_size).unwrap_or(0) });
    }
    Ok(entries)
}

/// A file, or the part that is asked for, unless the asker has it already.
fn send(file: File, about: &Metadata, path: &Path, headers: &HeaderMap, head: bool) -> Response<Body> {
    let len = about.len();
    let tag = format!("\"{:x}-{:x}-{len:x}\"", about.mtime(), about.mtime_nsec());
    let mut response = Response::new(Body::empty());
    let own = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(&tag) {
        own.insert(header::ETAG, tag);
    }
    if let Ok(date) =
        HeaderValue::try_from(httpdate::fmt_http_date(about.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
    {
        own.insert(header::LAST_MODIFIED, date);
    }
    own.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let known =
        |tags: &str| tags.split(',').map(str::trim).any(|t| t == "*" || t.trim_start_matches("W/") == tag);
    if value(header::IF_NONE_MATCH).is_some_and(known) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    // A part of another version than the asker has the rest of would be wrong data (RFC 9110 §13.1.5).
    let same = value(header::IF_RANGE).is_none_or(|version| version == tag);
    let asked = value(header::RANGE).filter(|_| same).map_or(Asked::All, |range| range::read(range, len));
    let (first, count) = match asked {
        Asked::All => (0, len),
        Asked::Part { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            put(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{len}"));
            (first, last - first + 1)
        }
        Asked::Nothing => {
            let mut response = text(StatusCode::RANGE_NOT_SATISFIABLE, "the file has no such octets", head);
            put(&mut response, header::CONTENT_RANGE, &format!("bytes */{len}"));
            return response;
        }
    };
    put(&mut response, header::CONTENT_LENGTH, &count.to_string());
    if !head {
        *response.body_mut() = Body::part(file, first, count);
    }
    response
}

fn put(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

fn failed(why: &io::Error, head: bool) -> Response<Body> {
    let (status, words) = match why.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            (StatusCode::NOT_FOUND, "there is nothing of this name")
        }
        io::ErrorKind::PermissionDenied => (StatusCode::FORBIDDEN, "this is not for you"),
        io::ErrorKind::InvalidFilename => (StatusCode::URI_TOO_LONG, "no name is that long"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            (StatusCode::INSUFFICIENT_STORAGE, "there is no room for it")
        }
        io::ErrorKind::ReadOnlyFilesystem => (StatusCode::FORBIDDEN, "nothing can be written here"),
        _ => {
            // The asker can do nothing about it; whoever serves may.
            crate::out::complain(&format!("cannot answer: {why}"));
            (StatusCode::INTERNAL_SERVER_ERROR, "this went wrong here")
        }
    };
    text(status, words, head)
}

fn text(status: StatusCode, text: &str, head: bool) -> Response<Body> {
    page(status, format!("{} {text}\n", status.as_u16()), "text/plain; charset=utf-8", head)
}

fn html(status: StatusCode, text: String, head: bool) -> Response<Body> {
    page(status, text, "text/html; charset=utf-8", head)
}

fn page(status: StatusCode, text: String, kind: &'static str, head: bool) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    put(&mut response, header::CONTENT_LENGTH, &text.len().to_string());
    if !head {
        *response.body_mut() = Body::text(text);
    }
    response
}

/// What a file is, by the end of its name.
fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().map(PathBuf::from).unwrap_or_default();
    match extension.to_string_lossy().to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" | "rs" | "toml" | "c" | "h" | "py" | "sh" | "log" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "tar" => "application/x-tar",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_tells_nothing_of_what_lies_outside() {
        let dir = std::env::temp_dir().join(format!("handfast-listing-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("sub")).unwrap();
        std::fs::write(dir.join("file"), [7; 1234]).unwrap();
        let links = [
            ("inside", "../file"),
            ("outside", "/etc"),
            ("up", "../../../../../../etc/passwd"),
            ("none", "x"),
        ];
        for (link, to) in links {
            let _ = std::fs::remove_file(dir.join("sub").join(link));
            std::os::unix::fs::symlink(to, dir.join("sub").join(link)).unwrap();
        }
        let root = OwnedFd::from(File::open(&dir).unwrap());
        let Ok(Found::Directory(entries)) = find(&root, Path::new("sub"), true) else { panic!("no listing") };
        let shown = |name: &str| {
            entries.iter().find(|entry| entry.name == *name).map(|entry| (entry.file, entry.len))
        };
        assert_eq!(shown("inside"), Some((true, 1234)));
        for (link, to) in &links[1..] {
            assert_eq!(shown(link), Some((true, to.len() as u64)), "{link}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
