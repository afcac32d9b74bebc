//! The answer to the first packet is lost.

use super::{PORT, Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "lost-syn-ack",
    title: Text { en: "The second packet is lost", ko: "둘째 패킷이 사라진다" },
    about: Text {
        en: "The server's answer is lost. Now both sides wait for something: the client for an answer to its SYN, the \
             server for an ACK of its own. Neither can know what happened, and both do the same: wait, and send \
             again. The server remembers the client's SYN, so the second one changes nothing.",
        ko: "서버의 대답이 사라진다. 이제 양쪽이 무언가를 기다린다. 클라이언트는 SYN의 대답을, 서버는 자기 SYN의 ACK를. \
             무슨 일이 있었는지 아무도 모르고, 둘 다 같은 일을 한다. 기다리고, 다시 보낸다. 서버는 클라이언트의 SYN을 \
             기억하므로 두 번째 SYN은 아무것도 바꾸지 않는다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let back = stage.back();
    stage.listen(PORT);
    stage.lose_next(back);
    stage.connect(PORT);
    stage.run_ms(2_000);

    stage.remark(
        "Until its SYN was acknowledged the server kept a record of about a hundred octets, and no buffers: anybody can \
         send a SYN, and few who do should be believed (see syn-flood).",
        "SYN이 확인될 때까지 서버는 백 옥텟 남짓한 기록만 두고 버퍼는 두지 않는다. SYN은 누구나 보낼 수 있고, 믿을 만한 \
         이는 드물다(syn-flood를 보라).",
    );
    stage.remark(
        "The answer comes again with the same number: a number once told is never changed.",
        "대답은 같은 번호로 다시 온다. 한번 알린 번호는 바뀌지 않는다.",
    );
}
