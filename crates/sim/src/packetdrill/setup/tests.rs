use super::*;
use crate::packetdrill::subject::IpVersion;

fn settings_of(commands: Vec<&str>) -> Result<Settings, Refusal> {
    let options = vec![("tolerance_usecs", Some("9000"))];
    settings(&Setup { options, ..setup_of(&commands) })
}

#[test]
fn the_usual_beginnings_are_understood() {
    let set = settings_of(vec![
        "../common/defaults.sh\nsysctl -q net.ipv4.tcp_ecn=2 net.ipv4.tcp_wmem=\"4096 50000 $((4*1024*1024))\" > /dev/null 2>&1",
        "tc qdisc add dev tun0 root pfifo ; ../../common/set_sysctls.py \\\n /proc/sys/net/ipv4/tcp_timestamps=0",
    ])
    .unwrap();
    assert_eq!((set.ecn, set.timestamps, set.idle_restart), (Ecn::Accept, false, false));
    assert_eq!(set.send_memory, [4_096, 50_000, 4 << 20]);
    assert_eq!(set.receive_memory, [4_096, 540_000, 15 << 20]);
    assert!(set.tcp().is_ok() && set.host().is_ok());
}

#[test]
fn what_is_not_known_is_told() {
    for (text, said) in [
        ("sysctl -q net.ipv4.tcp_nothing=1", "net.ipv4.tcp_nothing"),
        ("sysctl net.ipv4.tcp_dsack=0", "tcp_dsack can't be 0"),
        ("rm -rf /", "rm -rf /"),
        ("tc qdisc add dev tun0 root pfifo limit 0", "limit 0"),
        ("echo $(id)", "echo"),
        ("nstat | grep TcpExtOutOfWindowIcmps", "nstat"),
    ] {
        let Err(Refusal(why)) = settings_of(vec![text]) else { panic!("{text} is understood") };
        assert!(why.contains(said), "{why}");
    }
    let other = Setup { options: vec![("wire_server", None)], ..setup_of(&[]) };
    assert!(settings(&other).unwrap_err().to_string().contains("--wire_server"));
}

fn setup_of<'a>(commands: &[&'a str]) -> Setup<'a> {
    Setup {
        version: IpVersion::V4,
        local: "192.168.0.1".parse().unwrap(),
        prefix: 16,
        remote: "192.0.2.1".parse().unwrap(),
        gateway: "192.168.0.2".parse().unwrap(),
        mtu: 1500,
        options: Vec::new(),
        commands: commands.to_vec(),
    }
}

#[test]
fn an_alternative_is_not_run_and_a_look_at_listeners_is_a_question() {
    let both = commands("sysctl -q net.ipv4.tcp_sack=0 &> /dev/null || rm -r /").unwrap();
    assert_eq!(both, [Command::Sysctl("net.ipv4.tcp_sack".into(), "0".into())]);
    let look = commands("grep \" 0A \" /proc/net/tcp /proc/net/tcp6 | grep \":1F90\"").unwrap();
    assert_eq!(look, [Command::Listens(8080)]);
    assert_eq!(commands("ifconfig tun0 mtu 1400"), Ok(vec![Command::Mtu(1400)]));
}

#[test]
fn a_handshake_is_tried_for_as_long_as_its_timeouts_take() {
    assert_eq!(Settings::default().open_for(1), Duration::from_secs(3));
    assert_eq!(Settings::default().open_for(5), Duration::from_secs(63));
    // 200 ms doubled nine times, then two minutes each.
    assert_eq!(backed_off(RTO_MIN, 15).as_millis(), 924_600);
}

#[test]
fn algorithms_have_linux_names_both_ways() {
    for name in ["reno", "cubic", "bbr", "dctcp"] {
        assert_eq!(congestion(name).map(congestion_name), Some(name));
    }
    assert_eq!(congestion("vegas"), None);
}
