//! Exports.

use serde_json::json;

use super::*;

#[tokio::test]
async fn json_lines_are_the_findings_of_the_list_in_its_order() {
    let process = Process::with(four()).await;
    let answer = process.get("/api/v1/findings/export?format=jsonl&min_severity=medium").await;
    assert_eq!(
        (&answer.headers["content-type"], &answer.headers["content-disposition"]),
        (
            &"application/jsonl".parse::<axum::http::HeaderValue>().unwrap(),
            &"attachment; filename=\"findings.jsonl\"".parse::<axum::http::HeaderValue>().unwrap()
        )
    );
    let lines: Vec<Value> = answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), process.json("/api/v1/findings?min_severity=medium").await["items"]);
}

#[tokio::test]
async fn a_table_has_a_header_and_no_formula() {
    let mut evil = sighting(1);
    evil.told.subject.name = "=cmd|' /C calc'!A0".to_owned().into();
    evil.told.title = "+1, \"quoted\"".to_owned().into();
    let process = Process::with(vec![evil]).await;
    let answer = process.get("/api/v1/findings/export?format=csv").await;
    let mut lines = answer.body.split("\r\n");
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(
        header.starts_with("fingerprint,source,rule,severity,action,state,stale,title,kind,name,namespace,"),
        "{header}"
    );
    let expected = format!(
        "{},process,miner-name,high,,open,false,\"'+1, \"\"quoted\"\"\",process,'=cmd|' /C calc'!A0,ns-shop,cart-0,web,worker-3,\
         Deployment/ns-shop/cart,cart,sha256:{:064},{},{},{},1,0,,,,A miner.,{{}}",
        sighting(1).told.fingerprint,
        1,
        at(0),
        at(0),
        at(0)
    );
    assert_eq!((row, lines.next(), lines.next()), (expected.as_str(), Some(""), None));
    assert_eq!(process.get("/api/v1/findings/export?format=csv&rule=none").await.body, format!("{header}\r\n"));
}

#[tokio::test]
async fn a_sarif_log_has_a_result_for_each_finding_and_the_rules_that_are_named() {
    let process = Process::with(four()).await;
    let until = Timestamp::from(at(3600)).to_string();
    let wish = json!({"owner": "ops", "reason": "known", "until": until, "match": {"fingerprint": sighting(0).told.fingerprint}});
    process.post("/api/v1/silences", &wish).await;
    let log = process.json("/api/v1/findings/export?format=sarif&state=all").await;
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["tool"]["driver"]["name"]), (&json!("2.1.0"), &json!("Keelwatch")));
    let rule = json!([{
        "id": "miner-name", "shortDescription": {"text": "miner-name"}, "help": {"text": "A miner."},
        "defaultConfiguration": {"level": "error"}, "properties": {"security-severity": "9.5"},
    }]);
    assert_eq!(run["tool"]["driver"]["rules"], rule);
    let results = run["results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|result| (result["level"].as_str().unwrap(), result.get("suppressions").is_some()))
        .collect();
    assert_eq!(told, [("error", false), ("error", false), ("warning", false), ("note", true)]);
    let worst = &results[0];
    assert_eq!((&worst["ruleId"], &worst["ruleIndex"]), (&json!("miner-name"), &json!(0)));
    assert_eq!(worst["partialFingerprints"], json!({"keelwatch/v1": sighting(3).told.fingerprint}));
    assert_eq!(worst["message"]["text"], "xmrig runs. A miner.");
    let place = &worst["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(place, "worker-3/ns-1/cart-0/web/xmrig");
    let none = process.json("/api/v1/findings/export?format=sarif&rule=none").await;
    assert_eq!((&none["runs"][0]["results"], &none["runs"][0]["tool"]["driver"]["rules"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn an_export_of_many_has_each_once() {
    let process = Process::with((0..1234).map(sighting).collect()).await;
    for (format, extra) in [("jsonl", 0), ("csv", 1)] {
        let body = process.get(&format!("/api/v1/findings/export?format={format}")).await.body;
        let mut found: Vec<String> = body
            .lines()
            .filter_map(|line| line.split(['"', ',']).find(|part| part.len() == 32))
            .map(str::to_owned)
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!((found.len(), body.lines().count()), (1234, 1234 + extra), "{format}");
    }
    let log = process.json("/api/v1/findings/export?format=sarif").await;
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1234);
}
