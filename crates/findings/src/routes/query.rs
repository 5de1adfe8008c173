//! The filter keys of a query string, which lists, streams, summaries and exports share.

use api::finding::{Source, State};
use api::{Severity, Time};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use web::Fault;
use web::page::{bad, echo};

use crate::filter::Filter;
use crate::select::Sort;

/// A state, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum StateWord {
    Open,
    Resolved,
    Silenced,
    All,
}

/// The filter keys as they were sent.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) source: &'a [Source],
    pub(super) severity: &'a [Severity],
    pub(super) state: &'a [StateWord],
    pub(super) stale: &'a [bool],
    /// Rule, namespace, owner, app, node, image, kind.
    pub(super) named: [&'a [String]; 7],
    pub(super) min_severity: Option<Severity>,
    pub(super) since: Option<&'a str>,
    pub(super) q: Option<&'a str>,
}

/// A query with the filter keys, and with the keys of its route besides. The strict reader of queries needs them in one struct.
macro_rules! filtered {
    ($(#[$about:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default)]
        pub(super) struct $name {
            /// Found by this source; repeatable, as all that are lists.
            source: Vec<api::finding::Source>,
            /// Of this severity.
            severity: Vec<api::Severity>,
            /// Of this severity or a worse one.
            min_severity: Option<api::Severity>,
            /// In this state; `open` if it is left out, `all` for every state.
            state: Vec<crate::routes::query::StateWord>,
            /// Whether its source could not look lately.
            stale: Vec<bool>,
            /// Of this rule or detector.
            rule: Vec<String>,
            /// In this namespace.
            namespace: Vec<String>,
            /// With this top-level owner, for example `Deployment/shop/cart`.
            owner: Vec<String>,
            /// Of the app or devbox of this name.
            app: Vec<String>,
            /// On this node.
            node: Vec<String>,
            /// Of the image of this digest.
            image: Vec<String>,
            /// About this kind of subject, for example `process` or `Deployment`.
            kind: Vec<String>,
            /// First seen at this time or later, RFC 3339.
            since: Option<String>,
            /// With this text, in any case, in its title, its rule or a name of its subject.
            q: Option<String>,
            $($(#[$meta])* pub(super) $field: $type,)*
        }

        impl $name {
            pub(super) fn filter(&self) -> Result<crate::filter::Filter, web::Fault> {
                let asked = crate::routes::query::Asked {
                    source: &self.source,
                    severity: &self.severity,
                    state: &self.state,
                    stale: &self.stale,
                    named: [
                        &self.rule, &self.namespace, &self.owner, &self.app, &self.node, &self.image, &self.kind,
                    ],
                    min_severity: self.min_severity,
                    since: self.since.as_deref(),
                    q: self.q.as_deref(),
                };
                asked.filter()
            }
        }
    };
}

pub(super) use filtered;

impl Asked<'_> {
    /// Findings that are open, unless other states are asked for.
    pub(super) fn filter(&self) -> Result<Filter, Fault> {
        let [rule, namespace, owner, app, node, image, kind] = self.named.map(<[String]>::to_vec);
        owner.iter().try_for_each(|text| is_owner(text))?;
        Ok(Filter {
            source: self.source.to_vec(),
            severity: self.severity.to_vec(),
            state: states(self.state),
            stale: self.stale.to_vec(),
            rule,
            namespace,
            owner,
            app,
            node,
            image,
            kind,
            min_severity: self.min_severity,
            since: self.since.map(|text| time("since", text)).transpose()?,
            q: self.q.filter(|text| !text.is_empty()).map(str::to_lowercase),
        })
    }
}

/// Empty for all.
fn states(asked: &[StateWord]) -> Vec<State> {
    let state = |word: &StateWord| match word {
        StateWord::Open => Some(State::Open),
        StateWord::Resolved => Some(State::Resolved),
        StateWord::Silenced => Some(State::Silenced),
        StateWord::All => None,
    };
    match asked {
        [] => vec![State::Open],
        words => words.iter().map(state).collect::<Option<Vec<State>>>().unwrap_or_default(),
    }
}

/// A time of a query.
pub(super) fn time(key: &str, text: &str) -> Result<Time, Fault> {
    let accepted = "accepted: RFC 3339, such as 2026-11-21T04:30:02Z";
    let moment: Result<Timestamp, _> = text.parse();
    moment.map(Time::of).map_err(|_| bad(key, &format!("`{}` is no time ({accepted})", echo(text))))
}

/// An order of a query; the worst first if there is none.
pub(super) fn sort(asked: Option<&str>) -> Result<Sort, Fault> {
    let Some(asked) = asked else { return Ok(Sort::default()) };
    let known = Sort::WORDS.into_iter().find(|(word, _)| *word == asked);
    known.map(|(_, sort)| sort).ok_or_else(|| {
        let accepted =
            "accepted: severity, first_seen, last_seen or changed_at, with `-` before it the other way round";
        bad("sort", &format!("`{}` is no order ({accepted})", echo(asked)))
    })
}

fn is_owner(text: &str) -> Result<(), Fault> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_owner = parts.len() == 3 && parts.iter().all(|part| !part.is_empty());
    let why = || format!("`{}` is no owner (accepted: such as Deployment/shop/cart)", echo(text));
    if is_owner { Ok(()) } else { Err(bad("owner", &why())) }
}
