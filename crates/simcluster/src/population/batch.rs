//! Jobs and CronJobs.

use super::fault::Fault;
use super::json::Json;
use super::names::{Part, ago};
use super::plan::{App, Owner, Phase, Plan};
use super::scribe::{Head, Kind, Reference, Scribe, WHOLE};
use super::template::Template;
use super::workload::{condition, head, write_template};

const CONTROLLER: &str = "kube-controller-manager";
const JOB: Kind = Kind {
    api_version: "batch/v1",
    name: "Job",
    manager: "kubectl-client-side-apply",
    reporter: CONTROLLER,
    whole: &[],
};
const RUN: Kind = Kind { manager: CONTROLLER, whole: WHOLE, ..JOB };
const CRON_JOB: Kind = Kind { name: "CronJob", ..JOB };

/// How long a pod of a Job works, in seconds.
const WORK: i64 = 40;

/// Writes a Job, or a CronJob with its runs.
pub(crate) fn write(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    match template.app.owner {
        Owner::Job => whole_job(scribe, plan, template),
        Owner::CronJob => cron_job(scribe, plan, template),
        Owner::Deployment
        | Owner::StatefulSet
        | Owner::DaemonSet
        | Owner::Rollout
        | Owner::Bare
        | Owner::Static
        | Owner::Foreign(_) => {}
    }
}

fn whole_job(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    job(scribe, template, &JOB, (head(plan, template, Part::Workload), app.pods.total(), app.pods.phase(0)));
}

fn job(scribe: &mut Scribe, template: &Template<'_>, kind: &Kind, (head, pods, phase): (Head, u32, Phase)) {
    let (name, uid, started) = (head.name.clone(), head.uid.clone(), head.created);
    let succeeded = if phase == Phase::Succeeded { pods } else { 0 };
    let head = Head { fields: vec![("status.successful", succeeded.to_string())], ..head };
    let labels = [("batch.kubernetes.io/controller-uid", uid.clone()), ("batch.kubernetes.io/job-name", name)];
    scribe.object(
        kind,
        head,
        |json| {
            json.object("spec", |json| {
                json.number("parallelism", pods);
                json.number("completions", pods);
                json.number("backoffLimit", 6);
                json.object("selector", |json| {
                    json.map("matchLabels", [("batch.kubernetes.io/controller-uid", uid.as_str())]);
                });
                write_template(json, template, &labels);
                json.text("completionMode", "NonIndexed");
                json.flag("suspend", false);
                json.text("podReplacementPolicy", "TerminatingOrFailed");
            });
        },
        |json| {
            let ended = ago(started, -WORK).to_string();
            match phase {
                Phase::Succeeded => {
                    json.array("conditions", |json| {
                        condition(json, ("Complete", "True"), "CompletionsReached", &ended);
                    });
                }
                Phase::Failed => {
                    json.array("conditions", |json| {
                        condition(json, ("Failed", "True"), "BackoffLimitExceeded", &ended);
                    });
                }
                Phase::Running | Phase::Pending => {}
            }
            json.text("startTime", &started.to_string());
            match phase {
                Phase::Succeeded => {
                    json.text("completionTime", &ended);
                    json.number("succeeded", pods);
                }
                Phase::Failed => json.number("failed", pods),
                Phase::Running => {
                    json.number("active", pods);
                    json.number("ready", pods);
                }
                Phase::Pending => json.number("active", pods),
            }
        },
    );
}

fn cron_job(scribe: &mut Scribe, plan: &Plan, template: &Template<'_>) {
    let app = template.app;
    let own = head(plan, template, Part::Workload);
    let reference =
        Reference { api_version: "batch/v1", kind: "CronJob", name: app.name.clone(), uid: own.uid.clone() };
    scribe.object(
        &CRON_JOB,
        own,
        |json| json.object("spec", |json| cron_spec(json, template)),
        |json| cron_status(json, plan, app),
    );
    for run in 0..app.pods.total() {
        let head = Head {
            name: plan.run_name(app, run),
            uid: plan.run_uid(app, run),
            created: plan.run_at(app, run),
            owner: Some(reference.clone()),
            annotations: vec![("batch.kubernetes.io/cronjob-scheduled-timestamp", plan.run_at(app, run).to_string())],
            ..head(plan, template, Part::Other)
        };
        job(scribe, template, &RUN, (head, 1, app.pods.phase(run)));
    }
}

fn cron_spec(json: &mut Json, template: &Template<'_>) {
    let app = template.app;
    json.text("schedule", if app.has(Fault::CronOverlap) { "*/10 * * * *" } else { "0 * * * *" });
    if !app.has(Fault::CronNoDeadline) {
        json.number("startingDeadlineSeconds", 300);
    }
    json.text("concurrencyPolicy", if app.has(Fault::CronOverlap) { "Allow" } else { "Forbid" });
    json.flag("suspend", false);
    json.object("jobTemplate", |json| {
        json.object("metadata", |_| {});
        json.object("spec", |json| write_template(json, template, &[]));
    });
    json.number("successfulJobsHistoryLimit", 3);
    json.number("failedJobsHistoryLimit", if app.has(Fault::CronPilingUp) { 10 } else { 1 });
}

fn cron_status(json: &mut Json, plan: &Plan, app: &App) {
    let active: Vec<u32> = (0..app.pods.total()).filter(|run| app.pods.phase(*run) == Phase::Running).collect();
    if !active.is_empty() {
        json.array("active", |json| {
            for run in active {
                json.item(|json| {
                    json.text("kind", "Job");
                    json.text("namespace", plan.namespace(app));
                    json.text("name", &plan.run_name(app, run));
                    json.text("uid", &plan.run_uid(app, run));
                    json.text("apiVersion", "batch/v1");
                });
            }
        });
    }
    // Where runs overlap, the last ones are gone already and the long one is still there.
    let last = if app.has(Fault::CronOverlap) {
        ago(plan.run_at(app, 0), -2 * Plan::period(app))
    } else {
        plan.run_at(app, 0)
    };
    json.text("lastScheduleTime", &last.to_string());
    let good = (0..app.pods.total()).find(|run| app.pods.phase(*run) == Phase::Succeeded);
    let success = match good {
        Some(run) => ago(plan.run_at(app, run), -WORK),
        None if app.has(Fault::CronFailing) => ago(last, 2 * 86_400),
        None => ago(last, Plan::period(app) - WORK),
    };
    json.text("lastSuccessfulTime", &success.to_string());
}
