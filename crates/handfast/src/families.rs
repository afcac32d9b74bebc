//! Both families of a name's addresses, asked for at once: what one finds is not lost because the other failed.
//!
//! ```text
//!    AAAA ─┬─ both done ──────────────────────► IPv6, IPv4
//!    A ────┼─ one found, the other is silent ─► what was found, a second later
//!          └─ nothing found ──────────────────► why: "we could not ask" before "there is none"
//! ```

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// How long one family may keep the other's addresses waiting. RFC 8305 §3 gives it 50 ms, where later addresses may
/// still join a race; here the list is final, so a slow name server gets more.
const PATIENCE: Duration = Duration::from_secs(1);

/// The addresses that two questions about one name find, those of `first` before those of `second`.
///
/// For whoever implements [`Resolve`](crate::Resolve): name servers answer for IPv4 and IPv6 apart, and some of them refuse,
/// fail or forget one of the two. Either alone is an answer. Once one has addresses, the other is waited for a second more.
/// Needs a tokio runtime with time.
///
/// # Errors
/// Neither found any. `NotFound` if both say that there is none; else why one of them could not be asked.
pub async fn both_families(
    first: impl Future<Output = io::Result<Vec<IpAddr>>>,
    second: impl Future<Output = io::Result<Vec<IpAddr>>>,
) -> io::Result<Vec<IpAddr>> {
    both(first, second, || tokio::time::sleep(PATIENCE)).await
}

/// The same, with a patience that tests can end.
async fn both<P: Future<Output = ()>>(
    first: impl Future<Output = io::Result<Vec<IpAddr>>>,
    second: impl Future<Output = io::Result<Vec<IpAddr>>>,
    patience: impl FnOnce() -> P,
) -> io::Result<Vec<IpAddr>> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let (first, second) = tokio::select! {
        first = &mut first => {
            let second = beside(&first, second, patience).await;
            (first, second)
        }
        second = &mut second => {
            let first = beside(&second, first, patience).await;
            (first, second)
        }
    };
    match (first, second) {
        (Ok(mut first), Ok(second)) => {
            first.extend(second);
            Ok(first)
        }
        (Ok(found), Err(why)) | (Err(why), Ok(found)) => {
            // "None of this kind" and "I could not say": together that is no word about the name.
            if found.is_empty() { Err(why) } else { Ok(found) }
        }
        (Err(first), Err(second)) => {
            Err(if first.kind() == io::ErrorKind::NotFound { second } else { first })
        }
    }
}

/// What the slower one finds, unless the faster has addresses and this takes too long.
async fn beside<P: Future<Output = ()>>(
    faster: &io::Result<Vec<IpAddr>>,
    slower: impl Future<Output = io::Result<Vec<IpAddr>>>,
    patience: impl FnOnce() -> P,
) -> io::Result<Vec<IpAddr>> {
    if !faster.as_ref().is_ok_and(|found| !found.is_empty()) {
        return slower.await;
    }
    tokio::select! {
        biased;
        found = slower => found,
        () = patience() => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use io::ErrorKind::{NotFound, Other, TimedOut};
    use std::future::{pending, ready};

    const V4: &str = "192.0.2.1";
    const V6: &str = "2001:db8::1";

    fn found(ip: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![ip.parse().unwrap()])
    }

    fn none() -> io::Result<Vec<IpAddr>> {
        Ok(Vec::new())
    }

    fn failed(kind: io::ErrorKind) -> io::Result<Vec<IpAddr>> {
        Err(kind.into())
    }

    async fn asked(
        v6: io::Result<Vec<IpAddr>>,
        v4: io::Result<Vec<IpAddr>>,
    ) -> Result<String, io::ErrorKind> {
        let all = both_families(ready(v6), ready(v4)).await.map_err(|why| why.kind())?;
        Ok(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[tokio::test]
    async fn one_familys_failure_does_not_hide_the_others_answer() {
        assert_eq!(asked(found(V6), found(V4)).await, Ok("2001:db8::1 192.0.2.1".to_owned()));
        for kind in [Other, NotFound, TimedOut] {
            assert_eq!(asked(failed(kind), found(V4)).await, Ok(V4.to_owned()));
            assert_eq!(asked(found(V6), failed(kind)).await, Ok(V6.to_owned()));
        }
        assert_eq!(asked(none(), found(V4)).await, Ok(V4.to_owned()));
    }

    #[tokio::test]
    async fn not_found_is_said_only_if_both_families_were_answered() {
        assert_eq!(asked(none(), none()).await, Ok(String::new()));
        assert_eq!(asked(failed(NotFound), failed(NotFound)).await, Err(NotFound));
        assert_eq!(asked(failed(NotFound), failed(TimedOut)).await, Err(TimedOut));
        assert_eq!(asked(failed(Other), failed(NotFound)).await, Err(Other));
        assert_eq!(asked(none(), failed(TimedOut)).await, Err(TimedOut));
        assert_eq!(asked(failed(TimedOut), none()).await, Err(TimedOut));
    }

    #[tokio::test]
    async fn a_silent_family_is_not_waited_for_beside_an_answer() {
        let all = both(pending(), ready(found(V4)), || ready(())).await.unwrap();
        assert_eq!(all, found(V4).unwrap());
        let all = both(ready(found(V6)), pending(), || ready(())).await.unwrap();
        assert_eq!(all, found(V6).unwrap());
    }

    #[tokio::test]
    async fn the_only_hope_left_is_waited_for() {
        for first in [none(), failed(Other)] {
            let late = async {
                tokio::task::yield_now().await;
                found(V4)
            };
            let all = both(ready(first), late, || ready(())).await.unwrap();
            assert_eq!(all, found(V4).unwrap());
        }
    }
}
