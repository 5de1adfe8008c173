//! One row per form that a runtime and a cgroup driver give a path, and a model that builds paths and reads them back.

use proptest::prelude::*;

use super::*;

const U: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";
const U_: &str = "8712f785_1a3e_41ec_a00b_e2dcc77431cb";
const V: &str = "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11";
const STATIC: &str = "0123456789abcdef0123456789abcdef";

fn c() -> String {
    "4f1c".repeat(16)
}

fn d() -> String {
    "00ab".repeat(16)
}

/// Writes a place as `uid/container uid/container [nested] outcome`, ids by their letters in these tests.
fn shown(place: &Place) -> String {
    let letter = |text: &str| match text {
        text if text == U => "U".to_owned(),
        text if text == V => "V".to_owned(),
        text if text == STATIC => "S".to_owned(),
        text if text == c() => "C".to_owned(),
        text if text == d() => "D".to_owned(),
        other => other.to_owned(),
    };
    let mut words = Vec::new();
    for candidate in &place.candidates {
        let uid = candidate.pod_uid.as_ref().map_or("-".to_owned(), |uid| letter(uid.as_str()));
        let id = candidate.container_id.as_ref().map_or("-".to_owned(), |id| letter(id.as_str()));
        words.push(format!("{uid}/{id}"));
    }
    words.extend(place.nested.then(|| "nested".to_owned()));
    words.push(format!("{:?}", place.outcome));
    words.join(" ")
}

/// `{U}`, `{U_}`, `{V}`, `{S}`, `{C}` and `{D}` in `file` stand for ids.
#[track_caller]
fn check(file: &str, expected: &str) {
    let mut text = file.to_owned();
    for (name, id) in [("{U}", U), ("{U_}", U_), ("{V}", V), ("{S}", STATIC), ("{C}", &c()), ("{D}", &d())] {
        text = text.replace(name, id);
    }
    assert_eq!(shown(&place(Some(text.as_bytes()))), expected, "{file}");
}

#[test]
fn the_systemd_driver_is_read_for_every_runtime() {
    for (file, expected) in [
        (
            "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{U_}.slice/cri-containerd-{C}.scope",
            "U/C Candidate",
        ),
        (
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{U_}.slice/cri-containerd-{C}.scope\n",
            "U/C Candidate",
        ),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/cri-containerd-{C}.scope", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/crio-{C}.scope", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/crio-{C}.scope/container", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/docker-{C}.scope", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/libpod-{C}.scope", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/cri-containerd-{C}.scope/init.scope", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U}.slice/cri-containerd-{C}.scope", "U/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{S}.slice/cri-containerd-{C}.scope", "S/C Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice", "U/- Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/cri-containerd-{C}.scope (deleted)", "U/C Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn the_cgroupfs_driver_is_read_for_every_runtime() {
    for (file, expected) in [
        ("12:memory:/kubepods/besteffort/pod{U}/{C}", "U/C Candidate"),
        ("0::/kubepods/burstable/pod{U}/{C}", "U/C Candidate"),
        ("0::/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("0::/kubepods/pod{U}/crio-{C}", "U/C Candidate"),
        ("0::/kubepods/pod{U}/docker-{C}", "U/C Candidate"),
        ("0::/kubepods/pod{U_}/{C}", "U/C Candidate"),
        ("0::/kubepods/burstable/pod{S}/{C}", "S/C Candidate"),
        ("0::/kubepods/pod{U}", "U/- Candidate"),
        ("0::/kubepods/pod{U}/{C}/inner/deeper", "U/C Candidate"),
        ("0::/k8s.io/kubepods/pod{U}/{C}", "U/C Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_segment_with_colons_names_the_pod_and_its_container() {
    for (file, expected) in [
        (
            "1:name=systemd:/system.slice/containerd.service/kubepods-burstable-pod{U_}.slice:cri-containerd:{C}",
            "U/C Candidate",
        ),
        ("0::/kubepods-pod{U_}.slice:crio:{C}", "U/C Candidate"),
        ("5:cpu,cpuacct:/a/kubelet-kubepods-pod{U_}.slice:docker:{C}", "U/C Candidate"),
        ("0::/pod{U}:libpod:{C}", "U/C Candidate"),
        ("0::/system.slice:docker:{C}", "-/C Host"),
        ("0::/kubepods-pod{U_}.slice:runc:{C}", "UnknownCgroup"),
        ("0::/a:b:c:d", "UnknownCgroup"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_cluster_inside_containers_is_read_by_its_pods() {
    for (file, expected) in [
        (
            "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{U_}.slice/cri-containerd-{C}.scope",
            "U/C Candidate",
        ),
        ("0::/docker/{D}/kubelet/kubepods/besteffort/pod{U}/{C}", "U/C Candidate"),
        (
            "0::/system.slice/docker-{D}.scope/kubelet.slice/kubelet-kubepods-pod{U_}.slice/cri-containerd-{C}.scope",
            "U/C Candidate",
        ),
        ("0::/docker/{D}/system.slice/containerd.service/kubepods-pod{U_}.slice:cri-containerd:{C}", "U/C Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn what_a_container_names_below_its_own_cgroup_comes_after_it() {
    for (file, expected) in [
        ("0::/kubepods/pod{U}/{C}/docker/{D}", "U/C nested Candidate"),
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/crio-{C}.scope/libpod-{D}.scope", "U/C nested Candidate"),
        ("0::/kubepods/pod{U}/{C}/kubepods/pod{V}/{D}", "U/C V/D nested Candidate"),
        ("0::/kubepods/pod{U}/{C}/pod{V}", "U/C V/- Candidate"),
        ("0::/kubepods/pod{U}/pod{V}/{D}", "U/D V/D Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_private_cgroup_namespace_shows_relative_paths() {
    for (file, expected) in [
        ("0::/../../kubepods-besteffort-pod{U_}.slice/cri-containerd-{C}.scope", "U/C Candidate"),
        ("0::/../../../besteffort/pod{U}/{C}", "U/C Candidate"),
        ("0::/../cri-containerd-{C}.scope", "-/C Candidate"),
        ("0::/../{C}", "-/C Candidate"),
        ("0::/../docker-{C}.scope", "-/C Candidate"),
        ("0::/../../../system.slice/ssh.service", "Host"),
        ("0::/../../../..", "Host"),
        ("0::/./kubepods//pod{U}/./{C}/", "U/C Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_plain_container_of_another_engine_belongs_to_the_host() {
    for (file, expected) in [
        ("0::/system.slice/docker-{C}.scope", "-/C Host"),
        ("4:memory:/docker/{C}", "-/C Host"),
        ("0::/machine.slice/libpod-{C}.scope/container", "-/C Host"),
        ("0::/docker/{C}/docker/{D}", "-/D nested Host"),
        ("0::/cri-containerd-{C}.scope", "-/C Candidate"),
        ("0::/system.slice/crio-{C}.scope", "-/C Candidate"),
        ("0::/kubepods/besteffort/{C}", "-/C Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_runtimes_monitor_belongs_to_the_host() {
    for (file, expected) in [
        ("0::/kubepods.slice/kubepods-pod{U_}.slice/crio-conmon-{C}.scope", "Host"),
        ("0::/kubepods/pod{U}/crio-conmon-{C}", "Host"),
        ("0::/machine.slice/libpod-conmon-{C}.scope", "Host"),
        ("0::/machine.slice/libpod-conmon-{C}.scope/libpod-{D}.scope", "-/D Host"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_path_without_candidate_is_the_hosts_or_unknown() {
    for (file, expected) in [
        ("0::/user.slice/user-1000.slice/session-1.scope", "Host"),
        ("0::/system.slice/ssh.service", "Host"),
        ("0::/init.scope", "Host"),
        ("0::/", "Host"),
        ("11:memory:/\n1:name=systemd:/system.slice/ssh.service\n", "Host"),
        ("0::/lxc/web", "UnknownCgroup"),
        ("0::/system.slice.d/x", "UnknownCgroup"),
        ("0::/\n3:pids:/jobs/7\n", "UnknownCgroup"),
        ("", "UnknownCgroup"),
        ("\n\n", "UnknownCgroup"),
        ("no colons at all", "UnknownCgroup"),
        ("0::", "UnknownCgroup"),
    ] {
        check(file, expected);
    }
}

#[test]
fn a_segment_that_is_nearly_a_name_is_none() {
    for (file, expected) in [
        ("0::/kubepods/pod{U}0/{C}", "-/C Candidate"),
        ("0::/kubepods/pod/x", "UnknownCgroup"),
        ("0::/kubepods/pod8712F785-1A3E-41EC-A00B-E2DCC77431CB/{C}", "-/C Candidate"),
        ("0::/kubepods/pod{U}/{C}0", "U/- Candidate"),
        ("0::/kubepods/pod{U}/{C}.scope", "U/- Candidate"),
        ("0::/kubepods/pod{U}/runc-{C}.scope", "U/- Candidate"),
        ("0::/kubepods/pod{U}.slice/x", "UnknownCgroup"),
        ("0::/kubepods/pod8712f7851-a3e-41ec-a00b-e2dcc77431cb", "UnknownCgroup"),
    ] {
        check(file, expected);
    }
}

#[test]
fn lines_are_asked_in_a_fixed_order() {
    for (file, expected) in [
        ("9:freezer:/kubepods/pod{V}/{D}\n0::/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("9:pids:/kubepods/pod{V}/{D}\n4:cpu,cpuacct:/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("9:cpu:/kubepods/pod{V}/{D}\n4:memory:/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("1:name=systemd:/kubepods/pod{V}/{D}\n9:pids:/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("9:cpuset:/kubepods/pod{V}/{D}\n1:name=systemd:/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("0::/system.slice/containerd.service\n4:memory:/kubepods/pod{U}/{C}", "U/C Candidate"),
        ("0:name=x:/kubepods/pod{V}/{D}\n4:memory:/kubepods/pod{U}/{C}", "U/C Candidate"),
    ] {
        check(file, expected);
    }
}

#[test]
fn an_unreadable_file_is_said_to_be_unreadable() {
    assert_eq!(shown(&place(None)), "Unreadable");
}

#[test]
fn a_huge_line_of_bad_bytes_is_unknown() {
    let mut line = b"0::/".to_vec();
    line.resize(1 << 20, 0xff);
    assert_eq!(shown(&place(Some(&line))), "UnknownCgroup");
}

prop_compose! {
    fn uid()(dashed in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}") -> String { dashed }
}

fn pod_segment() -> impl Strategy<Value = (String, String)> {
    let slice = "(kubelet-)?kubepods(-burstable|-besteffort)?";
    prop_oneof![
        uid().prop_map(|uid| (uid.clone(), format!("pod{uid}"))),
        (slice, uid()).prop_map(|(slice, uid)| (uid.clone(), format!("{slice}-pod{}.slice", uid.replace('-', "_")))),
    ]
}

fn container_segment() -> impl Strategy<Value = (String, String)> {
    ("[0-9a-f]{64}", "((cri-containerd|docker|crio|libpod)-)?", "(\\.scope)?").prop_map(|(id, runtime, scope)| {
        let scope = if runtime.is_empty() { String::new() } else { scope };
        (id.clone(), format!("{runtime}{id}{scope}"))
    })
}

proptest! {
    #[test]
    fn any_path_of_valid_parts_is_read_back(
        front in "(/(\\.\\.|kubelet|kubepods\\.slice|k8s)){0,4}",
        pods in proptest::collection::vec((pod_segment(), container_segment()), 1..4),
        between in "(/(x|\\.|init)){0,2}",
    ) {
        let part = |pod: &str, container: &str| format!("{between}/{pod}{between}/{container}{between}");
        let parts: Vec<String> = pods.iter().map(|((_, pod), (_, container))| part(pod, container)).collect();
        let file = format!("0::{front}{}", parts.concat());
        let expected: Vec<Candidate> = pods.iter().map(|((uid, _), (id, _))| Candidate {
            pod_uid: Some(uid.parse().unwrap()),
            container_id: Some(id.parse().unwrap()),
        }).collect();
        let nested = pods.len() > 1;
        let expected = Place { candidates: expected, nested, outcome: Outcome::Candidate };
        prop_assert_eq!(place(Some(file.as_bytes())), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(file in proptest::collection::vec(any::<u8>(), 0..400)) {
        place(Some(&file));
    }

    #[test]
    fn no_mixture_of_parts_makes_it_panic(
        parts in "(0::|1:memory:|/|pod|-pod|\\.slice|\\.scope|crio-|conmon-|:|docker|[0-9a-f]{8}-|[0-9a-f]{32}|\n){0,40}",
    ) {
        let place = place(Some(parts.as_bytes()));
        let names_nothing = |candidate: &Candidate| candidate.pod_uid.is_none() && candidate.container_id.is_none();
        prop_assert!(!place.candidates.iter().any(names_nothing));
    }
}
