//! The interface: which one, and how it is set up.

use super::address::{Pair, Plan};
use super::args::Switch;
use super::{NetArgs, Role, Say};
use crate::Usage;
use anyhow::anyhow;
use device::netlink::{Netlink, NetlinkError};
use device::tun::{Changes, Kind, Options, Tun, TunError};
use std::io;
use std::path::PathBuf;

/// As many stacks find a place by themselves.
const MOST: u8 = 254;
/// As many letters has the longest name of an interface: with a zero behind it, it is IFNAMSIZ octets.
const NAME: usize = 15;

/// # Errors
/// [`Usage`]: no interface can be called so.
pub(super) fn check_names(args: &NetArgs) -> Result<(), Usage> {
    // The kernel takes more, and makes "hf%d" another name than what was asked for.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    for name in [&args.tun, &args.tap, &args.bridge].into_iter().flatten() {
        if !(1..=NAME).contains(&name.len()) || !name.chars().all(plain) {
            return Err(Usage(TunError::BadName { name: name.clone() }.to_string()));
        }
    }
    Ok(())
}

/// Opens the interface and sets it up; gives the pairs of addresses that are really there.
///
/// # Errors
/// What is in the way, and what to do.
pub(super) fn open(
    args: &NetArgs,
    plan: &Plan,
    role: Role,
    changes: &mut Changes,
    say: Say,
) -> anyhow::Result<(Tun, Vec<Pair>)> {
    let named = args.tun.as_deref().or(args.tap.as_deref());
    let (mut tun, n, made) = match (named, role) {
        (None, Role::Any) => next_free(args, plan)?,
        (named, role) => {
            let name = named.unwrap_or("hf0");
            let made = !exists(name)?;
            let tun = device(args, name).map_err(|why| match why {
                TunError::BadName { .. } => anyhow::Error::new(Usage(why.to_string())),
                why => why.into(),
            })?;
            let n = match (number(name), role) {
                (Some(n), _) => n,
                (None, _) if !plan.chooses() => 0,
                // Others have to know where it is.
                (None, Role::Server) if !plan.names_any() => 0,
                (None, _) => free_number(plan)?,
            };
            (tun, n, made)
        }
    };
    let mut pairs = plan.pairs(n);
    if made {
        leave_out_taken(&mut pairs, say)?;
        check_addresses(&pairs)?;
    }
    if let Some(bridge) = &args.bridge {
        let how = format!("on the bridge {bridge}");
        let name = tun.name().to_owned();
        let set = tun.configure_until(changes, Some(args.mtu), &[], &[]);
        set.and_then(|()| tun.join_bridge(changes, bridge)).map_err(|why| cannot(why, &name, &how))?;
    }
    let mut there = Vec::new();
    for pair in pairs {
        let kernels = pair.kernels.map(|kernels| (kernels.address(), kernels.prefix()));
        if kernels.is_none() {
            there.push(pair);
            continue;
        }
        match tun.configure_until(changes, Some(args.mtu), kernels.as_slice(), &[]) {
            Ok(()) => there.push(pair),
            Err(why) if pair.optional => without(say, &why.to_string()),
            Err(why) => {
                let with = pair.kernels.unwrap_or(pair.ours);
                return Err(cannot(why, tun.name(), &format!("with {with}")));
            }
        }
    }
    if made
        && !args.no_forward
        && let Err(why) = forward(tun.name())
    {
        let text = format!(
            "the kernel will not pass on what we send to other stacks: {why} (--no-forward is silent)"
        );
        crate::out::complain(&text);
    }
    Ok((tun, there))
}

fn device(args: &NetArgs, name: &str) -> Result<Tun, TunError> {
    let kind = if args.tap.is_some() { Kind::Tap } else { Kind::Tun };
    Options { kind, offloads: args.offloads == Switch::On, ..Options::new(name) }.open()
}

/// N of hfN.
fn number(name: &str) -> Option<u8> {
    name.strip_prefix("hf").and_then(|n| n.parse().ok()).filter(|n| (0..=MOST).contains(n))
}

fn exists(name: &str) -> Result<bool, NetlinkError> {
    match Netlink::open()?.link(name) {
        Ok(_) => Ok(true),
        Err(why) if matches!(why.why, device::netlink::Why::NotFound) => Ok(false),
        Err(why) => Err(why),
    }
}

/// The first interface of ours that nobody uses, with its number, and whether it was made for this.
fn next_free(args: &NetArgs, plan: &Plan) -> anyhow::Result<(Tun, u8, bool)> {
    for n in 1..=MOST {
        let name = format!("hf{n}");
        let there = exists(&name)?;
        if !there && !is_free(&plan.chosen(n))? {
            continue;
        }
        match device(args, &name) {
            Ok(tun) => return Ok((tun, n, !there)),
            // Another command has it, or it is something else.
            Err(TunError::Busy { .. } | TunError::NameTaken { .. } | TunError::WrongKind { .. }) => {}
            Err(TunError::NoPrivilege { .. }) if there => {}
            Err(why) => return Err(why.into()),
        }
    }
    let how = "name an interface (--tun NAME) and its addresses (--addr, --host-addr)";
    Err(anyhow!("hf1 to hf{MOST} are all in use: {how}"))
}

/// The first number whose addresses are nobody's.
fn free_number(plan: &Plan) -> anyhow::Result<u8> {
    for n in 1..=MOST {
        if is_free(&plan.chosen(n))? {
            return Ok(n);
        }
    }
    Err(anyhow!("all of 10.111.1.0 to 10.111.{MOST}.0 is in use: give --addr"))
}

fn is_free(pairs: &[Pair]) -> Result<bool, NetlinkError> {
    let mut netlink = Netlink::open()?;
    for pair in pairs {
        for cidr in [Some(pair.ours), pair.kernels].into_iter().flatten() {
            if netlink.is_local(cidr.address())? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// An address that nobody asked for is left out where this machine has it already: those that were asked for are enough.
fn leave_out_taken(pairs: &mut Vec<Pair>, say: Say) -> Result<(), NetlinkError> {
    let mut left = Vec::with_capacity(pairs.len());
    for pair in pairs.drain(..) {
        if pair.optional && !is_free(&[pair])? {
            without(say, &format!("{} is in use at another interface", pair.ours));
        } else {
            left.push(pair);
        }
    }
    *pairs = left;
    Ok(())
}

fn without(say: Say, why: &str) {
    say.line_or_not(
        || serde_json::json!({ "event": "without", "what": "IPv6", "text": why }),
        &format!("without IPv6: {why}"),
    );
}

/// # Errors
/// An address is this machine's already, at another interface.
fn check_addresses(pairs: &[Pair]) -> anyhow::Result<()> {
    let mut netlink = Netlink::open()?;
    for pair in pairs {
        for cidr in [Some(pair.ours), pair.kernels].into_iter().flatten() {
            if netlink.is_local(cidr.address())? {
                let address = cidr.address();
                return Err(anyhow!(
                    "{address} is an address of this machine already, at another interface: choose others with --addr \
                     and --host-addr, or stop what uses it"
                ));
            }
        }
    }
    Ok(())
}

/// Has the kernel pass on what arrives from this interface, which is ours and goes away: what others send is not its
/// concern.
fn forward(name: &str) -> io::Result<()> {
    let switch = |path: &str| {
        let path: PathBuf = ["/proc/sys/net", path].iter().collect();
        std::fs::write(path, "1")
    };
    switch(&format!("ipv4/conf/{name}/forwarding"))?;
    // Linux 6.17 and later; before, IPv6 is passed on for all interfaces or for none.
    match switch(&format!("ipv6/conf/{name}/force_forwarding")) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn cannot(why: NetlinkError, name: &str, how: &str) -> anyhow::Error {
    anyhow::Error::new(why).context(format!("cannot set up {name} {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_of_ours_has_its_number_in_its_name() {
        assert_eq!(["hf0", "hf8", "hf254"].map(number), [Some(0), Some(8), Some(254)]);
        for other in ["hf255", "hf", "tap1", "hfx"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
