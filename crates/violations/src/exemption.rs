//! Whether an exemption that waited for the pod holds, now that the pod is known.
//!
//! Owns the meaning of a scope: namespaces, labels, images, until. Its rules and its match hold already; that was
//! `processes`' to say.

use std::collections::BTreeMap;

use api::Time;
use api::violation::ExemptScope;
use pods::PodFacts;
use pods::facts::{ContainerFacts, Labels};

use crate::attribution::Known;

/// What the scopes of a match say of its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision<'a> {
    /// The match is exempt by this one.
    Exempt(&'a ExemptScope),
    /// Not exempt as far as is known; labels of the namespace or the container may come later and say otherwise.
    Undecided,
    /// Not exempt.
    Not,
}

/// One condition, or several that must hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Unknown,
}

/// Decides at `now` whether one of these scopes exempts a process of this pod.
pub(crate) fn decide<'a>(scopes: &'a [ExemptScope], known: &Known, now: Time) -> Decision<'a> {
    let mut decision = Decision::Not;
    for scope in scopes {
        match holds(scope, known, now) {
            Holds::Yes => return Decision::Exempt(scope),
            Holds::No => {}
            Holds::Unknown => decision = Decision::Undecided,
        }
    }
    decision
}

fn holds(scope: &ExemptScope, known: &Known, now: Time) -> Holds {
    // A new key fails to build here until it is asked for.
    let ExemptScope { namespaces, namespace_labels, pod_labels, images, until, reason: _ } = scope;
    let PodFacts { namespace, labels, namespace_labels: labels_of_namespace, .. } = &known.pod;
    // What a container may have named itself exempts nothing.
    let is_in_force = known.is_outermost && until.is_none_or(|until| now < until);
    let is_in_namespace = namespaces.is_empty() || namespaces.iter().any(|pattern| fits(pattern, namespace));
    if !(is_in_force && is_in_namespace && has_all(labels, pod_labels)) {
        return Holds::No;
    }
    let by_labels = match labels_of_namespace {
        _ if namespace_labels.is_empty() => Holds::Yes,
        Some(labels) => Holds::of(has_all(labels, namespace_labels)),
        None => Holds::Unknown,
    };
    by_labels.and(by_image(images, known))
}

/// While it is not known which container it is, an image counts only if every container of the pod has one.
fn by_image(patterns: &[String], known: &Known) -> Holds {
    let is_covered = |container: &ContainerFacts| patterns.iter().any(|pattern| is_image(pattern, container));
    let containers = &known.pod.containers;
    match known.container() {
        _ if patterns.is_empty() => Holds::Yes,
        Some(container) => Holds::of(is_covered(container)),
        None if containers.is_empty() || !containers.iter().any(is_covered) => Holds::No,
        None if containers.iter().all(is_covered) => Holds::Yes,
        None => Holds::Unknown,
    }
}

impl Holds {
    const fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

fn has_all(labels: &Labels, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value.as_str()))
}

/// A name, or the beginning of one before a trailing `*`.
fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(text == pattern, |beginning| text.starts_with(beginning))
}

/// Whether the pattern is a name of the image of this container: as the pod gives it, or as the runtime resolved it.
fn is_image(pattern: &str, container: &ContainerFacts) -> bool {
    // Old kubelets write this before the name that docker pulled. Without a digest it is the id of a local image.
    let resolved = container.image_id.trim_start_matches("docker-pullable://");
    let resolved = Some(resolved).filter(|resolved| resolved.contains('@'));
    let given = &*container.image;
    resolved.into_iter().chain([given]).flat_map(names).any(|name| fits(pattern, &name))
}

/// The names that mean this image: without its tag, with and without its digest, and as Docker Hub is left out.
fn names(reference: &str) -> Vec<String> {
    let (tagged, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest)));
    // A port stands before a slash, a tag after all of them.
    let last_segment = tagged.rfind('/').map_or(0, |slash| slash + 1);
    let name = tagged[last_segment..].find(':').map_or(tagged, |colon| &tagged[..last_segment + colon]);
    let spellings = spellings(name);
    let with_digest = digest.map(|digest| spellings.iter().map(|name| format!("{name}@{digest}")).collect::<Vec<_>>());
    with_digest.unwrap_or_default().into_iter().chain(spellings).collect()
}

/// `nginx`, `library/nginx` and `docker.io/library/nginx` are one image.
fn spellings(name: &str) -> Vec<String> {
    const HUB: &str = "docker.io";
    let registry = name.split_once('/').filter(|(first, _)| first.contains(['.', ':']) || *first == "localhost");
    let path = match registry {
        None => name,
        Some((HUB | "index.docker.io", path)) => path,
        Some(_) => return vec![name.to_owned()],
    };
    let short = path.strip_prefix("library/").unwrap_or(path);
    if short.contains('/') {
        return vec![format!("{HUB}/{path}"), path.to_owned()];
    }
    vec![format!("{HUB}/library/{short}"), format!("library/{short}"), short.to_owned()]
}

#[cfg(test)]
mod tests;
