//! Lines and pages as servers write them.

use super::*;
use crate::fixture::Map;

fn read(text: &str) -> Line<Map> {
    line(text.as_bytes())
}

fn words(line: Line<Map>) -> String {
    match line {
        Line::Seen(map) => format!("seen {}@{}", map.metadata.name, map.metadata.resource_version),
        Line::Deleted(map) => format!("deleted {}", map.metadata.name),
        Line::Bookmark { version, ends_initial_events } => format!("bookmark {version} {ends_initial_events}"),
        Line::Error(refusal) => format!("error {} {}", refusal.code, refusal.reason),
        Line::Unreadable { who, is_gone, .. } => format!("unreadable {}/{} {is_gone}", who.namespace, who.name),
        Line::Unknown(words) => format!("unknown: {words}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(words(read(text)), expected);
}

#[test]
fn events_are_read_as_servers_write_them_and_in_any_other_order() {
    let object = r#"{"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7"},"data":{"k":"}"}}"#;
    check(&format!(r#"{{"type":"ADDED","object":{object}}}"#), "seen a@7");
    check(&format!(r#"{{"type":"MODIFIED","object":{object}}}"#), "seen a@7");
    check(&format!(r#"{{"type":"DELETED","object":{object}}}"#), "deleted a");
    check(&format!(r#" {{ "object": {object}, "type": "ADDED" }} "#), "seen a@7");
}

#[test]
fn bookmarks_and_errors_are_no_objects() {
    check(
        r#"{"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"9"}}}"#,
        "bookmark 9 false",
    );
    let end = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
    check(end, "bookmark 9 true");
    let error = r#"{"type":"ERROR","object":{"kind":"Status","message":"too old","reason":"Expired","code":410}}"#;
    check(error, "error 410 Expired");
}

#[test]
fn an_object_that_is_not_understood_is_named_if_it_can_be() {
    let odd = r#"{"type":"MODIFIED","object":{"metadata":{"name":"a","namespace":"n","uid":"u","labels":"x"}}}"#;
    check(odd, "unreadable n/a false");
    check(r#"{"type":"DELETED","object":{"metadata":7}}"#, "unreadable / true");
    check(r#"{"type":"ADDED","object":{"metadata":{"name":"a","namespace":"n"}}}"#, "unreadable n/a false");
}

#[test]
fn other_types_and_texts_are_unknown() {
    check(r#"{"type":"RENAMED","object":{}}"#, "unknown: the type of an event is `RENAMED`");
    assert!(words(read("{\"type\":")).starts_with("unknown: a line is no event"));
    assert!(words(read("null")).starts_with("unknown: a line is no event"));
}

#[test]
fn a_page_with_an_odd_item_has_the_others() {
    let text = r#"{"metadata":{"resourceVersion":"5","continue":"t"},"items":[
        {"metadata":{"name":"a","uid":"1"}}, {"metadata":{"name":"b","uid":"2"},"data":"text"}, {"metadata":{"name":"c","uid":"3"}}]}"#;
    let page = page::<Map>(text.as_bytes()).unwrap();
    let items = page.items.into_iter().map(|item| match item {
        Ok(map) => map.metadata.name,
        Err((who, _)) => format!("not {}", who.name),
    });
    assert_eq!(items.collect::<Vec<_>>(), ["a", "not b", "c"]);
    assert_eq!((page.version.as_str(), page.next.as_str()), ("5", "t"));
}

#[test]
fn a_page_may_have_no_items_and_a_broken_one_is_an_error() {
    let empty = page::<Map>(br#"{"metadata":{"resourceVersion":"5"},"items":null}"#).unwrap();
    assert_eq!((empty.items.len(), empty.next.as_str()), (0, ""));
    assert!(page::<Map>(br#"{"metadata":{},"items":[{"metadata""#).is_err());
}
