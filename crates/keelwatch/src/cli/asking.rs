//! The words of the commands that ask a controller.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What is asked of a controller.
#[derive(Debug, Subcommand)]
pub enum Get {
    /// Findings: all that are open, those that a filter lets through, or one with all that is known of it
    Findings(Box<GetFindings>),
    /// Violations: processes that should not run, from all nodes
    Violations(GetViolations),
    /// Coverage: what was looked at, what could not be, and why
    Coverage(GetCoverage),
    /// Pods: all of them, those that a filter lets through, or one by any of its names
    Pods(GetPods),
}

/// Which controller is asked, and how.
#[derive(Debug, Args)]
pub struct Connection {
    /// Address of the controller's API
    #[arg(long, value_name = "URL", env = "KEELWATCH_SERVER", default_value = "http://127.0.0.1:18080")]
    pub server: String,
    /// File with the bearer token; else the variable KEELWATCH_TOKEN
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates that the controller is verified by, in place of those of the system
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Which findings, and how they are written. Of several values of one filter any may hold, of several filters all must.
#[derive(Debug, Args)]
pub struct GetFindings {
    /// Fingerprint of one finding, with its pod, related findings and timeline
    #[arg(conflicts_with_all = [
        "source", "severity", "min_severity", "rule", "state", "namespace", "owner", "app", "node", "image", "kind", "stale",
        "since", "query", "sort",
    ])]
    pub fingerprint: Option<String>,
    /// Only of this source: process, workload, image or inspection; may be repeated
    #[arg(long)]
    pub source: Vec<String>,
    /// Only of this severity; may be repeated
    #[arg(long)]
    pub severity: Vec<String>,
    /// Only of this severity and above
    #[arg(long, value_name = "SEVERITY")]
    pub min_severity: Option<String>,
    /// Only of this rule; may be repeated
    #[arg(long)]
    pub rule: Vec<String>,
    /// Only in this state: open, resolved, silenced or all; open if not given; may be repeated
    #[arg(long)]
    pub state: Vec<String>,
    /// Only of this namespace; may be repeated
    #[arg(short, long)]
    pub namespace: Vec<String>,
    /// Only of this owner; may be repeated
    #[arg(long, value_name = "KIND/NAMESPACE/NAME")]
    pub owner: Vec<String>,
    /// Only of this app or devbox; may be repeated
    #[arg(long)]
    pub app: Vec<String>,
    /// Only of this node; may be repeated
    #[arg(long)]
    pub node: Vec<String>,
    /// Only of this image; may be repeated
    #[arg(long, value_name = "DIGEST")]
    pub image: Vec<String>,
    /// Only about subjects of this kind; may be repeated
    #[arg(long)]
    pub kind: Vec<String>,
    /// Only those whose source could not look lately (true), or could (false)
    #[arg(long)]
    pub stale: Option<bool>,
    /// Only those first seen at or after this time, in RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only with this text in title, rule or subject
    #[arg(short, long, value_name = "TEXT")]
    pub query: Option<String>,
    /// In this order: severity, first_seen, last_seen or changed_at; with a - before it, the other way round
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// How they are written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// Which violations, and how they are written.
#[derive(Debug, Args)]
pub struct GetViolations {
    /// Only in this state: open, resolved, silenced or all; open if not given
    #[arg(long)]
    pub state: Option<String>,
    /// Only of this namespace; may be repeated
    #[arg(short, long)]
    pub namespace: Vec<String>,
    /// Only of this severity; may be repeated
    #[arg(long)]
    pub severity: Vec<String>,
    /// Only of this rule; may be repeated
    #[arg(long)]
    pub rule: Vec<String>,
    /// Only of this node; may be repeated
    #[arg(long)]
    pub node: Vec<String>,
    /// Only of an app, or only of a devbox
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Vec<String>,
    /// Only of the app or devbox of this name; may be repeated
    #[arg(long)]
    pub name: Vec<String>,
    /// How they are written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// How coverage is written.
#[derive(Debug, Args)]
pub struct GetCoverage {
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// What to do with silences.
#[derive(Debug, Subcommand)]
pub enum Silence {
    /// Begin one; at least one filter besides --source is needed
    Add(Box<SilenceAdd>),
    /// Show them
    List(SilenceList),
    /// End one now
    Remove(SilenceRemove),
}

/// A new silence. A filter is an exact text, or ends in one `*`.
#[derive(Debug, Args)]
pub struct SilenceAdd {
    /// Who decides it
    #[arg(long)]
    pub owner: String,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// When it ends: a time in RFC 3339, or a duration from now such as 8h or 30d; at most 366 days
    #[arg(long, value_name = "TIME|DURATION")]
    pub until: String,
    /// Findings of this source
    #[arg(long)]
    pub source: Option<String>,
    /// Findings of this rule
    #[arg(long)]
    pub rule: Option<String>,
    /// Findings in this namespace
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Findings of this owner
    #[arg(long = "workload", value_name = "KIND/NAMESPACE/NAME")]
    pub workload: Option<String>,
    /// Findings of this app or devbox
    #[arg(long)]
    pub app: Option<String>,
    /// Findings on this node
    #[arg(long)]
    pub node: Option<String>,
    /// Findings of this image
    #[arg(long, value_name = "DIGEST")]
    pub image: Option<String>,
    /// Findings about subjects of this kind
    #[arg(long)]
    pub kind: Option<String>,
    /// The finding with this fingerprint
    #[arg(long)]
    pub fingerprint: Option<String>,
    /// Only say what would be silenced
    #[arg(long)]
    pub dry_run: bool,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// Which silences, and how they are written.
#[derive(Debug, Args)]
pub struct SilenceList {
    /// Only in this state: active, ended or all; active if not given
    #[arg(long)]
    pub state: Option<String>,
    /// How they are written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// The silence that ends.
#[derive(Debug, Args)]
pub struct SilenceRemove {
    /// Its id
    pub id: String,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// What to see of responses.
#[derive(Debug, Subcommand)]
pub enum Responses {
    /// What would be written to the cluster and sent, and what not and why; nothing is done
    Preview(ResponsesPreview),
}

/// What is previewed, and how it is written.
#[derive(Debug, Args)]
pub struct ResponsesPreview {
    /// Only about these findings, by fingerprint; all open ones if none is given
    pub findings: Vec<String>,
    /// A YAML or JSON file with a `responses` section to try in place of the running one
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Have the API server check each object, without storing it
    #[arg(long)]
    pub server_dry_run: bool,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// Which pods, and how they are written.
#[derive(Debug, Args)]
pub struct GetPods {
    /// Name of one pod; needs --namespace
    #[arg(requires = "namespace", conflicts_with_all = ["node", "selector", "owner", "phase", "image"])]
    pub name: Option<String>,
    /// Only pods of this namespace
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Only pods of this node
    #[arg(long)]
    pub node: Option<String>,
    /// Only pods whose labels match, as for kubectl
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Only pods of this owner
    #[arg(long, value_name = "KIND/NAMESPACE/NAME")]
    pub owner: Option<String>,
    /// Only pods in this phase
    #[arg(long)]
    pub phase: Option<String>,
    /// Only pods with this text in the name of an image
    #[arg(long)]
    pub image: Option<String>,
    /// The pod of this uid, or of this configuration hash
    #[arg(long, conflicts_with_all = [
        "name", "ip", "container", "namespace", "node", "selector", "owner", "phase", "image",
    ])]
    pub uid: Option<String>,
    /// The pods that have this address, those on the network of their node too
    #[arg(long, conflicts_with_all = ["name", "container"])]
    pub ip: Option<String>,
    /// The pod of the container with this id, or with an id that begins so
    #[arg(long, conflicts_with_all = ["name", "namespace", "node", "selector", "owner", "phase", "image"])]
    pub container: Option<String>,
    /// Pods that were deleted lately, too
    #[arg(long)]
    pub deleted: bool,
    /// How they are written
    #[arg(short, long, value_enum, default_value_t = Listing::Table)]
    pub output: Listing,
    /// Which controller is asked.
    #[command(flatten)]
    pub connection: Connection,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Columns for people, as wide as the terminal
    Table,
    /// More columns, as wide as they need
    Wide,
    /// What the API answers, as JSON
    Json,
    /// What the API answers, as YAML
    Yaml,
}
