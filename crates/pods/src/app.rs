//! The tenant's unit that a pod belongs to: an app or a devbox, read from its labels.
//!
//! Owns the one rule; which labels count is the settings' matter.

use api::violation::SubjectKind;

/// The labels that name apps and devboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppRule {
    /// The first that is not empty names the devbox.
    pub(crate) devbox_labels: Vec<String>,
    /// The value of `app.kubernetes.io/part-of` by which `app.kubernetes.io/name` names a devbox.
    pub(crate) devbox_part_of: String,
    /// The first that is not empty names the app.
    pub(crate) app_labels: Vec<String>,
}

impl AppRule {
    /// The labels by which a devbox is named beside those of the settings.
    pub(crate) const PART_OF: [&'static str; 2] = ["app.kubernetes.io/part-of", "app.kubernetes.io/name"];

    /// What a pod with these labels belongs to. `label` has the value of a label, or "". Without one the name of its top-level
    /// owner counts, which is the pod itself if nothing owns it.
    pub(crate) fn judge<'a>(&self, label: impl Fn(&str) -> &'a str, owner: &'a str) -> (SubjectKind, &'a str) {
        let first_of = |names: &[String]| names.iter().map(|name| label(name)).find(|value| !value.is_empty());
        if let Some(devbox) = first_of(&self.devbox_labels) {
            return (SubjectKind::Devbox, devbox);
        }
        let [part_of, name] = Self::PART_OF.map(&label);
        let is_part = !self.devbox_part_of.is_empty() && part_of == self.devbox_part_of;
        if is_part && !name.is_empty() {
            return (SubjectKind::Devbox, name);
        }
        (SubjectKind::App, first_of(&self.app_labels).unwrap_or(owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[track_caller]
    fn check(labels: &[(&str, &'static str)], owner: &str, expected: (SubjectKind, &str)) {
        let label = |name: &str| labels.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| *value);
        assert_eq!(Settings::default().app_rule().judge(label, owner), expected);
    }

    #[test]
    fn a_devbox_is_named_by_its_own_label_or_as_part_of_devbox() {
        check(&[("devbox.sealos.io/name", "dev1"), ("app", "x")], "o", (SubjectKind::Devbox, "dev1"));
        let part_of = [("app.kubernetes.io/part-of", "devbox"), ("app.kubernetes.io/name", "dev2")];
        check(&part_of, "o", (SubjectKind::Devbox, "dev2"));
        check(&[("app.kubernetes.io/part-of", "devbox"), ("app", "web")], "o", (SubjectKind::App, "web"));
    }

    #[test]
    fn an_app_is_named_by_labels_else_by_its_owner() {
        check(&[("app.kubernetes.io/name", "cart"), ("app", "old")], "o", (SubjectKind::App, "cart"));
        check(&[("app", "")], "shop", (SubjectKind::App, "shop"));
        check(&[], "tool", (SubjectKind::App, "tool"));
    }
}
