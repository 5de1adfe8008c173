//! `keelwatch node` over fixture trees: what it serves, what a reload changes, how it stops.

use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::proc_tree::{ProcTree, miner, ordinary};
use crate::program::{Running, start, write};

/// A node that listens on ports of its own.
pub(crate) struct Node {
    pub(crate) program: Running,
    pub(crate) api: String,
    pub(crate) metrics: String,
    pub(crate) client: Client,
    directory: TempDir,
    log: Arc<Mutex<Vec<Value>>>,
}

/// Long enough for a slow machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Settings of a node over a fixture tree. `listen` and `processes` are more keys of these sections, `more` is more
/// sections.
pub(crate) fn settings(tree: &ProcTree, listen: &str, processes: &str, more: &str) -> String {
    format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0', {listen}}}\nlog: {{format: json}}\n\
         processes: {{proc: '{}', cpu_share: 1.0, rules: ['{}'], {processes}}}\n{more}\n",
        tree.arg(),
        rules_of(tree).display(),
    )
}

fn rules_of(tree: &ProcTree) -> std::path::PathBuf {
    tree.path().join("rules.yaml")
}

impl Node {
    /// Starts a node with an empty rules file beside the built-in packs.
    pub(crate) fn start(tree: &ProcTree, more: &str) -> Self {
        write(tree.path(), "rules.yaml", "version: 1\n");
        Self::start_as_it_is(tree, more)
    }

    fn start_as_it_is(tree: &ProcTree, more: &str) -> Self {
        let rules = format!("rules: [builtin, '{}']", rules_of(tree).display());
        let text = format!(
            "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n\
             processes: {{proc: '{}', every: 500ms, cpu_share: 1.0, {rules}}}\n{more}\n",
            tree.arg(),
        );
        Self::with(&text)
    }

    /// Starts a node by the text of its settings, which say that the log is JSON.
    pub(crate) fn with(text: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = write(directory.path(), "keelwatch.yaml", text);
        Self::of(start(&["node", "--settings", &file]), directory)
    }

    /// The node that was just started, with the folder that its settings are in.
    pub(crate) fn of(mut program: Running, directory: TempDir) -> Self {
        let lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
        let (mut metrics, mut api) = (None, None);
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        while metrics.is_none() || api.is_none() {
            let line = lines.next().expect("a node says where it listens");
            log.lock().unwrap().push(line.clone());
            let Some(address) = line["address"].as_str() else { continue };
            let of_api = line["message"].as_str().is_some_and(|message| message.contains("for api"));
            *(if of_api { &mut api } else { &mut metrics }) = Some(format!("http://{address}"));
        }
        // A log that nobody reads would stop the program.
        let told = Arc::clone(&log);
        std::thread::spawn(move || lines.for_each(|line| told.lock().unwrap().push(line)));
        // A second installation finds the first, which is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { program, api: api.unwrap(), metrics: metrics.unwrap(), client, directory, log }
    }

    /// Writes other settings into the file.
    pub(crate) fn configure(&self, text: &str) {
        write(self.directory.path(), "keelwatch.yaml", text);
    }

    /// Whether a line of the log holds this text in its message.
    pub(crate) fn has_told(&self, text: &str) -> bool {
        let log = self.log.lock().unwrap();
        log.iter().any(|line| line["message"].as_str().is_some_and(|message| message.contains(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.api)).send().await.unwrap()
    }

    /// The value of one series of the metrics.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let scraped = self.client.get(format!("{}/metrics", self.metrics)).send().await.unwrap().text().await.unwrap();
        let line = scraped.lines().find_map(|line| line.strip_prefix(series));
        line.and_then(|value| value.trim().parse().ok())
    }

    /// Asks again until the answer will do.
    pub(crate) async fn until<T>(&self, path: &str, found: impl AsyncFn(Response) -> Option<T>) -> T {
        let asking = async {
            loop {
                if let Some(found) = found(self.get(path).await).await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
            let log = self.log.lock().unwrap();
            panic!("{path} does not change; the log ends with {:#?}", &log[log.len().saturating_sub(5)..])
        })
    }

    /// Waits until so many violations are open.
    pub(crate) async fn until_open(&self, count: usize) -> Vec<Value> {
        self.until("/api/violations", async |response| {
            let violations: Vec<Value> = response.json().await.ok()?;
            (violations.len() == count).then_some(violations)
        })
        .await
    }

    pub(crate) async fn until_ready_says(&self, text: &str) -> String {
        self.until("/readyz?verbose", async |response| {
            let told = response.text().await.unwrap();
            told.contains(text).then_some(told)
        })
        .await
    }

    /// Waits until the answer has this status.
    pub(crate) async fn until_status(&self, path: &str, status: StatusCode) {
        self.until(path, async |response| (response.status() == status).then_some(())).await;
    }
}

/// Everybody may read.
pub(crate) const OPEN: &str = "auth: {anonymous_reads: true}";

#[tokio::test]
async fn a_node_serves_what_runs_and_forgets_what_is_gone() {
    let tree = ordinary().with(miner(412));
    let node = Node::start(&tree, OPEN);
    let open = node.until_open(1).await;
    assert_eq!(json!([open[0]["pid"], open[0]["rule"], open[0]["node"]]), json!([412, "miner-name", "worker-3"]));
    tree.remove(412);
    node.until_open(0).await;
    let resolved: Vec<Value> = node.get("/api/violations?state=resolved").await.json().await.unwrap();
    assert_eq!(json!([resolved[0]["pid"], resolved[0]["resolved_reason"]]), json!([412, "process-gone"]));
}

#[tokio::test]
async fn who_has_the_list_is_told_304_with_the_same_headers() {
    let tree = ordinary().with(miner(412));
    let node = Node::start(&tree, OPEN);
    node.until_open(1).await;
    let first = node.get("/api/violations").await;
    let etag = first.headers()["etag"].clone();
    let request = node.client.get(format!("{}/api/violations", node.api)).header("if-none-match", &etag);
    let second = request.send().await.unwrap();
    assert_eq!((second.status(), &second.headers()["etag"]), (StatusCode::NOT_MODIFIED, &etag));
    for name in ["keelwatch-node", "keelwatch-boot", "keelwatch-last-pass", "keelwatch-passes", "keelwatch-rules"] {
        assert!(second.headers().contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn reads_need_a_credential_unless_they_are_open() {
    let token = "auth: {tokens: [{name: ops, scopes: [read], \
                 sha256: b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053}]}";
    let node = Node::start(&ordinary(), token);
    for path in ["/api/violations", "/api/v1/rules", "/api/v1/coverage"] {
        let refused = node.get(path).await;
        assert_eq!(
            (refused.status(), &refused.headers()["www-authenticate"]),
            (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
        );
    }
    assert_eq!(node.get("/health").await.json::<Value>().await.unwrap(), json!({"status": "ok"}));
    node.until_ready_says("[+]first-pass ok").await;
    let with_token = node.client.get(format!("{}/api/violations", node.api)).bearer_auth("t0ken");
    assert_eq!(with_token.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn another_method_is_told_which_are_accepted() {
    let node = Node::start(&ordinary(), OPEN);
    let refused = node.client.post(format!("{}/api/violations", node.api)).send().await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
    );
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn rules_are_reloaded_and_bad_ones_change_nothing() {
    let tree = ordinary();
    let node = Node::start(&tree, OPEN);
    node.until_open(0).await;
    let shell =
        "version: 1\nrules: [{id: corp-shell, name: Shell, match: {process: bash}, severity: low, action: report}]\n";
    write(tree.path(), "rules.yaml", shell);
    assert_eq!(node.until_open(1).await[0]["rule"], "corp-shell");
    write(tree.path(), "rules.yaml", "version: 2\n");
    let told = node.until_ready_says("[!]rules").await;
    assert!(told.contains("rules.yaml:1:10"), "{told}");
    assert_eq!(node.until_open(1).await[0]["rule"], "corp-shell");
    write(tree.path(), "rules.yaml", "version: 1\n");
    node.until_open(0).await;
    let resolved: Vec<Value> = node.get("/api/violations?state=resolved").await.json().await.unwrap();
    assert_eq!(resolved[0]["resolved_reason"], "rule-removed");
}

#[tokio::test]
async fn without_a_good_set_at_the_start_the_built_in_packs_run_and_the_node_is_not_ready() {
    let tree = ordinary().with(miner(412));
    write(tree.path(), "rules.yaml", "version: 2\n");
    let node = Node::start_as_it_is(&tree, OPEN);
    assert_eq!(node.until_open(1).await[0]["rule"], "miner-name");
    assert_eq!(node.get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    write(tree.path(), "rules.yaml", "version: 1\n");
    node.until_ready_says("[+]rules ok").await;
}

#[tokio::test]
async fn metrics_are_served_beside_the_api() {
    let node = Node::start(&ordinary().with(miner(412)), OPEN);
    node.until_open(1).await;
    let scraped = node.client.get(format!("{}/metrics", node.metrics)).send().await.unwrap().text().await.unwrap();
    for name in [
        "keelwatch_violations_open{",
        "keelwatch_processes_up ",
        "keelwatch_build_info{",
        "process_resident_memory_bytes ",
    ] {
        assert!(scraped.lines().any(|line| line.starts_with(name)), "{name} in {scraped}");
    }
}

#[tokio::test]
async fn coverage_says_what_the_last_pass_saw() {
    let node = Node::start(&ordinary(), OPEN);
    node.until_ready_says("[+]first-pass ok").await;
    let coverage: Value = node.get("/api/v1/coverage").await.json().await.unwrap();
    assert_eq!(json!([coverage["node"], coverage["last_pass"]["seen"]]), json!(["worker-3", 7]));
}

#[tokio::test]
async fn a_node_stops_cleanly_on_sigterm_and_starts_again_after_sigkill() {
    let tree = ordinary().with(miner(412));
    let mut node = Node::start(&tree, OPEN);
    node.until_open(1).await;
    node.program.signal(Signal::KILL);
    node.program.0.wait().unwrap();
    let mut node = Node::start(&tree, OPEN);
    node.until_open(1).await;
    node.program.signal(Signal::TERM);
    assert_eq!(node.program.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_port_in_use_is_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (tree, directory) = (ordinary(), TempDir::new().unwrap());
    let text = format!("listen: {{api: '127.0.0.1:0', metrics: '{address}'}}\nprocesses: {{proc: '{}'}}\n", tree.arg());
    let file = write(directory.path(), "keelwatch.yaml", &text);
    let run = crate::program::keelwatch(&["node", "--settings", &file]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.lines().any(|line| line.contains(&address) && line.starts_with("keelwatch: ")), "{run:?}");
}
