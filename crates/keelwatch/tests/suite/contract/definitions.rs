//! Definitions of custom resources by their group and versions; what is refused is not made.

use serde_json::{Value, json};

use super::case::{Need, Verdict, cases};
use super::client::Answer;
use super::compare::{coded, equal};
use super::ground::{GROUP, Ground};

cases![
    a_group_is_a_domain needs DEFINE,
    a_group_of_the_community_needs_its_approval needs DEFINE,
    one_version_is_stored needs DEFINE,
    versions_are_listed_by_their_maturity needs DEFINE,
];

const DEFINE: Need = Need::Right("create", "apiextensions.k8s.io", "customresourcedefinitions");
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The definition of a kind named by `word`, of this group and these versions.
fn definition(ground: &Ground, word: &str, group: &str, versions: &Value) -> Value {
    let singular = format!("{}{}", word.to_lowercase(), ground.word());
    let (plural, kind) = (format!("{singular}s"), format!("{word}{}", ground.word()));
    let names = json!({"plural": plural, "singular": singular, "kind": kind, "listKind": format!("{kind}List")});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    })
}

/// Fails unless a definition of this group and these versions is refused for this field.
async fn refused(ground: &Ground, group: &str, versions: &Value, field: &str, message: &str) -> Verdict {
    let answer = ground.create(DEFINITIONS, &definition(ground, "Refused", group, versions)).await?;
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

async fn versions_are_listed_by_their_maturity(ground: Ground) -> Verdict {
    // A group of its own: others may have versions too.
    let group = format!("versions.{}.{GROUP}", ground.word());
    let versions =
        json!([version("v1alpha1", false), version("v1beta2", false), version("v2", false), version("v10", true)]);
    let definition = definition(&ground, "Ranked", &group, &versions);
    let made = ground.given(DEFINITIONS, &definition).await?;
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    ground.remember(&format!("{DEFINITIONS}/{name}"), &made);
    let path = format!("/apis/{group}");
    let is_whole = |answer: &Answer| answer.json()["versions"].as_array().is_some_and(|versions| versions.len() == 4);
    ground.until(&path, "lists all versions", is_whole).await?;
    let listed = ground.get(&path).await?.json();
    let order: Value = listed["versions"].as_array().into_iter().flatten().map(|one| one["version"].clone()).collect();
    let got = json!([order, listed["preferredVersion"]["version"]]);
    equal("order and preference", &got, &json!([["v10", "v2", "v1beta2", "v1alpha1"], "v10"]))
}
