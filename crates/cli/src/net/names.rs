//! Names of hosts: those that were given, then the name servers. The system is never asked: it lives in another network.

use super::dns::{self, How};
use handfast::{Stack, both_families};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// What there is to say of `fe80::1%eth0`.
pub(crate) const SCOPED: &str =
    "addresses with a zone (%) are not supported: a stack of ours has one interface; leave out the zone";

/// Finds the addresses of names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) given: Vec<(String, IpAddr)>,
    /// Name servers that were given.
    pub(super) servers: Vec<SocketAddr>,
    /// Which IP versions we have an address of.
    pub(super) v4: bool,
    pub(super) v6: bool,
}

/// A name as it is compared: small letters, without the dot at its end.
pub(super) fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl Names {
    /// The addresses of `name` by one of `servers`, or of what is an address already: IPv6 first (RFC 6724), of the versions
    /// that we have.
    ///
    /// # Errors
    /// `NotFound`: there is none, or nobody to ask; `InvalidInput`: it can be none. Else why nobody could say.
    pub(super) async fn find(
        &self,
        stack: &Stack,
        servers: &[SocketAddr],
        name: &str,
    ) -> io::Result<Vec<IpAddr>> {
        if let Ok(ip) = name.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![ip]);
        }
        if name.contains(':') && name.contains('%') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name}: {SCOPED}")));
        }
        let wanted = canonical(name);
        let given = self.given.iter().filter(|(known, _)| *known == wanted).map(|&(_, ip)| ip);
        let given: Vec<_> = given.collect();
        if !given.is_empty() {
            return Ok(given);
        }
        if servers.is_empty() {
            let text = format!("nobody to ask for \"{name}\": give --dns SERVER or --resolve {name}:ADDRESS");
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        let mut asked = Name::from_utf8(&wanted).map_err(|_| not_found(name, "it is no name"))?;
        asked.set_fqdn(true);
        let of = async |kind, ours| match ours {
            true => family(stack, servers, &asked, kind).await,
            false => Ok(Vec::new()), // We could not go there.
        };
        // Servers refuse, or forget, one of the two: that must not hide what the other found.
        match both_families(of(RecordType::AAAA, self.v6), of(RecordType::A, self.v4)).await {
            Ok(found) if found.is_empty() => Err(not_found(name, "it has no address")),
            Ok(found) => Ok(found),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Err(not_found(name, &why.to_string())),
            Err(why) => Err(why),
        }
    }
}

/// The addresses of one family, by the first server that knows.
async fn family(
    stack: &Stack,
    servers: &[SocketAddr],
    asked: &Name,
    kind: RecordType,
) -> io::Result<Vec<IpAddr>> {
    let mut failed = None;
    for &server in servers {
        match ask(stack, server, asked, kind).await {
            Err(why) if why.kind() != io::ErrorKind::NotFound => failed = Some(why),
            answered => return answered,
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::other("nobody was asked")))
}

async fn ask(stack: &Stack, server: SocketAddr, asked: &Name, kind: RecordType) -> io::Result<Vec<IpAddr>> {
    let answer = dns::ask(stack, server, asked, kind, How::default()).await?;
    match answer.message.metadata.response_code {
        ResponseCode::NoError => {}
        code => return Err(dns::refusal(server, code)),
    }
    let addresses = answer.message.answers.iter().filter_map(|record| match record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    });
    Ok(addresses.collect())
}

fn not_found(name: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("\"{name}\" was not found: {why}"))
}
