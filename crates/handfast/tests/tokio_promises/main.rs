//! What tokio documents of its TCP sockets, kept by ours: each body runs on tokio's sockets over the kernel's loopback and
//! on ours over our stack's, and must see the same: results, counts, and kinds of errors.
//!
//! ```text
//!   promises! { async fn body(log) { … } } ─┬─► mod kernel: use tokio::net     ─► log ─┐
//!                                           └─► mod ours:   use handfast::net  ─► log ─┴─► equal, line by line
//! ```
//!
//! Where ours differ on purpose, the body stays away from it, and `docs/tokio-parity.md` says so.

use handfast::Stack;
use handfast::device::memory;
use std::fmt::Debug;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// What a body saw, line by line.
#[derive(Debug, Default)]
pub struct Log(Vec<String>);

impl Log {
    /// A result: what it gave, or which kind of error.
    pub fn saw<T: Debug>(&mut self, what: &str, result: io::Result<T>) {
        let line = match result {
            Ok(value) => format!("{what}: {value:?}"),
            Err(error) => format!("{what}: error {:?}", error.kind()),
        };
        self.0.push(line);
    }

    /// A value.
    pub fn is<T: Debug>(&mut self, what: &str, value: T) {
        self.0.push(format!("{what}: {value:?}"));
    }
}

/// Polls once: `None` when it is not ready at once. Then it is dropped.
pub async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Lets everything else happen that can happen now.
pub async fn others_run() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

fn run<F: Future<Output = ()>>(name: &str, body: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Far longer than anything here takes: a test that hangs shall fail.
        tokio::time::timeout(Duration::from_secs(60), body).await.unwrap_or_else(|_| panic!("{name} hangs"));
    });
}

/// Runs both, and compares.
pub fn compare(name: &str, kernel: impl AsyncFnOnce(&mut Log), ours: impl AsyncFnOnce(&mut Log)) {
    let (mut on_kernel, mut on_ours) = (Log::default(), Log::default());
    run(&format!("{name}, on the kernel,"), kernel(&mut on_kernel));
    run(&format!("{name}, on ours,"), async {
        let (device, _other_end) = memory::wired(memory::Config::default()).unwrap();
        let stack = Stack::builder()
            .device(device)
            .address("10.0.0.1/24".parse().unwrap())
            .address("fd00::1/64".parse().unwrap())
            .build()
            .unwrap();
        let _entered = stack.enter();
        ours(&mut on_ours).await;
    });
    assert!(!on_kernel.0.is_empty(), "{name} has looked at nothing");
    for (kernel, ours) in on_kernel.0.iter().zip(&on_ours.0) {
        assert_eq!(kernel, ours, "{name}: the kernel's is on the left, after {:?}", on_ours.0);
    }
    assert_eq!(on_kernel.0.len(), on_ours.0.len(), "{name}");
}

/// What bodies open connections with; once for each kind of socket.
macro_rules! helpers {
    () => {
        /// A listener at a port of its own choice, and where it is.
        #[allow(dead_code)]
        async fn listener() -> (TcpListener, std::net::SocketAddr) {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            (listener, addr)
        }

        /// Both ends of a connection.
        #[allow(dead_code)]
        async fn pair() -> (TcpStream, TcpStream) {
            let (listener, addr) = listener().await;
            let near = TcpStream::connect(addr).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            (near, far)
        }

        /// A connection that its peer has cut, the RST having arrived.
        #[allow(dead_code)]
        async fn cut() -> TcpStream {
            let (near, far) = pair().await;
            far.set_zero_linger().unwrap();
            drop(far);
            near.readable().await.unwrap();
            near
        }
    };
}

/// Each body as a test that runs it on both.
macro_rules! promises {
    ($($(#[$meta:meta])* async fn $name:ident($log:ident) $body:block)*) => {
        mod kernel {
            #[allow(unused_imports)]
            use tokio::net::{self, TcpListener, TcpSocket, TcpStream};
            #[allow(unused_imports)]
            use super::*;
            helpers!();
            $(pub(super) async fn $name($log: &mut Log) $body)*
        }
        mod ours {
            #[allow(unused_imports)]
            use handfast::net::{self, TcpListener, TcpSocket, TcpStream};
            #[allow(unused_imports)]
            use super::*;
            helpers!();
            $(pub(super) async fn $name($log: &mut Log) $body)*
        }
        $($(#[$meta])* #[test] fn $name() {
            crate::compare(stringify!($name), async |log| kernel::$name(log).await, async |log| ours::$name(log).await);
        })*
    };
}

mod ends;
mod halves;
mod listeners;
mod mapped;
mod readiness;
mod sockets;
