//! A socket that talks to itself.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use sim::Pair;
use stack::ConnectOptions;

pub(super) const SCENE: Scene = Scene {
    name: "self-connect",
    title: Text { en: "A socket that calls itself", ko: "자기 자신에게 거는 소켓" },
    about: Text {
        en: "What if a program connects from a port to that very port? Its SYN comes back to it, and is the SYN of a peer \
             that asks at the same time: a simultaneous open with oneself. It is legal, and it happens by accident, when a \
             program tries a dead local port for so long that it draws that port itself.\n\n\
             There is one host and one socket here, drawn twice: it sends on the left and receives on the right.",
        ko: "프로그램이 어떤 포트에서 바로 그 포트로 연결하면 어떻게 될까? SYN은 자신에게 돌아오고, 그것은 동시에 청하는 \
             상대의 SYN과 같다. 자신과의 동시 열기다. 규칙에 맞고, 우연히 일어나기도 한다. 죽은 로컬 포트를 계속 두드리다가 \
             자신이 그 포트를 뽑게 될 때다.\n\n\
             여기에는 호스트 하나와 소켓 하나가 있고, 두 번 그려져 있다. 왼쪽에서 보내고 오른쪽에서 받는다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let client = stage.client();
    stage.settings.hosts = match stage.lang() {
        trace::Lang::En => ["the socket".to_owned(), "itself".to_owned()],
        trace::Lang::Ko => ["소켓".to_owned(), "자기 자신".to_owned()],
    };
    let own = Pair::client_at(false, 5000);
    let id = stage.open(client, ConnectOptions { local: Some(own), ..ConnectOptions::to(own) });
    stage.run_ms(100);
    stage.send(client, id, b"Is it me?");
    stage.run_ms(100);
    let heard = stage.receive(client, id);
    stage.run_ms(100);
    stage.close(client, id);
    stage.run_ms(61_000);

    let heard = String::from_utf8_lossy(&heard).into_owned();
    stage.remark(
        format!("It heard \"{heard}\". All of this went round inside the host: not a packet was on a wire."),
        format!("들은 말은 \"{heard}\"이다. 모두 호스트 안에서 돌았고, 선에는 패킷 하나 나가지 않았다."),
    );
}
