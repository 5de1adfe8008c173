//! What is kept of a pod.

use super::*;

#[test]
fn annotations_are_kept_within_their_caps() {
    let mut told = Told::new();
    let long = "ü".repeat(2560);
    told.seen(
        &pod("a", "a")
            .annotation("kubectl.kubernetes.io/last-applied-configuration", "{}")
            .annotation("long", &long)
            .annotation("short", "yes"),
    );
    let kept = told.full("a");
    assert_eq!(kept.annotations.keys().collect::<Vec<_>>(), ["long", "short"]);
    assert_eq!((kept.annotations["long"].len(), kept.annotations["short"].as_str()), (1024, "yes"));
    assert_eq!(kept.more.unwrap().truncated_annotations, ["long"]);
}

#[test]
fn annotations_are_kept_in_order_until_their_sum_is_reached() {
    let settings = Settings { annotation_bytes_per_pod: 150, ..Settings::default() };
    let mut told = Told::with(&settings);
    let value = "x".repeat(60);
    let keys = ["d", "a", "c", "b"];
    let with_all = keys.iter().fold(pod("a", "a"), |pod, key| pod.annotation(key, &value));
    told.seen(&with_all);
    let kept = told.full("a");
    assert_eq!(kept.annotations.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(kept.more.unwrap().truncated_annotations, ["c", "d"]);
}

#[test]
fn a_pod_with_very_many_labels_is_kept_whole() {
    let mut told = Told::new();
    let mut many = pod("a", "a");
    many.metadata.labels = (0..10_000).map(|at| (format!("label-{at}"), at.to_string())).collect();
    many.metadata.annotations = [("huge", "x".repeat(200 << 10))].into_iter().collect();
    told.seen(&many);
    let kept = told.full("a");
    assert_eq!((kept.labels.len(), kept.annotations["huge"].len()), (10_000, 1024));
    assert_eq!(kept.more.unwrap().truncated_annotations, ["huge"]);
}

#[test]
fn a_pod_with_two_containers_six_labels_and_four_annotations_takes_less_than_a_kilobyte() {
    const PODS: usize = 10_000;
    let mut told = Told::new();
    for at in 0..PODS {
        let digits = |salt: usize| format!("{:016x}", (at * 2 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let uid = format!("{at:08x}-1a3e-41ec-a00b-{at:012x}");
        let labels = ["app", "tier", "version", "team", "pod-template-hash", "app.kubernetes.io/name"];
        let with_labels = labels.iter().fold(pod(&format!("cart-7d4b9f6c5d-{at:05}"), &uid), |pod, key| {
            pod.label(key, &format!("value-{}", at / 20 % 300))
        });
        let annotations =
            [("prometheus.io/scrape", "true"), ("prometheus.io/port", "9090"), ("checksum/config", "4f1c2b")];
        let with_annotations = annotations.iter().fold(with_labels, |pod, (key, value)| pod.annotation(key, value));
        told.seen(
            &with_annotations
                .annotation("trace.example.com/id", &format!("{at:032x}"))
                .node(&format!("node-{}", at / 30))
                .address(&format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255))
                .owner(
                    "ReplicaSet",
                    &format!("cart-{}", at / 5),
                    &format!("{:08x}-41ec-1a3e-a00b-000000000000", at / 5),
                )
                .container("cart", &digits(0))
                .container("proxy", &digits(1)),
        );
    }
    let bytes = told.index.bytes() / PODS;
    assert!(bytes < 1000, "{bytes} bytes per pod");
}

#[test]
fn containers_are_told_with_what_they_do() {
    let mut told = Told::new();
    let mut mixed = pod("a", "a").container("b", "4f1c").container("a", "5e2d");
    // The kubelet sorts statuses by name; specs have an order of their own.
    mixed.status.container_statuses.reverse();
    mixed.spec.init_containers.push(objects::Container { name: "init".into(), image: "busybox".into() });
    mixed.status.container_statuses[0].state = objects::ContainerState {
        terminated: Some(objects::Terminated::default()),
        ..objects::ContainerState::default()
    };
    told.seen(&mixed);
    let containers = told.full("a").more.unwrap().containers;
    let told: Vec<_> =
        containers.iter().map(|c| [c.name.as_str(), &c.kind, &c.state, &c.id[..c.id.len().min(16)]]).collect();
    let expected = [
        ["b", "regular", "running", "containerd://4f1"],
        ["a", "regular", "terminated", "containerd://5e2"],
        ["init", "init", "waiting", ""],
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_id_of_an_unknown_runtime_is_served_as_it_is() {
    let mut told = Told::new();
    let mut odd = pod("a", "a").container("c", "4f1c");
    odd.status.container_statuses[0].container_id = "rkt://1".into();
    told.seen(&odd);
    assert_eq!(told.full("a").more.unwrap().containers[0].id, "rkt://1");
    told.gone(&odd);
    told.pass(3600);
    assert_empty(&told.index);
}
