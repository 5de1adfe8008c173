//! What stands around a workload: Services, budgets, autoscalers, routes, accounts.
//!
//! Owns these kinds, and the faults that show on them rather than on the workload.

pub(crate) mod account;
mod service;

use super::fault::Fault;
use super::json::Json;
use super::names::{Part, ago};
use super::plan::{App, Plan};
use super::scribe::{Head, Kind, Scribe};
use super::template::Template;
use super::workload::{condition, head, write_claim, write_selector};

const KUBECTL: &str = "kubectl-client-side-apply";
const CONTROLLER: &str = "kube-controller-manager";
const BUDGET: Kind =
    Kind { api_version: "policy/v1", name: "PodDisruptionBudget", manager: KUBECTL, reporter: CONTROLLER, whole: &[] };
const SCALER: Kind = Kind {
    api_version: "autoscaling/v2",
    name: "HorizontalPodAutoscaler",
    manager: KUBECTL,
    reporter: CONTROLLER,
    whole: &[],
};
const INGRESS: Kind =
    Kind { api_version: "networking.k8s.io/v1", name: "Ingress", manager: KUBECTL, reporter: "nginx", whole: &[] };

/// Writes everything around a workload.
pub(crate) fn write(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    service::write(scribe, plan, template);
    account::write(scribe, plan, template);
    budgets(scribe, plan, template);
    scaler(scribe, plan, template);
    if app.has(Fault::IngressWithoutBackend) {
        ingress(scribe, plan, template, &format!("{}-gone", app.name));
    } else if app.is_exposed() && app.index % 8 == 1 {
        ingress(scribe, plan, template, &app.name);
    }
    if app.has(Fault::ClaimNotBound) {
        write_claim(scribe, plan, template, (&format!("{}-scratch", app.name), 0));
    }
}

/// The head of an object beside the workload, named with something behind.
fn beside(plan: &Plan, template: &Template<'_>, part: Part, behind: &str) -> Head {
    let head = head(plan, template, part);
    Head { name: format!("{}{behind}", head.name), annotations: Vec::new(), ..head }
}

fn budgets(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    if app.is_exposed() && !matches!(app.fault, Some(Fault::NoBudget | Fault::SingleReplica)) {
        budget(scribe, app, beside(plan, template, Part::Budget, ""), (&app.name, app.pods.running));
    }
    if app.has(Fault::BudgetUnused) {
        let gone = format!("{}-gone", app.name);
        budget(scribe, app, beside(plan, template, Part::Other, "-old"), (&gone, 0));
    }
}

fn budget(scribe: &mut Scribe, app: &App, head: Head, (selected, healthy): (&str, u32)) {
    let spared = u32::from(!app.has(Fault::BudgetBlocks));
    scribe.object(
        &BUDGET,
        head,
        |json| {
            json.object("spec", |json| {
                write_selector(json, [("app", selected)]);
                json.number("maxUnavailable", spared);
            });
        },
        |json| {
            json.number("observedGeneration", 1);
            json.number("disruptionsAllowed", spared.min(healthy));
            json.number("currentHealthy", healthy);
            json.number("desiredHealthy", healthy.saturating_sub(spared));
            json.number("expectedPods", healthy);
        },
    );
}

fn scaler(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    let now = app.pods.desired();
    let (behind, target, (least, most)) = match app.fault {
        Some(Fault::ScalerWithoutTarget) => ("-old", format!("{}-gone", app.name), (1, 5)),
        Some(Fault::ScalerNotScaling) => ("", app.name.clone(), (1, now + 5)),
        Some(Fault::ScalerMaxed) => ("", app.name.clone(), (1, now)),
        Some(Fault::ScalerFixed) => ("", app.name.clone(), (now, now)),
        _ => return,
    };
    let since = ago(plan.sizes.now, 3_600).to_string();
    let scaling = if app.has(Fault::ScalerNotScaling) { "False" } else { "True" };
    scribe.object(
        &SCALER,
        Head { generation: None, ..beside(plan, template, Part::Scaler, behind) },
        |json| {
            json.object("spec", |json| {
                json.map("scaleTargetRef", [("kind", "Deployment"), ("name", &target), ("apiVersion", "apps/v1")]);
                json.number("minReplicas", least);
                json.number("maxReplicas", most);
                json.array("metrics", |json| json.item(metric));
            });
        },
        |json| {
            json.number("currentReplicas", now);
            json.number("desiredReplicas", now);
            json.array("conditions", |json| {
                condition(json, ("AbleToScale", "True"), "ReadyForNewScale", &since);
                condition(json, ("ScalingActive", scaling), "FailedGetResourceMetric", &since);
                if app.has(Fault::ScalerMaxed) {
                    condition(json, ("ScalingLimited", "True"), "TooManyReplicas", &since);
                }
            });
        },
    );
}

fn metric(json: &mut Json) {
    json.text("type", "Resource");
    json.object("resource", |json| {
        json.text("name", "cpu");
        json.object("target", |json| {
            json.text("type", "Utilization");
            json.number("averageUtilization", 70);
        });
    });
}

fn ingress(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>, service: &str) {
    let app = template.app;
    scribe.object(
        &INGRESS,
        beside(plan, template, Part::Ingress, ""),
        |json| {
            json.object("spec", |json| {
                json.text("ingressClassName", "nginx");
                json.array("rules", |json| {
                    json.item(|json| {
                        json.text("host", &format!("{}.{}.example.com", app.name, plan.namespace(app)));
                        json.object("http", |json| json.array("paths", |json| json.item(|json| path(json, service))));
                    });
                });
            });
        },
        |json| json.object("loadBalancer", |_| {}),
    );
}

fn path(json: &mut Json, service: &str) {
    json.text("path", "/");
    json.text("pathType", "Prefix");
    json.object("backend", |json| {
        json.object("service", |json| {
            json.text("name", service);
            json.object("port", |json| json.number("number", 80));
        });
    });
}
