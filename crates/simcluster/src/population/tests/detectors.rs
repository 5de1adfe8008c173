//! Faults found by looking, against those that the population says it planted.
//!
//! The detectors here are small and written from what each fault means, not from how it is planted. Every one looks at
//! the whole population, so that they also show that nothing else is wrong.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::{of_kind, sizes};
use crate::population::{Object, population};

/// Kind, namespace, name and container.
type Place = (String, String, String, String);

/// What is judged: everything outside of the system's own namespaces.
struct World {
    objects: Vec<Object>,
    judged: Vec<Value>,
}

/// Small enough to be made in a test, large enough for two of most faults.
const PODS: u32 = 2_500;

static WORLD: LazyLock<World> = LazyLock::new(World::new);

const SKIPPED: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

impl World {
    fn new() -> Self {
        let objects: Vec<Object> = population(7, &sizes(PODS)).objects(2).collect();
        let workloads = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "CronJob", "Job", "Pod"];
        let judged = workloads.iter().flat_map(|kind| of_kind(&objects, kind));
        let is_served = |owner: &Value| {
            !["Devbox", "RayCluster", "VirtualMachineInstance"].iter().any(|kind| owner["kind"] == **kind)
        };
        let is_top =
            |object: &Value| !object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(is_served);
        let judged = judged.filter(|object| is_judged(object) && is_top(object)).collect();
        Self { objects, judged }
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        of_kind(&self.objects, kind).into_iter().filter(is_judged).collect()
    }

    /// Containers of judged workloads about which `says` has something to say.
    fn containers(&self, says: impl Fn(&Value, &Value) -> bool) -> BTreeSet<Place> {
        let mut found = BTreeSet::new();
        for object in &self.judged {
            let spec = pod_spec(object);
            let regular = spec["containers"].as_array().into_iter().flatten();
            for container in regular.chain(spec["initContainers"].as_array().into_iter().flatten()) {
                if says(spec, container) {
                    found.insert(place(object, container["name"].as_str().unwrap()));
                }
            }
        }
        found
    }

    fn workloads(&self, says: impl Fn(&Value) -> bool) -> BTreeSet<Place> {
        self.judged.iter().filter(|object| says(object)).map(|object| place(object, "")).collect()
    }
}

/// Whether an object of this kind in the namespace of `object` selects its pods.
fn is_selected(object: &Value, by: &[Value]) -> bool {
    let labels = &template(object)["metadata"]["labels"];
    by.iter().filter(|one| one["metadata"]["namespace"] == object["metadata"]["namespace"]).any(|one| {
        let selector = &one["spec"]["selector"];
        let selector = selector.get("matchLabels").unwrap_or(selector);
        selector.as_object().unwrap().iter().all(|(key, value)| labels.get(key) == Some(value))
    })
}

fn is_judged(object: &Value) -> bool {
    !SKIPPED.iter().any(|name| object["metadata"]["namespace"] == **name)
}

fn template(object: &Value) -> &Value {
    match object["kind"].as_str().unwrap() {
        "Pod" => object,
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => &object["spec"]["template"],
    }
}

fn pod_spec(object: &Value) -> &Value {
    &template(object)["spec"]
}

fn place(object: &Value, container: &str) -> Place {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    (text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]), container.to_owned())
}

#[track_caller]
fn check(codes: &[&str], found: impl FnOnce(&World) -> BTreeSet<Place>) {
    let planted = population(7, &sizes(PODS)).planted();
    let expected: BTreeSet<Place> = planted
        .plantings
        .into_iter()
        .filter(|planting| codes.contains(&planting.code))
        .map(|planting| (planting.kind.to_owned(), planting.namespace, planting.name, planting.container))
        .collect();
    assert!(!expected.is_empty(), "{codes:?}");
    let found = found(&WORLD);
    // All of them together would fill the screen.
    let missing: Vec<_> = expected.difference(&found).take(5).collect();
    let unexpected: Vec<_> = found.difference(&expected).take(5).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing {missing:?}\nunexpected {unexpected:?}");
}

/// Thousandths of a core or MiB, as far as the population writes quantities.
fn amount(value: &Value) -> Option<f64> {
    let text = value.as_str()?;
    let number = |end: &str, factor: f64| Some(text.strip_suffix(end)?.parse::<f64>().unwrap() * factor);
    number("Gi", 1024.0)
        .or_else(|| number("Mi", 1.0))
        .or_else(|| number("m", 1.0))
        .or_else(|| Some(text.parse::<f64>().unwrap() * 1000.0))
}

fn resource(container: &Value, list: &str, name: &str) -> Option<f64> {
    amount(&container["resources"][list][name])
}

#[test]
fn resources_are_missing_where_it_was_planted() {
    let lacks =
        |container: &Value, list: &str| ["cpu", "memory"].iter().any(|name| resource(container, list, name).is_none());
    check(&["R001"], |world| {
        world.containers(|_, container| lacks(container, "requests") || lacks(container, "limits"))
    });
}

#[test]
fn requests_are_too_large_where_it_was_planted() {
    let is_over = |container: &Value| {
        resource(container, "requests", "cpu") > Some(2000.0)
            || resource(container, "requests", "memory") > Some(4096.0)
    };
    check(&["R002"], |world| world.containers(|_, container| is_over(container)));
}

#[test]
fn limits_do_not_fit_requests_where_it_was_planted() {
    let is_off = |container: &Value, name: &str, most: f64| {
        let (request, limit) = (resource(container, "requests", name), resource(container, "limits", name));
        request.zip(limit).is_some_and(|(request, limit)| request > limit || limit > request * most)
    };
    check(&["R004"], |world| {
        world.containers(|_, container| is_off(container, "cpu", 10.0) || is_off(container, "memory", 4.0))
    });
}

#[test]
fn usage_is_declared_where_it_was_planted() {
    let found = |world: &World| {
        let declared = world.workloads(|object| {
            let usage = object["metadata"]["annotations"].get("sim.keelwatch.io/usage");
            usage.is_some_and(|usage| usage == "0.1" || usage == "0.95")
        });
        declared.into_iter().map(|(kind, namespace, name, _)| (kind, namespace, name.clone(), name)).collect()
    };
    check(&["R003", "R005"], found);
}

#[test]
fn probes_are_missing_where_it_was_planted() {
    let lacks =
        |container: &Value| ["livenessProbe", "readinessProbe"].iter().any(|probe| container.get(probe).is_none());
    let serves = |spec: &Value, container: &Value| {
        spec["restartPolicy"] == "Always" && spec["containers"].as_array().unwrap().contains(container)
    };
    check(&["W001"], |world| world.containers(|spec, container| serves(spec, container) && lacks(container)));
}

#[test]
fn images_are_not_pinned_where_it_was_planted() {
    let is_loose = |image: &str| {
        let name = image.rsplit('/').next().unwrap();
        !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"))
    };
    check(&["W002"], |world| world.containers(|_, container| is_loose(container["image"].as_str().unwrap())));
}

#[test]
fn containers_are_insecure_where_it_was_planted() {
    let is_insecure = |pod: &Value, container: &Value| {
        let (pod, own) = (&pod["securityContext"], &container["securityContext"]);
        let value = |key: &str| own.get(key).or(pod.get(key)).cloned().unwrap_or_default();
        let capabilities = &own["capabilities"];
        value("privileged") == true
            || value("runAsUser") == 0
            || (value("runAsNonRoot") != true && value("runAsUser").is_null())
            || own["allowPrivilegeEscalation"] != false
            || capabilities.get("add").is_some()
            || capabilities["drop"][0] != "ALL"
            || value("seccompProfile")["type"] != "RuntimeDefault"
    };
    check(&["W003"], |world| world.containers(is_insecure));
    check(&["W011"], |world| {
        world.containers(|_, container| container["securityContext"]["readOnlyRootFilesystem"] != true)
    });
}

#[test]
fn the_host_is_open_where_it_was_planted() {
    let is_open = |object: &Value| {
        let spec = pod_spec(object);
        let has_path = spec["volumes"].as_array().unwrap().iter().any(|volume| volume.get("hostPath").is_some());
        let has_port =
            spec["containers"].as_array().unwrap().iter().any(|one| one["ports"][0].get("hostPort").is_some());
        has_path || has_port || ["hostPID", "hostNetwork", "hostIPC"].iter().any(|key| spec[*key] == true)
    };
    check(&["W004"], |world| world.workloads(is_open));
}

#[test]
fn replicas_are_too_many_or_not_spread_where_it_was_planted() {
    check(&["W005"], |world| world.workloads(|object| object["spec"]["replicas"].as_u64() > Some(10)));
    let is_together = |object: &Value| {
        object["spec"]["replicas"].as_u64() > Some(1) && pod_spec(object).get("topologySpreadConstraints").is_none()
    };
    check(&["W010"], |world| world.workloads(is_together));
}

#[test]
fn budgets_are_missing_where_it_was_planted() {
    check(&["W006", "W012"], |world| {
        let (services, budgets) = (world.all("Service"), world.all("PodDisruptionBudget"));
        world.workloads(|object| {
            ["Deployment", "StatefulSet", "Rollout"].iter().any(|kind| object["kind"] == **kind)
                && is_selected(object, &services)
                && !is_selected(object, &budgets)
        })
    });
}

#[test]
fn budgets_block_or_select_nothing_where_it_was_planted() {
    check(&["W009"], |world| {
        let is_wrong = |budget: &&Value| {
            let alone = std::slice::from_ref(*budget);
            budget["spec"]["maxUnavailable"] == 0 || !world.judged.iter().any(|object| is_selected(object, alone))
        };
        world.all("PodDisruptionBudget").iter().filter(is_wrong).map(|budget| place(budget, "")).collect()
    });
}

#[test]
fn secrets_are_in_the_environment_where_it_was_planted() {
    let is_secret = |env: &Value| env["name"].as_str().unwrap().contains("PASSWORD") && env.get("value").is_some();
    check(&["W007"], |world| {
        world.containers(|_, container| container["env"].as_array().into_iter().flatten().any(is_secret))
    });
}

#[test]
fn tokens_of_the_default_account_are_mounted_where_it_was_planted() {
    check(&["W008"], |world| {
        world.workloads(|object| {
            let spec = pod_spec(object);
            spec["serviceAccountName"] == "default" && spec["automountServiceAccountToken"] != false
        })
    });
}

#[test]
fn references_lead_nowhere_where_it_was_planted() {
    check(&["W013"], |world| {
        let known: BTreeSet<Place> = ["ServiceAccount", "PersistentVolumeClaim"]
            .iter()
            .flat_map(|kind| world.all(kind))
            .map(|one| place(&one, ""))
            .collect();
        world.workloads(|object| {
            let namespace = object["metadata"]["namespace"].as_str().unwrap();
            let lacks = |kind: &str, name: &Value| {
                let name = name.as_str().unwrap().to_owned();
                !known.contains(&(kind.to_owned(), namespace.to_owned(), name, String::new()))
            };
            let spec = pod_spec(object);
            let mut claims = spec["volumes"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName"));
            lacks("ServiceAccount", &spec["serviceAccountName"])
                || claims.any(|name| lacks("PersistentVolumeClaim", name))
        })
    });
}

#[test]
fn services_and_routes_lead_nowhere_where_it_was_planted() {
    check(&["S001"], |world| {
        let is_wrong = |service: &&Value| {
            let alone = std::slice::from_ref(*service);
            service["spec"]["ports"][0]["targetPort"] != "http"
                || !world.judged.iter().any(|object| is_selected(object, alone))
        };
        world.all("Service").iter().filter(is_wrong).map(|service| place(service, "")).collect()
    });
    check(&["S002"], |world| {
        let services: BTreeSet<Place> = world.all("Service").iter().map(|service| place(service, "")).collect();
        let is_wrong = |ingress: &&Value| {
            let name = ingress.pointer("/spec/rules/0/http/paths/0/backend/service/name").unwrap().as_str().unwrap();
            let (_, namespace, ..) = place(ingress, "");
            !services.contains(&("Service".to_owned(), namespace, name.to_owned(), String::new()))
        };
        world.all("Ingress").iter().filter(is_wrong).map(|ingress| place(ingress, "")).collect()
    });
    check(&["S003"], |world| {
        let services = world.all("Service").into_iter().filter(|service| service["spec"]["type"] != "ClusterIP");
        services.map(|service| place(&service, "")).collect()
    });
}

#[test]
fn namespaces_lack_bounds_where_it_was_planted() {
    let without = |world: &World, kind: &str| {
        let used: BTreeSet<String> = world.all("Pod").iter().map(|pod| place(pod, "").1).collect();
        let bound: BTreeSet<String> = world.all(kind).iter().map(|one| place(one, "").1).collect();
        let open = used.difference(&bound);
        open.map(|name| ("Namespace".to_owned(), name.clone(), name.clone(), String::new())).collect()
    };
    check(&["N001"], |world| without(world, "LimitRange"));
    check(&["N002"], |world| without(world, "NetworkPolicy"));
}

#[test]
fn pods_are_unhealthy_where_it_was_planted() {
    check(&["P001"], |world| {
        let is_ill = |pod: &&Value| {
            let ready = pod["status"]["conditions"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["type"] == "Ready" && one["status"] == "True");
            let killed = pod.pointer("/status/containerStatuses/0/lastState/terminated/reason");
            pod["status"]["phase"] == "Pending" || (pod["status"]["phase"] == "Running" && (!ready || killed.is_some()))
        };
        let sets = world.all("ReplicaSet");
        let owner = |pod: &Value| {
            let set =
                sets.iter().find(|set| set["metadata"]["uid"] == pod["metadata"]["ownerReferences"][0]["uid"]).unwrap();
            let owner = &set["metadata"]["ownerReferences"][0];
            (
                owner["kind"].as_str().unwrap().to_owned(),
                place(set, "").1,
                owner["name"].as_str().unwrap().to_owned(),
                String::new(),
            )
        };
        world.all("Pod").iter().filter(is_ill).map(owner).collect()
    });
}

#[test]
fn every_fault_is_planted_in_a_large_cluster() {
    let planted = population(7, &sizes(20_000)).planted();
    let faults: BTreeSet<_> = planted.plantings.iter().map(|planting| planting.fault).collect();
    assert_eq!(faults.len(), 59, "{faults:?}");
    assert_eq!(planted.count("P002"), 1);
}

#[test]
fn cron_jobs_are_careless_where_it_was_planted() {
    check(&["C001"], |world| {
        let jobs = of_kind(&world.objects, "Job");
        let is_careless = |object: &Value| {
            let runs: Vec<&Value> = jobs
                .iter()
                .filter(|job| job["metadata"]["ownerReferences"][0]["uid"] == object["metadata"]["uid"])
                .collect();
            let failed = |job: &&&Value| job["status"].get("failed").is_some();
            let newest = runs
                .iter()
                .filter(|job| job["status"].get("conditions").is_some())
                .max_by_key(|job| job["status"]["startTime"].to_string());
            object["spec"].get("startingDeadlineSeconds").is_none()
                || object["spec"]["concurrencyPolicy"] == "Allow"
                || runs.iter().filter(failed).count() > 5
                || newest.iter().any(failed)
        };
        world.workloads(|object| object["kind"] == "CronJob" && is_careless(object))
    });
}
