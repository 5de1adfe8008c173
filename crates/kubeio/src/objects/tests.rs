//! What is kept of objects, and how tolerant decoding is.

use super::*;

fn pod(text: &str) -> Result<Pod, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_judged_is_skipped() {
    let text = r#"{"kind":"Pod","metadata":{"name":"cart-0","namespace":"shop","uid":"u","resourceVersion":"7",
        "managedFields":[{"fieldsV1":{"f:metadata":{"f:labels":{}}}}],"labels":{"app":"cart"},
        "creationTimestamp":"2026-01-01T00:00:00Z"},
        "spec":{"nodeName":"node-1","containers":[{"name":"c","image":"i:1","env":[{"name":"A","value":"b"}]}]},
        "status":{"phase":"Running","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}],"containerStatuses":[
        {"name":"c","containerID":"containerd://4f","imageID":"i@sha256:9b","restartCount":3,
         "state":{"running":{"startedAt":"2026-01-01T00:00:00Z"}},"lastState":{"terminated":{"containerID":"containerd://3e"}}}]}}"#;
    let status = ContainerStatus {
        name: "c".into(),
        container_id: "containerd://4f".into(),
        image_id: "i@sha256:9b".into(),
        restart_count: 3,
        state: ContainerState { running: Some(Running {}), ..ContainerState::default() },
        last_state: ContainerState {
            terminated: Some(Terminated { container_id: "containerd://3e".into() }),
            ..ContainerState::default()
        },
    };
    let expected = Pod {
        metadata: PodMetadata {
            uid: "u".into(),
            namespace: "shop".into(),
            name: "cart-0".into(),
            resource_version: "7".into(),
            labels: [("app", "cart")].into_iter().collect(),
            creation_timestamp: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            ..PodMetadata::default()
        },
        spec: PodSpec {
            node_name: "node-1".into(),
            containers: vec![Container { name: "c".into(), image: "i:1".into() }],
            ..PodSpec::default()
        },
        status: PodStatus {
            phase: "Running".into(),
            pod_ip: "10.0.0.1".into(),
            pod_ips: vec![PodAddress { ip: "10.0.0.1".into() }],
            container_statuses: vec![status],
            ..PodStatus::default()
        },
    };
    assert_eq!(pod(text), Ok(expected));
}

#[test]
fn null_is_the_same_as_nothing() {
    let text = r#"{"metadata":{"labels":null,"ownerReferences":null,"creationTimestamp":null,"annotations":{"a":null}},
        "spec":{"containers":null,"nodeName":null,"hostNetwork":null},"status":null}"#;
    let annotations = [("a", "")].into_iter().collect();
    let expected = Pod { metadata: PodMetadata { annotations, ..PodMetadata::default() }, ..Pod::default() };
    assert_eq!(pod(text), Ok(expected));
}

#[test]
fn a_field_of_another_kind_makes_a_pod_unreadable() {
    assert!(pod(r#"{"spec":{"containers":"many"}}"#).is_err());
    assert!(pod(r#"{"metadata":{"labels":["app"]}}"#).is_err());
}

#[test]
fn pairs_are_sorted_and_of_a_repeated_key_the_last_value_counts() {
    let pairs: Pairs = serde_json::from_str(r#"{"b":"1","a":"2","b":"3"}"#).unwrap();
    assert_eq!(pairs.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    assert_eq!((pairs.get("b"), pairs.get("c")), (Some("3"), None));
}

#[test]
fn an_ingress_names_the_services_of_its_backends_and_no_resources() {
    let text = r#"{"spec":{"defaultBackend":{"service":{"name":"fallback","port":{"number":80}}},"rules":[
        {"host":"a"},{"http":{"paths":[{"path":"/","backend":{"service":{"name":"cart"}}},
        {"path":"/static","backend":{"resource":{"kind":"Bucket","name":"assets"}}},{"backend":{"service":{"name":"cart"}}}]}}]}}"#;
    let ingress: Ingress = serde_json::from_str(text).unwrap();
    assert_eq!(ingress.services().collect::<Vec<_>>(), ["fallback", "cart", "cart"]);
    let bare: Ingress = serde_json::from_str(r#"{"spec":{"defaultBackend":null,"rules":null}}"#).unwrap();
    assert_eq!(bare.services().count(), 0);
}

#[test]
fn of_a_slice_what_leads_to_a_node_is_kept() {
    let text = r#"{"metadata":{"name":"n-1","namespace":"kw","uid":"u","resourceVersion":"7"},"addressType":"IPv4","ports":null,
        "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":false,"serving":null,"terminating":null},"nodeName":"w",
        "targetRef":{"kind":"Pod","uid":"p"}},{"addresses":null,"conditions":null,"targetRef":null}]}"#;
    let expected = EndpointSlice {
        metadata: NamespacedMetadata {
            uid: "u".into(),
            namespace: "kw".into(),
            name: "n-1".into(),
            resource_version: "7".into(),
        },
        address_type: "IPv4".into(),
        endpoints: vec![
            Endpoint {
                addresses: vec!["10.0.0.1".into()],
                conditions: EndpointConditions { ready: Some(false), terminating: false },
                node_name: "w".into(),
                target_ref: TargetReference { uid: "p".into() },
            },
            Endpoint::default(),
        ],
    };
    assert_eq!(serde_json::from_str::<EndpointSlice>(text).unwrap(), expected);
}
