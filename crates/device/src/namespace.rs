//! Network namespaces: interfaces, addresses and sockets of their own, beside this machine's.
//!
//! ```text
//!    Namespace::new ─► a thread leaves ours (unshare), opens the name of where it is, ends
//!    Namespace::run ─► a thread goes there (setns), makes interfaces and sockets, ends; what it made stays there
//! ```
//!
//! A socket or a device belongs to the namespace that it was made in, whichever thread uses it later. It takes
//! CAP_SYS_ADMIN. The namespace is gone when the last [`Namespace`], socket and device of it are.

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::thread;

/// The name of this thread's network namespace.
const HERE: &str = "/proc/thread-self/ns/net";

/// A network namespace that was made for us. There is nothing in it but a loopback that is down.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// Makes one.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_SYS_ADMIN; or the system has no threads, descriptors or namespaces left.
    pub fn new() -> io::Result<Self> {
        apart(|| {
            // SAFETY: only the network namespace is left behind; descriptors stay shared with the other threads.
            #[allow(unsafe_code)]
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
            File::open(HERE).map(Self)
        })?
    }

    /// Runs `body` in it, on a thread that ends with it.
    ///
    /// ```no_run
    /// use handfast_device::namespace::Namespace;
    /// let apart = Namespace::new()?;
    /// let listener = apart.run(|| std::net::TcpListener::bind("0.0.0.0:80"))??;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The system has no threads left, or does not let us in any more. A panic of `body` goes on here.
    pub fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> io::Result<T> {
        apart(|| {
            move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(body())
        })?
    }
}

/// Runs `body` on a thread of its own: who leaves a namespace is to take nobody along.
fn apart<T: Send>(body: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("namespace".into()).spawn_scoped(scope, body)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Netlink;
    use crate::own_namespace::skip;

    #[test]
    fn what_is_made_in_one_is_not_seen_from_another() {
        let both = || -> io::Result<_> { Ok((Namespace::new()?, Namespace::new()?)) };
        let (one, other) = match both() {
            Ok(both) => both,
            Err(why) => return skip("namespaces", &why.to_string()),
        };
        one.run(|| Netlink::open().unwrap().add_bridge("hfns0").unwrap()).unwrap();
        let there = || Netlink::open().unwrap().link("hfns0").is_ok();
        assert!(one.run(there).unwrap());
        assert!(!other.run(there).unwrap());
        assert!(!there(), "this thread has stayed where it was");
    }

    #[test]
    fn a_panic_in_one_goes_on_outside() {
        let Ok(one) = Namespace::new() else { return skip("namespaces", "none can be made") };
        let caught =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one.run(|| panic!("as asked"))));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"as asked"));
    }
}
