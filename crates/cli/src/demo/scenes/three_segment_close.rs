//! The shortest conversation: data on the third segment, and a close in three.

use super::{PORT, Scene, Text};
use crate::demo::stage::Stage;
use tcp::State;

pub(super) const SCENE: Scene = Scene {
    name: "three-segment-close",
    title: Text {
        en: "The shortest conversation: data on the third segment, and three to close",
        ko: "가장 짧은 대화: 셋째 세그먼트에 데이터를 싣고, 셋으로 닫는다",
    },
    about: Text {
        en: "Closing takes two FINs and two ACKs. But one segment can carry a FIN and an ACK: if the server closes in \
             the very moment in which it learns that the client has, its FIN rides with its ACK, and three segments \
             are enough.\n\n\
             The client is in a hurry too: it writes before the connection is open. The octets wait, and leave on the \
             third segment of the handshake.",
        ko: "닫는 데는 FIN 둘과 ACK 둘이 든다. 그러나 한 세그먼트가 FIN과 ACK를 함께 실을 수 있다. 클라이언트가 \
             닫았음을 아는 바로 그 순간에 서버도 닫으면, 서버의 FIN은 ACK와 함께 가고 세그먼트는 셋이면 된다.\n\n\
             클라이언트도 서두른다. 연결이 열리기도 전에 쓴다. 그 옥텟은 기다렸다가 핸드셰이크의 셋째 세그먼트에 실려 \
             떠난다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let listener = stage.listen(PORT);
    let ours = stage.connect(PORT);
    stage.send(client, ours, b"Good day, and bye!");
    stage.run_ms(60);
    let theirs = stage.accept(listener);
    let words = stage.receive(server, theirs);
    stage.world().set_reflex(server, move |host, now| {
        if host.tcp_state(theirs) == State::CloseWait {
            // The second time it is closing already, which is fine.
            let _ = host.tcp_close(now, theirs);
        }
    });
    stage.run_ms(40);
    stage.close(client, ours);
    stage.run_ms(61_000);

    let octets = words.len();
    stage.remark(
        format!(
            "Seven segments carried {octets} octets from an open to a close of both sides. Data may ride on the third \
             segment (RFC 9293 §3.5): the client is ESTABLISHED by then, and the server hands the octets to its user \
             once that ACK has made it so, too."
        ),
        format!(
            "세그먼트 일곱 개로 {octets}옥텟이 갔고, 양쪽이 열리고 닫혔다. 셋째 세그먼트에는 데이터가 실려도 된다(RFC 9293 \
             §3.5). 그때 클라이언트는 이미 ESTABLISHED이고, 서버는 그 ACK로 자신도 그렇게 된 뒤에 옥텟을 사용자에게 \
             건넨다."
        ),
    );
    stage.remark(
        "The server went from ESTABLISHED through CLOSE-WAIT to LAST-ACK in one instant. Whether a close takes three \
         segments or four is up to the applications, not to the protocol.",
        "서버는 한순간에 ESTABLISHED에서 CLOSE-WAIT를 거쳐 LAST-ACK까지 갔다. 닫는 데 세그먼트가 셋 드느냐 넷 드느냐는 \
         프로토콜이 아니라 응용 프로그램에 달렸다.",
    );
}
