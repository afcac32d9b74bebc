//! What a response or an upload carries: a text, part of a file, or what comes on a stream; read ahead while what was
//! read before is sent.

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

/// Octets read at once.
const CHUNK: usize = 256 << 10;

/// What a read gives: the file, to go on with, and what was read.
type Chunk = io::Result<(File, Vec<u8>)>;

/// The body of a response or request.
pub(crate) enum Body {
    Text(Option<Bytes>),
    Part(Part),
    Stream(Receiver<io::Result<Bytes>>),
}

/// Part of a file, being read.
pub(crate) struct Part {
    /// Where the next read begins.
    at: u64,
    /// Octets that were promised and are not sent yet.
    left: u64,
    reading: Option<JoinHandle<Chunk>>,
}

impl Body {
    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::Text(Some(text.into()))
    }

    pub(crate) fn empty() -> Self {
        Self::Text(None)
    }

    /// `len` octets of `file` from `first` on.
    pub(crate) fn part(file: File, first: u64, len: u64) -> Self {
        let mut part = Part { at: first, left: len, reading: None };
        part.read_on(file, len);
        Self::Part(part)
    }

    /// What `input` gives, as it comes; nobody knows how much that will be.
    pub(crate) fn stream(input: impl Read + Send + 'static) -> Self {
        Self::Stream(chunks(input))
    }
}

/// What `input` gives, as it comes. A thread of its own reads it, which may wait for an input that never comes: it ends
/// with the process.
pub(crate) fn chunks(mut input: impl Read + Send + 'static) -> Receiver<io::Result<Bytes>> {
    let (chunks, waiting) = channel(4);
    std::thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            let chunk = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(Bytes::copy_from_slice(&buffer[..count])),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => Err(why),
            };
            let last = chunk.is_err();
            if chunks.blocking_send(chunk).is_err() || last {
                return;
            }
        }
    });
    waiting
}

impl Part {
    /// Begins to read the next chunk, if `left` octets are still to be read.
    fn read_on(&mut self, file: File, left: u64) {
        if left == 0 {
            return;
        }
        let at = self.at;
        let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        self.at = at.saturating_add(want as u64);
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; want];
            file.read_exact_at(&mut chunk, at).map_err(|why| match why.kind() {
                // Less than was promised: the peer has to see that it is not the whole.
                io::ErrorKind::UnexpectedEof => {
                    io::Error::new(why.kind(), "the file has become shorter while it was sent")
                }
                _ => why,
            })?;
            Ok((file, chunk))
        }));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let Poll::Ready(read) = Pin::new(reading).poll(context) else { return Poll::Pending };
        self.reading = None;
        let (file, chunk) = match read.map_err(io::Error::other).and_then(|read| read) {
            Ok(read) => read,
            Err(why) => return Poll::Ready(Some(Err(why))),
        };
        self.left = self.left.saturating_sub(chunk.len() as u64);
        self.read_on(file, self.left);
        Poll::Ready(Some(Ok(chunk.into())))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Part(part) => part.poll(context).map(|read| read.map(|read| read.map(Frame::data))),
            Self::Stream(waiting) => {
                waiting.poll_recv(context).map(|read| read.map(|read| read.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_none(),
            Self::Part(part) => part.left == 0,
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Part(part) => SizeHint::with_exact(part.left),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::io::Write as _;

    async fn all(mut body: Body) -> (Vec<u8>, Option<io::Error>) {
        let mut octets = Vec::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            match frame {
                Ok(frame) => octets.extend_from_slice(frame.data_ref().unwrap()),
                Err(why) => return (octets, Some(why)),
            }
        }
        (octets, None)
    }

    fn file(octets: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!(
            "handfast-body-{}-{:?}-{}",
            std::process::id(),
            std::thread::current().id(),
            octets.len()
        ));
        File::create(&path).unwrap().write_all(octets).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_part_is_read_in_chunks_and_is_exactly_what_was_promised() {
        let octets: Vec<u8> = (0..3 * CHUNK + 7).map(|n| (n / 251) as u8).collect();
        for (first, len) in [(0, octets.len()), (1, 2 * CHUNK), (CHUNK, CHUNK), (octets.len() - 1, 1), (5, 0)]
        {
            let (got, error) = run(async { all(Body::part(file(&octets), first as u64, len as u64)).await });
            assert!(error.is_none() && got == octets[first..first + len], "{first} {len}");
        }
    }

    #[test]
    fn a_stream_gives_what_comes_and_then_its_end() {
        let octets: Vec<u8> = (0..2 * CHUNK + 7).map(|n| (n / 251) as u8).collect();
        let (got, error) = run(async { all(Body::stream(io::Cursor::new(octets.clone()))).await });
        assert!(error.is_none() && got == octets);
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_and_never_wrong_data() {
        let octets = vec![7; 3 * CHUNK];
        let (got, error) = run(async {
            let file = file(&octets);
            file.set_len(CHUNK as u64 + 5).unwrap();
            all(Body::part(file, 0, octets.len() as u64)).await
        });
        assert_eq!(error.unwrap().kind(), io::ErrorKind::UnexpectedEof);
        assert!(got.len() <= CHUNK + 5 && got.iter().all(|&octet| octet == 7));
    }
}
