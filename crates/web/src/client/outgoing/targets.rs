//! Which addresses may be asked.
//!
//! Owns the judgment of addresses and names, and that a connection goes to an address that was judged: names are resolved here and
//! nowhere else, so a name that means another address a moment later is of no use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::OutgoingError;

/// Which addresses may be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Targets {
    /// All of them.
    #[default]
    Any,
    /// Addresses that an operator may have named, or a name been made to mean: not those of the link, of cloud metadata, and of
    /// no host.
    Checked {
        /// Whether this machine itself may be asked.
        loopback: bool,
    },
}

/// An address that may not be asked, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(&'static str);

/// Services that tell a virtual machine its credentials, outside the addresses of the link.
const METADATA_V4: [Ipv4Addr; 3] = [
    // Alibaba Cloud.
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure's platform.
    Ipv4Addr::new(168, 63, 129, 16),
    // Oracle Cloud.
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    // AWS.
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    // Google Cloud.
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Names of such services, for when somebody else resolves them.
const METADATA_NAMES: [&str; 3] = ["metadata", "metadata.google.internal", "instance-data.ec2.internal"];

impl Targets {
    /// Whether an address may be asked.
    pub(super) fn admit(self, address: IpAddr) -> Result<(), Refused> {
        let Self::Checked { loopback } = self else { return Ok(()) };
        match inner(address) {
            IpAddr::V4(v4) if v4.is_link_local() => Err(Refused("it is an address of the link")),
            IpAddr::V4(v4) if METADATA_V4.contains(&v4) => Err(Refused("it is the address of a metadata service")),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Err(Refused("it is an address of the link")),
            IpAddr::V6(v6) if METADATA_V6.contains(&v6) => Err(Refused("it is the address of a metadata service")),
            IpAddr::V4(v4) if v4.is_multicast() || v4.is_broadcast() => Err(Refused("it is the address of no host")),
            IpAddr::V6(v6) if v6.is_multicast() => Err(Refused("it is the address of no host")),
            // A connection to the unspecified address is one to this machine.
            IpAddr::V4(v4) if (v4.is_loopback() || v4.octets()[0] == 0) && !loopback => Err(LOOPBACK),
            IpAddr::V6(v6) if (v6.is_loopback() || v6.is_unspecified()) && !loopback => Err(LOOPBACK),
            IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
        }
    }

    /// Whether a host may be asked that somebody else resolves, as far as its name tells.
    pub(super) fn admit_name(self, host: &str) -> Result<(), Refused> {
        let Self::Checked { loopback } = self else { return Ok(()) };
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if METADATA_NAMES.contains(&name.as_str()) {
            return Err(Refused("it is the name of a metadata service"));
        }
        if (name == "localhost" || name.ends_with(".localhost")) && !loopback { Err(LOOPBACK) } else { Ok(()) }
    }

    /// Whether the host of an address may be asked: an address in digits is judged here, a name when it is resolved, or here if a
    /// proxy resolves it.
    pub(super) fn admit_host(self, host: &str, is_proxied: bool) -> Result<(), Refused> {
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) => self.admit(address),
            Err(_) if is_proxied => self.admit_name(host),
            Err(_) => Ok(()),
        }
    }
}

const LOOPBACK: Refused = Refused("it is on this machine, and loopback is not allowed");

/// The address that is meant by one in which another is wrapped.
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let segments = v6.segments();
    let wrapped = |at: usize| {
        let ([a, b], [c, d]) = (segments[at].to_be_bytes(), segments[at + 1].to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Mapped, and translated by NAT64.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => wrapped(6),
        // Compatible, a form of the past; `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => wrapped(6),
        // 6to4.
        [0x2002, ..] => wrapped(1),
        _ => address,
    }
}

impl Resolve for Targets {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut refused = None;
            let mut admitted = Vec::new();
            for address in found {
                match targets.admit(address.ip()) {
                    Ok(()) => admitted.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if admitted.is_empty() => Err(why.into()),
                _ => Ok(Box::new(admitted.into_iter()) as Addrs),
            }
        })
    }
}

impl From<Refused> for OutgoingError {
    fn from(Refused(why): Refused) -> Self {
        Self::Refused(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKED: Targets = Targets::Checked { loopback: false };
    const WITH_LOOPBACK: Targets = Targets::Checked { loopback: true };

    fn admits(targets: Targets, address: &str) -> bool {
        targets.admit(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn addresses_of_the_link_and_of_metadata_are_refused_however_they_are_written() {
        let refused = [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "febf::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ];
        for address in refused {
            assert!(
                !admits(CHECKED, address) && !admits(WITH_LOOPBACK, address) && admits(Targets::Any, address),
                "{address}"
            );
        }
    }

    #[test]
    fn this_machine_is_refused_unless_it_is_allowed() {
        for address in
            ["127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"]
        {
            assert!(!admits(CHECKED, address) && admits(WITH_LOOPBACK, address), "{address}");
        }
    }

    #[test]
    fn all_else_is_admitted_private_networks_too() {
        for address in
            ["10.0.0.1", "192.168.1.1", "100.64.0.1", "93.184.216.34", "fd12::1", "2606:2800::1", "64:ff9b::10.0.0.1"]
        {
            assert!(admits(CHECKED, address), "{address}");
        }
    }

    #[test]
    fn a_host_is_judged_by_what_is_known_of_it() {
        let admits = |host: &str, is_proxied| CHECKED.admit_host(host, is_proxied).is_ok();
        for host in ["169.254.169.254", "[::1]", "[fe80::1]"] {
            assert!(!admits(host, false) && !admits(host, true), "{host}");
        }
        for host in ["localhost", "LOCALHOST.", "a.localhost", "metadata.google.internal"] {
            assert!(admits(host, false) && !admits(host, true), "{host}");
        }
        assert!(admits("receiver.example", true) && WITH_LOOPBACK.admit_host("localhost", true).is_ok());
    }
}
