//! The grammar of the command line.
//!
//! Owns words, flags and their help. What a command does is in the module of its name.

mod asking;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use api::Severity;
use clap::builder::{EnumValueParser, NonEmptyStringValueParser, PossibleValue};
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;

pub use asking::{
    Connection, Get, GetCoverage, GetFindings, GetPods, GetViolations, Listing, Responses, ResponsesPreview, Silence,
    SilenceAdd, SilenceList, SilenceRemove,
};

/// Finds processes that should not run, on one host or on every node of a cluster.
#[derive(Debug, Parser)]
#[command(name = "keelwatch", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Settings file; /etc/keelwatch/keelwatch.yaml if that exists, else every key has its default
    #[arg(long, global = true, value_name = "FILE", env = "KEELWATCH_SETTINGS", hide_env_values = true)]
    pub settings: Option<OsString>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the processes of this host, once; needs no cluster and no settings
    #[command(after_help = EXIT_OF_SCAN)]
    Scan(Scan),
    /// Watch this host: scan again and again, keep violations and serve them
    Node,
    /// Watch a cluster: know every pod, and answer whose it is; runs once per cluster, or in replicas
    Controller,
    /// Show it all over a simulated cluster, until interrupted: nothing to install, no file left behind
    #[command(after_help = AFTER_DEMO)]
    Demo(Demo),
    /// Ask a controller
    #[command(subcommand)]
    Get(Get),
    /// Mute findings until a date, with a reason; they stay listed and start no response
    #[command(subcommand)]
    Silence(Silence),
    /// See what is done about findings
    #[command(subcommand)]
    Responses(Responses),
    /// Read, check and try rules
    #[command(subcommand)]
    Rules(Rules),
    /// Check and show settings
    #[command(subcommand)]
    Config(Config),
    /// Check, copy or measure the store of findings, tasks and results
    #[command(subcommand)]
    Storage(Storage),
    /// Write a completion script to standard output
    Completions {
        /// The shell that reads it
        shell: Shell,
    },
    /// Write the manual: this program's page to standard output, or every page into a directory
    Man {
        /// Directory for one page per command
        directory: Option<PathBuf>,
    },
}

const EXIT_OF_SCAN: &str = "\
Exit status:
  0  no match at or above --fail-on
  1  some
  2  usage, settings or rules are wrong, or the process table cannot be read";

const AFTER_DEMO: &str = "\
Three simulated nodes and this machine are watched by one controller. A miner starts in a simulated pod
after 10 s and stops 90 s after the start. What is found on this machine is real.";

/// What is simulated.
#[derive(Debug, Args)]
pub struct Demo {
    /// The simulated API server and nothing else
    #[arg(long)]
    pub api_only: bool,
    /// Where the controller listens on this machine, 127.0.0.1:18080 if not given; with --api-only the API server, 127.0.0.1:6443
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where the metrics of the simulated API server are served, to everybody; a free port of this machine if not given
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// Token of the controller and the nodes, random if not given; with --api-only of the API server, where without one
    /// everybody on this machine is an administrator
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub token: Option<String>,
    /// Serve the API over TLS, with a certificate made at the start; needed, with --token, to listen beyond this machine
    #[arg(long, requires = "api_only")]
    pub tls: bool,
    /// Nodes of the cluster; 3 if not given, with --api-only 20
    #[arg(long, value_parser = value_parser!(u32).range(0..=5_000))]
    pub nodes: Option<u32>,
    /// Pods of the cluster; 60 if not given, with --api-only 1000
    #[arg(long, value_parser = value_parser!(u32).range(0..=200_000))]
    pub pods: Option<u32>,
    /// Seed of everything that looks random; 7 if not given
    #[arg(long)]
    pub seed: Option<u64>,
    /// Changes of pods per second; none if not given
    #[arg(long, value_parser = value_parser!(u32).range(0..=20_000))]
    pub churn: Option<u32>,
    /// Kubeconfig to write; without it one in a temporary folder, removed at the end
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Write the settings of the controller and of every node, and end
    #[arg(long, conflicts_with = "api_only")]
    pub print_settings: bool,
}

/// What is scanned and how it is told.
#[derive(Debug, Args)]
pub struct Scan {
    /// Process table to read: an absolute directory, or auto for /host/proc if that is a directory, else /proc
    #[arg(long, value_name = "DIR")]
    pub proc: Option<String>,
    /// Rule set, in place of that of the settings: a file, builtin, or builtin:PACK; may be repeated
    #[arg(long = "rules", value_name = "FILE")]
    pub rules: Vec<String>,
    /// How matches are written
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Exit with 1 only for matches of this severity and above
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = EnumValueParser::<Level>::new())]
    pub fail_on: Level,
    /// Go on until interrupted and write what changes
    #[arg(long)]
    pub watch: bool,
    /// Write every process with its verdict: match, exempt or clean
    #[arg(long)]
    pub all: bool,
}

/// How matches are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people, as wide as the terminal
    Table,
    /// More columns, as wide as they need
    Wide,
    /// One JSON object: host, coverage and items
    Json,
    /// One JSON object a line
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
}

/// A severity as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(pub Severity);

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Show the rules of a set: those of the settings, or of the files given
    List {
        /// A file, builtin, or builtin:PACK
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a set: every error with its line and column, and what is risky
    Validate {
        /// A file, builtin, or builtin:PACK
        #[arg(value_name = "FILE")]
        files: Vec<String>,
    },
    /// Run the examples of a set
    Test {
        /// A file, builtin, or builtin:PACK
        #[arg(value_name = "FILE")]
        files: Vec<String>,
    },
    /// Turn rules of ProcScan into rules of Keelwatch, and say what was changed or left out
    Import {
        /// The former settings file
        file: PathBuf,
        /// Where the rules go; standard output if not given
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Judge the processes of a JSON Lines file again, and show matches gained (+) and lost (-)
    Replay {
        /// The rule set that judges; may be repeated
        #[arg(long = "rules", value_name = "FILE", required = true)]
        rules: Vec<String>,
        /// The rule set to compare with; may be repeated. Without it: what the file says
        #[arg(long, value_name = "FILE")]
        against: Vec<String>,
        /// Output of `keelwatch scan -o jsonl`, best with --all
        file: PathBuf,
    },
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say everything that is wrong with a settings file
    Check {
        /// The file, in place of --settings
        file: Option<PathBuf>,
    },
    /// Write the settings in force, each with its origin; secrets as ***
    Print {
        /// The file, in place of --settings
        file: Option<PathBuf>,
    },
    /// Write the JSON Schema of the settings, for editors
    Schema,
}

/// What to do with the store that `storage.url` names. The process that uses it may go on.
#[derive(Debug, Subcommand)]
pub enum Storage {
    /// Read all of it and say what is wrong
    #[command(after_help = EXIT_OF_CHECK)]
    Check,
    /// Copy it into a new file while it is in use; of PostgreSQL, write the command that does
    #[command(after_help = EXIT_OF_BACKUP)]
    Backup {
        /// The new file; one that exists is never replaced
        file: PathBuf,
    },
    /// Show where it is, its schema and its sizes
    Info,
}

const EXIT_OF_CHECK: &str = "\
Exit status:
  0  it is sound
  1  it is damaged
  2  it cannot be read, or a later program is needed";

const EXIT_OF_BACKUP: &str = "\
Exit status:
  0  the copy is complete and on disk
  2  there is no copy: the reason is told, or for PostgreSQL the command to run";

impl ValueEnum for Level {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Level; 4] =
            [Level(Severity::Low), Level(Severity::Medium), Level(Severity::High), Level(Severity::Critical)];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_has_help() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "`{}` has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "`{}` of `{}` has no help",
                    argument.get_id(),
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
