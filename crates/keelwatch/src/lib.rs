//! The program: its command line, its roles, its verbs.
//!
//! Owns arguments, environment, exit codes and the wiring of the rooms. Everything else is in the rooms: this is a parts
//! list.
//!
//! ```text
//! arguments ─► cli ─┬─► scan       processes ─► table, JSON, SARIF
//!                   ├─► node       processes ─► violations ─► web
//!                   ├─► controller kubeio ─► pods, violations ─► findings ─► responses
//!                   ├─► demo       simcluster, and both roles over it
//!                   ├─► get, silence, responses   web::Client
//!                   ├─► rules      processes::rules
//!                   ├─► config     runtime::settings
//!                   ├─► storage    storage::care
//!                   └─► manual     completions, man pages
//! ```

pub mod cli;
mod cluster;
mod config;
mod controller;
mod demo;
mod exit;
mod get;
mod manual;
mod node;
mod random;
pub mod reference;
mod responses;
mod role;
mod rules;
mod scan;
mod settings;
mod silence;
mod storage;

use std::path::Path;

use cli::{Cli, Command};
use exit::complain;

pub use exit::Exit;

// An event of a watch is some fifty small texts for a moment, amid what stays: the allocator of the C library takes a third of
// a large cluster's first list for itself.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Does what the command line says. Errors have been told when it returns.
pub fn run(cli: &Cli) -> Exit {
    // A second installation finds the first, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A variable that is set to nothing names no file.
    let settings = cli.settings.as_deref().filter(|file| !file.is_empty()).map(Path::new);
    let done = match &cli.command {
        Command::Scan(args) => scan::run(args, settings),
        Command::Node => node::run(settings),
        Command::Controller => controller::run(settings),
        Command::Demo(args) => demo::run(args, settings),
        Command::Get(what) => get::run(what),
        Command::Silence(verb) => silence::run(verb),
        Command::Responses(cli::Responses::Preview(args)) => responses::preview(args),
        Command::Rules(verb) => rules::run(verb, settings),
        Command::Config(verb) => config::run(verb, settings),
        Command::Storage(verb) => storage::run(verb, settings),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { directory } => manual::man(directory.as_deref().map(Path::new)),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        Exit::Unusable
    })
}
