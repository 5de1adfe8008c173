//! The page of the settings, from their types.

use runtime::settings::{Applies, Row, rows};

use crate::reference::{cell, head};
use crate::settings::Settings;

pub(super) fn page() -> String {
    let lead = "Every key of the settings file, with its default. An empty file is a valid one. *Reload* says whether a \
                changed value applies while the program runs. A key that takes a secret can be given as `<key>_file`, \
                the name of a file that holds it.";
    let mut page = head("Settings", lead);
    let mut section = None;
    for row in rows::<Settings>() {
        let of_row = row.path.split_once('.').map_or("", |(section, _)| section).to_owned();
        if section.as_ref() != Some(&of_row) {
            let title = if of_row.is_empty() { "(root)" } else { &of_row };
            page.extend([
                "\n## ",
                title,
                "\n\n| key | type | default | accepted | reload | meaning |\n|---|---|---|---|---|---|\n",
            ]);
            section = Some(of_row);
        }
        page.push_str(&line(&row));
    }
    page
}

fn line(row: &Row) -> String {
    let Row { path, kind, default, accepted, applies, doc } = row;
    let default = if default.is_empty() { String::new() } else { format!("`{}`", cell(default)) };
    let reload = match applies {
        Applies::Reload => "yes",
        Applies::Start => "no",
    };
    format!("| `{path}` | {} | {default} | {} | {reload} | {} |\n", cell(kind), cell(accepted), cell(doc))
}
