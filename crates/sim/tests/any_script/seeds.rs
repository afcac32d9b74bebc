//! Scripts that have a bit of everything, for whatever changes them.

/// All of them.
pub(crate) fn all() -> Vec<Vec<u8>> {
    [PACKETS, CALLS, CODE].map(|script| script.as_bytes().to_vec()).to_vec()
}

const PACKETS: &str = r#"// Packets of all kinds.
--tolerance_usecs=10000
--ip_version=ipv4
`sysctl -q net.ipv4.tcp_ecn=1`
0 < [ect0] SEW 0:0(0) win 65535 <mss 1000,sackOK,TS val 1 ecr 0,nop,wscale 7>
+0 > [noecn, flowlabel 0x1] S. 0:0(0) ack 1 <...>
+.01 < 5000 > 8080 P.5 1:11(10) ack 1 win 257 urg 3 "0123456789"
* > . 1:1(0) ack 11
+.01~+.02 > . 1:1(0) ack 11 <nop,nop,sack 21:31 41:51>
+0 < . 11:11(0) ack 1 win 257 <ECN e1b 1 ceb 0 e0b 1,FOEXP 0102,kind 77 len 0 hex 01,nop,nop,nop,nop>
0.5 > (tos 0x2) FP. 1:1001(1000) ack 11 <md5 00ff00ff,FO TFO_COOKIE,nop,nop,nop,nop>
+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
+0 > udp 53 > 99 (512)
+0 < [frag 0:1480 id 7, badsum] udp 99 > 53 (3000)
+0 < ipv4 192.0.2.9 > 192.168.0.1: gre: - 1:1(0) win 1
+0 > icmp echo_reply id 7 [raw (64)]
"#;

const CALLS: &str = r#"/* Calls of all kinds. */
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0
+0 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, ...) = 0
+0...0.2 accept(3, ..., ...) = 4
+0 fcntl(4, F_GETFL) = 0x2 (flags O_RDWR)
+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1
+0 epoll_wait(5, {events=EPOLLIN, ptr=4}, 1, 0) = 1
+0 recvmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 10},{..., 20}], msg_flags=0, msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=0}]}, 0) = 30
+0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_KEY, "\x00a\n" "b"..., 16) = -1 EINVAL (Invalid argument)
+0 getsockopt(4, SOL_TCP, TCP_INFO, {a=1, 2}, [?]) = *
`true`
"#;

const CODE: &str = r#"0 `true`
+0 %{
cwnd = 10
assert tcpi_snd_cwnd == cwnd, 'cwnd=%d' % tcpi_snd_cwnd
for i in range(3):
    if i % 2: continue
    elif i in (2, 4): print(f'{i:>3}', "x" * i, {'a': [1.5, None]}['a'][0])
    else: pass
}%
+1 %{ x = 1 if not cwnd < 3 <= 4 else -2 ** 2; x += ~5 & 3 | 1 << 2; print 'abc'[1:], '{:.2f}'.format(x / 3) }%
"#;
