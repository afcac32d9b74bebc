//! What a connection is about: the log names it when the connection breaks.
//!
//! ```text
//!   request ─► begin ─► the response's body is polled ─► its end: given    the connection breaks ─► asked
//!                                └ dropped before that: not given
//! ```

use crate::body::Body;
use bytes::Bytes;
use hyper::Method;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The request that a connection is about. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Current(Rc<RefCell<Option<Asked>>>);

/// A request, and how far its answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    /// All of the answer was handed over to be sent.
    pub(super) given: bool,
}

impl Current {
    /// The head of a request has come.
    pub(super) fn begin(&self, method: &Method, path: &str) {
        *self.0.borrow_mut() = Some(Asked { method: method.clone(), path: path.to_owned(), given: false });
    }

    /// The latest request, if there was one.
    pub(super) fn asked(&self) -> Option<Asked> {
        self.0.borrow().clone()
    }

    fn given(&self) {
        if let Some(asked) = &mut *self.0.borrow_mut() {
            asked.given = true;
        }
    }
}

/// The body of an answer, whose end is noted.
pub(super) struct Tracked {
    body: Body,
    current: Current,
}

impl Tracked {
    pub(super) fn new(body: Body, current: Current) -> Self {
        // An empty one is never polled.
        if body.is_end_stream() {
            current.given();
        }
        Self { body, current }
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        // Nobody asks again once it has said that this was the last.
        if matches!(polled, Poll::Ready(None | Some(Ok(_)))) && self.body.is_end_stream() {
            self.current.given();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_once_its_last_octet_is_handed_over() {
        let given = |current: &Current| current.asked().map(|asked| asked.given);
        let current = Current::default();
        assert_eq!(given(&current), None);
        current.begin(&Method::GET, "/big");
        let mut body = Tracked::new(Body::text("some"), current.clone());
        assert_eq!(given(&current), Some(false));
        let frame = Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(frame.is_ready());
        assert_eq!(given(&current), Some(true));
        current.begin(&Method::HEAD, "/next");
        assert_eq!(given(&current), Some(false));
        drop(Tracked::new(Body::empty(), current.clone()));
        assert_eq!(given(&current), Some(true));
    }
}
