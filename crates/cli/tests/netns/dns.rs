//! A name server on the kernel's sockets, which knows a few names.

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, PTR, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;

/// Answers at `at` over UDP and TCP, for as long as the process lives.
pub(crate) fn serve(at: SocketAddr) {
    let socket = UdpSocket::bind(at).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let answer = answer(&buffer[..count]);
            let query = &answer.queries[0];
            if query.name().to_string().starts_with("quiet") && query.query_type() == RecordType::AAAA {
                continue;
            }
            let octets = answer.to_vec().unwrap();
            // What is too large for the asker is cut.
            let octets = if octets.len() > 1232 { answer.truncate().to_vec().unwrap() } else { octets };
            // Somebody else's guess comes first: it is to be ignored.
            let mut guess = octets.clone();
            guess[0] ^= 1;
            socket.send_to(&guess, from).unwrap();
            socket.send_to(&octets, from).unwrap();
        }
    });
    let listener = TcpListener::bind(at).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut question).unwrap();
            let octets = answer(&question).to_vec().unwrap();
            stream.write_all(&[&(octets.len() as u16).to_be_bytes()[..], &octets].concat()).unwrap();
        }
    });
}

fn answer(question: &[u8]) -> Message {
    let question = Message::from_vec(question).unwrap();
    let mut answer = Message::new(question.metadata.id, MessageType::Response, question.metadata.op_code);
    answer.metadata.authoritative = true;
    answer.add_queries(question.queries.clone());
    let query = &question.queries[0];
    let name = query.name().to_string();
    let mut add = |name: &str, data| {
        answer.add_answer(Record::from_rdata(Name::from_ascii(name).unwrap(), 60, data));
    };
    match (name.as_str(), query.query_type()) {
        ("web.example.", RecordType::A) => {
            add("web.example.", RData::CNAME(CNAME(Name::from_ascii("host.example.").unwrap())));
            add("host.example.", RData::A(A::new(10, 111, 1, 1)));
        }
        ("host.example.", RecordType::A) => add("host.example.", RData::A(A::new(10, 111, 1, 1))),
        ("host.example.", RecordType::AAAA) => {
            add("host.example.", RData::AAAA(AAAA::new(0xfd00, 0x111, 0, 1, 0, 0, 0, 1)));
        }
        ("host.example." | "web.example.", _) => {}
        ("large.example.", RecordType::TXT) => {
            for n in 0..20 {
                add("large.example.", RData::TXT(TXT::new(vec![format!("{n:0100}")])));
            }
        }
        ("1.1.111.10.in-addr.arpa.", RecordType::PTR) => {
            add(&name, RData::PTR(PTR(Name::from_ascii("host.example.").unwrap())));
        }
        // Servers that know one family only, and say of the other what they should not, or nothing.
        ("only4.example." | "quiet4.example.", RecordType::A) => add(&name, RData::A(A::new(10, 111, 1, 1))),
        ("only6.example.", RecordType::AAAA) => {
            add(&name, RData::AAAA(AAAA::new(0xfd00, 0x111, 0, 1, 0, 0, 0, 1)));
        }
        ("only4.example." | "refused.example.", _) => answer.metadata.response_code = ResponseCode::Refused,
        ("only6.example.", _) => answer.metadata.response_code = ResponseCode::ServFail,
        _ => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    answer
}
