//! Names of hosts: those that were given, then the name servers. The system is never asked: it lives in another network.

use super::dns::{self, How};
use handfast::Stack;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Finds the addresses of names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) given: Vec<(String, IpAddr)>,
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
    /// The addresses of `name`, or of what is an address already: IPv6 first (RFC 6724), of the versions that we have.
    ///
    /// # Errors
    /// `NotFound`, with the reason.
    pub(super) async fn find(&self, stack: &Stack, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(ip) = name.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![ip]);
        }
        let wanted = canonical(name);
        let given = self.given.iter().filter(|(known, _)| *known == wanted).map(|&(_, ip)| ip);
        let given: Vec<_> = given.collect();
        if !given.is_empty() {
            return Ok(given);
        }
        if self.servers.is_empty() {
            let text = format!("nobody to ask for \"{name}\": give --dns SERVER or --resolve {name}:ADDRESS");
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        let mut asked = Name::from_utf8(&wanted).map_err(|_| not_found(name, "it is no name"))?;
        asked.set_fqdn(true);
        let mut failed = None;
        for &server in &self.servers {
            match self.ask(stack, server, name, &asked).await {
                Err(why) if why.kind() != io::ErrorKind::NotFound => failed = Some(why),
                answered => return answered,
            }
        }
        let why = failed.map_or_else(String::new, |why| why.to_string());
        Err(not_found(name, &why))
    }

    async fn ask(
        &self,
        stack: &Stack,
        server: SocketAddr,
        name: &str,
        asked: &Name,
    ) -> io::Result<Vec<IpAddr>> {
        let mut found = Vec::new();
        let mut said = "it has no address";
        for (kind, ours) in [(RecordType::AAAA, self.v6), (RecordType::A, self.v4)] {
            if !ours {
                continue;
            }
            let answer = dns::ask(stack, server, asked, kind, How::default()).await?;
            match answer.message.metadata.response_code {
                ResponseCode::NoError => {}
                ResponseCode::NXDomain => said = "there is no such name",
                code => return Err(io::Error::other(format!("the name server {server} said: {code}"))),
            }
            found.extend(answer.message.answers.iter().filter_map(|record| match record.data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            }));
        }
        if found.is_empty() { Err(not_found(name, said)) } else { Ok(found) }
    }
}

fn not_found(name: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("\"{name}\" was not found: {why}"))
}
