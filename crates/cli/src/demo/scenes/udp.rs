//! No handshake at all.

use super::{Scene, Text};
use crate::demo::stage::{Stage, must};
use sim::Pair;
use stack::UdpBind;

pub(super) const SCENE: Scene = Scene {
    name: "udp",
    title: Text {
        en: "UDP: no handshake, the first packet carries the message",
        ko: "UDP: 핸드셰이크 없이, 첫 패킷이 곧 메시지다",
    },
    about: Text {
        en: "UDP adds ports and a checksum to what the network does anyway, and nothing else. A datagram is a message of its \
             own: no connection, no state, no order, no acknowledgment, no retransmission. If nobody is at the port, the \
             receiving host says so by ICMP, and if a datagram is lost, nobody says anything.",
        ko: "UDP는 네트워크가 어차피 하는 일에 포트와 체크섬만 더하고, 그 밖에는 아무것도 더하지 않는다. 데이터그램은 그 \
             자체로 하나의 메시지다. 연결도, 상태도, 순서도, 확인도, 재전송도 없다. 그 포트에 아무도 없으면 받는 호스트가 \
             ICMP로 알려 주고, 데이터그램이 사라지면 아무도 아무 말도 하지 않는다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server, there) = (stage.client(), stage.server(), stage.there());
    let bind = UdpBind { port: 1234, ..UdpBind::default() };
    let theirs = must(stage.call(server, |host, _| host.udp_bind(bind)));
    let ours = must(stage.call(client, |host, _| host.udp_open()));
    must(stage.call(client, |host, _| host.udp_connect(ours, Pair::server_at(false, 1234))));

    stage.chapter("a question and an answer", "물음과 대답");
    stage.send_to(client, ours, None, "What time is it?");
    stage.run_ms(10);
    let question = must(stage.call(server, |host, _| host.udp_receive(theirs)).ok_or("no question"));
    stage.send_to(server, theirs, Some(question.from), "Late.");
    stage.run_ms(30);

    stage.chapter("one is lost, and nobody minds", "하나가 사라져도 아무도 모른다");
    stage.lose_next(there);
    stage.send_to(client, ours, None, "Thank you!");
    stage.run_ms(50);

    stage.chapter("a port without anybody", "아무도 없는 포트");
    let other = must(stage.call(client, |host, _| host.udp_open()));
    must(stage.call(client, |host, _| host.udp_connect(other, Pair::server_at(false, 4321))));
    stage.send_to(client, other, None, "Anyone?");
    stage.run_ms(20);
    let fault = stage.call(client, |host, _| host.udp_take_fault(other));
    if fault.is_some() {
        stage.says(
            client,
            "the socket is told: nobody is at the port",
            "소켓이 듣는 말: 그 포트에는 아무도 없다",
        );
    }
    stage.run_ms(20);

    let counted = stage.counted(server);
    let (delivered, nobody) = (counted.udp_in_datagrams, counted.udp_no_ports);
    stage.remark(
        format!(
            "The client sent 3 datagrams: {delivered} reached a program, {nobody} met nobody (udp_no_ports), and one was \
             lost, which only the link knows. A UDP header has 8 octets, a TCP header 20 to 60."
        ),
        format!(
            "클라이언트는 데이터그램 셋을 보냈다. {delivered}개는 프로그램에 닿았고, {nobody}개는 아무도 만나지 \
             못했으며(udp_no_ports), 하나는 사라졌는데 링크만이 안다. UDP 헤더는 8옥텟, TCP 헤더는 20에서 60옥텟이다."
        ),
    );
}
