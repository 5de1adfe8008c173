//! The page of the built-in rules, from the packs.

use processes::rules::{BuiltinPack, Pack, Rule, RuleSet};

use crate::reference::head;

pub(super) fn page() -> String {
    let lead = "Rules that the program carries. A pack is chosen by `builtin:<pack>`, all of them by `builtin`; \
                `overrides` in a rules file change them. Ids never change meaning.";
    let mut page = head("Built-in rules", lead);
    let rules = RuleSet::builtin();
    for pack in BuiltinPack::ALL {
        page.extend(["\n## ", pack.as_str(), "\n"]);
        for rule in rules.rules().iter().filter(|rule| rule.pack == Pack::Builtin(pack)) {
            page.push_str(&section(rule));
        }
    }
    page
}

fn section(rule: &Rule) -> String {
    let Rule { id, name, description, severity, action, enabled, min_age, references, .. } = rule;
    let mut facts = vec![severity.to_string(), format!("action {action}")];
    if !enabled {
        facts.push("disabled".to_owned());
    }
    if !min_age.is_zero() {
        facts.push(format!("waits {}", document::duration::text(*min_age)));
    }
    facts.push(references.join(", "));
    let description = description.trim();
    format!("\n### `{id}`\n\n**{name}** ({}).\n{}", facts.join("; "), paragraph(description))
}

fn paragraph(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n{text}\n") }
}
