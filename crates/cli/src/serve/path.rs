//! What a request's path names: never anything outside of the directory.
//!
//! ```text
//!   /a%20b/c?x ─► decoded, cut at '/' ─► no "..", no NUL ─► openat2 beneath the directory, symbolic links included
//! ```

use percent_encoding::percent_decode_str;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// What uploads are called until they are complete.
pub(super) const TEMPORARY: &str = ".handfast-upload-";

/// A path that a request asks for, relative to the directory, and whether it ended in a slash.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) path: PathBuf,
    pub(super) slash: bool,
}

/// Why a path names nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadPath {
    /// Not even a path.
    Malformed,
    /// It leads outside, or to an upload that is not complete.
    Forbidden,
}

/// Reads a request's path.
pub(super) fn ask(path: &str) -> Result<Asked, BadPath> {
    let octets: Vec<u8> = percent_decode_str(path).collect();
    if octets.first() != Some(&b'/') || octets.contains(&0) {
        return Err(BadPath::Malformed);
    }
    let mut relative = PathBuf::new();
    let mut slash = false;
    for part in octets.split(|&octet| octet == b'/') {
        slash = part.is_empty() || part == b".";
        match part {
            b"" | b"." => {}
            b".." => return Err(BadPath::Forbidden),
            part if part.starts_with(TEMPORARY.as_bytes()) => return Err(BadPath::Forbidden),
            part => relative.push(OsString::from_vec(part.to_vec())),
        }
    }
    Ok(Asked { path: relative, slash })
}

/// Opens what is beneath `root`; a symbolic link that leads outside is refused (`PermissionDenied`).
pub(super) fn open(root: impl AsFd, path: &std::path::Path, flags: OFlags) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { std::path::Path::new(".") } else { path };
    // The kernel takes no flag beside PATH that means nothing with it.
    let quiet = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NOCTTY };
    loop {
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match openat2(&root, path, flags | OFlags::CLOEXEC | quiet, Mode::empty(), beneath) {
            Ok(fd) => return Ok(fd),
            // A rename elsewhere made the kernel unsure: once more.
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::XDEV | Errno::LOOP) => return Err(io::ErrorKind::PermissionDenied.into()),
            Err(why) => return Err(why.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    fn path(text: &str) -> Result<(String, bool), BadPath> {
        ask(text).map(|asked| (asked.path.to_str().unwrap().to_owned(), asked.slash))
    }

    #[test]
    fn a_path_is_decoded_and_cut() {
        assert_eq!(path("/"), Ok((String::new(), true)));
        assert_eq!(path("/a%20b/c"), Ok(("a b/c".into(), false)));
        assert_eq!(path("//a/./b/"), Ok(("a/b".into(), true)));
        assert_eq!(path("/a%2Fb"), Ok(("a/b".into(), false)), "an encoded slash is one");
        assert_eq!(path("/100%"), Ok(("100%".into(), false)));
    }

    #[test]
    fn nothing_leads_outside() {
        for bad in ["/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/etc/passwd", "/a/%2E%2E/b", "/..%2fetc"] {
            assert_eq!(path(bad), Err(BadPath::Forbidden), "{bad}");
        }
        for bad in ["", "*", "http", "/a%00b"] {
            assert_eq!(path(bad), Err(BadPath::Malformed), "{bad}");
        }
        assert_eq!(path("/.handfast-upload-1"), Err(BadPath::Forbidden));
    }

    #[test]
    fn symbolic_links_are_followed_inside_only() {
        let dir = std::env::temp_dir().join(format!("handfast-path-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("file"), "inside").unwrap();
        for (link, to) in [("good", "file"), ("bad", "/etc/passwd"), ("up", "../../../../../etc/passwd")] {
            let _ = fs::remove_file(dir.join(link));
            std::os::unix::fs::symlink(to, dir.join(link)).unwrap();
        }
        let root = File::open(&dir).unwrap();
        let read = |name: &str| open(&root, std::path::Path::new(name), OFlags::RDONLY);
        assert_eq!(io::read_to_string(File::from(read("good").unwrap())).unwrap(), "inside");
        for bad in ["bad", "up"] {
            assert_eq!(read(bad).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{bad}");
        }
        assert_eq!(read("none").unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(&dir).unwrap();
    }
}
