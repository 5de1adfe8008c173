//! `keelwatch rules`: reads, checks and tries rules.
//!
//! Owns what each verb prints and how it ends. The language is `processes::rules`'.

mod import;
mod list;
mod replay;
mod set;
mod test;
mod validate;

use std::path::Path;

use crate::cli;
use crate::exit::Exit;

pub(crate) use set::load;

/// Does what the verb says. Without files, the rules are those of the settings.
pub(crate) fn run(verb: &cli::Rules, settings: Option<&Path>) -> anyhow::Result<Exit> {
    match verb {
        cli::Rules::List { files, json } => {
            let form = if *json { list::Form::Json } else { list::Form::Table };
            list::run(&set::chosen(files, settings)?, form)
        }
        cli::Rules::Validate { files } => validate::run(&set::chosen(files, settings)?),
        cli::Rules::Test { files } => test::run(&set::chosen(files, settings)?),
        cli::Rules::Import { file, output } => import::run(file, output.as_deref()),
        cli::Rules::Replay { rules, against, file } => replay::run(rules, against, file),
    }
}
