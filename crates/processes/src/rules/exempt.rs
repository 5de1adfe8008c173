//! Exemptions: what is not to be reported although a rule matches.
//!
//! Owns what an exemption may say. Whether one applies is decided by `judge`; one that needs the pod, by whoever knows
//! the pod.

use std::collections::BTreeMap;

use api::Time;
use api::violation::ExemptScope;
use jiff::Timestamp;

use super::check::Checker;
use super::clause::Matcher;
use super::file::ExemptionDef;
use super::rule::RuleIndex;
use super::select::Catalog;

/// Index of an exemption in [`RuleSet::exemptions`](super::RuleSet::exemptions) of the same set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExemptionIndex(pub(super) u32);

/// One exemption.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemption {
    /// Who granted it, and why.
    pub reason: String,
    /// When it ends; it exempts nothing from then on.
    pub until: Option<Timestamp>,
    /// Sorted; `None` = all rules.
    pub(super) rules: Option<Box<[RuleIndex]>>,
    pub(super) matcher: Matcher,
    /// The pods it is for; `None` = any process.
    pub(super) scope: Option<ExemptScope>,
}

impl ExemptionIndex {
    /// Position in the exemptions of the set.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl Exemption {
    /// Whether it has ended.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// The pods it is for; `None` = any process.
    pub const fn scope(&self) -> Option<&ExemptScope> {
        self.scope.as_ref()
    }

    pub(super) fn is_about(&self, rule: RuleIndex) -> bool {
        self.rules.as_ref().is_none_or(|rules| rules.binary_search(&rule).is_ok())
    }
}

impl Checker<'_, '_> {
    /// Checks the exemption at `path`.
    pub(super) fn exemption(&mut self, path: &str, def: &ExemptionDef, catalog: Catalog<'_>) -> Exemption {
        self.length(&format!("{path}.reason"), &def.reason, 1, 500);
        self.breadth(path, def);
        let namespaces = self.patterns(&format!("{path}.namespaces"), def.namespaces.as_ref(), namespace_problem);
        let images = self.patterns(&format!("{path}.images"), def.images.as_ref(), image_problem);
        let namespace_labels = self.labels(&format!("{path}.namespace_labels"), def.namespace_labels.as_ref());
        let pod_labels = self.labels(&format!("{path}.pod_labels"), def.pod_labels.as_ref());
        let is_scoped = [&namespaces, &images].iter().any(|texts| !texts.is_empty())
            || [&namespace_labels, &pod_labels].iter().any(|labels| !labels.is_empty());
        let reason = def.reason.clone();
        let until = def.until.map(Time::of);
        Exemption {
            reason: reason.clone(),
            until: def.until,
            rules: def.rules.as_ref().map(|rules| self.selection(path, rules, catalog)),
            matcher: def.matching.as_ref().map(|def| self.matcher(&format!("{path}.match"), def)).unwrap_or_default(),
            scope: is_scoped.then_some(ExemptScope { namespaces, namespace_labels, pod_labels, images, until, reason }),
        }
    }

    /// An exemption must not be wider than somebody who reads it would think.
    fn breadth(&mut self, path: &str, def: &ExemptionDef) {
        let by_namespace = def.namespaces.is_some() || def.namespace_labels.is_some();
        if def.pod_labels.is_some() && !by_namespace {
            let message = "tenants choose the labels of pods: give namespaces or namespace_labels too".to_owned();
            self.report.fault(&format!("{path}.pod_labels"), message);
        }
        let is_limited = by_namespace || def.images.is_some() || (def.rules.is_some() && def.matching.is_some());
        if !is_limited && def.pod_labels.is_none() {
            let message = "covers too much: give namespaces, namespace_labels or images, or else both rules and match";
            self.report.fault(path, message.to_owned());
        }
    }

    fn selection(&mut self, path: &str, patterns: &[String], catalog: Catalog<'_>) -> Box<[RuleIndex]> {
        let mut selected = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let path = format!("{path}.rules[{index}]");
            if pattern == "*" {
                self.report.fault(&path, "a bare * names every rule (accepted: an id, or one trailing *)".to_owned());
                continue;
            }
            selected.extend(catalog.select(&path, pattern, self.report));
        }
        selected.sort_unstable();
        selected.dedup();
        selected.into()
    }

    fn patterns(
        &mut self,
        path: &str,
        texts: Option<&Vec<String>>,
        problem: impl Fn(&str) -> Option<&'static str>,
    ) -> Vec<String> {
        for (index, text) in texts.into_iter().flatten().enumerate() {
            if let Some(problem) = problem(text) {
                self.report.fault(&format!("{path}[{index}]"), format!("`{text}` {problem}"));
            }
        }
        texts.cloned().unwrap_or_default()
    }

    fn labels(&mut self, path: &str, labels: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
        if labels.is_some_and(BTreeMap::is_empty) {
            self.report.fault(path, "names no label, so it would hold for all".to_owned());
        }
        for (key, value) in labels.into_iter().flatten() {
            // Kubernetes: an optional prefix of 253, a slash, a name of 63; values have up to 63.
            if key.is_empty() || key.len() > 317 || value.len() > 63 {
                self.report.fault(path, format!("`{key}: {value}` is no label of Kubernetes"));
            }
        }
        labels.cloned().unwrap_or_default()
    }
}

fn namespace_problem(text: &str) -> Option<&'static str> {
    let name = text.strip_suffix('*').unwrap_or(text);
    let accepted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text == "*" {
        return Some("is every namespace (accepted: a name, or one trailing * behind some of it)");
    }
    let fits = (1..=63).contains(&name.len()) && name.bytes().all(accepted) && !name.starts_with('-');
    (!fits).then_some("is no namespace (accepted: [a-z0-9-], up to 63 bytes, one trailing *)")
}

fn image_problem(text: &str) -> Option<&'static str> {
    let name = text.strip_suffix('*').unwrap_or(text);
    let last = name.rsplit('/').next().unwrap_or(name);
    if text == "*" {
        return Some("is every image (accepted: a name, or one trailing * behind some of it)");
    }
    if name.is_empty() || name.contains(|c: char| c == '*' || c.is_whitespace()) {
        return Some("is no image (accepted: a name without tag, or name@sha256:…, one trailing *)");
    }
    // A port stands before a slash, a tag after all of them.
    let is_tagged = last.split('@').next().is_some_and(|name| name.contains(':'));
    is_tagged.then_some("has a tag, which anybody may move (accepted: a name without tag, or name@sha256:…)")
}
