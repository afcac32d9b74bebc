//! Korean.

use device::impair::Lost;
use stack::Drop;
use tcp::{Cause, ChallengeTo, ConnectionError, Discard, ResetWhy, Trigger, Undo, Why};

pub(super) fn why(why: Why) -> String {
    match why {
        Why::OpensConnection => "연결을 연다",
        Why::OpensWithData => "Fast Open: 데이터와 함께 연결을 연다",
        Why::SynWithoutData => "SYN을 다시, 데이터 없이: 경로가 더 작은 것만 받는다",
        Why::AnswersSyn => "SYN에 답한다",
        Why::AnswersSynWithCookie => "SYN에 쿠키로 답한다",
        Why::CompletesHandshake => "핸드셰이크를 마친다",
        Why::Data => "데이터",
        Why::LimitedTransmit => "제한 전송: ACK를 끌어내려고 새 데이터를 보낸다",
        Why::Closes => "닫는다",
        Why::RetransmissionTimeout(n) => return format!("재전송: 타이머(RTO) {n}번째 만료"),
        Why::FastRetransmit => "빠른 재전송: 중복 ACK 3개",
        Why::NextHole => "재전송: 다음 빈 곳",
        Why::Rack { later } => return format!("RACK: 잃었다, 뒤의 세그먼트 {later}개가 전달되었다"),
        Why::Withheld => "일부러 보류했던 세그먼트: 상대가 빈 곳을 알렸다",
        Why::LossProbe { new: true } => "TLP 탐침: 새 데이터",
        Why::LossProbe { new: false } => "TLP 탐침: 마지막 세그먼트를 다시",
        Why::FullAfterSmall => "작은 세그먼트 바로 뒤에 꽉 찬 세그먼트: 둘 다 지나가는가?",
        Why::BlackHole { from, to } => {
            return format!("블랙홀: {from}옥텟 패킷이 사라진다, 이제부터 {to}옥텟으로 보낸다");
        }
        Why::PathMtuProbe(size) => return format!("경로 MTU 탐침: {size}옥텟"),
        Why::WindowProbe(n) => return format!("0 윈도 탐침 {n}번째"),
        Why::KeepAliveProbe(n) => return format!("킵얼라이브 탐침 {n}번째"),
        Why::QuickAck => "바로 보내는 ACK",
        Why::SecondSegment => "세그먼트 둘마다 보내는 ACK",
        Why::DelayedAck(delay) => return format!("{} ms 미룬 ACK", delay.as_millis()),
        Why::DelayedReport(n) => return format!("미룬 보고 {n}개: 온 것 앞에 빈 곳이 있다"),
        Why::OutOfOrder => "중복 ACK: 앞에 빈 곳이 있다",
        Why::FillsHole => "ACK: 빈 곳이 채워졌다",
        Why::Marked => "ACK: 네트워크가 혼잡 표시를 했다",
        Why::Duplicate => "ACK: 이미 받은 것이다",
        Why::OutsideWindow => "ACK: 윈도 밖이다",
        Why::AcknowledgesFin => "FIN을 확인한다",
        Why::WindowUpdate => "윈도 갱신",
        Why::ChallengeAck(ChallengeTo::Reset) => "챌린지 ACK: RST가 RCV.NXT에 있지 않다",
        Why::ChallengeAck(ChallengeTo::Syn) => "챌린지 ACK: 열린 연결에 SYN이 왔다",
        Why::ChallengeAck(ChallengeTo::Ack) => "챌린지 ACK: 너무 오래된 ACK다",
        Why::OldTimestamp => "ACK: 타임스탬프가 너무 오래되었다",
        Why::AcksUnsent => "ACK: 보낸 적 없는 것을 확인했다",
        Why::Reset(why) => return format!("리셋: {}", reset(why)),
        _ => return why.to_string(),
    }
    .to_owned()
}

fn reset(why: ResetWhy) -> &'static str {
    match why {
        ResetWhy::NoConnection => "여기에는 열린 것이 없다",
        ResetWhy::BadAck => "보낸 적 없는 것을 확인했다",
        ResetWhy::Aborted => "사용자가 중단했다",
        ResetWhy::DataUnread => "읽지 않은 데이터가 남았다",
        ResetWhy::TimedOut => "포기했다",
        ResetWhy::Refused => "사용자가 거절했다",
        ResetWhy::OutOfMemory => "메모리가 없다",
    }
}

pub(super) fn discard(why: Discard) -> String {
    match why {
        Discard::OutsideWindow => "무시: 윈도 밖이다",
        Discard::WindowShut => "무시: 메모리가 없어 윈도가 닫혀 있다",
        Discard::Duplicate => "무시: 모두 이미 받은 것이다",
        Discard::OldTimestamp => "무시: 타임스탬프가 너무 오래되었다(PAWS)",
        Discard::NoTimestamp => "무시: 쓰기로 한 타임스탬프가 없다",
        Discard::UnacceptableReset => "무시: 제 번호로 증명되지 않은 RST다",
        Discard::UnexpectedSyn => "무시: 열린 연결에 온 SYN이다",
        Discard::NoAck => "무시: 있어야 할 ACK가 없다",
        Discard::UnacceptableAck => "무시: 보낸 적 없는 것을 확인했거나 너무 오래되었다",
        Discard::AfterFin => "무시: FIN 뒤의 데이터다",
        Discard::TooManyHoles => "무시: 빈 곳이 너무 많다",
        Discard::NoMemory => "무시: 메모리가 없다",
        Discard::SimultaneousOpenRefused => "무시: 여기서는 동시 열기를 거절한다",
        Discard::ResetToNobody => "무시: 받을 이 없는 RST다",
        Discard::AcceptQueueFull => "무시: accept 대기열이 꽉 찼다",
        Discard::SynQueueFull => "무시: SYN 대기열이 꽉 찼다",
        Discard::BadCookie => "무시: 있어야 할 쿠키가 없다",
        Discard::TimeWait => "무시: TIME-WAIT이다",
        _ => return format!("무시: {why:?}"),
    }
    .to_owned()
}

/// The names of what is dropped below TCP are those of counters, for people who look them up: only those that a scene
/// shows are words.
pub(super) fn drop(why: Drop) -> String {
    match why {
        Drop::TcpChecksum => "말없이 버림: TCP 체크섬이 틀렸다".to_owned(),
        Drop::UdpChecksum => "말없이 버림: UDP 체크섬이 틀렸다".to_owned(),
        Drop::Ipv4Checksum => "말없이 버림: IPv4 헤더 체크섬이 틀렸다".to_owned(),
        Drop::UdpNoListener => "이 UDP 포트에는 아무도 없다".to_owned(),
        Drop::TcpNoListener => "이 TCP 포트에는 아무도 없다".to_owned(),
        Drop::UdpQueueFull => "버림: 소켓의 대기열이 꽉 찼다".to_owned(),
        Drop::NotJoined => "우리 것이 아님: 여기서 아무도 들지 않은 그룹".to_owned(),
        Drop::NotForUs | Drop::ArpNotForUs => "우리 것이 아님: 다른 호스트의 주소".to_owned(),
        Drop::LinkNotForUs => "우리 것이 아님: 다른 스테이션의 프레임".to_owned(),
        Drop::LinkUnknownProtocol => "우리 것이 아님: IP도 ARP도 아님".to_owned(),
        why => format!("버림: {}", why.name()),
    }
}

pub(super) fn cause(cause: Cause) -> String {
    match cause {
        Cause::Call(name) => format!("사용자의 {name} 호출"),
        Cause::Arrived(what) => format!("{what} 도착"),
        Cause::Timeout("2MSL") => "세그먼트 최대 수명의 두 배가 지났다".to_owned(),
        Cause::Timeout("FIN-WAIT-2") => "FIN이 제때 오지 않았고, 기다리는 사용자도 없다".to_owned(),
        Cause::Timeout("user timeout") => "사용자가 기다려 줄 동안 아무것도 확인되지 않았다".to_owned(),
        Cause::Timeout("retransmission") => {
            "SYN,ACK를 보낼 수 있는 만큼 보냈지만 아무도 답하지 않았다".to_owned()
        }
        Cause::Timeout(what) => format!("타이머: {what}"),
    }
}

/// Phases are names, and stay; HyStart++ (RFC 9406) is explained.
pub(super) fn phase(from: &str, to: &str) -> String {
    match (from, to) {
        ("slow start", "CSS") => {
            "HyStart++ CSS: 지연이 늘어 느린 시작을 4분의 1 빠르기로 이어 간다".to_owned()
        }
        ("CSS", "slow start") => "HyStart++: 지연이 다시 줄어 CSS 전처럼 느린 시작을 한다".to_owned(),
        ("CSS", "congestion avoidance") => "HyStart++: CSS를 거쳐 느린 시작이 끝났다".to_owned(),
        ("slow start", "congestion avoidance") => "느린 시작이 끝났다".to_owned(),
        (from, to) => format!("{from} → {to}"),
    }
}

pub(super) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Ack => "옥텟이 확인되었다",
        Trigger::Loss => "손실을 알아챘다",
        Trigger::Timeout => "재전송 타이머가 만료되었다",
        Trigger::Reducing => "전달된 만큼만 내보낸다",
        Trigger::Recovered => "회복이 끝났다",
        Trigger::Undone(Undo::DuplicateSack) => "되돌림: D-SACK",
        Trigger::Undone(Undo::Eifel) => "되돌림: Eifel",
        Trigger::Undone(Undo::Frto) => "되돌림: F-RTO",
        Trigger::Undone(_) => "되돌림: 늦었을 뿐이었다",
        Trigger::Idle => "오래 쉬었다",
        Trigger::Marked => "네트워크가 혼잡 표시를 했다",
        Trigger::PathMtu => "경로 MTU가 줄었다",
    }
}

pub(super) fn ended(error: ConnectionError) -> String {
    match error {
        ConnectionError::Refused => "연결이 거절되었다",
        ConnectionError::Reset => "상대가 연결을 리셋했다",
        ConnectionError::TimedOut => "시간이 다 되었다",
        ConnectionError::Aborted => "연결을 중단했다",
        ConnectionError::Unreachable => "호스트나 네트워크에 닿을 수 없다",
        ConnectionError::OutOfMemory => "메모리가 없다",
        _ => return error.to_string(),
    }
    .to_owned()
}

pub(super) fn lost(why: Lost) -> &'static str {
    match why {
        Lost::Chance => "우연히 사라짐",
        Lost::Burst => "무더기로 사라짐",
        Lost::Cut => "링크가 끊겨 사라짐",
        Lost::QueueFull => "대기열이 꽉 차서 버려짐",
        Lost::TooLarge => "링크의 MTU보다 커서 버려짐",
        Lost::Judged => "사라짐",
        Lost::InFlight => "오가는 것이 너무 많아 버려짐",
        Lost::Malformed => "패킷이 아니어서 버려짐",
    }
}

/// What TCP remarks on in its own words. What is not here is told in English.
pub(super) fn remark(what: &'static str) -> &'static str {
    what
}
