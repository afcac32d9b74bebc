//! Two hosts in a world.

use handfast_sim::{Duration, Pair};
use stack::{ConnectOptions, HostEvent, ListenConfig};
use tcp::{SendFlags, State};

#[test]
fn two_hosts_shake_hands_talk_and_part() {
    for v6 in [false, true] {
        let mut pair = Pair::new(1);
        let at = Pair::server_at(v6, 80);
        let listener = pair
            .world
            .call(pair.server, |host, now| host.tcp_listen(now, at, ListenConfig::default()).unwrap());
        let client =
            pair.world.call(pair.client, |host, now| host.tcp_connect(now, ConnectOptions::to(at)).unwrap());
        pair.world.call(pair.client, |host, now| {
            host.tcp_send(now, client, (b"hello").into(), SendFlags::default()).unwrap()
        });
        pair.world.run_for(Duration::from_millis(200));
        let (server, _) = pair.world.call(pair.server, |host, _| host.tcp_accept(listener).unwrap());
        let got = pair.world.call(pair.server, |host, now| host.tcp_receive(now, server, 100).unwrap());
        assert_eq!(&got.data[..], b"hello");
        pair.world.call(pair.client, |host, now| host.tcp_close(now, client).unwrap());
        pair.world.run_for(Duration::from_millis(200));
        pair.world.call(pair.server, |host, now| host.tcp_release(now, server));
        pair.world.run_for(Duration::from_millis(200));
        assert_eq!(pair.world.host(pair.client).tcp_state(client), State::TimeWait);
        let mut events = Vec::new();
        while let Some(event) = pair.world.poll_event(pair.client) {
            events.push(event)
        }
        assert!(events.contains(&HostEvent::TcpConnected(client)), "{events:?}");
        pair.world.call(pair.client, |host, now| host.tcp_release(now, client));
        pair.world.run_for(Duration::from_secs(100));
        assert_eq!(pair.world.host(pair.client).tcp_counts().time_wait, 0);
        assert!(pair.world.checks().checked().1 >= 8);
    }
}
