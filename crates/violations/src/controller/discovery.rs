//! Which nodes there are to ask, and where: from the EndpointSlices of the nodes' Service.
//!
//! Owns the slices as they are known, and the pure step from them to nodes. Watching them is `kubeio`'s job, asking nodes that of
//! `round`.
//!
//! ```text
//! EndpointSlice ─► Slices ─► targets: one a node, IPv4 before IPv6
//! ```

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use kubeio::objects::{Endpoint, EndpointSlice};
use kubeio::watch::Event;

/// What is known of the slices of one Service.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    /// All are in one namespace.
    by_name: HashMap<Box<str>, Slice>,
    /// Number of the complete list that was begun last.
    list: u64,
    is_synced: bool,
}

#[derive(Debug)]
struct Slice {
    places: Vec<Place>,
    /// The complete list that it was last part of.
    list: u64,
}

/// One endpoint that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    node: Box<str>,
    is_ready: bool,
    address: IpAddr,
}

/// Addresses of one node, the first to be asked first: at most one of each family.
pub(crate) type Addresses = Vec<IpAddr>;

impl Slices {
    /// Takes what a watch tells.
    pub(crate) fn take(&mut self, event: Event<EndpointSlice>) {
        match event {
            Event::Listing { .. } => self.list += 1,
            Event::Seen(slice) => {
                let places = places(&slice);
                self.by_name.insert(slice.metadata.name, Slice { places, list: self.list });
            }
            Event::Deleted(slice) => {
                self.by_name.remove(&slice.metadata.name);
            }
            Event::Unreadable { name, .. } => {
                if let Some(slice) = self.by_name.get_mut(name.as_str()) {
                    slice.list = self.list;
                }
            }
            Event::Listed { .. } => {
                let list = self.list;
                self.by_name.retain(|_, slice| slice.list == list);
                self.is_synced = true;
            }
            Event::ListFailed | Event::Bookmark => {}
        }
    }

    /// Whether a complete list has been taken.
    pub(crate) fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Every node, by name.
    pub(crate) fn targets(&self) -> BTreeMap<String, Addresses> {
        let mut found: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
        for place in self.by_name.values().flat_map(|slice| &slice.places) {
            found.entry(&place.node).or_default().push(place);
        }
        found.into_iter().map(|(node, places)| (node.to_owned(), addresses(places))).collect()
    }
}

/// Of two agents on one node, as an update may leave them for a while, the one that is ready.
fn addresses(mut places: Vec<&Place>) -> Addresses {
    places.sort_by_key(|place| (place.address.is_ipv6(), !place.is_ready, place.address));
    places.dedup_by_key(|place| place.address.is_ipv6());
    places.into_iter().map(|place| place.address).collect()
}

/// Names are no addresses: an FQDN slice has none.
fn places(slice: &EndpointSlice) -> Vec<Place> {
    let endpoints = slice.endpoints.iter().filter(|endpoint| !endpoint.conditions.terminating);
    endpoints.filter_map(place).collect()
}

fn place(endpoint: &Endpoint) -> Option<Place> {
    let text = endpoint.addresses.first()?;
    let address: IpAddr = text.parse().ok()?;
    let names = [&endpoint.node_name, &endpoint.target_ref.uid, text];
    let node = names.into_iter().find(|name| !name.is_empty())?.clone();
    Some(Place { node, is_ready: endpoint.conditions.ready.unwrap_or(true), address })
}

#[cfg(test)]
mod tests;
