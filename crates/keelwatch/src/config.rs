//! `keelwatch config`: checks and shows settings.
//!
//! Owns what each verb prints. `check` says what the start of a role would say, because it does the same. Variables of Pod Index hold as they
//! do for a controller, which alone takes them.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use runtime::clock::SystemClock;
use runtime::metrics::Registry;
use runtime::settings::{Loaded, editor_schema, print};
use web::Server;

use crate::cli;
use crate::exit::{Exit, tolerate_closed};
use crate::settings::{self, Refused, Settings};

/// Does what the verb says. A file that it names comes before that of `--settings`.
pub(crate) fn run(verb: &cli::Config, named: Option<&Path>) -> anyhow::Result<Exit> {
    let text = match verb {
        cli::Config::Check { file } => {
            let loaded = read(file.as_deref().or(named))?;
            prepare_listeners(&loaded.settings())?;
            format!("ok: revision {}\n", loaded.revision())
        }
        cli::Config::Print { file } => print(&read(file.as_deref().or(named))?)?,
        cli::Config::Schema => schema(),
    };
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Clean)
}

fn read(named: Option<&Path>) -> Result<Loaded<Settings>, Refused> {
    settings::read_in(named, &settings::environment_of_controller())
}

/// Reads the certificate as a start does. Rules are not read: a role starts without good ones, `rules validate` is for them.
fn prepare_listeners(loaded: &Settings) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock::new());
    let prepared = Server::new(&loaded.listen, &loaded.auth, clock, &mut Registry::default());
    prepared.map(drop).context("failed to prepare the listeners")
}

/// The JSON Schema of the settings, as text.
pub(crate) fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&editor_schema::<Settings>()).expect("a schema is plain data");
    text.push('\n');
    text
}
