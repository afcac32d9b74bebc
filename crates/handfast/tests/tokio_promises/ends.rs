//! How connections end, and what is told to whom: `TcpStream`, `AsyncRead` and `AsyncWrite`.

use super::{Log, at_once};
use std::io::IoSlice;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};

promises! {
    async fn a_half_close_ends_one_direction_only(log) {
        let (mut near, mut far) = pair().await;
        near.write_all(b"all").await.unwrap();
        log.saw("shutdown", near.shutdown().await);
        let mut heard = Vec::new();
        log.saw("to the end", far.read_to_end(&mut heard).await);
        log.is("heard", heard);
        log.saw("back", far.write(b"and back").await);
        log.saw("read", near.read(&mut [0; 3]).await);
        drop(far);
        log.saw("rest", near.read(&mut [0; 99]).await);
        log.saw("end", near.read(&mut [0; 99]).await);
        log.saw("end again", near.read(&mut [0; 99]).await);
    }

    async fn after_shutdown_nothing_can_be_written_and_shutdown_may_be_repeated(log) {
        let (mut near, _far) = pair().await;
        log.saw("flush", near.flush().await);
        log.saw("shutdown", near.shutdown().await);
        log.saw("write", near.write(b"x").await);
        log.saw("write_all", near.write_all(b"x").await);
        log.saw("write nothing", near.write(b"").await);
        log.saw("write_all of nothing", near.write_all(b"").await);
        log.saw("try_write", near.try_write(b"x"));
        log.saw("vectored", near.write_vectored(&[IoSlice::new(b"x")]).await);
        log.saw("shutdown again", near.shutdown().await);
        log.saw("flush", near.flush().await);
        log.saw("writable", near.writable().await);
        log.is("read", at_once(near.read(&mut [0; 4])).await.is_none());
    }

    async fn a_reset_is_told_to_the_reader_once(log) {
        let mut near = cut().await;
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("read again", near.read(&mut [0; 4]).await);
        log.saw("write", near.write(b"x").await);
        log.saw("shutdown", near.shutdown().await);
        log.saw("error", near.take_error().map(|error| error.map(|error| error.kind())));
    }

    async fn a_reset_is_told_to_the_writer_once(log) {
        let mut near = cut().await;
        log.saw("write", near.write(b"x").await);
        log.saw("write again", near.write(b"x").await);
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("peek", near.peek(&mut [0; 4]).await);
    }

    async fn a_reset_is_told_to_whoever_peeks_once(log) {
        let mut near = cut().await;
        log.saw("peek", near.peek(&mut [0; 4]).await);
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("write", near.write(b"x").await);
    }

    async fn take_error_takes_the_reset(log) {
        let (near, far) = pair().await;
        log.saw("before", near.take_error().map(|error| error.is_some()));
        drop((near, far));
        let mut near = cut().await;
        log.saw("error", near.take_error().map(|error| error.map(|error| error.kind())));
        log.saw("none", near.take_error().map(|error| error.is_some()));
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("write", near.write(b"x").await);
    }

    async fn a_reset_is_told_to_an_attempt_and_into_no_room_too(log) {
        let near = cut().await;
        log.saw("read", near.try_read(&mut []));
        log.saw("read", near.try_read(&mut [0; 4]));
        let near = cut().await;
        log.saw("write", near.try_write(b""));
        log.saw("write", near.try_write(b""));
    }

    async fn shutdown_of_a_connection_that_was_cut_is_no_error(log) {
        let mut near = cut().await;
        log.saw("shutdown", near.shutdown().await);
        log.saw("read", near.read(&mut [0; 4]).await);
    }

    async fn whoever_waits_is_told_of_a_reset(log) {
        let (mut near, far) = pair().await;
        far.set_zero_linger().unwrap();
        let (read, ()) = tokio::join!(async { near.read(&mut [0; 4]).await }, async {
            crate::others_run().await;
            drop(far);
        });
        log.saw("read", read);
    }

    async fn a_writer_that_waits_for_room_is_told_of_a_reset(log) {
        let (mut near, far) = pair().await;
        far.set_zero_linger().unwrap();
        let (written, ()) = tokio::join!(
            async {
                loop {
                    if let Err(error) = near.write_all(&[7; 100_000]).await {
                        break error;
                    }
                }
            },
            async {
                crate::others_run().await;
                drop(far);
            }
        );
        log.is("write", written.kind());
        log.saw("read", near.read(&mut [0; 4]).await);
    }

    async fn writing_to_a_peer_that_has_closed_works_once_and_then_the_pipe_is_broken(log) {
        let (mut near, far) = pair().await;
        drop(far);
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("write", near.write(b"a").await);
        let why = loop {
            match near.write(b"b").await {
                Ok(_) => tokio::task::yield_now().await,
                Err(why) => break why,
            }
        };
        log.is("write at last", why.kind());
        log.saw("and again", near.write(b"c").await);
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("error", near.take_error().map(|error| error.is_some()));
        log.saw("shutdown", near.shutdown().await);
    }

    async fn dropping_what_is_unread_resets(log) {
        let (mut near, far) = pair().await;
        near.write_all(b"unread").await.unwrap();
        far.readable().await.unwrap();
        drop(far);
        log.saw("read", near.read(&mut [0; 4]).await);
        log.saw("end", near.read(&mut [0; 4]).await);
    }

    async fn dropping_delivers_what_was_written(log) {
        let (near, mut far) = pair().await;
        let mut near = near;
        let sent: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let ((), got) = tokio::join!(
            async {
                near.write_all(&sent).await.unwrap();
                drop(near);
            },
            async {
                let mut got = Vec::new();
                far.read_to_end(&mut got).await.map(|_| got)
            }
        );
        log.saw("unchanged", got.map(|got| got == sent));
    }

    async fn no_linger_at_all_resets(log) {
        let (near, mut far) = pair().await;
        log.saw("linger", near.linger());
        log.saw("set", near.set_zero_linger());
        log.saw("linger", near.linger());
        drop(near);
        log.saw("read", far.read(&mut [0; 4]).await);
    }

    async fn a_linger_that_needs_nothing_ends_as_ever(log) {
        let (near, mut far) = pair().await;
        #[allow(deprecated)]
        let set = near.set_linger(Some(std::time::Duration::from_secs(10)));
        log.saw("set", set);
        log.saw("linger", near.linger());
        #[allow(deprecated)]
        let set = near.set_linger(None);
        log.saw("set", set);
        log.saw("linger", near.linger());
        drop(near);
        log.saw("read", far.read(&mut [0; 4]).await);
    }

    async fn peeking_takes_nothing(log) {
        let (mut near, mut far) = pair().await;
        near.write_all(b"abcdef").await.unwrap();
        near.shutdown().await.unwrap();
        far.ready(Interest::READABLE).await.unwrap();
        let mut buffer = [0; 4];
        log.saw("peek", far.peek(&mut buffer).await);
        log.is("what", buffer);
        log.saw("peek again", far.peek(&mut buffer).await);
        log.saw("peek less", far.peek(&mut buffer[..2]).await);
        log.saw("peek nothing", far.peek(&mut []).await);
        log.saw("read", far.read(&mut buffer).await);
        log.is("what", buffer);
        log.saw("read", far.read(&mut buffer).await);
        log.is("what", buffer);
        log.saw("peek the end", far.peek(&mut buffer).await);
        log.saw("read the end", far.read(&mut buffer).await);
    }

    async fn a_read_into_no_room_waits_and_gives_nothing(log) {
        let (mut near, mut far) = pair().await;
        log.is("waits", at_once(near.read(&mut [])).await.is_none());
        log.is("waits", at_once(near.peek(&mut [])).await.is_none());
        far.write_all(b"ab").await.unwrap();
        near.readable().await.unwrap();
        log.saw("read", near.read(&mut []).await);
        log.saw("all there", near.read(&mut [0; 9]).await);
        drop(far);
        log.saw("end", near.read(&mut []).await);
        log.saw("end", near.read(&mut [0; 9]).await);
    }

    async fn several_buffers_are_one_write(log) {
        let (mut near, mut far) = pair().await;
        log.is("vectored", near.is_write_vectored());
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        log.saw("write", near.write_vectored(&parts).await);
        log.saw("write of nothing", near.write_vectored(&[]).await);
        log.saw("write nothing", near.write(b"").await);
        drop(near);
        let mut heard = String::new();
        log.saw("read", far.read_to_string(&mut heard).await);
        log.is("heard", heard);
    }

    async fn both_ends_agree_on_addresses(log) {
        let (near, far) = pair().await;
        log.is("one way", near.local_addr().unwrap() == far.peer_addr().unwrap());
        log.is("other way", far.local_addr().unwrap() == near.peer_addr().unwrap());
        log.is("itself", std::ptr::eq(near.as_ref(), &near));
    }

    async fn both_may_close_at_once(log) {
        let (mut near, mut far) = pair().await;
        log.saw("near", near.shutdown().await);
        log.saw("far", far.shutdown().await);
        log.saw("near", near.read(&mut [0; 4]).await);
        log.saw("far", far.read(&mut [0; 4]).await);
        log.saw("near", near.write(b"x").await);
        log.saw("near", near.shutdown().await);
        log.saw("error", near.take_error().map(|error| error.is_some()));
    }
}
