use super::*;
use crate::packetdrill::subject::IpVersion;

fn settings_of(commands: Vec<&str>) -> Result<Settings, Refusal> {
    let options = vec![("tolerance_usecs", Some("9000"))];
    let (settings, ran) = settings(&Setup { options, ..setup_of(&commands) })?;
    assert_eq!(ran, Ran::Well);
    Ok(settings)
}

#[test]
fn the_usual_beginnings_are_understood() {
    let set = settings_of(vec![
        "../common/defaults.sh\nsysctl -q net.ipv4.tcp_ecn=2 net.ipv4.tcp_wmem=\"4096 50000 $((4*1024*1024))\" > /dev/null 2>&1",
        "tc qdisc add dev tun0 root pfifo ; ../../common/set_sysctls.py \\\n /proc/sys/net/ipv4/tcp_timestamps=0",
    ])
    .unwrap();
    assert_eq!((set.ecn, set.timestamps, set.idle_restart), (Ecn::AcceptClassic, false, false));
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
        ("tc qdisc replace dev tun0 root netem delay 10ms", "netem"),
        ("tc qdisc add dev tun0 root tbf rate 8kbit burst 1k", "tbf"),
        ("tc qdisc add dev eth7 root fq", "eth7"),
        ("ethtool -K tun0 tx-checksumming nonsense --garbage", "nonsense"),
        ("ethtool -K tun0 tso", "tso"),
        ("ip link set dev eth7 down mtu 1400", "eth7"),
        ("ip link set dev tun0 down mtu 1400", "down"),
        ("sleep forever", "forever"),
        ("sleep 1e9", "1e9"),
        ("sysctl -q net.ipv4.tcp_max_tw_buckets=0", "tcp_max_tw_buckets can't be 0"),
        ("sysctl -q net.ipv4.tcp_pacing_ss_ratio=50", "tcp_pacing_ss_ratio"),
        ("echo $(id)", "echo"),
        ("nstat | grep TcpExtNothing", "TcpExtNothing"),
        ("nstat | wc -l", "nstat"),
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

/// What a text does, where `failing` is a setting that cannot be made.
fn done(text: &str, failing: &str) -> (Vec<Command>, Result<Ran, Refusal>) {
    let mut done = Vec::new();
    let ran = run(text, |command| {
        done.push(command.clone());
        let fails = matches!(command, Command::Sysctl(name, _) if name == failing);
        Ok(if fails || *command == Command::Fails { Ran::Badly("no".into()) } else { Ran::Well })
    });
    (done, ran)
}

#[test]
fn an_alternative_is_run_when_what_it_is_for_fails() {
    let text =
        "sysctl -q net.ipv4.tcp_sack=0 &> /dev/null || ip tcp_metrics flush all && ifconfig tun0 mtu 1400";
    let sack = Command::Sysctl("net.ipv4.tcp_sack".into(), "0".into());
    assert_eq!(done(text, ""), (vec![sack.clone(), Command::Mtu(1400)], Ok(Ran::Well)));
    let all = vec![sack, Command::Forget, Command::Mtu(1400)];
    assert_eq!(done(text, "net.ipv4.tcp_sack"), (all, Ok(Ran::Well)));
    // What is not known fails where there is something else to do, and only there.
    assert_eq!(done("reboot || ip tcp_metrics flush all", ""), (vec![Command::Forget], Ok(Ran::Well)));
    assert!(done("true || reboot", "").1.is_ok() && done("false || reboot", "").1.is_err());
}

#[test]
fn what_no_packet_shows_is_passed_over_and_what_takes_time_takes_it() {
    let text = "tc qdisc replace dev tun0 root fq ; ethtool -K tun0 tso off gso off ; sleep 0.2s ; ip link set tun0 up mtu 1400";
    let (done, ran) = done(text, "");
    assert_eq!(ran, Ok(Ran::Well));
    let slept = Command::Sleep(Duration::from_millis(200));
    assert_eq!(done, [Command::Spread(true), Command::Nothing, slept, Command::Mtu(1_400)]);
}

#[test]
fn the_status_is_that_of_the_last_command_that_was_run() {
    assert_eq!(done("false\ntrue", "").1, Ok(Ran::Well));
    assert_eq!(done("true ; false", "").1, Ok(Ran::Badly("no".into())));
    assert_eq!(done("false && true", "").1, Ok(Ran::Badly("no".into())));
    assert_eq!(done("false || true", "").1, Ok(Ran::Well));
    let Ok((_, ran)) = settings(&setup_of(&["grep \" 0A \" /proc/net/tcp | grep \":1F90\""])) else {
        panic!("it is known")
    };
    assert_eq!(ran, Ran::Badly("nobody listens at port 8080".into()));
}

#[test]
fn what_looks_at_the_host_is_a_question() {
    let look = done("grep \" 0A \" /proc/net/tcp /proc/net/tcp6 | grep \":1F90\"", "").0;
    assert_eq!(look, [Command::Listens(8080)]);
    let counters =
        "nstat -n ; nstat | grep TcpExtBeyondWindow | grep -q \" 1 \" && nstat -s | grep Other > /dev/null";
    let counted = [
        Command::CountAnew,
        Command::Counted("TcpExtBeyondWindow".into(), Some(1), CountOn(false)),
        Command::Counted("Other".into(), None, CountOn(true)),
    ];
    assert_eq!(done(counters, "").0, counted);
    let written = done("echo 3 > /sys/module/tcp_cubic/parameters/hystart_detect", "").0;
    assert_eq!(written, [Command::Sysctl("tcp_cubic.parameters.hystart_detect".into(), "3".into())]);
    assert!(done("echo 3 > /etc/passwd", "").1.is_err());
}

#[test]
fn a_handshake_is_tried_for_as_long_as_its_timeouts_take() {
    assert_eq!(Settings::default().open_for(1), Duration::from_secs(3));
    assert_eq!(Settings::default().open_for(5), Duration::from_secs(63));
    // 200 ms doubled nine times, then two minutes each.
    assert_eq!(backed_off(RTO_MIN, 15, RTO_MAX).as_millis(), 924_600);
}

#[test]
fn algorithms_have_linux_names_both_ways() {
    for name in ["reno", "cubic", "bbr", "dctcp"] {
        assert_eq!(congestion(name).map(congestion_name), Some(name));
    }
    assert_eq!(congestion("vegas"), None);
}
