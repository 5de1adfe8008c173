//! Lists: pages, snapshots, tokens, versions.

use serde_json::{Value, json};

use super::case::{Ending, Verdict, cases};
use super::client::Answer;
use super::compare::{equal, failure, holds, masked, names, refused, version};
use super::ground::Ground;

cases![
    pages_are_of_one_snapshot,
    a_token_states_version_and_start,
    an_object_that_went_after_the_first_page_is_still_listed,
    a_token_that_is_garbage_is_refused,
    a_list_of_any_version_ignores_the_limit,
    the_rest_is_counted_only_without_selectors,
    an_exact_version_is_a_snapshot,
    a_list_is_not_older_than_it_is_asked_for,
    a_version_that_is_no_number_is_refused,
    a_version_of_the_future_is_too_large,
    a_match_without_a_version_is_forbidden,
    an_exact_match_of_any_version_is_forbidden,
    initial_events_are_not_for_lists,
    an_expired_token_comes_back_fresh,
    a_token_goes_without_a_version,
    an_exact_version_that_is_forgotten_is_expired,
];

/// Five labeled objects; the path of their list.
async fn five(ground: &Ground, set: &str) -> Result<String, Ending> {
    for nth in 1..=5 {
        ground.given_map(&format!("{set}-{nth}"), &json!({"set": set}), &json!({"i": nth.to_string()})).await?;
    }
    Ok(ground.path(&format!("configmaps?labelSelector=set%3D{set}")))
}

fn token(list: &Value) -> &str {
    list["metadata"]["continue"].as_str().unwrap_or_default()
}

async fn pages_are_of_one_snapshot(ground: Ground) -> Verdict {
    let path = five(&ground, "pages").await?;
    let first = ground.get(&format!("{path}&limit=2")).await?.json();
    let item = |nth: usize| {
        let metadata = json!({
            "name": format!("pages-{nth}"), "namespace": "<namespace>", "uid": "<uid>", "resourceVersion": "<resourceVersion>",
            "creationTimestamp": "<time>", "labels": {"set": "pages"},
        });
        json!({"metadata": metadata, "data": {"i": nth.to_string()}})
    };
    let metadata = json!({"resourceVersion": "<resourceVersion>", "continue": "<continue>"});
    let expected =
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": [item(1), item(2)]});
    equal("the first page", &masked(first.clone()), &expected)?;
    let second = ground.get(&format!("{path}&limit=2&continue={}", token(&first))).await?.json();
    let third = ground.get(&format!("{path}&limit=2&continue={}", token(&second))).await?.json();
    let pages = json!([names(&first), names(&second), names(&third)]);
    equal("names", &pages, &json!([["pages-1", "pages-2"], ["pages-3", "pages-4"], ["pages-5"]]))?;
    equal("versions", &json!([version(&second), version(&third)]), &json!([version(&first), version(&first)]))?;
    equal("the token of the last page", &third["metadata"]["continue"], &Value::Null)
}

async fn a_token_states_version_and_start(ground: Ground) -> Verdict {
    let path = five(&ground, "tokens").await?;
    let list = ground.get(&format!("{path}&limit=2")).await?.json();
    let expected = format!("{{\"v\":\"meta.k8s.io/v1\",\"rv\":{},\"start\":\"/tokens-2\\u0000\"}}", version(&list));
    // Servers that do not list from their cache leave out the slash.
    let token = decoded(token(&list)).replace("\"start\":\"tokens", "\"start\":\"/tokens");
    equal("the token, decoded", &token.into(), &expected.into())
}

/// Base64 for URLs, without padding.
fn decoded(token: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in token.bytes().filter_map(|byte| alphabet.iter().position(|&one| one == byte)) {
        bits = (bits << 6 | u32::try_from(digit).unwrap()) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn an_object_that_went_after_the_first_page_is_still_listed(ground: Ground) -> Verdict {
    let path = five(&ground, "gone").await?;
    let first = ground.get(&format!("{path}&limit=2")).await?.json();
    ground.delete(&ground.path("configmaps/gone-3"), &json!(null)).await?;
    ground.given_map("gone-6", &json!({"set": "gone"}), &json!({})).await?;
    let rest = ground.get(&format!("{path}&limit=10&continue={}", token(&first))).await?.json();
    equal("names", &json!(names(&rest)), &json!(["gone-3", "gone-4", "gone-5"]))
}

async fn a_token_that_is_garbage_is_refused(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?limit=2&continue=garbage")).await?;
    let message =
        "invalid continue token: continue key is not valid: invalid character '\\u0081' looking for beginning of value";
    // How such a character is written depends on the version of Go that the server was built with.
    let mut status = answer.json();
    status["message"] = status["message"].as_str().unwrap_or_default().replace("\\x81", "\\u0081").into();
    let expected = failure(400, "BadRequest", message, &json!(null));
    equal("code and body", &json!([answer.code, status]), &json!([400, expected]))
}

async fn a_list_of_any_version_ignores_the_limit(ground: Ground) -> Verdict {
    let path = five(&ground, "any").await?;
    // The version 0 may be answered from a cache that lags behind: the condition is waited for.
    let is_whole = |answer: &Answer| {
        let list = answer.json();
        names(&list).len() == 5 && list["metadata"].get("continue").is_none()
    };
    ground.until(&format!("{path}&resourceVersion=0&limit=2"), "lists all five on one page", is_whole).await
}

async fn the_rest_is_counted_only_without_selectors(ground: Ground) -> Verdict {
    let path = five(&ground, "rest").await?;
    let selected = ground.get(&format!("{path}&limit=2")).await?.json();
    equal("with a selector", &selected["metadata"]["remainingItemCount"], &Value::Null)?;
    let all = ground.get(&ground.path("configmaps?limit=2")).await?.json();
    let count = names(&ground.get(&ground.path("configmaps")).await?.json()).len();
    equal("without", &all["metadata"]["remainingItemCount"], &(count - 2).into())
}

async fn an_exact_version_is_a_snapshot(ground: Ground) -> Verdict {
    let path = five(&ground, "exact").await?;
    let then = version(&ground.get(&path).await?.json());
    ground.delete(&ground.path("configmaps/exact-1"), &json!(null)).await?;
    let list = ground.get(&format!("{path}&resourceVersion={then}&resourceVersionMatch=Exact")).await?.json();
    equal("version and count", &json!([version(&list), names(&list).len()]), &json!([then, 5]))
}

async fn a_list_is_not_older_than_it_is_asked_for(ground: Ground) -> Verdict {
    let path = five(&ground, "fresh").await?;
    let then = version(&ground.get(&ground.path("configmaps/fresh-5")).await?.json());
    for query in ["", "&resourceVersionMatch=NotOlderThan"] {
        let list = ground.get(&format!("{path}&resourceVersion={then}{query}")).await?.json();
        equal("count", &names(&list).len().into(), &5.into())?;
    }
    Ok(())
}

async fn a_version_that_is_no_number_is_refused(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?resourceVersion=new")).await?;
    let message = "invalid resource version: resourceVersion: Invalid value: \"new\": strconv.ParseUint: parsing \"new\": invalid syntax";
    refused(&answer, 400, "BadRequest", message)
}

async fn a_version_of_the_future_is_too_large(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?resourceVersion=999999999")).await?;
    let status = answer.json();
    let got = json!([answer.code, status["reason"], status["details"]["causes"][0]]);
    let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
    equal("code, reason, cause", &got, &json!([504, "Timeout", cause]))?;
    let message = status["message"].as_str().unwrap_or_default().to_owned();
    holds(
        "the message names the version",
        message.starts_with("Timeout: Too large resource version: 999999999, current: "),
        &message.into(),
    )
}

async fn a_match_without_a_version_is_forbidden(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?resourceVersionMatch=Exact")).await?;
    options_refused(
        &answer,
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
    )
}

async fn an_exact_match_of_any_version_is_forbidden(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?resourceVersionMatch=Exact&resourceVersion=0")).await?;
    options_refused(
        &answer,
        "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
    )
}

async fn initial_events_are_not_for_lists(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?sendInitialEvents=true")).await?;
    options_refused(&answer, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")
}

fn options_refused(answer: &Answer, why: &str) -> Verdict {
    refused(answer, 422, "Invalid", &format!("ListOptions.meta.k8s.io \"\" is invalid: {why}"))
}

async fn an_expired_token_comes_back_fresh(ground: Ground) -> Verdict {
    let path = five(&ground, "expired").await?;
    // A version that every server has forgotten, in a token as servers make them.
    let old = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIvZXhwaXJlZC0yXHUwMDAwIn0";
    let answer = ground.get(&format!("{path}&limit=2&continue={old}")).await?;
    let status = answer.json();
    if answer.code == 200 {
        return Err(Ending::Skipped("the server has not compacted its first version yet".to_owned()));
    }
    equal("code and reason", &json!([answer.code, status["reason"]]), &json!([410, "Expired"]))?;
    let rest = ground.get(&format!("{path}&limit=2&continue={}", token(&status))).await?.json();
    equal("the list goes on", &json!(names(&rest)), &json!(["expired-3", "expired-4"]))
}

async fn a_token_goes_without_a_version(ground: Ground) -> Verdict {
    let path = five(&ground, "versionless").await?;
    let first = ground.get(&format!("{path}&limit=2")).await?.json();
    let next = format!("{path}&limit=2&continue={}", token(&first));
    let answer = ground.get(&format!("{next}&resourceVersion={}", version(&first))).await?;
    refused(&answer, 400, "BadRequest", "specifying resource version is not allowed when using continue")?;
    let list = ground.get(&format!("{next}&resourceVersion=0")).await?.json();
    equal("any version is fine", &json!(names(&list)), &json!(["versionless-3", "versionless-4"]))
}

async fn an_exact_version_that_is_forgotten_is_expired(ground: Ground) -> Verdict {
    let answer = ground.get(&ground.path("configmaps?resourceVersion=1&resourceVersionMatch=Exact")).await?;
    if answer.code == 200 {
        return Err(Ending::Skipped("the server has not compacted its first version yet".to_owned()));
    }
    refused(&answer, 410, "Expired", "The resourceVersion for the provided list is too old.")
}
