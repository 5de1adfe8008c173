//! What is accepted in the list of notifiers, and where faults are told.

use document::{Document, Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Section {
    notifiers: Vec<NotifierSettings>,
}

fn read(text: &str) -> Result<Vec<NotifierSettings>, Vec<String>> {
    let document = Document::parse("k.yaml", text, Limits::default()).unwrap();
    let told = |faults: Vec<document::Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    document.decode::<Section>().map(|section| section.notifiers).map_err(told)
}

fn paths(notifiers: &[NotifierSettings]) -> Vec<String> {
    check(notifiers).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn a_notifier_needs_its_name_and_type_and_nothing_else() {
    let read_back = read("notifiers: [{name: ops, type: lark}]").unwrap();
    assert_eq!(read_back, [NotifierSettings::new("ops", NotifierKind::Lark)]);
    assert_eq!(paths(&read_back), [""; 0]);
    let faults = read("notifiers: [{name: ops}, {name: b, type: mail}, {name: C, type: event}]").unwrap_err();
    let places: Vec<&str> = faults.iter().map(|fault| fault.split(": ").nth(1).unwrap()).collect();
    assert_eq!(places, ["notifiers[0].type", "notifiers[1].type", "notifiers[2].name"], "{faults:?}");
}

#[test]
fn two_notifiers_of_one_name_are_refused() {
    let notifier = NotifierSettings::new("ops", NotifierKind::Event);
    assert_eq!(
        check(&[notifier.clone(), notifier]),
        [("notifiers[1].name".to_owned(), "is the name of responses.notifiers[0] (accepted: each once)".to_owned())]
    );
}

#[test]
fn keys_of_another_type_are_refused() {
    let text = |text: &str| text.to_owned();
    let odd = |kind| NotifierSettings {
        ca_file: text("/ca"),
        basic_auth_file: text("/basic"),
        proxy: text("http://proxy:3128"),
        labels: BTreeMap::from([(text("team"), text("a"))]),
        url: text("https://receiver.example/hook"),
        secret_file: text("/secret"),
        region: text("r"),
        urls: vec![text("http://am:9093")],
        template: text("{}"),
        ..NotifierSettings::new("ops", kind)
    };
    let expected = |keys: &[&str]| keys.iter().map(|key| format!("notifiers[0].{key}")).collect::<Vec<_>>();
    assert_eq!(paths(&[odd(NotifierKind::Lark)]), expected(&["basic_auth_file", "labels", "urls", "template"]));
    assert_eq!(paths(&[odd(NotifierKind::Webhook)]), expected(&["labels", "region", "urls"]));
    assert_eq!(paths(&[odd(NotifierKind::Alertmanager)]), expected(&["url", "secret_file", "region", "template"]));
    let none = ["ca_file", "basic_auth_file", "proxy", "labels", "url", "secret_file", "region", "urls", "template"];
    assert_eq!(paths(&[odd(NotifierKind::Event)]), expected(&none));
}

#[test]
fn an_enabled_notifier_needs_an_address() {
    let enabled = |kind| NotifierSettings { enabled: true, ..NotifierSettings::new("ops", kind) };
    assert_eq!(paths(&[enabled(NotifierKind::Lark)]), ["notifiers[0].url"]);
    assert_eq!(paths(&[enabled(NotifierKind::Webhook)]), ["notifiers[0].url"]);
    assert_eq!(paths(&[enabled(NotifierKind::Alertmanager)]), ["notifiers[0].urls"]);
    assert_eq!(paths(&[enabled(NotifierKind::Event)]), [""; 0]);
}

#[test]
fn an_address_that_cannot_be_used_is_refused_and_not_repeated() {
    for url in
        ["receiver.example/s3cret", "ftp://h/s3cret", "https://u:s3cret@h/", "http:///s3cret", "http://h h/s3cret"]
    {
        let webhook = NotifierSettings { url: url.to_owned(), ..NotifierSettings::new("ops", NotifierKind::Webhook) };
        let faults = check(&[webhook]);
        assert_eq!((faults.len(), faults[0].0.as_str()), (1, "notifiers[0].url"), "{url}");
        assert!(!faults[0].1.contains("s3cret"), "{}", faults[0].1);
    }
}

#[test]
fn patterns_labels_and_keys_that_exclude_each_other_are_looked_at() {
    let labels = ["team", "1st", "rule"].map(|name| (name.to_owned(), String::new()));
    let notifier = NotifierSettings {
        namespaces: ["a", "b*", "*", "*c", ""].map(str::to_owned).into(),
        basic_auth_file: "/basic".to_owned(),
        token_file: "/token".to_owned(),
        labels: labels.into(),
        urls: vec!["http://am:9093".to_owned(), "am".to_owned()],
        ..NotifierSettings::new("ops", NotifierKind::Alertmanager)
    };
    let keys = ["namespaces[3]", "namespaces[4]", "token_file", "labels", "labels", "urls[1]"];
    assert_eq!(paths(&[notifier]), keys.map(|key| format!("notifiers[0].{key}")));
}

#[test]
fn a_namespace_is_meant_by_its_name_or_a_prefix() {
    let namespaces = ["kube-system", "ns-*"].map(str::to_owned).into();
    let some = NotifierSettings { namespaces, ..NotifierSettings::new("ops", NotifierKind::Event) };
    let all = NotifierSettings::new("ops", NotifierKind::Event);
    let asked = [Some("kube-system"), Some("ns-a"), Some("kube-public"), None];
    assert_eq!(asked.map(|namespace| some.tells_of(namespace)), [true, true, false, false]);
    assert_eq!(asked.map(|namespace| all.tells_of(namespace)), [true; 4]);
}

#[test]
fn an_address_is_not_shown() {
    let url = "https://h/s3cret".to_owned();
    let notifier = NotifierSettings { url, ..NotifierSettings::new("ops", NotifierKind::Webhook) };
    assert!(!format!("{notifier:?}").contains("s3cret"));
}
