//! `keelwatch config`, and settings as every command reads them.

use crate::program::{keelwatch, keelwatch_with, write};

#[test]
fn an_empty_file_is_a_valid_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "keelwatch.yaml", "");
    let run = keelwatch(&["config", "check", &file]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn every_error_is_told_with_place_path_and_what_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "keelwatch.yaml", "processes:\n  every: 0s\nvioltions: {}\n");
    let run = keelwatch(&["config", "check", &file]);
    assert_eq!(run.code, 2, "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(lines[0].starts_with(&format!("{file}:2:")) && lines[0].contains("processes.every"), "{run:?}");
    assert!(lines[1].starts_with(&format!("{file}:3:1: ")) && lines[1].contains("did you mean violations"), "{run:?}");
}

#[test]
fn a_variable_that_is_set_to_nothing_names_no_file() {
    let run = keelwatch(&["config", "check", "--settings", ""]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_certificate_that_no_listener_can_use_is_told_before_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let text = "listen: {tls: {cert_file: /nowhere/tls.crt, key_file: /nowhere/tls.key}}\n";
    let file = write(directory.path(), "keelwatch.yaml", text);
    keelwatch(&["config", "check", &file]).is_refused_with("/nowhere/tls.crt");
}

#[test]
fn a_missing_file_is_named() {
    keelwatch(&["config", "check", "/nowhere/keelwatch.yaml"]).is_refused_with("/nowhere/keelwatch.yaml");
}

#[test]
fn a_built_in_pack_that_there_is_not_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "keelwatch.yaml", "processes:\n  rules: [builtin, \"builtin:mners\"]\n");
    let run = keelwatch(&["config", "check", &file]);
    run.is_refused_with("keelwatch.yaml:2:20: processes.rules[1]: ");
    run.is_refused_with("did you mean miners");
}

#[test]
fn secrets_are_printed_as_stars() {
    let directory = tempfile::tempdir().unwrap();
    let text = "auth: {tokens: [{name: ops, token: s3cr3t-t0ken, scopes: [read]}]}\n";
    let file = write(directory.path(), "keelwatch.yaml", text);
    let run = keelwatch(&["config", "print", &file]);
    assert!(run.code == 0 && run.stdout.contains("***") && !run.stdout.contains("s3cr3t"), "{run:?}");
}

#[test]
fn variables_of_the_former_service_are_checked_as_at_the_start() {
    for (variables, expected) in [
        ([("BASIC_AUTH_USERNAME", "reader")], "pods.basic_auth.password: is missing beside basic_auth.username"),
        ([("PORT", "none")], "listen.api"),
    ] {
        for verb in ["check", "print"] {
            keelwatch_with(&["config", verb], &variables).is_refused_with(expected);
        }
    }
}

#[test]
fn variables_of_the_former_service_are_printed_without_the_password() {
    let variables = [("PORT", "8087"), ("BASIC_AUTH_USERNAME", "reader"), ("BASIC_AUTH_PASSWORD", "s3cr3t")];
    let run = keelwatch_with(&["config", "print"], &variables);
    for line in ["  api: \":8087\" # env\n", "    username: reader # env\n", "    password: \"***\" # env\n"] {
        assert!(run.code == 0 && run.stdout.contains(line) && !run.stdout.contains("s3cr3t"), "{line:?} {run:?}");
    }
}

#[test]
fn the_schema_knows_every_section() {
    let schema = keelwatch(&["config", "schema"]).json();
    let sections: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    for section in ["listen", "auth", "log", "cluster", "release", "node", "leader", "processes", "violations"] {
        assert!(sections.contains(&section), "{section} in {sections:?}");
    }
}
