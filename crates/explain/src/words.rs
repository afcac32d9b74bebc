//! Every remark in every language. States, flags and options are names, and the same in all of them.

use crate::finding::Finding;
use crate::flow::Ending;
use crate::remark::{Again, Ignored, Remark, Reset};
use env::Duration;
use trace::Lang;

/// A remark in words.
pub(crate) fn remark(lang: Lang, remark: Remark) -> String {
    match lang {
        Lang::En => english(lang, remark),
        Lang::Ko => korean(lang, remark),
    }
}

fn english(lang: Lang, remark: Remark) -> String {
    match remark {
        Remark::Found(finding) => match finding {
            Finding::Retransmission => "retransmission",
            Finding::FastRetransmission => "fast retransmission",
            Finding::SpuriousRetransmission => "spurious retransmission: it was acknowledged already",
            Finding::OutOfOrder => "out of order: a later segment overtook it",
            Finding::DuplicateAck => "duplicate ACK",
            Finding::LostSegment => "segments before it are not in the capture",
            Finding::AckLostSegment => "acknowledges what is not in the capture",
            Finding::KeepAlive => "keep-alive probe",
            Finding::KeepAliveAck => "answers the keep-alive probe",
            Finding::ZeroWindow => "zero window: no room here",
            Finding::WindowUpdate => "window update",
            Finding::WindowFull => "fills the window of the other end",
            Finding::ZeroWindowProbe => "zero-window probe",
            Finding::ZeroWindowProbeAck => "answers the probe: still no room",
            Finding::ReusedPorts => "a new connection between sockets that had one before",
        }
        .to_owned(),
        Remark::DuplicateAck(n) => format!("duplicate ACK #{n}"),
        Remark::Missing(octets) => {
            format!("{octets} octets before it are not in the capture (lost before here, or not captured)")
        }
        Remark::Again(how, after) => {
            let how = match how {
                Again::Fast => "fast retransmission: duplicate ACKs asked for it",
                Again::Timeout => "retransmission: timeout",
                Again::Spurious => "spurious retransmission: it was acknowledged already",
                Again::Other => "retransmission",
            };
            match after {
                Some(after) => format!("{how}, {} after the last time", lang.span(after)),
                None => how.to_owned(),
            }
        }
        Remark::Train(segments, size) => {
            format!("a train of {segments} segments of {size} octets, to be cut by a device or joined by one")
        }
        Remark::WindowReopens(after) => format!("room again after {}", lang.span(after)),
        Remark::Ignored(why) => match why {
            Ignored::Checksum => "✗ ignored: wrong checksum",
            Ignored::ResetOutside => "✗ a conforming receiver ignores this RST: outside the window",
            Ignored::ResetInexact => {
                "✗ a conforming receiver only answers this RST with a challenge ACK: not at RCV.NXT (RFC 5961)"
            }
            Ignored::ResetUnproven => {
                "✗ a conforming receiver ignores this RST: it does not acknowledge the SYN"
            }
            Ignored::ResetToNobody => "✗ ignored: a RST to nobody",
            Ignored::SynOnOpen => {
                "✗ a conforming receiver only answers this SYN with a challenge ACK: the connection is open (RFC 5961)"
            }
            Ignored::OutsideWindow => "✗ a conforming receiver does not use it: outside the window",
        }
        .to_owned(),
        Remark::Reset(why) => match why {
            Reset::Refused => "refuses: nothing is open here".to_owned(),
            Reset::NoConnection => "aborts: it knows no such connection".to_owned(),
            Reset::AfterClose => "aborts: it had closed, and data came that nobody would read".to_owned(),
            Reset::GaveUp(n) => format!("aborts: it gave up after {n} retransmissions"),
            Reset::Aborted => "aborts: its user did, or left data unread".to_owned(),
        },
        Remark::StillIn(state) => format!("still in {}: the ACK did not arrive", state.name()),
        Remark::OtherTtl(ttl, usual) => format!("its TTL is {ttl} and not {usual}: perhaps somebody else sent it"),
        Remark::PartialChecksum => "checksum left to the device: no error".to_owned(),
        Remark::Fragment => "a fragment".to_owned(),
        Remark::Midway => "the capture begins in the middle of the connection".to_owned(),
        Remark::Icmp => "is about this flow".to_owned(),
    }
}

fn korean(lang: Lang, remark: Remark) -> String {
    match remark {
        Remark::Found(finding) => match finding {
            Finding::Retransmission => "재전송",
            Finding::FastRetransmission => "빠른 재전송",
            Finding::SpuriousRetransmission => "헛재전송: 이미 확인된 것이다",
            Finding::OutOfOrder => "순서 바뀜: 뒤의 세그먼트가 앞질렀다",
            Finding::DuplicateAck => "중복 ACK",
            Finding::LostSegment => "앞의 세그먼트가 캡처에 없다",
            Finding::AckLostSegment => "캡처에 없는 것을 확인한다",
            Finding::KeepAlive => "킵얼라이브 탐침",
            Finding::KeepAliveAck => "킵얼라이브 탐침에 답한다",
            Finding::ZeroWindow => "0 윈도: 여기에는 자리가 없다",
            Finding::WindowUpdate => "윈도 갱신",
            Finding::WindowFull => "상대의 윈도를 꽉 채운다",
            Finding::ZeroWindowProbe => "0 윈도 탐침",
            Finding::ZeroWindowProbeAck => "탐침에 답한다: 아직 자리가 없다",
            Finding::ReusedPorts => "전에 연결이 있던 소켓 사이의 새 연결",
        }
        .to_owned(),
        Remark::DuplicateAck(n) => format!("중복 ACK {n}번째"),
        Remark::Missing(octets) => {
            format!("앞의 {octets}옥텟이 캡처에 없다(여기 오기 전에 사라졌거나 잡히지 않았다)")
        }
        Remark::Again(how, after) => {
            let how = match how {
                Again::Fast => "빠른 재전송: 중복 ACK가 청했다",
                Again::Timeout => "재전송: 타이머 만료",
                Again::Spurious => "헛재전송: 이미 확인된 것이다",
                Again::Other => "재전송",
            };
            match after {
                Some(after) => format!("{how}, 지난번에서 {} 뒤", lang.span(after)),
                None => how.to_owned(),
            }
        }
        Remark::Train(segments, size) => {
            format!("{size}옥텟 세그먼트 {segments}개의 열차: 장치가 자르거나 이은 것이다")
        }
        Remark::WindowReopens(after) => format!("{} 만에 다시 자리가 났다", lang.span(after)),
        Remark::Ignored(why) => match why {
            Ignored::Checksum => "✗ 무시: 체크섬이 틀렸다",
            Ignored::ResetOutside => "✗ 규격을 지키는 상대는 이 RST를 무시한다: 윈도 밖이다",
            Ignored::ResetInexact => {
                "✗ 규격을 지키는 상대는 이 RST에 챌린지 ACK만 보낸다: RCV.NXT에 있지 않다(RFC 5961)"
            }
            Ignored::ResetUnproven => "✗ 규격을 지키는 상대는 이 RST를 무시한다: SYN을 확인하지 않는다",
            Ignored::ResetToNobody => "✗ 무시: 받을 이 없는 RST다",
            Ignored::SynOnOpen => {
                "✗ 규격을 지키는 상대는 이 SYN에 챌린지 ACK만 보낸다: 연결이 열려 있다(RFC 5961)"
            }
            Ignored::OutsideWindow => "✗ 규격을 지키는 상대는 쓰지 않는다: 윈도 밖이다",
        }
        .to_owned(),
        Remark::Reset(why) => match why {
            Reset::Refused => "거절: 여기에는 열린 것이 없다".to_owned(),
            Reset::NoConnection => "중단: 그런 연결을 모른다".to_owned(),
            Reset::AfterClose => "중단: 이미 닫았는데, 읽을 이 없는 데이터가 왔다".to_owned(),
            Reset::GaveUp(n) => format!("중단: {n}번 재전송하고 포기했다"),
            Reset::Aborted => "중단: 사용자가 중단했거나 데이터를 읽지 않고 남겼다".to_owned(),
        },
        Remark::StillIn(state) => format!("아직 {}: ACK가 닿지 않았다", state.name()),
        Remark::OtherTtl(ttl, usual) => {
            format!("TTL이 {usual}이 아니라 {ttl}이다: 다른 누가 보냈을지 모른다")
        }
        Remark::PartialChecksum => "체크섬은 장치에 맡겼다: 오류가 아니다".to_owned(),
        Remark::Fragment => "조각".to_owned(),
        Remark::Midway => "캡처가 연결 중간에서 시작한다".to_owned(),
        Remark::Icmp => "이 흐름에 대한 것이다".to_owned(),
    }
}

/// How a flow ended, in a few words.
pub(crate) fn ending(lang: Lang, ending: Ending) -> String {
    let end =
        |side: usize| if side == 0 { lang.pick("left", "왼쪽") } else { lang.pick("right", "오른쪽") };
    match (lang, ending) {
        (Lang::En, Ending::Open) => "still open".to_owned(),
        (Lang::Ko, Ending::Open) => "아직 열려 있음".to_owned(),
        (Lang::En, Ending::HalfClosed(side)) => format!("half-closed by the {}", end(side)),
        (Lang::Ko, Ending::HalfClosed(side)) => format!("{}이 반만 닫음", end(side)),
        (Lang::En, Ending::Closing) => "closing".to_owned(),
        (Lang::Ko, Ending::Closing) => "닫는 중".to_owned(),
        (Lang::En, Ending::Closed(side)) => format!("closed by the {}", end(side)),
        (Lang::Ko, Ending::Closed(side)) => format!("{}이 닫음", end(side)),
        (Lang::En, Ending::Refused(side)) => format!("refused by the {}", end(side)),
        (Lang::Ko, Ending::Refused(side)) => format!("{}이 거절", end(side)),
        (Lang::En, Ending::Reset(side)) => format!("reset by the {}", end(side)),
        (Lang::Ko, Ending::Reset(side)) => format!("{}이 리셋", end(side)),
        (Lang::En, Ending::Unanswered) => "never answered".to_owned(),
        (Lang::Ko, Ending::Unanswered) => "답이 없음".to_owned(),
        (Lang::En, Ending::Opening) => "not open yet".to_owned(),
        (Lang::Ko, Ending::Opening) => "아직 열리지 않음".to_owned(),
        (Lang::En, Ending::Unreachable) => "unreachable (ICMP)".to_owned(),
        (Lang::Ko, Ending::Unreachable) => "닿을 수 없음(ICMP)".to_owned(),
        (_, Ending::Datagrams) => "-".to_owned(),
    }
}

/// A span, short.
pub(crate) fn span(lang: Lang, span: Duration) -> String {
    lang.span(span)
}
