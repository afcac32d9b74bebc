//! TCP options, octet by octet and in their order: nothing is put right, for scripts test what is wrong, too.

use crate::packetdrill::script::TcpOption;

const FAST_OPEN_MAGIC: [u8; 2] = [0xf9, 0x89];

/// The octets of options, filled up with zeros to words of four.
pub(super) fn encode(options: &[TcpOption]) -> Vec<u8> {
    let mut octets = Vec::new();
    for option in options {
        one(option, &mut octets);
    }
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

fn one(option: &TcpOption, out: &mut Vec<u8>) {
    match option {
        TcpOption::EndOfList => out.push(0),
        TcpOption::Nop => out.push(1),
        TcpOption::Mss(mss) => with(out, 2, &mss.to_be_bytes()),
        TcpOption::WindowScale(shift) => with(out, 3, &[*shift]),
        TcpOption::SackPermitted => with(out, 4, &[]),
        TcpOption::Sack(blocks) => {
            let edges = blocks.iter().flat_map(|&(left, right)| [left, right]);
            with(out, 5, &edges.flat_map(u32::to_be_bytes).collect::<Vec<_>>());
        }
        TcpOption::Timestamps { value, echo } => {
            with(out, 8, &[value.to_be_bytes(), echo.to_be_bytes()].concat());
        }
        TcpOption::Md5(digest) => with(out, 19, digest),
        TcpOption::FastOpen(cookie) => with(out, 34, cookie),
        TcpOption::FastOpenExperimental(cookie) => with(out, 254, &[&FAST_OPEN_MAGIC, &cookie[..]].concat()),
        TcpOption::AccEcn { ect1_first, counters } => {
            let low = counters.iter().flat_map(|counter| counter.to_be_bytes().into_iter().skip(1));
            with(out, if *ect1_first { 174 } else { 172 }, &low.collect::<Vec<_>>());
        }
        TcpOption::Other { kind, len: Some(len), data } => {
            out.extend([*kind, *len]);
            out.extend(data);
        }
        TcpOption::Other { kind, len: None, data } => with(out, *kind, data),
    }
}

fn with(out: &mut Vec<u8>, kind: u8, data: &[u8]) {
    // A header has no room for an option that is longer: that is found where the header is made.
    out.extend([kind, u8::try_from(data.len() + 2).unwrap_or(u8::MAX)]);
    out.extend(data);
}

/// The options in the octets of a header, padding included.
pub(super) fn decode(mut octets: &[u8]) -> Vec<TcpOption> {
    let mut options = Vec::new();
    loop {
        octets = match *octets {
            [] => return options,
            [0, ref rest @ ..] => {
                options.push(TcpOption::EndOfList);
                rest
            }
            [1, ref rest @ ..] => {
                options.push(TcpOption::Nop);
                rest
            }
            [kind] => {
                options.push(TcpOption::Other { kind, len: None, data: Vec::new() });
                return options;
            }
            [kind, len, ref rest @ ..] => {
                match usize::from(len).checked_sub(2).and_then(|data| rest.split_at_checked(data)) {
                    Some((data, rest)) => {
                        options.push(known(kind, data));
                        rest
                    }
                    None => {
                        options.push(TcpOption::Other { kind, len: Some(len), data: rest.to_vec() });
                        return options;
                    }
                }
            }
        }
    }
}

fn known(kind: u8, data: &[u8]) -> TcpOption {
    match (kind, data) {
        (2, &[a, b]) => TcpOption::Mss(u16::from_be_bytes([a, b])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackPermitted,
        (5, _) if data.len().is_multiple_of(8) => {
            let (blocks, _) = data.as_chunks::<8>();
            let edge = |&[a, b, c, d, e, f, g, h]: &[u8; 8]| {
                (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
            };
            TcpOption::Sack(blocks.iter().map(edge).collect())
        }
        (8, &[a, b, c, d, e, f, g, h]) => TcpOption::Timestamps {
            value: u32::from_be_bytes([a, b, c, d]),
            echo: u32::from_be_bytes([e, f, g, h]),
        },
        (19, _) => TcpOption::Md5(data.to_vec()),
        (34, _) => TcpOption::FastOpen(data.to_vec()),
        (254, [0xf9, 0x89, cookie @ ..]) => TcpOption::FastOpenExperimental(cookie.to_vec()),
        (172 | 174, _) if data.len().is_multiple_of(3) => {
            let (counters, _) = data.as_chunks::<3>();
            let counters = counters.iter().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c])).collect();
            TcpOption::AccEcn { ect1_first: kind == 174, counters }
        }
        _ => TcpOption::Other { kind, len: None, data: data.to_vec() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_in_their_order() {
        let options = vec![
            TcpOption::Mss(1460),
            TcpOption::SackPermitted,
            TcpOption::Timestamps { value: 1, echo: 2 },
            TcpOption::Nop,
            TcpOption::WindowScale(8),
            TcpOption::FastOpenExperimental(vec![1, 2]),
            TcpOption::AccEcn { ect1_first: true, counters: vec![1, 2, 0xff_fffe] },
            TcpOption::EndOfList,
        ];
        let octets = encode(&options);
        // 38 octets, and two more to fill the word.
        let padded = [options, vec![TcpOption::EndOfList; 2]].concat();
        assert_eq!((octets.len(), decode(&octets)), (40, padded));
    }

    #[test]
    fn what_is_malformed_stays_so() {
        let short = TcpOption::Other { kind: 8, len: Some(1), data: vec![9, 9] };
        assert_eq!(encode(std::slice::from_ref(&short)), [8, 1, 9, 9]);
        assert_eq!(decode(&[8, 1, 9, 9]), [short]);
        assert_eq!(decode(&[1, 3]), [TcpOption::Nop, TcpOption::Other { kind: 3, len: None, data: vec![] }]);
    }
}
