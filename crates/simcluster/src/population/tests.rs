//! The population as a whole: sizes, sameness, shares, truth of references, and faults that others can find.

mod detectors;
mod objects;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

fn sizes(pods: u32) -> Sizes {
    Sizes { pods, ..Sizes::default() }
}

fn objects(seed: u64, sizes: &Sizes) -> Vec<Object> {
    population(seed, sizes).objects(2).collect()
}

fn count(objects: &[Object], kind: &str) -> usize {
    objects.iter().filter(|object| object.kind == kind).count()
}

fn decode(object: &Object) -> Value {
    serde_json::from_slice(&object.body).unwrap()
}

fn of_kind(objects: &[Object], kind: &str) -> Vec<Value> {
    objects.iter().filter(|object| object.kind == kind).map(decode).collect()
}

fn hash(objects: &[Object]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for object in objects {
        hasher.update(&object.body);
    }
    hasher.finalize().to_vec()
}

fn tally<'a>(keys: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut tally = BTreeMap::new();
    keys.for_each(|key| *tally.entry(key).or_default() += 1);
    tally
}

#[test]
fn the_same_seed_and_sizes_give_the_same_bytes_and_another_seed_others() {
    let one = hash(&objects(7, &sizes(400)));
    assert_eq!(hash(&objects(7, &sizes(400))), one);
    assert_ne!(hash(&objects(8, &sizes(400))), one);
    assert_ne!(hash(&objects(7, &sizes(401))), one);
}

#[test]
fn the_default_cluster_has_the_sizes_that_were_asked_for() {
    let objects = objects(7, &Sizes::default());
    let counted = ["Node", "Pod", "Namespace", "Lease"].map(|kind| count(&objects, kind));
    assert_eq!(counted, [20, 1000, 25 + 5, 20]);
    let nodes = of_kind(&objects, "Node");
    let arm64 = nodes.iter().filter(|node| node["metadata"]["labels"]["kubernetes.io/arch"] == "arm64");
    assert_eq!(arm64.count(), 2);
}

#[test]
fn with_workloads_enough_every_image_runs_and_few_run_often() {
    let pods = of_kind(&objects(7, &Sizes::default()), "Pod");
    let lists = pods.iter().flat_map(|pod| {
        let statuses = ["containerStatuses", "initContainerStatuses"].map(|list| pod["status"][list].as_array());
        statuses.into_iter().flatten()
    });
    let ids: Vec<&str> = lists.flatten().filter_map(|status| status["imageID"].as_str()).collect();
    let digests = tally(ids.iter().filter_map(|id| Some(&id[id.find("sha256:")?..])));
    assert_eq!(digests.len(), 120);
    let mut counts: Vec<usize> = digests.into_values().collect();
    counts.sort_unstable();
    assert!(counts[108..].iter().sum::<usize>() * 3 > counts.iter().sum(), "{counts:?}");
}

#[test]
fn owners_have_their_shares_to_the_pod() {
    let objects = objects(7, &sizes(2_000));
    let by_uid: BTreeMap<&str, &Object> = objects.iter().map(|object| (&*object.uid, object)).collect();
    let top = |pod: &Object| {
        let owner = pod.owner.as_ref()?;
        let Some(owner) = by_uid.get(&**owner) else { return Some("foreign") };
        let above = owner.owner.as_ref().and_then(|uid| by_uid.get(&**uid));
        Some(above.map_or(owner.kind, |above| above.kind))
    };
    let pods = objects.iter().filter(|object| object.kind == "Pod");
    let mut owners = tally(pods.map(|pod| top(pod).unwrap_or("none")));
    let jobs = ["Job", "CronJob"].map(|kind| owners.remove(kind).unwrap()).iter().sum::<usize>();
    let bare = ["Node", "none"].map(|kind| owners.remove(kind).unwrap()).iter().sum::<usize>();
    assert_eq!((jobs, bare), (160, 40));
    let expected = [("DaemonSet", 200), ("Deployment", 1_200), ("Rollout", 60), ("StatefulSet", 300), ("foreign", 40)];
    assert_eq!(owners, expected.into());
}

#[test]
fn phases_have_their_shares_to_the_pod() {
    let pods = of_kind(&objects(7, &sizes(2_000)), "Pod");
    let phases = tally(pods.iter().map(|pod| pod["status"]["phase"].as_str().unwrap()));
    assert_eq!(phases, [("Running", 1_880), ("Pending", 40), ("Succeeded", 60), ("Failed", 20)].into());
}

#[test]
fn a_pod_has_its_usual_weight_and_about_two_containers() {
    let objects = objects(7, &sizes(2_000));
    let pods: Vec<&Object> = objects.iter().filter(|object| object.kind == "Pod").collect();
    let bytes = pods.iter().map(|pod| pod.body.len()).sum::<usize>() / pods.len();
    assert!((5_200..6_000).contains(&bytes), "{bytes}");
    let decoded = of_kind(&objects, "Pod");
    let size = |pod: &Value, list: &str| pod["spec"][list].as_array().map_or(0, Vec::len);
    let total = |list: &str| decoded.iter().map(|pod| size(pod, list)).sum::<usize>();
    let containers = total("containers") + total("initContainers");
    assert!((3_500..4_300).contains(&containers), "{containers}");
    assert!(total("ephemeralContainers") > 0);
}

#[test]
fn a_fraction_of_a_second_changes_nothing() {
    let now = Sizes::default().now.checked_add(jiff::SignedDuration::from_millis(250)).unwrap();
    assert_eq!(hash(&objects(7, &Sizes { now, ..sizes(100) })), hash(&objects(7, &sizes(100))));
}

#[test]
fn without_nodes_every_pod_waits() {
    let objects = objects(7, &Sizes { nodes: 0, ..sizes(200) });
    let pods = of_kind(&objects, "Pod");
    assert_eq!((count(&objects, "Node"), pods.len()), (0, 200));
    assert!(pods.iter().all(|pod| pod["status"]["phase"] == "Pending" && pod["spec"].get("nodeName").is_none()));
}

#[test]
fn static_pods_are_mirrors_of_their_nodes_files() {
    let pods = of_kind(&objects(7, &Sizes::default()), "Pod");
    let is_static = |pod: &&Value| pod["metadata"]["ownerReferences"][0]["kind"] == "Node";
    let mirrors: Vec<&Value> = pods.iter().filter(is_static).collect();
    assert_eq!(mirrors.len(), 12);
    for pod in mirrors {
        let annotations = &pod["metadata"]["annotations"];
        assert_eq!(annotations["kubernetes.io/config.hash"].as_str().map(str::len), Some(32));
        assert_eq!(annotations["kubernetes.io/config.hash"], annotations["kubernetes.io/config.mirror"]);
        assert_eq!(pod["spec"]["hostNetwork"], true);
    }
}

#[test]
fn the_three_runtimes_are_all_in_use() {
    let pods = of_kind(&objects(7, &sizes(2_000)), "Pod");
    let ids = pods.iter().filter_map(|pod| pod["status"]["containerStatuses"][0]["containerID"].as_str());
    let schemes: BTreeSet<&str> = ids.filter_map(|id| Some(id.split_once("://")?.0)).collect();
    assert_eq!(schemes, ["containerd", "cri-o", "docker"].into());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_cluster_has_the_pods_nodes_and_namespaces_that_were_asked_for(
        seed: u64, nodes in 0_u32..40, pods in 0_u32..300, namespaces in 1_u32..40, images in 1_u32..50,
    ) {
        let sizes = Sizes { nodes, pods, namespaces, images, ..Sizes::default() };
        let objects = objects(seed, &sizes);
        let counted = ["Node", "Pod", "Namespace"].map(|kind| count(&objects, kind));
        prop_assert_eq!(counted, [nodes, pods, namespaces + 5].map(|size| size as usize));
        let keys: BTreeSet<_> = objects.iter().map(|object| (object.kind, &object.namespace, &object.name)).collect();
        let uids: BTreeSet<_> = objects.iter().map(|object| &object.uid).collect();
        prop_assert_eq!((keys.len(), uids.len()), (objects.len(), objects.len()));
    }
}
