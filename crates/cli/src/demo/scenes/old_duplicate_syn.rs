//! Why three segments, and not two.

use super::{PORT, Scene, Text};
use crate::demo::stage::{Stage, must};
use device::impair::Verdict;
use env::Duration;
use sim::forge;
use wire::tcp::{Flags, Header, Options};
use wire::{Payload, SeqNum, WireWindow};

pub(super) const SCENE: Scene = Scene {
    name: "old-duplicate-syn",
    title: Text {
        en: "An old copy of a SYN turns up: why a handshake takes three",
        ko: "낡은 SYN의 사본이 나타난다: 왜 셋이 필요한가",
    },
    about: Text {
        en: "Networks may deliver copies of packets much later. Here an old SYN, from a connection long gone, overtakes \
             the client's new one. The server cannot tell: it answers, as it must. But the client can: the answer \
             acknowledges a number that it has not sent now, and it says so with a RST. If two segments made a \
             connection, the server would now have one that nobody wants. This is the main reason for the third (RFC \
             9293 §3.5, figure 8).",
        ko: "네트워크는 패킷의 사본을 한참 뒤에 전할 수도 있다. 여기서는 오래전에 끝난 연결의 낡은 SYN이 클라이언트의 새 SYN을 \
             앞지른다. 서버는 구별할 수 없고, 규칙대로 답한다. 클라이언트는 구별할 수 있다. 그 답은 지금 보낸 적 없는 번호를 \
             확인하고 있고, 클라이언트는 RST로 그렇게 말한다. 세그먼트 둘로 연결이 된다면 서버는 아무도 원하지 않는 연결을 \
             갖게 되었을 것이다. 셋째가 있는 주된 까닭이 이것이다(RFC 9293 §3.5, 그림 8).",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (server, there) = (stage.server(), stage.there());
    stage.listen(PORT);
    // The new SYN is slow.
    stage.judge(there, |number| match number {
        1 => Verdict::Delay(Duration::from_millis(60)),
        _ => Verdict::Pass,
    });
    stage.connect(PORT);
    let (from, to) = must(stage.ends().ok_or("the client has sent a SYN"));
    let old = SeqNum::new(stage.first_number(0)) - 90_000;
    stage.run_ms(5);
    let header = Header {
        seq: old,
        flags: Flags::SYN,
        window: WireWindow::new(65_535),
        options: Options { mss: Some(1460), ..Options::NONE },
        ..Header::default()
    };
    stage.forge(server, forge::segment(from, to, &header, Payload::EMPTY), "an old duplicate");
    stage.run_ms(3_000);

    stage.remark(
        "The old SYN has number -90000: that many before the client's first number of now. The RST took back what the \
         old SYN had begun; the listener never told its user (MUST-11). Then the new SYN arrived, and everything went \
         its way.",
        "낡은 SYN의 번호는 -90000이다. 클라이언트가 지금 쓰는 첫 번호보다 그만큼 앞선다. RST는 낡은 SYN이 시작한 것을 \
         물렸고, 리스너의 사용자는 아무것도 듣지 못했다(MUST-11). 그다음 새 SYN이 도착했고, 모든 것이 제대로 되었다.",
    );
    stage.remark(
        "\"Both are ready before data flows\" is a pleasant by-product. That both first numbers are confirmed, and that an \
         old SYN opens nothing, is what the third segment is for.",
        "\"데이터가 흐르기 전에 양쪽이 준비된다\"는 것은 반가운 덤이다. 두 첫 번호가 모두 확인되고 낡은 SYN이 아무것도 열지 \
         못하게 하는 것, 셋째 세그먼트는 그것을 위해 있다.",
    );
}
