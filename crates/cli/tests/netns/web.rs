//! A small HTTP server on the kernel's sockets: what `get` and `put` talk to when no stack of ours is at the other end.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

/// Serves the files of `dir` at all the kernel's addresses, for as long as the process lives; gives the port.
pub(crate) fn serve(dir: &Path) -> u16 {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dir = dir.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let dir = dir.clone();
            // A client that goes away is what some tests are about.
            thread::spawn(move || drop(answer(&stream.unwrap(), &dir)));
        }
    });
    port
}

/// One request, one answer: the connection ends with it.
fn answer(stream: &TcpStream, dir: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let mut words = head.first().map_or("", String::as_str).split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let file: PathBuf = dir.join(path.trim_start_matches('/'));
    match method {
        "PUT" => {
            let mut out = File::create(&file)?;
            match header("content-length") {
                Some(length) => drop(io::copy(&mut (&mut reader).take(length.parse().unwrap()), &mut out)?),
                None => chunked(&mut reader, &mut out)?,
            }
            respond(stream, "201 Created", "content-length: 0\r\n")
        }
        "GET" if path.starts_with("/sent-to/") => {
            let to =
                format!("location: ../{}\r\ncontent-length: 0\r\n", path.trim_start_matches("/sent-to/"));
            respond(stream, "302 Found", &to)
        }
        "GET" if path == "/round" => {
            respond(stream, "301 Moved", "location: /round\r\ncontent-length: 0\r\n")
        }
        "GET" if path == "/cut" => {
            respond(stream, "200 OK", "content-length: 1000\r\n")?;
            (&*stream).write_all(&[7; 100])
        }
        "GET" if path == "/slow" => {
            respond(stream, "200 OK", "content-length: 1000\r\n")?;
            (&*stream).write_all(&[7; 100])?;
            // Until the client gives up.
            reader.read_to_end(&mut Vec::new()).map(drop)
        }
        "GET" => match File::open(&file) {
            Ok(mut file) => {
                let length = file.metadata()?.len();
                let first = header("range").map(|range| {
                    range.trim_start_matches("bytes=").trim_end_matches('-').parse::<u64>().unwrap()
                });
                match first {
                    Some(first) if first >= length => {
                        let range = format!("content-range: bytes */{length}\r\ncontent-length: 0\r\n");
                        return respond(stream, "416 Range Not Satisfiable", &range);
                    }
                    Some(first) => {
                        file.seek(io::SeekFrom::Start(first))?;
                        let range = format!("content-range: bytes {first}-{}/{length}\r\n", length - 1);
                        let head = format!("{range}content-length: {}\r\n", length - first);
                        respond(stream, "206 Partial Content", &head)?;
                    }
                    None => respond(stream, "200 OK", &format!("content-length: {length}\r\n"))?,
                }
                io::copy(&mut file, &mut &*stream).map(drop)
            }
            Err(_) => respond(stream, "404 Not Found", "content-length: 0\r\n"),
        },
        _ => respond(stream, "405 Method Not Allowed", "content-length: 0\r\n"),
    }
}

fn respond(mut stream: &TcpStream, status: &str, headers: &str) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n").as_bytes())
}

fn chunked(reader: &mut BufReader<&TcpStream>, out: &mut File) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        io::copy(&mut reader.take(length), out)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Whether a file of this name has come, whole.
pub(crate) fn has(dir: &Path, name: &str) -> bool {
    fs::metadata(dir.join(name)).is_ok()
}
