//! Jobs, by the outcomes of their pods.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fixture::{get, send, start};
use crate::{Builder, Outcome, SimCluster};

const JOB: &str = "/apis/batch/v1/namespaces/default/jobs/j";

async fn with_job(spec: Value, outcome: Outcome) -> SimCluster {
    with_job_on(SimCluster::builder().on_job(move |_| ending(outcome.clone())), spec).await
}

async fn with_job_on(builder: Builder, spec: Value) -> SimCluster {
    let sim = start(builder).await;
    sim.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})).unwrap();
    let mut job = json!({"metadata": {"name": "j"}, "spec": spec});
    job["spec"]["template"] = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(send(&sim, "POST", JOB.trim_end_matches("/j"), &job).await.code, 201);
    sim.step(Duration::from_secs(1));
    sim
}

async fn ending(outcome: Outcome) -> Outcome {
    if outcome == Outcome::Hang { std::future::pending().await } else { outcome }
}

async fn conditions(sim: &SimCluster) -> Vec<String> {
    let job = get(sim, JOB).await.body;
    let conditions = job["status"]["conditions"].as_array().into_iter().flatten();
    conditions.map(|one| format!("{} {}", one["type"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect()
}

async fn pods(sim: &SimCluster) -> usize {
    get(sim, "/api/v1/pods").await.names().len()
}

#[tokio::test]
async fn a_job_is_complete_when_its_pod_succeeded_and_leaves_its_message() {
    let sim = with_job(json!({}), Outcome::Succeed { message: "done".to_owned() }).await;
    assert_eq!(conditions(&sim).await, ["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
    let pods = get(&sim, "/api/v1/pods").await.body;
    assert_eq!(pods["items"][0]["status"]["containerStatuses"][0]["state"]["terminated"]["message"], "done");
}

#[tokio::test]
async fn a_job_that_hangs_fails_at_its_deadline_and_goes_after_its_time() {
    let sim = with_job(json!({"activeDeadlineSeconds": 10, "ttlSecondsAfterFinished": 300}), Outcome::Hang).await;
    assert_eq!((conditions(&sim).await.len(), pods(&sim).await), (0, 1));
    sim.step(Duration::from_secs(11));
    assert_eq!(conditions(&sim).await, ["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]);
    sim.step(Duration::from_mins(6));
    assert_eq!((get(&sim, JOB).await.code, pods(&sim).await), (404, 0));
}

#[tokio::test]
async fn a_job_fails_after_as_many_pods_as_it_allows() {
    let outcome = Outcome::Fail { exit: 3, message: "no".to_owned(), reason: "Error".to_owned() };
    let sim = with_job(json!({"backoffLimit": 2}), outcome).await;
    assert_eq!(conditions(&sim).await, ["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]);
    assert_eq!((pods(&sim).await, &get(&sim, JOB).await.body["status"]["failed"]), (3, &json!(3)));
}

#[tokio::test]
async fn a_job_that_vanishes_is_not_found() {
    let sim = with_job(json!({}), Outcome::Vanish).await;
    assert_eq!((get(&sim, JOB).await.code, pods(&sim).await), (404, 0));
}

#[tokio::test]
async fn a_pod_on_a_lost_node_stays_and_its_job_never_says_failed() {
    let sim = with_job(json!({}), Outcome::LoseNode).await;
    sim.step(Duration::from_hours(1));
    assert_eq!((conditions(&sim).await, pods(&sim).await), (vec!["FailureTarget PodFailurePolicy".to_owned()], 1));
}

#[tokio::test]
async fn a_suspended_job_has_no_pods() {
    let sim = with_job(json!({"suspend": true}), Outcome::Hang).await;
    assert_eq!(pods(&sim).await, 0);
    send(&sim, "PATCH", JOB, &json!({"spec": {"suspend": false}})).await;
    sim.step(Duration::from_secs(1));
    assert_eq!(pods(&sim).await, 1);
}

#[tokio::test]
async fn a_pod_ends_whatever_was_written_into_its_status() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let builder = SimCluster::builder().on_job(move |_| {
        let opened = Arc::clone(&opened);
        async move {
            opened.notified().await;
            Outcome::Succeed { message: String::new() }
        }
    });
    let sim = with_job_on(builder, json!({})).await;
    let pod = get(&sim, "/api/v1/pods").await.names()[0].to_owned();
    let odd = json!({"status": {"containerStatuses": ["x", 1, null], "conditions": ["y", []]}});
    let path = format!("/api/v1/namespaces/default/pods/{pod}");
    assert_eq!(send(&sim, "PATCH", &format!("{path}/status"), &odd).await.code, 200);
    gate.notify_one();
    tokio::task::yield_now().await;
    assert_eq!(get(&sim, &path).await.body["status"]["phase"], "Succeeded");
}
