//! Names by [`HickoryResolver`], of a name server that knows one family only, and says of the other what it should not.
#![cfg(feature = "hickory")]

use handfast::device::memory;
use handfast::{HickoryResolver, Stack, UdpSocket, lookup_host_on};
use std::io::ErrorKind;
use std::time::Duration;

const A: u16 = 1;
const AAAA: u16 = 28;
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
const REFUSED: u8 = 5;

/// What is said of a name, by the first of its labels: a code and the address, if there is one.
fn knows(label: &[u8], kind: u16) -> (u8, Option<&'static [u8]>) {
    let (v4, v6): (&[u8], &[u8]) = (&[10, 0, 0, 9], &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    match (label, kind) {
        (b"four" | b"half", A) => (NO_ERROR, Some(v4)),
        (b"four", AAAA) => (REFUSED, None),
        (b"half", AAAA) => (SERVER_FAILURE, None),
        (b"six", AAAA) => (NO_ERROR, Some(v6)),
        (b"six", _) => (REFUSED, None),
        // No address of one family, and of the other it will not say.
        (b"unsure", AAAA) => (NO_ERROR, None),
        (b"unsure", _) => (REFUSED, None),
        _ => (NO_SUCH_NAME, None),
    }
}

/// The answer to a question (RFC 1035 §4.1).
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    while *question.get(end)? != 0 {
        end += 1 + usize::from(question[end]);
    }
    let kind = u16::from_be_bytes([*question.get(end + 1)?, *question.get(end + 2)?]);
    let (code, address) = knows(question.get(13..13 + usize::from(question[12]))?, kind);
    let mut all = question[..2].to_vec();
    all.extend([0x85, 0x80 | code, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    all.extend(question.get(12..end + 5)?);
    if let Some(address) = address {
        all.extend([0xc0, 12]);
        all.extend(kind.to_be_bytes());
        all.extend([0, 1, 0, 0, 0, 60, 0, address.len() as u8]);
        all.extend(address);
    }
    Some(all)
}

#[tokio::test]
async fn one_family_refused_leaves_the_other_and_is_no_word_about_the_name() {
    let (left, right) = memory::wired(memory::Config::default()).unwrap();
    let build = |device, address: &str| {
        Stack::builder().device(device).address(address.parse().unwrap()).build().unwrap()
    };
    let (server, client) = (build(left, "10.0.0.1/24"), build(right, "10.0.0.2/24"));
    let socket = UdpSocket::bind_on(&server, "10.0.0.1:53").await.unwrap();
    let served = tokio::spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (count, from) = socket.recv_from(&mut buffer).await.unwrap();
            socket.send_to(&answer(&buffer[..count]).expect("a question"), from).await.unwrap();
        }
    });
    client.set_resolver(HickoryResolver::new(&client, &["10.0.0.1:53".parse().unwrap()]).unwrap());
    let find = async |name: &str| {
        let found = lookup_host_on(&client, (name, 80)).await;
        found.map(|all| all.map(|at| at.to_string()).collect::<Vec<_>>()).map_err(|why| why.kind())
    };
    // Far longer than anything here takes: a test that hangs shall fail.
    tokio::time::timeout(Duration::from_secs(60), async {
        assert_eq!(find("four.example").await.unwrap(), ["10.0.0.9:80"]);
        assert_eq!(find("half.example").await.unwrap(), ["10.0.0.9:80"]);
        assert_eq!(find("six.example").await.unwrap(), ["[fd00::9]:80"]);
        assert_eq!(find("none.example").await.unwrap_err(), ErrorKind::NotFound);
        assert_eq!(find("unsure.example").await.unwrap_err(), ErrorKind::Other, "it may well be there");
    })
    .await
    .expect("it hangs");
    served.abort();
}
