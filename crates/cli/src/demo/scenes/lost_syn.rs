//! The very first packet is lost.

use super::{PORT, Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "lost-syn",
    title: Text { en: "The first packet is lost", ko: "첫 패킷이 사라진다" },
    about: Text {
        en: "Whoever sends a segment that takes up numbers keeps it until it is acknowledged, and sends it again when \
             a timer says that it has waited long enough: positive acknowledgment with retransmission. The first wait \
             is one second, because nothing is known of the path yet; each further one is twice as long (RFC 6298).",
        ko: "번호를 차지하는 세그먼트를 보낸 쪽은 확인을 받을 때까지 그것을 간직하고, 충분히 기다렸다고 타이머가 말하면 \
             다시 보낸다. 이것이 재전송을 곁들인 긍정 확인(PAR)이다. 아직 경로에 대해 아는 것이 없으므로 처음에는 1초를 \
             기다리고, 그다음부터는 매번 두 배로 기다린다(RFC 6298).",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let there = stage.there();
    stage.listen(PORT);
    stage.judge(there, |number| super::drop_if(number <= 2));
    stage.connect(PORT);
    stage.run_ms(4_000);

    let client = stage.client();
    let again = stage.counted(client).tcp_retrans_segs;
    stage.remark(
        format!(
            "The SYN was sent {} times, after 0, 1 and 3 seconds: always the same SYN, with the same number. The \
             server never knew: what did not arrive did not happen.",
            again + 1
        ),
        format!(
            "SYN은 {}번, 0초와 1초와 3초에 나갔다. 늘 같은 번호를 지닌 같은 SYN이다. 서버는 아무것도 몰랐다. 도착하지 \
             않은 것은 일어나지 않은 것이다.",
            again + 1
        ),
    );
    stage.remark(
        "The client stays in SYN-SENT until the SYN,ACK arrives: it is not CLOSED, as some textbooks draw it. It would \
         give up after four minutes.",
        "SYN,ACK가 올 때까지 클라이언트는 SYN-SENT에 있다. 어떤 교재의 그림처럼 CLOSED가 아니다. 4분이 지나면 \
         포기한다.",
    );
}
