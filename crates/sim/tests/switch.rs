//! Three hosts on one Ethernet switch.

use handfast_sim::{Duration, HostId, Instant, Profile, World};
use stack::{ConnectOptions, HostConfig, InterfaceConfig, ListenConfig, MacAddr, Medium};
use tcp::{SendFlags, State};

fn world() -> (World, [HostId; 3]) {
    let mut world = World::starting(1, Instant::from_secs(1));
    let switch = world.add_switch();
    let hosts = [1u8, 2, 3].map(|number| {
        let host = world.add_host(&format!("host {number}"), HostConfig::default());
        let mut interface =
            InterfaceConfig::new("eth0", Medium::Ethernet(MacAddr::new([2, 0, 0, 0, 0, number])));
        interface.duplicate_detection = false;
        let addresses = [format!("10.0.0.{number}/24"), format!("fd00::{number}/64")];
        for address in addresses {
            interface = interface.address(address.parse().unwrap());
        }
        world.plug(
            host,
            interface,
            switch,
            Profile { delay: Duration::from_millis(1), ..Profile::default() },
        );
        host
    });
    (world, hosts)
}

#[test]
fn neighbours_find_each_other_through_a_switch_and_talk_in_pairs() {
    let (mut world, hosts) = world();
    for (from, to, at) in [(0, 1, "10.0.0.2:80"), (1, 2, "[fd00::3]:80"), (2, 0, "10.0.0.1:80")] {
        let at = at.parse().unwrap();
        let listener = world.call(hosts[to], |host, now| host.tcp_listen(now, at, ListenConfig::default()));
        let listener = listener.unwrap();
        let one = world.call(hosts[from], |host, now| host.tcp_connect(now, ConnectOptions::to(at)).unwrap());
        world.run_for(Duration::from_secs(3));
        assert_eq!(world.host(hosts[from]).tcp_state(one), State::Established, "to {at}");
        let (other, _) = world.call(hosts[to], |host, _| host.tcp_accept(listener)).unwrap();
        let sent = world
            .call(hosts[from], |host, now| host.tcp_send(now, one, b"hello".into(), SendFlags::default()));
        assert_eq!(sent, Ok(5));
        world.run_for(Duration::from_secs(1));
        let got = world.call(hosts[to], |host, now| host.tcp_receive(now, other, 100)).unwrap();
        assert_eq!(&got.data[..], b"hello");
    }
    // Once the switch has learned where everybody is, a third host sees nothing of two others' talk.
    let idle = world.host(hosts[1]).counters().ip_in_receives;
    let at = "10.0.0.3:80".parse().unwrap();
    world.call(hosts[2], |host, now| host.tcp_listen(now, at, ListenConfig::default())).unwrap();
    world.call(hosts[0], |host, now| host.tcp_connect(now, ConnectOptions::to(at))).unwrap();
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.host(hosts[1]).counters().ip_in_receives, idle);
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    let digest = || {
        let (mut world, hosts) = world();
        let at = "10.0.0.2:80".parse().unwrap();
        world.call(hosts[0], |host, now| host.tcp_connect(now, ConnectOptions::to(at))).unwrap();
        world.run_for(Duration::from_secs(2));
        (world.digest(), world.steps())
    };
    assert_eq!(digest(), digest());
}
