//! What templates may do, and why they are refused.

use api::Severity;
use serde_json::json;

use super::*;
use crate::notify::fixture::{at, item, message, named};

fn refused(text: &str) -> String {
    Template::checked(text).unwrap_err().to_string()
}

fn rendered(text: &str, message: &Message) -> Json {
    Template::checked(text).unwrap().render(message, "production", at(0)).unwrap()
}

#[test]
fn values_may_stand_within_a_text_whatever_is_in_them() {
    let evil = "\"}, {\"admin\": true, \"x\": \"\\\n</script>\u{202e}";
    let text = r#"{"text": "{{ findings[0].subject.name }} in {{ group.namespace }}", "n": {{ more }}, "all": {{ group | tojson }}}"#;
    let expected = json!({
        "text": format!("{evil} in ns-shop"), "n": 0,
        "all": {"source": "process", "namespace": "ns-shop", "app": "cart"},
    });
    assert_eq!(rendered(text, &message(named(evil))), expected);
}

#[test]
fn lists_and_conditions_are_jinja() {
    let text = r#"{"event": "{{ event }}", "rows": [{% for finding in findings %}{{ "," if not loop.first }}
        {"rule": "{{ finding.rule | upper }}", "owner": {% if finding.owner %}"{{ finding.owner.name }}"{% else %}null{% endif %}}
    {% endfor %}], "first": {{ findings[0].first_seen | tojson }}}"#;
    let expected = json!({"event": "opened", "rows": [{"rule": "MINER-NAME", "owner": null}], "first": at(0)});
    assert_eq!(rendered(text, &message(named("xmrig"))), expected);
}

#[test]
fn what_no_message_has_is_refused() {
    assert_eq!(
        refused(r#"{"text": "{{ namespace_ }}"}"#),
        "names the unknown variable `namespace_` (accepted: event, id, group, findings, more, cluster, sent_at)"
    );
    assert_eq!(refused("{\n\"text\": \"{{ findings[0].ruel }}\"}"), "line 2: undefined value");
    assert!(refused(r#"{"a": "{{ findings[0].owner.name }}"}"#).starts_with("line 1: undefined value"));
}

#[test]
fn what_is_no_template_or_renders_no_json_is_refused() {
    assert!(refused("{\n\n{% if %}").starts_with("line 3: "), "{}", refused("{\n\n{% if %}"));
    assert!(refused(r#"{"text": {{ event }}}"#).starts_with("renders no JSON: "));
    assert!(refused(r#"{"last": "{% if event == 'resolved' %}"#).starts_with("line 1: "));
    // Only a sample that is over shows it.
    assert!(refused(r#"{"text": "a{% if event == 'resolved' %}"{% endif %}"}"#).starts_with("renders no JSON: "));
}

#[test]
fn neither_a_template_nor_what_it_renders_is_endless() {
    assert_eq!(refused(&" ".repeat(BYTES + 1)), "the template has more than 262144 bytes (accepted: 256KiB)");
    let long = format!(r#"["{{% for i in range(1000) %}}{}{{% endfor %}}"]"#, "x".repeat(1000));
    assert_eq!(refused(&long), "what the template renders has more than 262144 bytes (accepted: 256KiB)");
    let endless = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}1";
    assert!(refused(endless).contains("fuel"), "{}", refused(endless));
}

#[test]
fn a_finding_without_optional_keys_has_them_as_null() {
    let text = r#"{"pod": {{ findings[0].subject.pod | tojson }}, "action": {{ findings[0].action | tojson }}}"#;
    let mut bare = item(1, Severity::Low);
    bare.finding.subject.pod = None;
    assert_eq!(rendered(text, &message(vec![bare])), json!({"pod": null, "action": null}));
}
