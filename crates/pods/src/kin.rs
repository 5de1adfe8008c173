//! What other rooms tell together with a pod: all of it, when its kin were born and died, how its images are named.

use std::collections::BTreeSet;

use api::Time;
use jiff::Timestamp;

use crate::filter::OwnerName;
use crate::index::{Found, Key, View};
use crate::json::{self, Detail};
use crate::pods::Pods;
use crate::uid::Wanted;
use crate::wire;

/// From when to when a pod was there, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetime {
    /// Its uid.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// The node it is placed on; empty before.
    pub node: String,
    /// When it was made.
    pub born: Option<Time>,
    /// When it was noticed that it is gone; `None` while it exists.
    pub died: Option<Time>,
}

/// Pods that are asked how they name an image: an image in all pods of a cluster goes by the same few names.
const ASKED: usize = 1_000;

impl Pods {
    /// The pod of this uid with all that `view=full` tells, also after its death as long as it is remembered.
    pub fn whole(&self, uid: &str) -> Option<wire::Pod> {
        let json = self.read(|state| match state.index.ask(&Key::Uid(Wanted::of(uid)), state.now()).1 {
            Found::Live(view) | Found::Tombstone(view) => Some(json::pod(&view, Detail::Full(&state.rule))),
            Found::Missing | Found::Ambiguous(_) => None,
        })?;
        Some(serde_json::from_str(&json).expect("a pod is written in its wire form"))
    }

    /// The pods of a top-level owner, by birth; those that are gone as long as they are remembered.
    pub fn of_owner(&self, kind: &str, namespace: &str, name: &str) -> Vec<Lifetime> {
        let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
        let owner = OwnerName { kind, namespace, name };
        let mut pods: Vec<Lifetime> = self.read(|state| {
            let pods = state.index.owned_by(&owner, state.now());
            pods.iter().map(Lifetime::of).collect()
        });
        pods.sort_unstable_by(|one, other| (one.born, &one.uid).cmp(&(other.born, &other.uid)));
        pods
    }

    /// The names by which pods refer to the image of this digest, sorted.
    pub fn names_of_image(&self, digest: &str) -> Vec<String> {
        let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
        let names: BTreeSet<String> = self.read(|state| {
            let pods = state.index.with_digest(digits).take(ASKED);
            pods.flat_map(|pod| names(&pod, digits).collect::<Vec<_>>()).collect()
        });
        names.into_iter().collect()
    }
}

impl Lifetime {
    fn of(view: &View<'_>) -> Self {
        Self {
            uid: view.uid().to_string(),
            name: view.name().to_owned(),
            node: view.node().to_owned(),
            born: view.created().and_then(moment),
            died: view.died().and_then(|died| moment(died.wall)),
        }
    }
}

fn names<'a>(pod: &View<'a>, digits: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let pod = *pod;
    let with_it = pod.containers().iter().filter(move |container| pod.text(container.digest) == digits);
    with_it.map(move |container| pod.text(container.image).to_owned()).filter(|name| !name.is_empty())
}

fn moment(seconds: u32) -> Option<Time> {
    Timestamp::from_second(i64::from(seconds)).ok().map(Time::of)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use kubeio::watch::{Event, Observer as _};
    use runtime::clock::ManualClock;

    use super::*;
    use crate::Settings;
    use crate::fixture::{Like as _, pod, reference};
    use crate::observe::ObservePods;

    const UID: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";

    fn known(seen: Vec<kubeio::objects::Pod>) -> (Arc<ManualClock>, Pods) {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:01:00Z".parse().unwrap()));
        let pods = Pods::new(&Settings::default(), Arc::<ManualClock>::clone(&clock));
        ObservePods(pods.clone()).observe(seen.into_iter().map(Event::Seen).collect());
        (clock, pods)
    }

    fn at(seconds: u32) -> Option<Time> {
        moment(1_767_225_600 + seconds)
    }

    #[test]
    fn the_pods_of_an_owner_are_known_with_their_births_and_deaths_and_no_others() {
        let of =
            |name: &str, uid: &str, owner: &str| pod(name, uid).owner("StatefulSet", owner, &format!("uid-{owner}"));
        let gone = of("cart-1", "b", "cart").created(30);
        let (clock, pods) =
            known(vec![of("cart-0", "a", "cart"), gone.clone(), of("web-0", "c", "web"), pod("cart", "d")]);
        clock.advance(Duration::from_mins(1));
        ObservePods(pods.clone()).observe(vec![Event::Deleted(gone)]);
        let life = |uid: &str, name: &str, born, died| Lifetime {
            uid: uid.to_owned(),
            name: name.to_owned(),
            node: "node-1".to_owned(),
            born,
            died,
        };
        let expected = [life("a", "cart-0", at(0), None), life("b", "cart-1", at(30), at(120))];
        assert_eq!(pods.of_owner("StatefulSet", "shop", "cart"), expected);
        assert_eq!(pods.of_owner("Pod", "shop", "cart"), [life("d", "cart", at(0), None)]);
        clock.advance(Duration::from_hours(1));
        assert_eq!(pods.of_owner("StatefulSet", "shop", "cart"), expected[..1]);
        assert_eq!(pods.of_owner("StatefulSet", "other", "cart"), []);
    }

    #[test]
    fn the_pods_of_a_deployment_are_known_by_name_before_its_replica_set_has_been_seen() {
        let mut one = pod("cart-abc12-x", "a").label("pod-template-hash", "abc12");
        one.metadata.owner_references = vec![reference("ReplicaSet", "cart-abc12", "rs")];
        let (_, pods) = known(vec![one]);
        let names = |kind, name| pods.of_owner(kind, "shop", name).into_iter().map(|pod| pod.name).collect::<Vec<_>>();
        assert_eq!(names("Deployment", "cart"), ["cart-abc12-x"]);
        assert_eq!(names("Deployment", "car"), [""; 0]);
    }

    #[test]
    fn a_pod_is_told_whole_after_its_death_and_an_image_by_its_names() {
        let one = pod("cart-0", UID).container("web", "4f1c");
        let (_, pods) = known(vec![one.clone()]);
        ObservePods(pods.clone()).observe(vec![Event::Deleted(one)]);
        let whole = pods.whole(UID).unwrap();
        assert_eq!((whole.name.as_str(), whole.more.unwrap().deleted), ("cart-0", true));
        assert_eq!(pods.whole("other"), None);
        assert_eq!(pods.names_of_image(&format!("sha256:{}", "9b2f".repeat(16))), ["ghcr.io/acme/web:1.2"]);
        assert_eq!(pods.names_of_image("sha256:00"), [""; 0]);
    }
}
