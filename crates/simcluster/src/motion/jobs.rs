//! Jobs: pods until enough have succeeded, too many have failed, or time is up.
//!
//! Owns the conditions of Jobs and what becomes of a pod by its outcome. Who decides the outcome is `runs`'.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::It;
use super::workloads::{count, keep_status, living, new_pod, set_counts};
use crate::clock::seconds;
use crate::runs::Outcome;
use crate::state::State;
use crate::store::{Key, text_at};

/// The annotation of a pod whose node is lost: nobody tells that it ended.
pub(super) const LOST: &str = "sim.keelwatch.io/lost";
const JOBS: &str = "jobs.batch";

pub(super) fn look(state: &mut State, it: &It) {
    if it.is_ending() {
        return;
    }
    if is_finished(&it.object) {
        expire(state, it);
        return;
    }
    if it.object["spec"]["suspend"] == true {
        return;
    }
    let pods = it.dependents(state, "pods");
    let done = |phase: &str| pods.iter().filter(|pod| pod.field(5) == phase).count();
    let (succeeded, failed) = (done("Succeeded"), done("Failed"));
    let number =
        |key: &str, default: i64| usize::try_from(it.object["spec"][key].as_i64().unwrap_or(default)).unwrap_or(0);
    let completions = number("completions", 1);
    let is_lost = pods.iter().any(|pod| pod.decode()["metadata"]["annotations"].get(LOST).is_some());
    let end = if succeeded >= completions {
        Some(End::Complete)
    } else if is_late(state, it) {
        Some(End::Failed("DeadlineExceeded", "Job was active longer than specified deadline"))
    } else if failed > number("backoffLimit", 6) {
        Some(End::Failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"))
    } else if is_lost {
        Some(End::Target)
    } else {
        let wanted = number("parallelism", 1).min(completions.saturating_sub(succeeded));
        for _ in living(pods).len()..wanted {
            let pod = new_pod(it, json!({"generateName": format!("{}-", it.entry.key.name)}));
            it.create(state, "pods", pod);
        }
        None
    };
    if matches!(end, Some(End::Failed(..))) {
        for pod in living(it.dependents(state, "pods")) {
            it.delete(state, &pod, "pods");
        }
    }
    let active = living(it.dependents(state, "pods")).len();
    let counts = [("active", count(active)), ("succeeded", count(succeeded)), ("failed", count(failed))];
    keep_status(state, it, status(it, &counts, end));
}

/// How a job ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Complete,
    /// Reason and message.
    Failed(&'static str, &'static str),
    /// It will fail once its last pod is gone, which a lost node never tells.
    Target,
}

fn status(it: &It, counts: &[(&str, i64)], end: Option<End>) -> Value {
    let mut status = json!({"startTime": started(it)});
    set_counts(&mut status, counts);
    let now = seconds(it.now);
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now, "lastProbeTime": now,
        })
    };
    let conditions = match end {
        None => return status,
        Some(End::Complete) => {
            status["completionTime"] = now.as_str().into();
            let message = "Reached expected number of succeeded pods";
            let reason = "CompletionsReached";
            json!([condition("SuccessCriteriaMet", reason, message), condition("Complete", reason, message)])
        }
        Some(End::Failed(reason, message)) => {
            json!([condition("FailureTarget", reason, message), condition("Failed", reason, message)])
        }
        Some(End::Target) => {
            let former = it.object["status"]["conditions"].clone();
            let message = "Pod was lost with its node";
            if former.is_array() { former } else { json!([condition("FailureTarget", "PodFailurePolicy", message)]) }
        }
    };
    status["conditions"] = conditions;
    status
}

fn started(it: &It) -> String {
    let stated = text_at(&it.object, "status.startTime");
    if stated.is_empty() { seconds(it.now) } else { stated.to_owned() }
}

fn ended(job: &Value) -> Option<&Value> {
    let mut conditions = job["status"]["conditions"].as_array()?.iter();
    conditions.find(|condition| matches!(condition["type"].as_str(), Some("Complete" | "Failed")))
}

fn is_finished(job: &Value) -> bool {
    ended(job).is_some()
}

/// Whether the deadline has passed; if there is one to come, the job is looked at then.
fn is_late(state: &mut State, it: &It) -> bool {
    let Some(limit) = it.object["spec"]["activeDeadlineSeconds"].as_i64() else { return false };
    let deadline = started(it).parse().unwrap_or(it.now);
    look_at(state, it, deadline, limit)
}

/// A finished job goes when its time to live is over.
fn expire(state: &mut State, it: &It) {
    let Some(ttl) = it.object["spec"]["ttlSecondsAfterFinished"].as_i64() else { return };
    let finished = ended(&it.object).map_or("", |condition| text_at(condition, "lastTransitionTime"));
    if look_at(state, it, finished.parse().unwrap_or(it.now), ttl) {
        it.delete(state, &it.entry, JOBS);
    }
}

/// Whether `after_seconds` have passed since `from`; else it is looked at again then.
fn look_at(state: &mut State, it: &It, from: Timestamp, after_seconds: i64) -> bool {
    let at = from.saturating_add(SignedDuration::from_secs(after_seconds)).unwrap_or(Timestamp::MAX);
    if at > it.now {
        let table = state.store.intern(JOBS);
        state.agenda.note(at, &table, &it.entry.key);
    }
    at <= it.now
}

/// Writes what became of a job's pod.
pub(crate) fn conclude(state: &mut State, now: Timestamp, pod: &Key, outcome: &Outcome) {
    let (Some(entry), Some(kind)) = (state.store.get("pods", pod).cloned(), state.catalog.by_table("pods").cloned())
    else {
        return;
    };
    let mut object = entry.decode();
    match outcome {
        Outcome::Hang => return,
        Outcome::Succeed { message } => {
            terminate(
                &mut object,
                now,
                "Succeeded",
                &json!({"exitCode": 0, "reason": "Completed", "message": message}),
            );
        }
        Outcome::Fail { exit, message, reason } => {
            terminate(&mut object, now, "Failed", &json!({"exitCode": exit, "reason": reason, "message": message}));
        }
        Outcome::OutOfMemory => terminate(&mut object, now, "Failed", &json!({"exitCode": 137, "reason": "OOMKilled"})),
        Outcome::Evict => {
            terminate(&mut object, now, "Failed", &json!({"exitCode": 137, "reason": "Error"}));
            object["status"]["reason"] = "Evicted".into();
            object["status"]["message"] = "The node was low on resource: memory.".into();
        }
        Outcome::LoseNode => {
            object["metadata"]["annotations"][LOST] = "true".into();
            object["metadata"]["deletionTimestamp"] = seconds(now).into();
            object["metadata"]["deletionGracePeriodSeconds"] = 30.into();
        }
        Outcome::Vanish => {
            let owners: Vec<_> = entry.owners.iter().filter_map(|uid| state.store.place(uid)).cloned().collect();
            for (table, key) in owners {
                state.drop_object(now, &table, &key);
            }
            state.drop_object(now, "pods", pod);
            return;
        }
    }
    state.keep(now, &kind, &object);
}

fn terminate(pod: &mut Value, now: Timestamp, phase: &str, ended: &Value) {
    pod["status"]["phase"] = phase.into();
    let statuses = pod["status"]["containerStatuses"].as_array_mut().into_iter().flatten();
    // What writers of a status put there is theirs.
    for status in statuses.filter(|status| status.is_object()) {
        let mut terminated = ended.clone();
        terminated["startedAt"] = status["state"]["running"]["startedAt"].clone();
        terminated["finishedAt"] = seconds(now).into();
        terminated["containerID"] = status["containerID"].clone();
        status["state"] = json!({"terminated": terminated});
        status["ready"] = false.into();
        status["started"] = false.into();
    }
    for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
        if matches!(condition["type"].as_str(), Some("Ready" | "ContainersReady")) {
            condition["status"] = "False".into();
            condition["reason"] = if phase == "Succeeded" { "PodCompleted" } else { "PodFailed" }.into();
        }
    }
}
