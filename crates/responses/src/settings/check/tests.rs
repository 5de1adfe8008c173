//! What is refused, and by which path.

use document::{Document, Limits};

use super::*;

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let document = Document::parse("s.yaml", text, Limits::default()).unwrap();
    let mut paths: Vec<String> = match document.decode::<Settings>() {
        Ok(settings) => settings.check().into_iter().map(|(path, _)| path).collect(),
        Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
    };
    paths.sort_unstable();
    assert_eq!(paths, expected);
}

#[test]
fn the_defaults_contradict_nothing() {
    assert_eq!(Settings::default().check(), []);
    refused("{}", &[]);
}

#[test]
fn a_response_that_can_hurt_acts_on_high_and_critical_alone() {
    refused(
        "{wasm_plugin: {min_severity: low}, namespace_label: {min_severity: medium}, notifiers: [{name: a, type: pigeon}]}",
        &["namespace_label.min_severity", "notifiers[0].type", "wasm_plugin.min_severity"],
    );
}

#[test]
fn every_contradiction_is_told_at_once() {
    refused(
        "{wasm_plugin: {enabled: true, headers: [plain]}, protected_namespaces: [a, ''], notifiers: [
            {name: a, type: lark, url: 'https://x'}, {name: a, type: webhook, enabled: true},
            {name: b, type: alertmanager, enabled: true}]}",
        &[
            "notifiers[1].name",
            "notifiers[1].url",
            "notifiers[2].urls",
            "protected_namespaces[1]",
            "wasm_plugin.headers[0]",
            "wasm_plugin.url",
        ],
    );
}

#[test]
fn a_header_cannot_smuggle_another_in() {
    refused(
        r#"{wasm_plugin: {headers: ["A=b\r\nSet-Cookie: x", "A b=c", "=c", "A="]}}"#,
        &["wasm_plugin.headers[0]", "wasm_plugin.headers[1]", "wasm_plugin.headers[2]"],
    );
}

#[test]
fn a_plugin_comes_from_an_address_that_a_gateway_can_read() {
    for url in ["oci://r/p:1", "http://h/p.wasm", "https://h/p.wasm", "file:///opt/p.wasm"] {
        refused(&format!("{{wasm_plugin: {{enabled: true, url: '{url}'}}}}"), &[]);
    }
    refused("{wasm_plugin: {url: 'r/p:1'}}", &["wasm_plugin.url"]);
    refused(&format!("{{wasm_plugin: {{body: '{}'}}}}", "é".repeat(1025)), &["wasm_plugin.body"]);
}

#[test]
fn a_text_with_an_unknown_variable_is_refused() {
    refused(
        "{notification: {title: {en: '{{pod}}', zh: a}, message: {en: '{{count', zh: b}}}",
        &["notification.message.en", "notification.title.en"],
    );
    refused("{notification: {language: both, title: {en: a}}}", &["notification.title"]);
}

#[test]
fn labels_are_those_that_kubernetes_takes() {
    refused("{namespace_label: {labels: {}}}", &["namespace_label.labels"]);
    refused(
        "{namespace_label: {labels: {kubernetes.io/metadata.name: x, a b: x, 'A_b/c': x, ok: 'x y', example.com/ok: locked}}}",
        &[
            "namespace_label.labels.A_b/c",
            "namespace_label.labels.a b",
            "namespace_label.labels.kubernetes.io/metadata.name",
            "namespace_label.labels.ok",
        ],
    );
}

#[test]
fn ranges_hold() {
    refused(
        "{every: 1s, hold: 25h, confirmations: 0, wasm_plugin: {status_code: 200, priority: 10001}, \
         namespace_label: {max_per_sweep: 101}, notification: {keep_resolved: 1m}}",
        &[
            "confirmations",
            "every",
            "hold",
            "namespace_label.max_per_sweep",
            "notification.keep_resolved",
            "wasm_plugin.priority",
            "wasm_plugin.status_code",
        ],
    );
}
