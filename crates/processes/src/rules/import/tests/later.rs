//! The later form of former files: `schema_version: 2`.

use expect_test::expect;

use super::{check_report, check_yaml};

#[test]
fn the_later_form_has_severities_and_bans() {
    let former = r#"{
        "schema_version": 2, "ruleset_revision": 12,
        "rules": [
            {"id": "miner-xmrig", "name": "XMRig", "description": "A miner.", "enabled": true,
             "match_type": "process_name", "pattern": "(?i)^xmrig$", "severity": "critical", "action": "ban"},
            {"id": "again", "name": "XMRig", "enabled": true,
             "match_type": "process_name", "pattern": "(?i)^xmrig$", "severity": "high", "action": "alert"},
            {"id": "low-ban", "name": "Low", "enabled": true,
             "match_type": "process_name", "pattern": "^a$", "severity": "low", "action": "ban"},
            {"id": "word", "name": "", "enabled": false,
             "match_type": "command_keyword", "pattern": "cryptonight", "severity": "high", "action": "alert"}
        ],
        "exemptions": {"processes": ["^trusted$"], "commands": [], "namespaces": [], "pod_names": ["x"]}
    }"#;
    check_report(
        former,
        &expect![[r#"
            rules[1] "(?i)^xmrig$": left out, duplicate
            rules[2] "^a$": changed, action (respond needs a process rule of severity high or critical)
            exemptions.pod_names[0] "x": left out, pod-name (tenants choose pod names; use namespaces)"#]],
    );
    check_yaml(
        former,
        &expect![[r##"
        # Former rules of ProcScan, taken over from "old.yaml".
        version: 1
        rules:
          # rules[0] "(?i)^xmrig$"
          - id: legacy-process-a1947cff10e5c472
            name: "XMRig"
            description: "A miner. Former id: miner-xmrig."
            match: {process: {exact: "xmrig", ignore_case: true}}
            severity: critical
            action: respond
            tags: [legacy]
          # rules[2] "^a$": action
          - id: legacy-process-d2904c3a03a03706
            name: "Low"
            description: "Former id: low-ban."
            match: {process: {exact: "a"}}
            severity: low
            action: report
            tags: [legacy]
          # rules[3] "cryptonight"
          - id: legacy-keyword-a86318b418aa16b1
            name: "Former keyword rule cryptonight"
            description: "Former id: word."
            enabled: false
            match: {cmdline: {contains: "cryptonight"}}
            severity: high
            action: report
            tags: [legacy]
        exemptions:
          - reason: Names that the former scanner let pass.
            rules: [legacy-keyword-*]
            match:
              process:
                any_of:
                  # exemptions.processes[0] "^trusted$"
                  - {exact: "trusted"}
    "##]],
    );
}
