//! Whatever a former file holds, its import does not panic, and what it writes compiles.

use proptest::prelude::*;

use super::import;
use super::yaml::quoted;
use crate::rules::{RuleSet, RuleText};

/// Texts near those of former lists: with anchors, repetitions, escapes and odd characters.
fn pattern() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,6}",
        r#"[\^\$\.\*\+\?\(\)\|\[\]\{\},\\:<>!#%&'"~ -]"#,
        Just(".*".to_owned()),
        Just("(?i)".to_owned()),
        Just("^".to_owned()),
        Just("{2,3}".to_owned()),
        Just("(?:".to_owned()),
        Just("[[:alpha:]]".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(pattern(), 0..8)
}

fn flow(items: &[String]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_imported_compiles(
        names in patterns(), words in patterns(), processes in patterns(), commands in patterns(), namespaces in patterns(),
    ) {
        let former = format!(
            "detectionRules: {{blacklist: {{processes: {}, keywords: {}}}, whitelist: {{processes: {}, commands: {}, namespaces: {}}}}}",
            flow(&names), flow(&words), flow(&processes), flow(&commands), flow(&namespaces),
        );
        let imported = import("old.yaml", &former).unwrap();
        prop_assert_eq!(&import("old.yaml", &former).unwrap(), &imported);
        let compiled = RuleSet::compile(vec![RuleText::of_file("new.yaml", imported.yaml.as_str())]);
        prop_assert!(compiled.is_ok(), "{:?}\n{}", compiled, imported.yaml);
    }

    #[test]
    fn what_is_imported_of_the_later_form_compiles(
        rules in prop::collection::vec((pattern(), "process_name|command_keyword", "low|high|critical", "alert|ban"), 0..6),
    ) {
        let rules: Vec<_> = rules
            .into_iter()
            .map(|(pattern, kind, severity, action)| {
                let (id, pattern) = (quoted(&pattern), quoted(&pattern));
                format!("{{id: {id}, name: {id}, enabled: true, match_type: {kind}, pattern: {pattern}, severity: {severity}, action: {action}}}")
            })
            .collect();
        let former = format!("{{schema_version: 2, rules: [{}]}}", rules.join(", "));
        let imported = import("old.yaml", &former).unwrap();
        let compiled = RuleSet::compile(vec![RuleText::of_file("new.yaml", imported.yaml.as_str())]);
        prop_assert!(compiled.is_ok(), "{:?}\n{}", compiled, imported.yaml);
    }

    #[test]
    fn no_text_makes_the_import_panic(text in ".*", key in "(detectionRules|schema_version|blacklist): ?(2|\\{|\\[)?") {
        let _ = import("old.yaml", &text);
        let _ = import("old.yaml", &format!("{key}{text}"));
    }
}
