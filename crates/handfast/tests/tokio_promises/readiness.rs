//! Readiness, attempts that never wait, and futures that are dropped: `TcpStream`.

use super::{Log, at_once};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};

promises! {
    async fn a_new_connection_is_writable_and_not_readable(log) {
        let (near, _far) = pair().await;
        let ready = near.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        log.is("ready", (ready.is_readable(), ready.is_writable(), ready.is_read_closed(), ready.is_write_closed()));
        log.is("error", ready.is_error());
        log.saw("writable", near.writable().await);
        log.is("not readable", at_once(near.readable()).await.is_none());
    }

    async fn what_has_arrived_is_readable_until_it_was_read(log) {
        let (near, mut far) = pair().await;
        let mut buffer = [0; 9];
        log.saw("nothing", near.try_read(&mut buffer));
        log.is("not readable", at_once(near.readable()).await.is_none());
        far.write_all(b"abc").await.unwrap();
        log.saw("readable", near.readable().await);
        log.saw("readable still", near.readable().await);
        let ready = near.ready(Interest::READABLE).await.unwrap();
        log.is("ready", (ready.is_readable(), ready.is_writable(), ready.is_read_closed()));
        log.saw("read", near.try_read(&mut buffer));
        log.saw("nothing left", near.try_read(&mut buffer));
        log.is("not readable", at_once(near.readable()).await.is_none());
        far.write_all(b"d").await.unwrap();
        log.saw("readable", near.readable().await);
        log.saw("read", near.try_read(&mut buffer));
    }

    async fn the_end_is_readable_and_closed_for_reading(log) {
        let (near, mut far) = pair().await;
        far.shutdown().await.unwrap();
        log.saw("readable", near.readable().await);
        let ready = near.ready(Interest::READABLE).await.unwrap();
        log.is("ready", (ready.is_readable(), ready.is_read_closed(), ready.is_write_closed()));
        log.saw("end", near.try_read(&mut [0; 4]));
        log.saw("readable still", near.readable().await);
        log.saw("end", near.try_read(&mut [0; 4]));
    }

    async fn a_cut_connection_is_ready_for_everything(log) {
        let near = cut().await;
        let all = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
        let ready = near.ready(all).await.unwrap();
        log.is("ready", (ready.is_readable(), ready.is_writable()));
        log.is("closed", (ready.is_read_closed(), ready.is_write_closed(), ready.is_error()));
    }

    async fn a_full_pipe_is_not_writable_until_the_peer_reads(log) {
        let (near, mut far) = pair().await;
        let mut sent = 0;
        // Full is when nothing goes any more though everything else had its turn.
        loop {
            match near.try_write(&[3; 65_536]) {
                Ok(count) => sent += count,
                Err(why) => {
                    log_once(log, "full", why.kind());
                    crate::others_run().await;
                    if near.try_write(&[3; 1]).map(|count| sent += count).is_err() {
                        break;
                    }
                }
            }
        }
        log.saw("vectored", near.try_write_vectored(&[IoSlice::new(b"x")]));
        log.is("not writable", at_once(near.writable()).await.is_none());
        let (written, got) = tokio::join!(
            async {
                near.writable().await.unwrap();
                near.try_write(b"y").map(|count| sent += count)
            },
            async {
                let mut got = 0;
                let mut buffer = vec![0; 65_536];
                while got < 1_000_000 {
                    got += far.read(&mut buffer).await.unwrap();
                }
                got
            }
        );
        log.saw("write", written);
        drop(near);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        log.is("all of it", got + rest.len() == sent);
    }

    async fn attempts_take_what_is_there(log) {
        let (near, mut far) = pair().await;
        far.write_all(b"abcdefghij").await.unwrap();
        while near.peek(&mut [0; 16]).await.unwrap() < 10 {
            crate::others_run().await;
        }
        log.saw("no room", near.try_read(&mut []));
        let (mut one, mut two) = ([0; 1], [0; 2]);
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut []), IoSliceMut::new(&mut two)];
        log.saw("vectored", near.try_read_vectored(&mut parts));
        log.is("what", (one, two));
        let mut buffer = Vec::with_capacity(4);
        log.saw("buf", near.try_read_buf(&mut buffer));
        log.is("what", buffer);
        let mut peeked = [0; 9];
        let mut peeked = ReadBuf::new(&mut peeked);
        log.saw("peek", std::future::poll_fn(|cx| near.poll_peek(cx, &mut peeked)).await);
        log.is("what", peeked.filled().to_vec());
        let mut rest = [0; 9];
        log.saw("read", near.try_read(&mut rest));
        log.is("what", rest);
        log.saw("nothing", near.try_read_vectored(&mut [IoSliceMut::new(&mut rest)]));
        log.saw("nothing", near.try_read_buf(&mut Vec::with_capacity(4)));
        log.saw("nothing into no room", near.try_read(&mut []));
    }

    async fn polls_for_readiness_are_readiness(log) {
        let (near, mut far) = pair().await;
        let poll = std::future::poll_fn(|cx| {
            Poll::Ready((near.poll_write_ready(cx).is_ready(), near.poll_read_ready(cx).is_ready()))
        });
        log.is("writable only", poll.await);
        let mut room = [0; 4];
        let mut room = ReadBuf::new(&mut room);
        let poll = std::future::poll_fn(|cx| Poll::Ready(near.poll_peek(cx, &mut room).is_ready()));
        log.is("nothing to peek", poll.await);
        let (ready, ()) = tokio::join!(std::future::poll_fn(|cx| near.poll_read_ready(cx)), async {
            far.write_all(b"x").await.unwrap();
        });
        log.saw("readable", ready);
        log.saw("read", near.try_read(&mut [0; 4]));
    }

    async fn a_read_that_is_dropped_has_taken_nothing(log) {
        let (mut near, mut far) = pair().await;
        let mut buffer = [0; 4];
        log.is("waits", at_once(near.read(&mut buffer)).await.is_none());
        log.is("waits", at_once(near.readable()).await.is_none());
        log.is("waits", at_once(near.peek(&mut buffer)).await.is_none());
        far.write_all(b"abcd").await.unwrap();
        near.readable().await.unwrap();
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            _ = near.read(&mut buffer) => unreachable!(),
        }
        log.is("untouched", buffer);
        log.saw("read", near.read(&mut buffer).await);
        log.is("what", buffer);
    }

    async fn a_write_that_is_dropped_before_it_is_ready_has_sent_nothing(log) {
        let (mut near, mut far) = pair().await;
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            _ = near.write(b"never") => unreachable!(),
        }
        near.write_all(b"this").await.unwrap();
        drop(near);
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        log.is("heard", heard);
    }

    async fn everybody_who_waits_for_readiness_is_woken(log) {
        let (near, mut far) = pair().await;
        let (one, two, three, ()) = tokio::join!(
            near.readable(),
            near.ready(Interest::READABLE),
            async { near.peek(&mut [0; 4]).await },
            async { far.write_all(b"x").await.unwrap() }
        );
        log.saw("one", one);
        log.is("two", two.unwrap().is_readable());
        log.saw("three", three);
    }

    async fn an_attempt_of_ones_own_is_made_only_when_ready(log) {
        let (near, mut far) = pair().await;
        let mut called = 0;
        let attempt = near.try_io(Interest::READABLE, || {
            called += 1;
            Ok(())
        });
        log.saw("not ready", attempt);
        far.write_all(b"x").await.unwrap();
        near.readable().await.unwrap();
        let attempt = near.try_io(Interest::READABLE, || {
            called += 1;
            Ok("done")
        });
        log.saw("ready", attempt);
        let attempt = near.try_io(Interest::WRITABLE, || Err::<(), _>(io::Error::from(ErrorKind::Other)));
        log.saw("its own error", attempt);
        log.is("calls", called);
    }

    async fn an_attempt_of_ones_own_is_repeated_when_more_comes(log) {
        let (near, mut far) = pair().await;
        let mut calls = 0;
        let waits = near.async_io(Interest::READABLE, || {
            calls += 1;
            // As a system call that wants more than has come.
            if calls < 3 { Err(ErrorKind::WouldBlock.into()) } else { Ok(calls) }
        });
        let more = async {
            loop {
                far.write_all(b"x").await.unwrap();
                crate::others_run().await;
            }
        };
        let done = tokio::select! {
            done = waits => done,
            () = more => unreachable!(),
        };
        log.saw("done", done);
        let failed = near.async_io(Interest::READABLE, || Err::<(), _>(io::Error::from(ErrorKind::Other)));
        log.saw("its own error", failed.await);
    }
}

/// Once is enough for what happens as often as it likes.
fn log_once(log: &mut Log, what: &str, kind: ErrorKind) {
    let line = format!("{what}: {kind:?}");
    if log.0.last() != Some(&line) {
        log.0.push(line);
    }
}
