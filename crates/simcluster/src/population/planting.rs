//! Tells where the faults are.
//!
//! Owns the way from a planned fault to the object that a detector must name.

use super::fault::{Bearer, Fault, Planted, Planting};
use super::plan::{App, Owner, Plan, Space};

/// The faults of a plan.
pub(crate) fn planted(plan: &Plan) -> Planted {
    let of_apps = plan.apps.iter().filter_map(|app| Some(of_app(plan, app, app.fault?)));
    let of_spaces = (0..).zip(&plan.spaces).filter_map(|(index, space)| of_space(plan, space, index));
    let mut plantings: Vec<Planting> = of_apps.chain(of_spaces).collect();
    plantings.sort();
    Planted { plantings }
}

fn of_app(plan: &Plan, app: &App, fault: Fault) -> Planting {
    let facts = fault.facts();
    let (kind, behind) = match facts.bearer {
        Bearer::Container | Bearer::Workload | Bearer::Namespace => (kind_of(app.owner), ""),
        Bearer::Beside(kind, behind) => (kind, behind),
    };
    Planting {
        fault,
        code: facts.code,
        case: facts.case,
        kind,
        namespace: plan.namespace(app).to_owned(),
        name: format!("{}{behind}", app.name),
        container: if facts.bearer == Bearer::Container { app.name.clone() } else { String::new() },
    }
}

/// A namespace without pods needs no bounds.
fn of_space(plan: &Plan, space: &Space, index: u32) -> Option<Planting> {
    let fault = space.fault?;
    let is_used = plan.apps.iter().any(|app| app.space == index);
    if !is_used && fault != Fault::StuckTerminating {
        return None;
    }
    let facts = fault.facts();
    let (namespace, name) = (space.name.clone(), space.name.clone());
    Some(Planting {
        fault,
        code: facts.code,
        case: facts.case,
        kind: "Namespace",
        namespace,
        name,
        container: String::new(),
    })
}

fn kind_of(owner: Owner) -> &'static str {
    use super::plan::Foreign;
    match owner {
        Owner::Deployment => "Deployment",
        Owner::StatefulSet => "StatefulSet",
        Owner::DaemonSet => "DaemonSet",
        Owner::Job => "Job",
        Owner::CronJob => "CronJob",
        Owner::Rollout => "Rollout",
        Owner::Bare | Owner::Static => "Pod",
        Owner::Foreign(Foreign::Devbox) => "Devbox",
        Owner::Foreign(Foreign::RayCluster) => "RayCluster",
        Owner::Foreign(Foreign::VirtualMachine) => "VirtualMachineInstance",
    }
}
