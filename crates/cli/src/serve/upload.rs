//! Uploads: written beside their place, and put there when they are complete and on the disk.

use super::path::{self, TEMPORARY};
use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, statat, unlinkat};
use std::ffi::OsString;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Chunks that wait for the disk.
const AHEAD: usize = 16;

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// There was nothing of this name.
    New,
    /// What was there is replaced.
    Replaced,
}

/// Why it was not stored.
#[derive(Debug)]
pub(super) enum Failed {
    /// The file system's reason.
    Disk(io::Error),
    /// The peer did not send all of it.
    Peer,
    /// There is a directory of this name.
    Directory,
}

impl From<io::Error> for Failed {
    fn from(why: io::Error) -> Self {
        Self::Disk(why)
    }
}

/// Stores `body` as `path` beneath `root`.
pub(super) async fn store(root: OwnedFd, path: &Path, mut body: Incoming) -> Result<Stored, Failed> {
    let Some(name) = path.file_name().map(ToOwned::to_owned) else { return Err(Failed::Directory) };
    let parent = path.parent().map(ToOwned::to_owned).unwrap_or_default();
    let (chunks, waiting) = mpsc::channel(AHEAD);
    let writing = tokio::task::spawn_blocking(move || {
        let mut temporary = Temporary::create(root, &parent, name)?;
        temporary.fill(waiting)?;
        Ok::<_, Failed>(temporary)
    });
    let mut whole = true;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) => {
                drop(chunks);
                // Its file goes with it.
                drop(writing.await);
                return Err(Failed::Peer);
            }
        };
        if let Ok(data) = frame.into_data()
            && chunks.send(data).await.is_err()
        {
            whole = false; // The disk has failed: it says why below.
            break;
        }
    }
    drop(chunks);
    let temporary = writing.await.map_err(io::Error::other)??;
    if !whole {
        return Err(Failed::Disk(io::ErrorKind::WriteZero.into()));
    }
    tokio::task::spawn_blocking(move || temporary.commit()).await.map_err(io::Error::other)?
}

/// A file that goes away unless it is put in its place.
struct Temporary {
    parent: OwnedFd,
    name: OsString,
    own_name: String,
    file: File,
    placed: bool,
}

impl Temporary {
    fn create(root: OwnedFd, parent: &Path, name: OsString) -> Result<Self, Failed> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let parent = path::open(root.as_fd(), parent, OFlags::RDONLY | OFlags::DIRECTORY)?;
        if let Ok(there) = statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW)
            && rustix::fs::FileType::from_raw_mode(there.st_mode).is_dir()
        {
            return Err(Failed::Directory);
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let own_name = format!("{TEMPORARY}{}-{count}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&parent, &own_name, flags, Mode::from_raw_mode(0o666)).map_err(io::Error::from)?;
        Ok(Self { parent, name, own_name, file: file.into(), placed: false })
    }

    fn fill(&mut self, mut chunks: mpsc::Receiver<Bytes>) -> io::Result<()> {
        while let Some(chunk) = chunks.blocking_recv() {
            self.file.write_all(&chunk)?;
        }
        Ok(())
    }

    /// Puts it in its place, once it is on the disk: what is acknowledged is not lost.
    fn commit(mut self) -> Result<Stored, Failed> {
        self.file.sync_all()?;
        let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        renameat(&self.parent, &self.own_name, &self.parent, &self.name).map_err(|why| match why {
            rustix::io::Errno::ISDIR => Failed::Directory,
            why => Failed::Disk(why.into()),
        })?;
        self.placed = true;
        // The name is on the disk only when its directory is. Some file systems have nothing to do there.
        match rustix::fs::fsync(&self.parent) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(why) => return Err(Failed::Disk(why.into())),
        }
        Ok(if there { Stored::Replaced } else { Stored::New })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.placed {
            // If it cannot be removed, its name says what it is.
            let _ = unlinkat(&self.parent, &self.own_name, AtFlags::empty());
        }
    }
}
