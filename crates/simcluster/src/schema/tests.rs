//! What the restated definitions and schemas of our own accept, refuse, drop and fill in.

#![expect(clippy::needless_pass_by_value, reason = "json! makes values")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::patch::{ITEM, ListType, ListTypes, MapType};

fn definition(name: &str) -> Value {
    let definition = DEFINITIONS.iter().find(|definition| definition.name == name).unwrap();
    serde_json::from_str(definition.text).unwrap()
}

fn schema(name: &str) -> Schema {
    Schema::parse(&definition(name)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]).unwrap()
}

/// A schema whose `spec` is `spec`.
fn of_spec(spec: Value) -> Schema {
    Schema::parse(&json!({"type": "object", "properties": {"spec": spec}})).unwrap()
}

fn object(spec: Value) -> Value {
    json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}, "spec": spec})
}

fn prometheus_rule(rule: Value) -> Value {
    object(json!({"groups": [{"name": "g", "rules": [rule]}]}))
}

#[track_caller]
fn check_admitted(schema: &Schema, spec: Value, expected: Value) {
    let mut admitted = object(spec);
    assert_eq!(schema.admit(&mut admitted, Strictness::Prune), Ok(()));
    assert_eq!(admitted, object(expected));
}

/// Faults as `field: message (reason)`.
fn faults(schema: &Schema, object: Value, strictness: Strictness) -> Vec<String> {
    let mut object = object;
    let causes = schema.admit(&mut object, strictness).err().unwrap_or_default();
    causes.into_iter().map(|Cause { reason, message, field }| format!("{field}: {message} ({reason})")).collect()
}

#[track_caller]
fn check_refused(spec_schema: Value, spec: Value, expected: &[&str]) {
    assert_eq!(faults(&of_spec(spec_schema), object(spec), Strictness::Prune), expected);
}

#[test]
fn every_definition_reads_and_is_named_after_its_plural() {
    for Definition { name, .. } in DEFINITIONS {
        let definition = definition(name);
        schema(name);
        let names = &definition["spec"]["names"];
        assert_eq!(names["plural"], *name);
        let expected = format!("{name}.{}", definition["spec"]["group"].as_str().unwrap());
        assert_eq!(definition["metadata"]["name"], expected);
        assert_eq!(names["listKind"], format!("{}List", names["kind"].as_str().unwrap()));
    }
}

#[test]
fn a_duration_without_a_unit_is_refused_by_its_pattern() {
    let pattern = "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$";
    let field = "spec.groups[0].rules[0].for";
    let expected =
        format!("{field}: Invalid value: \"90\": {field} in body should match '{pattern}' (FieldValueInvalid)");
    let rule = prometheus_rule(json!({"expr": "up", "for": "90"}));
    assert_eq!(faults(&schema("prometheusrules"), rule, Strictness::Prune), [expected]);
    let rule = prometheus_rule(json!({"expr": "up", "for": 90}));
    let expected = format!(
        "{field}: Invalid value: \"integer\": {field} in body must be of type string: \"integer\" \
         (FieldValueTypeInvalid)"
    );
    assert_eq!(faults(&schema("prometheusrules"), rule, Strictness::Prune), [expected]);
}

#[test]
fn rules_take_expressions_that_are_integers_or_strings() {
    let schema = schema("prometheusrules");
    for expr in [json!(1), json!("up == 0")] {
        assert_eq!(
            faults(&schema, prometheus_rule(json!({"expr": expr, "for": "1h30m"})), Strictness::Strict),
            [""; 0]
        );
    }
    let field = "spec.groups[0].rules[0].expr";
    assert_eq!(
        faults(&schema, prometheus_rule(json!({"expr": true})), Strictness::Prune),
        [format!(
            "{field}: Invalid value: \"boolean\": {field} in body must be of type integer,string: \"boolean\" \
             (FieldValueTypeInvalid)"
        )]
    );
    assert_eq!(
        faults(&schema, prometheus_rule(json!({"alert": "A"})), Strictness::Prune),
        [format!("{field}: Required value (FieldValueRequired)")]
    );
}

#[test]
fn the_strategy_of_partial_responses_is_read_in_any_case() {
    let rule = |strategy: &str| object(json!({"groups": [{"name": "g", "partial_response_strategy": strategy}]}));
    let schema = schema("prometheusrules");
    assert_eq!(faults(&schema, rule("ABORT"), Strictness::Strict), [""; 0]);
    assert_eq!(faults(&schema, rule("stop"), Strictness::Strict).len(), 1);
}

#[test]
fn groups_of_one_name_are_duplicates() {
    let twice = object(json!({"groups": [{"name": "g"}, {"name": "g"}]}));
    let expected = ["spec.groups[1]: Duplicate value: {\"name\":\"g\"} (FieldValueDuplicate)"];
    assert_eq!(faults(&schema("prometheusrules"), twice, Strictness::Prune), expected);
}

#[test]
fn a_rule_without_a_specification_is_refused() {
    let expected = ["spec: Required value (FieldValueRequired)"];
    for name in ["prometheusrules", "vmrules"] {
        assert_eq!(faults(&schema(name), json!({"metadata": {}}), Strictness::Prune), expected);
    }
}

#[test]
fn unknown_fields_are_dropped_or_refused_on_demand() {
    let schema = schema("wasmplugins");
    let spec =
        json!({"url": "oci://x", "violations": 1, "matchRules": [{"domain": ["a"], "odd": 1, "config": {"any": [1]}}]});
    check_admitted(
        &schema,
        spec.clone(),
        json!({"url": "oci://x", "matchRules": [{"domain": ["a"], "config": {"any": [1]}}]}),
    );
    assert_eq!(
        faults(&schema, object(spec), Strictness::Strict),
        [
            "spec.matchRules[0].odd: unknown field \"spec.matchRules[0].odd\" (UnknownField)",
            "spec.violations: unknown field \"spec.violations\" (UnknownField)",
        ]
    );
}

#[test]
fn metadata_keeps_what_every_object_has() {
    let mut object =
        json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n", "labels": {"a": "b"}, "odd": 1}});
    schema("wasmplugins").admit(&mut object, Strictness::Prune).unwrap();
    assert_eq!(object["metadata"], json!({"name": "n", "labels": {"a": "b"}}));
}

#[test]
fn a_plugin_takes_only_known_phases_and_a_null_priority() {
    let schema = schema("wasmplugins");
    check_admitted(&schema, json!({"phase": "AUTHN", "priority": null}), json!({"phase": "AUTHN", "priority": null}));
    let expected = "spec.phase: Unsupported value: \"LATE\": supported values: \"UNSPECIFIED_PHASE\", \"AUTHN\", \
        \"AUTHZ\", \
        \"STATS\" (FieldValueNotSupported)";
    assert_eq!(faults(&schema, object(json!({"phase": "LATE"})), Strictness::Prune), [expected]);
}

#[test]
fn a_notification_needs_a_title_in_every_language() {
    let schema = schema("notifications");
    let without = object(json!({"message": "m", "timestamp": 1, "i18ns": {"zh": {"message": "m"}}}));
    assert_eq!(
        faults(&schema, without, Strictness::Prune),
        ["spec.title: Required value (FieldValueRequired)", "spec.i18ns.zh.title: Required value (FieldValueRequired)"]
    );
    let field = "spec.startTime";
    let timed = object(json!({"message": "m", "timestamp": 1, "title": "t", "startTime": "yesterday"}));
    assert_eq!(
        faults(&schema, timed, Strictness::Prune),
        [format!(
            "{field}: Invalid value: \"yesterday\": {field} in body must be of type date-time: \"yesterday\" \
             (FieldValueTypeInvalid)"
        )]
    );
}

#[test]
fn rules_of_victoria_metrics_are_filled_in() {
    check_admitted(
        &schema("vmrules"),
        json!({"groups": [{"name": "g", "rules": [{"alert": "A", "for": null}]}]}),
        json!({"groups": [{"name": "g", "rules": [{"alert": "A", "record": ""}]}]}),
    );
}

#[test]
fn a_report_needs_a_policy_and_a_known_result() {
    let report = json!({"metadata": {"name": "r"}, "results": [{"result": "maybe"}]});
    let expected = [
        "results[0].policy: Required value (FieldValueRequired)",
        "results[0].result: Unsupported value: \"maybe\": supported values: \"pass\", \"fail\", \"warn\", \"error\", \
         \"skip\" \
         (FieldValueNotSupported)",
    ];
    for name in ["reports", "clusterreports"] {
        assert_eq!(faults(&schema(name), report.clone(), Strictness::Prune), expected);
    }
}

#[test]
fn texts_have_lengths() {
    let schema = json!({"type": "string", "minLength": 2, "maxLength": 3});
    check_refused(
        schema.clone(),
        json!("a"),
        &["spec: Invalid value: \"a\": spec in body should be at least 2 chars long (FieldValueInvalid)"],
    );
    check_refused(schema.clone(), json!("abcd"), &["spec: Too long: may not be more than 3 bytes (FieldValueTooLong)"]);
    check_refused(schema, json!("äöü"), &[]);
}

#[test]
fn numbers_have_limits() {
    let schema = json!({"type": "integer", "minimum": 0, "maximum": 5, "exclusiveMaximum": true, "multipleOf": 2});
    check_refused(
        schema.clone(),
        json!(-2),
        &["spec: Invalid value: -2: spec in body should be greater than or equal to 0 (FieldValueInvalid)"],
    );
    check_refused(
        schema.clone(),
        json!(5),
        &[
            "spec: Invalid value: 5: spec in body should be less than 5 (FieldValueInvalid)",
            "spec: Invalid value: 5: spec in body should be a multiple of 2 (FieldValueInvalid)",
        ],
    );
    check_refused(
        schema.clone(),
        json!(1.5),
        &[
            "spec: Invalid value: \"number\": spec in body must be of type integer: \"number\" (FieldValueTypeInvalid)",
            "spec: Invalid value: 1.5: spec in body should be a multiple of 2 (FieldValueInvalid)",
        ],
    );
    check_refused(schema, json!(4.0), &[]);
}

#[test]
fn lists_and_maps_have_sizes() {
    let list = json!({"type": "array", "maxItems": 1, "minItems": 1, "items": {"type": "string"}});
    check_refused(
        list.clone(),
        json!([]),
        &["spec: Invalid value: 0: spec in body should have at least 1 items (FieldValueInvalid)"],
    );
    check_refused(list, json!(["a", "b"]), &["spec: Too many: 2: must have at most 1 item (FieldValueTooMany)"]);
    let map = json!({"type": "object", "maxProperties": 0, "additionalProperties": {"type": "string"}});
    check_refused(map, json!({"a": "b"}), &["spec: Too many: 1: must have at most 0 items (FieldValueTooMany)"]);
}

#[test]
fn a_set_has_every_item_once() {
    let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
    check_refused(set, json!(["a", "b", "a"]), &["spec[2]: Duplicate value: \"a\" (FieldValueDuplicate)"]);
}

#[test]
fn alternatives_hold_as_a_whole() {
    let schema = json!({
        "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "not": {"required": ["a"]},
    });
    check_refused(schema.clone(), json!({"b": ""}), &[]);
    check_refused(
        schema.clone(),
        json!({}),
        &["spec: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found none valid \
             (FieldValueInvalid)"],
    );
    check_refused(
        schema,
        json!({"a": ""}),
        &["spec: Invalid value: \"\": \"spec\" must not validate the schema (not) (FieldValueInvalid)"],
    );
}

#[test]
fn a_null_is_dropped_filled_in_or_kept() {
    let schema = of_spec(json!({"type": "object", "properties": {
        "plain": {"type": "string"},
        "filled": {"type": "string", "default": "x"},
        "nullable": {"type": "string", "nullable": true, "default": "x"},
    }}));
    check_admitted(
        &schema,
        json!({"plain": null, "filled": null, "nullable": null}),
        json!({"filled": "x", "nullable": null}),
    );
}

#[test]
fn defaults_fill_in_what_defaults_made() {
    let schema = of_spec(json!({"type": "object", "properties": {
        "inner": {"type": "object", "default": {}, "properties": {"deep": {"type": "integer", "default": 1}}},
    }}));
    check_admitted(&schema, json!({}), json!({"inner": {"deep": 1}}));
}

#[test]
fn an_object_in_an_object_has_an_identity() {
    let schema =
        json!({"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true});
    check_refused(
        schema.clone(),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}),
        &[],
    );
    check_refused(schema, json!({"kind": "Pod"}), &["spec.apiVersion: Required value (FieldValueRequired)"]);
}

#[test]
fn a_broken_schema_is_refused_with_its_place() {
    let refusals = [
        (json!([]), "openAPIV3Schema: must be an object"),
        (json!({"type": "string"}), "openAPIV3Schema.type: must be object at the root"),
        (
            json!({"type": "object", "properties": {"a": {"type": "text"}}}),
            "openAPIV3Schema.properties[a].type: unsupported value \"text\"",
        ),
        (json!({"type": "object", "required": "a"}), "openAPIV3Schema.required: must be a list"),
        (json!({"type": "object", "pattern": "("}), "openAPIV3Schema.pattern: must be a regular expression"),
    ];
    for (schema, expected) in refusals {
        assert_eq!(Schema::parse(&schema).unwrap_err().to_string(), expected);
    }
}

#[test]
fn lists_merge_as_the_schema_says() {
    let schema = schema("prometheusrules");
    let keys = |path: &[&str]| match schema.of(path) {
        ListType::Map(keys) => keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>(),
        ListType::Set | ListType::Atomic => Vec::new(),
    };
    assert_eq!(keys(&["spec", "groups"]), ["name"]);
    assert_eq!(keys(&["status", "bindings"]), ["group", "resource", "name", "namespace"]);
    assert_eq!(keys(&["status", "bindings", ITEM, "conditions"]), ["type"]);
    assert_eq!(keys(&["metadata", "ownerReferences"]), ["uid"]);
    assert_eq!(schema.of(&["spec", "groups", ITEM, "rules"]), ListType::Atomic);
    assert_eq!(schema.of(&["metadata", "finalizers"]), ListType::Set);
}

#[test]
fn maps_merge_as_the_schema_says() {
    let schema = schema("reports");
    assert_eq!(schema.map(&["scope"]), MapType::Atomic);
    assert_eq!(schema.map(&["summary"]), MapType::Granular);
    assert!(schema.is_field(&["summary", "pass"]));
    assert!(!schema.is_field(&["results", ITEM, "properties", "any"]));
}

/// Objects of any shape, with names that the definitions know.
fn odd() -> impl Strategy<Value = Value> {
    let names =
        ["metadata", "spec", "status", "groups", "rules", "name", "expr", "results", "policy", "summary", "odd"];
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), "[a1]?".prop_map(Value::from)];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(proptest::sample::select(names.to_vec()), inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_admitted_is_admitted_again_as_it_is(object in odd(), nth in 0..DEFINITIONS.len()) {
        let schema = schema(DEFINITIONS[nth].name);
        let mut once = object;
        if schema.admit(&mut once, Strictness::Prune).is_ok() {
            let mut twice = once.clone();
            prop_assert_eq!(schema.admit(&mut twice, Strictness::Strict), Ok(()));
            prop_assert_eq!(twice, once);
        }
    }
}
