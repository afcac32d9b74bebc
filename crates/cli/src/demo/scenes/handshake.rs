//! The two handshakes: the scene that explains all others.

use super::{Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "handshake",
    title: Text {
        en: "The two handshakes: three segments open a connection, four close it",
        ko: "두 번의 악수: 세그먼트 셋으로 연결을 열고, 넷으로 닫는다",
    },
    about: Text {
        en: "Two programs want to talk. Before the first octet, each side picks a number to count its octets from, \
             and both make sure that the other one knows it: that is the three-way handshake. At the end each side \
             says for itself that it has nothing more to send: that is why closing takes four.\n\n\
             Time runs down. An arrow is a segment; below it stands why it was sent. seq counts the sender's octets, \
             ack names the next octet that it expects from the other side. SYN and FIN each take up one number.",
        ko: "두 프로그램이 이야기하려 한다. 첫 옥텟을 보내기 전에 양쪽은 저마다 자기 옥텟을 셀 첫 번호를 고르고, \
             상대가 그 번호를 아는지 서로 확인한다. 이것이 3-way 핸드셰이크다. 끝날 때는 양쪽이 저마다 더 보낼 것이 \
             없다고 말한다. 그래서 닫는 데는 네 개가 필요하다.\n\n\
             시간은 아래로 흐른다. 화살표는 세그먼트이고, 그 아래에는 왜 보냈는지 적혀 있다. seq는 보내는 쪽의 옥텟을 \
             세고, ack는 상대에게서 다음에 받을 옥텟의 번호다. SYN과 FIN은 번호를 하나씩 차지한다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let listener = stage.listen(super::PORT);
    stage.chapter("three segments open", "세 세그먼트로 연다");
    let ours = stage.connect(super::PORT);
    stage.run_ms(30);
    let theirs = stage.accept(listener);

    stage.chapter("data, both ways", "양쪽으로 데이터");
    stage.send(client, ours, b"Hello, server!");
    stage.run_ms(10);
    stage.receive(server, theirs);
    stage.send(server, theirs, b"Hello, client!");
    stage.run_ms(10);
    stage.receive(client, ours);
    stage.run_ms(60);

    stage.chapter("four segments close", "네 세그먼트로 닫는다");
    stage.close(client, ours);
    stage.run_ms(30);
    stage.send(server, theirs, b"I am not done yet.");
    stage.run_ms(10);
    let late = stage.receive(client, ours);
    stage.run_ms(60);
    stage.close(server, theirs);
    stage.run_ms(70_000);

    let [one, other] = [stage.first_number(0), stage.first_number(1)];
    stage.remark(
        format!(
            "The first numbers (ISS) were {one} and {other}, drawn as 0: nobody else could guess them \
             (RFC 6528). The SYN told the first, the SYN,ACK told the second and confirmed the first, and the third \
             segment confirmed the second: four steps, of which the middle two share a segment."
        ),
        format!(
            "첫 번호(ISS)는 {one}와 {other}이고, 그림에서는 0으로 센다. 남이 짐작할 수 없는 번호다(RFC 6528). \
             SYN이 첫째 번호를 알리고, SYN,ACK가 둘째 번호를 알리면서 첫째를 확인하고, 셋째 세그먼트가 둘째를 \
             확인한다. 네 걸음이지만 가운데 둘이 한 세그먼트에 실린다."
        ),
    );
    let octets = late.len();
    stage.remark(
        format!(
            "After the client's FIN the server still sent {octets} octets, and the client took them: a FIN ends one \
             direction only. The server waited in CLOSE-WAIT, the client in FIN-WAIT-2."
        ),
        format!(
            "클라이언트가 FIN을 보낸 뒤에도 서버는 {octets}옥텟을 더 보냈고 클라이언트는 받았다. FIN은 한 방향만 \
             끝낸다. 그동안 서버는 CLOSE-WAIT, 클라이언트는 FIN-WAIT-2에 있었다."
        ),
    );
    stage.remark(
        "TIME-WAIT is on the side that closed first, and lasts for twice the maximum segment lifetime (2 x 30 s \
         here): long enough to answer if the last ACK is lost and the FIN comes again (see lost-last-ack), and for \
         old copies to die out.",
        "TIME-WAIT는 먼저 닫은 쪽에 있고, 세그먼트 최대 수명의 두 배(여기서는 30초의 두 배) 동안 이어진다. 마지막 \
         ACK가 사라져 FIN이 다시 오면 답할 만큼, 그리고 낡은 사본들이 사라질 만큼 긴 시간이다(lost-last-ack을 보라).",
    );
}
