//! Many pods at once, each by one key.

use axum::extract::State;
use axum::http::StatusCode;
use web::{Fault, Json};

use super::{Detailed, Fresh, Miss, find, freshness, not_synced, rendered};
use crate::json;
use crate::key::{Asked, KeyError};
use crate::pods::Pods;
use crate::wire::{Lookup, LookupAnswer, LookupKey};

/// Faults of one body that are told.
const FAULTS: usize = 100;

/// Finds many pods; a miss is an item, not an error.
pub(super) async fn lookup(State(pods): State<Pods>, Json(body): Json<Lookup>) -> Result<Fresh<LookupAnswer>, Fault> {
    let asked = check(body.keys, pods.settings().lookup_max)?;
    let fresh = freshness(&pods);
    let mut items = String::from("{\"items\":[");
    let (mut found, mut missing) = (0, 0);
    for (at, key) in asked.iter().enumerate() {
        if at > 0 {
            items.push(',');
        }
        match find(&pods, key, body.deleted, Some(Detailed::Full)) {
            Ok(pod) => {
                found += 1;
                items.extend(["{\"pod\":", &pod, "}"]);
            }
            Err(Miss::NotSynced) => return Err(not_synced().with_header(fresh.0, fresh.1)),
            Err(miss) => {
                missing += 1;
                items.push_str(&missed(&miss, key));
            }
        }
    }
    Ok(([fresh], rendered(format!("{items}],\"found\":{found},\"missing\":{missing}}}"))))
}

fn missed(miss: &Miss, asked: &Asked) -> String {
    let error = json::quoted(&miss.words(asked));
    match miss {
        Miss::Missing { hint: Some(hint) } => format!("{{\"error\":{error},\"hint\":{}}}", json::quoted(hint)),
        Miss::Missing { hint: None } | Miss::Ambiguous(_) | Miss::NotSynced => format!("{{\"error\":{error}}}"),
    }
}

fn check(keys: Vec<LookupKey>, most: usize) -> Result<Vec<Asked>, Fault> {
    if keys.len() > most {
        let detail = format!("keys: {} are given (accepted: up to {most})", keys.len());
        return Err(Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-keys", detail));
    }
    let (mut asked, mut faults) = (Vec::with_capacity(keys.len()), Vec::new());
    for (at, key) in keys.into_iter().enumerate() {
        match Asked::read(key) {
            Ok(key) => asked.push(key),
            Err(KeyError::Missing) => faults.push(format!(
                "keys[{at}]: has no selector (accepted: one of uid, ip, container, or namespace and name)"
            )),
            Err(error) => faults.push(format!("keys[{at}]: {error}")),
        }
    }
    let Some(first) = faults.first() else { return Ok(asked) };
    let fault = Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-key", first.clone());
    faults.truncate(FAULTS);
    Err(fault.with_faults(faults))
}
