//! Nobody is there.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use sim::Pair;
use stack::ConnectOptions;

pub(super) const SCENE: Scene = Scene {
    name: "refused",
    title: Text { en: "Nobody is there: connection refused", ko: "아무도 없다: 연결이 거절된다" },
    about: Text {
        en: "The client asks for a port at which nobody listens. The server's host answers with a RST: here is nothing. \
             That is no failure of the network, on the contrary: it is a clear answer, and it comes at once.",
        ko: "클라이언트가 아무도 듣지 않는 포트를 찾는다. 서버의 호스트는 RST로 답한다. 여기에는 아무것도 없다고. 네트워크의 \
             고장이 아니다. 오히려 분명한 대답이고, 바로 온다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let client = stage.client();
    let id = stage.connect(81);
    stage.run_to_end(client, id);
    stage.run_ms(10);

    let server = stage.server();
    let resets = stage.counted(server).tcp_out_rsts;
    stage.remark(
        format!(
            "The RST has ACK set and acknowledges the SYN: that proves that it answers this very SYN. The server counted \
             it (tcp_out_rsts = {resets})."
        ),
        format!(
            "RST에는 ACK가 켜져 있고 SYN을 확인한다. 바로 이 SYN의 답이라는 증거다. 서버는 이것을 \
             세었다(tcp_out_rsts = {resets})."
        ),
    );
    let mut everybody = Pair::server_at(false, 80);
    everybody.set_ip([10, 0, 0, 255].into());
    let answer = stage.call(client, |host, now| host.tcp_connect(now, ConnectOptions::to(everybody)));
    let why = answer.map_or_else(|why| why.to_string(), |_| String::from("?!"));
    stage.remark(
        format!(
            "TCP talks to one peer at a time. An attempt to connect to everybody on the network, {everybody}, fails \
             without a packet: \"{why}\"."
        ),
        format!(
            "TCP는 한 번에 한 상대와만 이야기한다. 네트워크의 모두인 {everybody}에 연결하려는 시도는 패킷 하나 없이 \
             실패한다: \"{why}\"."
        ),
    );
}
