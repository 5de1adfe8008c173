//! Definitions of custom resources that are refused: nothing comes of them.

use serde_json::{Value, json};

use super::case::{Need, Verdict, cases};
use super::compare::{coded, equal};
use super::ground::{GROUP, Ground};

cases![
    a_group_is_a_domain needs DEFINE,
    a_group_of_the_community_needs_its_approval needs DEFINE,
    one_version_is_stored needs DEFINE,
];

const DEFINE: Need = Need::Right("create", "apiextensions.k8s.io", "customresourcedefinitions");

/// Fails unless a definition of this group and these versions is refused for this field.
async fn refused(ground: &Ground, group: &str, versions: &Value, field: &str, message: &str) -> Verdict {
    let plural = format!("refused{}s", ground.word());
    let kind = format!("Refused{}", ground.word());
    let names = json!({"plural": plural, "singular": plural.trim_end_matches('s'), "kind": kind, "listKind": format!("{kind}List")});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    });
    let answer = ground.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await?;
    coded(&answer, 422)?;
    let status = answer.json();
    let mut causes = status["details"]["causes"].as_array().into_iter().flatten();
    let found = causes.find(|cause| cause["field"] == field && cause["message"].to_string().contains(message));
    equal(field, &found.is_some().into(), &true.into())
}

fn version(name: &str, storage: bool) -> Value {
    json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {"type": "object"}}})
}

async fn a_group_is_a_domain(ground: Ground) -> Verdict {
    let why = "should be a domain with at least one dot";
    refused(&ground, "contract", &json!([version("v1", true)]), "spec.group", why).await
}

async fn a_group_of_the_community_needs_its_approval(ground: Ground) -> Verdict {
    let field = "metadata.annotations[api-approved.kubernetes.io]";
    let why = "protected groups must have approval annotation";
    refused(&ground, "contract.k8s.io", &json!([version("v1", true)]), field, why).await
}

async fn one_version_is_stored(ground: Ground) -> Verdict {
    let why = "must have exactly one version marked as storage version";
    for versions in [[version("v1", false), version("v2", false)], [version("v1", true), version("v2", true)]] {
        refused(&ground, GROUP, &json!(versions), "spec.versions", why).await?;
    }
    Ok(())
}
