//! Streams in halves: `split`, `into_split` and the four kinds of half.

use super::{Log, at_once};
use std::io::{IoSlice, IoSliceMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};

promises! {
    async fn borrowed_halves_work_at_once(log) {
        let (mut near, mut far) = pair().await;
        {
            let (mut read, mut write) = near.split();
            log.is("waits", at_once(read.read(&mut [0; 4])).await.is_none());
            log.saw("write", write.write(b"ping").await);
            log.is("same", read.local_addr().unwrap() == write.local_addr().unwrap());
            log.is("same", read.peer_addr().unwrap() == write.peer_addr().unwrap());
            log.saw("shutdown", write.shutdown().await);
            log.saw("write", write.write(b"x").await);
        }
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        log.is("heard", heard);
        log.saw("back", far.write(b"pong").await);
        log.saw("read", near.read(&mut [0; 9]).await);
    }

    async fn dropping_borrowed_halves_closes_nothing(log) {
        let (mut near, mut far) = pair().await;
        let _halves = near.split();
        log.saw("write", near.write(b"x").await);
        log.saw("read", far.read(&mut [0; 4]).await);
        log.is("open", at_once(far.read(&mut [0; 4])).await.is_none());
    }

    async fn dropping_the_owned_writer_ends_its_direction_only(log) {
        let (near, mut far) = pair().await;
        let (mut read, write) = near.into_split();
        drop(write);
        log.saw("end", far.read(&mut [0; 4]).await);
        log.saw("back", far.write(b"still").await);
        log.saw("read", read.read(&mut [0; 9]).await);
    }

    async fn forgetting_the_owned_writer_ends_nothing(log) {
        let (near, mut far) = pair().await;
        let (read, write) = near.into_split();
        write.forget();
        crate::others_run().await;
        log.is("open", at_once(far.read(&mut [0; 4])).await.is_none());
        drop(read);
        log.saw("end", far.read(&mut [0; 4]).await);
    }

    async fn dropping_the_owned_reader_ends_nothing(log) {
        let (near, mut far) = pair().await;
        let (read, mut write) = near.into_split();
        drop(read);
        log.saw("write", write.write(b"x").await);
        log.saw("read", far.read(&mut [0; 4]).await);
        log.is("open", at_once(far.read(&mut [0; 4])).await.is_none());
    }

    async fn halves_of_one_stream_are_one_again(log) {
        let (near, mut far) = pair().await;
        let (read, write) = near.into_split();
        let near = read.reunite(write).unwrap();
        let (read, write) = near.into_split();
        let mut near = write.reunite(read).unwrap();
        log.saw("write", near.write(b"whole").await);
        log.saw("read", far.read(&mut [0; 9]).await);
        drop(near);
        log.saw("end", far.read(&mut [0; 9]).await);
    }

    async fn halves_of_two_streams_come_back(log) {
        let ((one, mut far_one), (two, mut far_two)) = (pair().await, pair().await);
        let ((one_read, one_write), (two_read, two_write)) = (one.into_split(), two.into_split());
        let back = one_read.reunite(two_write).unwrap_err();
        log.is("says", !back.to_string().is_empty());
        let (one_read, two_write) = (back.0, back.1);
        let back = one_write.reunite(two_read).unwrap_err();
        let (two_read, one_write) = (back.0, back.1);
        // Nothing was closed on the way.
        let (mut one, mut two) = (one_read.reunite(one_write).unwrap(), two_read.reunite(two_write).unwrap());
        log.saw("one", one.write(b"1").await);
        log.saw("two", two.write(b"22").await);
        log.saw("one", far_one.read(&mut [0; 9]).await);
        log.saw("two", far_two.read(&mut [0; 9]).await);
    }

    async fn owned_halves_go_to_tasks_of_their_own(log) {
        let (near, far) = pair().await;
        let (mut read, mut write) = far.into_split();
        let echo = tokio::spawn(async move { tokio::io::copy(&mut read, &mut write).await });
        let (mut read, mut write) = near.into_split();
        let sent = vec![5; 300_000];
        let out = sent.clone();
        let writer = tokio::spawn(async move { write.write_all(&out).await });
        let mut got = Vec::new();
        let all = read.read_to_end(&mut got).await;
        log.saw("read", all);
        log.is("same", got == sent);
        log.saw("write", writer.await.unwrap());
        log.saw("echo", echo.await.unwrap());
    }

    async fn halves_have_the_attempts_of_their_side(log) {
        let (near, far) = pair().await;
        let ((mut read, write), (far_read, far_write)) = (near.into_split(), far.into_split());
        log.saw("nothing", read.try_read(&mut [0; 4]));
        log.saw("writable", write.writable().await);
        log.is("ready", write.ready(Interest::WRITABLE).await.unwrap().is_writable());
        log.saw("write", far_write.try_write(b"abc"));
        log.saw("write", far_write.try_write_vectored(&[IoSlice::new(b"def"), IoSlice::new(b"ghi")]));
        while read.peek(&mut [0; 16]).await.unwrap() < 9 {
            crate::others_run().await;
        }
        log.saw("readable", read.readable().await);
        log.is("ready", read.ready(Interest::READABLE).await.unwrap().is_readable());
        let (mut one, mut two) = ([0; 2], [0; 3]);
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        log.saw("read", read.try_read_vectored(&mut parts));
        log.is("what", (one, two));
        let mut buffer = [0; 2];
        let mut peeked = ReadBuf::new(&mut buffer);
        log.saw("peek", std::future::poll_fn(|cx| read.poll_peek(cx, &mut peeked)).await);
        log.is("what", peeked.filled().to_vec());
        let mut rest = Vec::with_capacity(16);
        log.saw("read", read.try_read_buf(&mut rest));
        log.is("what", rest);
        log.saw("nothing", read.try_read_buf(&mut Vec::new()));
        log.is("stream", read.as_ref().nodelay().unwrap());
        drop(far_read);
    }
}
