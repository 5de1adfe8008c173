//! Which pod and container a cgroup path names.
//!
//! Owns reading `/proc/<pid>/cgroup` in all the forms that runtimes and cgroup drivers give it. Knowing which of the
//! named pods exist is the pods index's job: a container that may make cgroups below its own can write any name there.
//!
//! ```text
//! 0::/kubepods.slice/kubepods-pod<uid>.slice/cri-containerd-<64 hex>.scope
//!                    └─── pod segment ────┘ └─── container segment ────┘
//! ```

use std::ops::ControlFlow;

use api::{ContainerId, PodUid};

/// Whose process it is, as far as its cgroup tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Pods and containers that the path names, outermost first. The first one that the pods index knows is right, else
    /// the outermost.
    pub candidates: Vec<Candidate>,
    /// A container runs inside the container named.
    pub nested: bool,
    /// What to make of it while no index has spoken.
    pub outcome: Outcome,
}

/// One pod or container that the path names. At least one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The pod.
    pub pod_uid: Option<PodUid>,
    /// The container.
    pub container_id: Option<ContainerId>,
}

/// What to make of a cgroup while no index has spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The first candidate stands. Without a pod uid it is a container of a Kubernetes runtime whose pod is not in the
    /// path, as a private cgroup namespace shows it.
    Candidate,
    /// No pod. A plain container of another engine keeps its id as the only candidate.
    Host,
    /// The path has no known form.
    UnknownCgroup,
    /// The file could not be read.
    Unreadable,
}

/// Something that a segment of the path, or one side of a `:` in it, names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Pod(PodUid),
    Container(ContainerId, Engine),
    Monitor,
}

/// Who makes containers of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// Nobody but the kubelet asks it for containers.
    Kubernetes,
    /// It runs plain containers as well.
    Any,
}

/// A line of the file.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    rank: usize,
    path: &'a [u8],
}

const RUNTIMES: [(&[u8], Engine); 4] = [
    (b"cri-containerd", Engine::Kubernetes),
    (b"crio", Engine::Kubernetes),
    (b"docker", Engine::Any),
    (b"libpod", Engine::Any),
];

/// Finds out whose process it is from the content of its `cgroup` file; `None` if that could not be read.
pub fn place(cgroup: Option<&[u8]>) -> Place {
    let Some(file) = cgroup else {
        return Place::without_candidate(Outcome::Unreadable);
    };
    let lines = ranked_lines(file);
    let decided = lines.iter().try_for_each(|line| match of_path(line.path) {
        Some(place) => ControlFlow::Break(place),
        None => ControlFlow::Continue(()),
    });
    match decided {
        ControlFlow::Break(place) => place,
        // One odd path is enough to be unknown: a hybrid hierarchy shows `/` for controllers that are not in use.
        ControlFlow::Continue(()) if !lines.is_empty() && lines.iter().all(|line| is_of_the_host(line.path)) => {
            Place::without_candidate(Outcome::Host)
        }
        ControlFlow::Continue(()) => Place::without_candidate(Outcome::UnknownCgroup),
    }
}

impl Place {
    /// The pod, unless the index knows better.
    pub fn pod_uid(&self) -> Option<&PodUid> {
        self.candidates.first()?.pod_uid.as_ref()
    }

    /// The container, unless the index knows better.
    pub fn container_id(&self) -> Option<&ContainerId> {
        self.candidates.first()?.container_id.as_ref()
    }

    fn without_candidate(outcome: Outcome) -> Self {
        Self { candidates: Vec::new(), nested: false, outcome }
    }
}

/// The lines in the order in which they are asked: the unified hierarchy, then controllers that runtimes always use.
fn ranked_lines(file: &[u8]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = file.split(|byte| *byte == b'\n').filter_map(Line::of).collect();
    lines.sort_by_key(|line| line.rank);
    lines
}

impl<'a> Line<'a> {
    /// Splits at the first two colons only: paths may hold more of them.
    fn of(line: &'a [u8]) -> Option<Self> {
        const ORDER: [&[u8]; 4] = [b"memory", b"cpu", b"pids", b"name=systemd"];
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let rank_of = |controller: &[u8]| ORDER.iter().position(|known| *known == controller).unwrap_or(ORDER.len());
        let rank = if hierarchy == b"0" && controllers.is_empty() {
            0
        } else {
            1 + controllers.split(|byte| *byte == b',').map(rank_of).min().unwrap_or(ORDER.len())
        };
        // The kernel marks the path of a cgroup that was removed under a process that is about to end.
        Some(Self { rank, path: path.strip_suffix(b" (deleted)").unwrap_or(path) })
    }
}

/// What the path names; `None` if it names neither pod nor container nor monitor.
fn of_path(path: &[u8]) -> Option<Place> {
    let names: Vec<Name> = segments(path).flat_map(names_in).collect();
    if names.last()? == &Name::Monitor {
        return Some(Place::without_candidate(Outcome::Host));
    }
    let candidates = pods_with_containers(&names);
    if !candidates.is_empty() {
        let first_pod = names.iter().position(|name| matches!(name, Name::Pod(_)))?;
        return Some(Place { candidates, nested: containers(&names[first_pod..]) > 1, outcome: Outcome::Candidate });
    }
    let (id, engine) = names.iter().rev().find_map(|name| match name {
        Name::Container(id, engine) => Some((id, engine)),
        Name::Pod(_) | Name::Monitor => None,
    })?;
    let outcome = match engine {
        Engine::Any if !may_hide_a_pod(path) => Outcome::Host,
        Engine::Any | Engine::Kubernetes => Outcome::Candidate,
    };
    let candidate = Candidate { pod_uid: None, container_id: Some(id.clone()) };
    Some(Place { candidates: vec![candidate], nested: containers(&names) > 1, outcome })
}

/// Every pod with the first container after it, outermost first.
fn pods_with_containers(names: &[Name]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut next_container: Option<&ContainerId> = None;
    for name in names.iter().rev() {
        match name {
            Name::Pod(uid) => {
                candidates.push(Candidate { pod_uid: Some(uid.clone()), container_id: next_container.cloned() });
            }
            Name::Container(id, _) => next_container = Some(id),
            Name::Monitor => {}
        }
    }
    candidates.reverse();
    candidates
}

fn containers(names: &[Name]) -> usize {
    names.iter().filter(|name| matches!(name, Name::Container(..))).count()
}

/// A reader in a private cgroup namespace sees the cgroups beside its own as `/../…`, without the pod above them.
fn may_hide_a_pod(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|segment| segment == b".." || segment.windows(8).any(|part| part == b"kubepods"))
}

fn is_of_the_host(path: &[u8]) -> bool {
    const OF_THE_HOST: [&[u8]; 3] = [b"user.slice", b"system.slice", b"init.scope"];
    path.starts_with(b"/") && segments(path).next().is_none_or(|first| OF_THE_HOST.contains(&first))
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|segment| !matches!(*segment, b"" | b"." | b".."))
}

/// What a segment names: mostly nothing or one thing, and `<slice>:<runtime>:<64 hex>` both a pod and its container.
fn names_in(segment: &[u8]) -> impl Iterator<Item = Name> {
    let (slice, rest) = match colon_form(segment) {
        Some((slice, container)) => (Some(slice), Some(container)),
        None => (None, pod(segment).map(Name::Pod).or_else(|| scope(segment))),
    };
    slice.and_then(pod).map(Name::Pod).into_iter().chain(rest)
}

/// `<slice>:<runtime>:<64 hex>`, as a runtime writes it that is told a systemd slice and makes a plain cgroup of it.
fn colon_form(segment: &[u8]) -> Option<(&[u8], Name)> {
    let mut parts = segment.rsplitn(3, |byte| *byte == b':');
    let (id, runtime, slice) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, engine) = RUNTIMES.iter().find(|(name, _)| *name == runtime)?;
    Some((slice, Name::Container(container_id(id)?, *engine)))
}

/// `pod<uid>`, or `…-pod<uid>.slice`.
fn pod(segment: &[u8]) -> Option<PodUid> {
    if let Some(uid) = segment.strip_prefix(b"pod").and_then(pod_uid) {
        return Some(uid);
    }
    let slice = segment.strip_suffix(b".slice")?;
    let uid_at = slice.windows(4).rposition(|part| part == b"-pod")? + 4;
    pod_uid(&slice[uid_at..])
}

/// `<64 hex>`, `<runtime>-<64 hex>` or `<runtime>-conmon-…`, the last two with or without `.scope`.
fn scope(segment: &[u8]) -> Option<Name> {
    if let Some(id) = container_id(segment) {
        return Some(Name::Container(id, Engine::Any));
    }
    let unit = segment.strip_suffix(b".scope").unwrap_or(segment);
    let (rest, engine) = RUNTIMES
        .iter()
        .find_map(|(runtime, engine)| Some((unit.strip_prefix(*runtime)?.strip_prefix(b"-")?, *engine)))?;
    if rest.starts_with(b"conmon-") {
        return Some(Name::Monitor);
    }
    Some(Name::Container(container_id(rest)?, engine))
}

fn container_id(text: &[u8]) -> Option<ContainerId> {
    // The length is asked first, so that a long segment is not copied into an error.
    if text.len() != 64 {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

fn pod_uid(text: &[u8]) -> Option<PodUid> {
    if !matches!(text.len(), 32 | 36) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
