//! Who is who.

use super::{Scene, Text};
use crate::demo::stage::{Stage, must};
use sim::Pair;
use stack::UdpBind;

pub(super) const SCENE: Scene = Scene {
    name: "ports",
    title: Text {
        en: "Ports: one number for TCP and UDP, and a new one for each connection",
        ko: "포트: TCP와 UDP가 같은 번호를 쓰고, 연결마다 새 번호를 받는다",
    },
    about: Text {
        en: "A host has one address and many programs; ports tell them apart. TCP and UDP each have their own: here two \
             different programs are at number 1234, one for each. A client draws a port of its own for each connection, from \
             49152 to 65535, in an order that nobody can foretell (RFC 6056). What names a connection is all four: both \
             addresses and both ports.",
        ko: "호스트에는 주소가 하나이고 프로그램은 여럿이다. 포트가 이들을 구별한다. TCP와 UDP는 저마다 자기 포트를 가진다. \
             여기서는 서로 다른 두 프로그램이 하나씩 1234번에 있다. 클라이언트는 연결마다 49152에서 65535 사이의 포트를, 아무도 \
             미리 알 수 없는 순서로 뽑는다(RFC 6056). 연결의 이름은 넷 모두, 곧 두 주소와 두 포트다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let listener = stage.listen(1234);
    let bind = UdpBind { port: 1234, ..UdpBind::default() };
    let udp = must(stage.call(server, |host, _| host.udp_bind(bind)));

    stage.chapter("UDP to port 1234", "1234번 포트로 UDP");
    let socket = must(stage.call(client, |host, _| host.udp_open()));
    stage.send_to(client, socket, Some(Pair::server_at(false, 1234)), "by UDP");
    stage.run_ms(50);

    stage.chapter("TCP to port 1234, three times", "1234번 포트로 TCP 세 번");
    let ids: Vec<_> = (0..3)
        .map(|_| {
            let id = stage.connect(1234);
            stage.run_ms(40);
            id
        })
        .collect();
    stage.send(client, ids[0], b"by TCP");
    stage.run_ms(50);

    let heard = stage.call(server, |host, _| host.udp_receive(udp));
    let heard = heard.map(|datagram| String::from_utf8_lossy(&datagram.data.to_vec()).into_owned());
    let nothing_more = stage.call(server, |host, _| host.udp_receive(udp)).is_none();
    let first = stage.accept(listener);
    let streamed = stage.receive(server, first);
    let streamed = String::from_utf8_lossy(&streamed).into_owned();
    let heard = heard.unwrap_or_default();
    stage.remark(
        format!(
            "The UDP program got \"{heard}\"{}, the TCP program got \"{streamed}\": the same number, and nothing crossed.",
            if nothing_more { " and nothing else" } else { " AND MORE" }
        ),
        format!(
            "UDP 프로그램이 받은 것은 \"{heard}\"{}, TCP 프로그램이 받은 것은 \"{streamed}\"이다. 번호는 같지만 섞이지 \
             않았다.",
            if nothing_more { "뿐이고" } else { "만이 아니고" }
        ),
    );
    let mut lines = vec![String::new()];
    for id in ids {
        if let Some((local, remote)) = stage.world().host(client).tcp_addrs(id) {
            lines.push(format!("    TCP  {local} ─ {remote}"));
        }
    }
    stage.table(lines);
}
