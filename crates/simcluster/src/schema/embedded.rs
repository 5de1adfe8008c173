//! The definitions that come with the simulation.
//!
//! Owns restatements of what operators install: names, structure, constraints and printer columns, no descriptions.
//! Of Rollout and ServiceMonitor only the outline is restated; the rest of them is kept as it is written.

/// A definition that can be registered at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// The plural, as settings name it.
    pub name: &'static str,
    /// The CustomResourceDefinition, as JSON.
    pub text: &'static str,
}

/// All of them, by name.
pub const DEFINITIONS: &[Definition] = &[
    Definition { name: "clusterreports", text: include_str!("crds/clusterreports.json") },
    Definition { name: "notifications", text: include_str!("crds/notifications.json") },
    Definition { name: "prometheusrules", text: include_str!("crds/prometheusrules.json") },
    Definition { name: "reports", text: include_str!("crds/reports.json") },
    Definition { name: "rollouts", text: include_str!("crds/rollouts.json") },
    Definition { name: "servicemonitors", text: include_str!("crds/servicemonitors.json") },
    Definition { name: "vmrules", text: include_str!("crds/vmrules.json") },
    Definition { name: "wasmplugins", text: include_str!("crds/wasmplugins.json") },
];
