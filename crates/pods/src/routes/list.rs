//! Pods, page by page.

use axum::extract::State;
use serde::Deserialize;
use web::page::{self, Bound, bad, echo};
use web::{Fault, Query};

use super::{Fresh, freshness, not_synced, rendered};
use crate::feed::Place;
use crate::filter::{ListFilter, OwnerName, WatchFilter};
use crate::index::{Page, Walk};
use crate::json::{self, Detail};
use crate::key::address;
use crate::pods::Pods;
use crate::selector::Selector;
use crate::uid::{Uid, Wanted};
use crate::wire::PodList;

/// Which pods; every filter that is given must hold.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListQuery {
    /// In this namespace.
    namespace: Option<String>,
    /// Placed on this node.
    node: Option<String>,
    /// In this phase, for example `Running`.
    phase: Option<String>,
    /// Whose name begins so.
    name: Option<String>,
    /// Whose labels satisfy this selector, in the syntax of Kubernetes.
    label_selector: Option<String>,
    /// With this top-level owner, for example `Deployment/shop/cart`.
    owner: Option<String>,
    /// With an owner of this uid, top-level or between.
    owner_uid: Option<String>,
    /// With an image whose name has this part.
    image: Option<String>,
    /// With an image of this digest, for example `sha256:9b2f…`.
    digest: Option<String>,
    /// With this address; host-network pods too.
    ip: Option<String>,
    /// Whether pods that have ceased to exist belong to it.
    deleted: bool,
    /// Pods on a page, 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From the former page.
    r#continue: Option<String>,
}

/// Lists pods.
pub(super) async fn list(State(pods): State<Pods>, Query(query): Query<ListQuery>) -> Result<Fresh<PodList>, Fault> {
    let (filter, limit) = (query.filter()?, page::limit(query.limit)?);
    let bound = Bound::of(query.bound());
    let after = query.r#continue.as_deref().map(|text| Place::read(text, bound)).transpose()?;
    if !pods.is_synced() {
        let fresh = freshness(&pods);
        return Err(not_synced().with_header(fresh.0, fresh.1));
    }
    let page = Page { filter: &filter, after, limit };
    let (mut walk, fresh) = (Walk::default(), freshness(&pods));
    while !walk.is_over {
        pods.read(|state| {
            state.index.walk(&mut walk, &page, state.now(), |view| json::pod(view, Detail::Full(&state.rule)));
        });
    }
    Ok(([fresh], rendered(body(&walk, bound, pods.count()))))
}

fn body(walk: &Walk, bound: Bound, total: usize) -> String {
    let Walk { items, last, has_more, count, .. } = walk;
    let next = last.as_ref().filter(|_| *has_more).map(|last| json::quoted(&last.write(bound)));
    let next = next.map(|next| format!(",\"continue\":{next}")).unwrap_or_default();
    format!("{{\"items\":[{}]{next},\"count\":{count},\"total\":{total}}}", items.join(","))
}

impl ListQuery {
    fn filter(&self) -> Result<ListFilter, Fault> {
        let owner_uid = self.owner_uid.as_deref().map(Wanted::of);
        Ok(ListFilter {
            watch: WatchFilter {
                namespace: self.namespace.clone(),
                node: self.node.clone(),
                selector: selector(self.label_selector.as_deref())?,
            },
            phase: self.phase.clone(),
            name: self.name.clone(),
            owner: self.owner.as_deref().map(owner).transpose()?,
            owner_uid,
            image: self.image.clone(),
            digest: self.digest.as_deref().map(digest).transpose()?,
            address: self.ip.as_deref().map(ip).transpose()?,
            deleted: self.deleted,
        })
    }

    /// What a `continue` is good for: these filters, whatever the size of pages.
    fn bound(&self) -> Vec<&str> {
        let Self { namespace, node, phase, name, label_selector, owner, owner_uid, image, digest, ip, deleted, .. } =
            self;
        let texts = [namespace, node, phase, name, label_selector, owner, owner_uid, image, digest, ip];
        let texts = texts.into_iter().map(|text| text.as_deref().unwrap_or("\u{0}"));
        texts.chain(deleted.then_some("deleted")).collect()
    }
}

pub(super) fn selector(text: Option<&str>) -> Result<Selector, Fault> {
    Selector::parse(text.unwrap_or_default()).map_err(|error| bad("labelSelector", &error.to_string()))
}

fn owner(text: &str) -> Result<OwnerName, Fault> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [kind, namespace, name] if parts.iter().all(|part| !part.is_empty()) => {
            Ok(OwnerName { kind: (*kind).to_owned(), namespace: (*namespace).to_owned(), name: (*name).to_owned() })
        }
        _ => Err(bad("owner", &format!("`{}` is no owner (accepted: such as Deployment/shop/cart)", echo(text)))),
    }
}

fn digest(text: &str) -> Result<String, Fault> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digest = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let accepted = "accepted: sha256: and 64 hex digits";
    is_digest
        .then(|| digits.to_ascii_lowercase())
        .ok_or_else(|| bad("digest", &format!("`{}` is no digest ({accepted})", echo(text))))
}

fn ip(text: &str) -> Result<std::net::IpAddr, Fault> {
    let accepted = "accepted: IPv4 or IPv6 without a zone";
    address(text).ok_or_else(|| bad("ip", &format!("`{}` is no address ({accepted})", echo(text))))
}

impl Place {
    fn write(&self, bound: Bound) -> String {
        let Self { namespace, name, uid } = self;
        bound.write(&[namespace, name, &uid.to_string()])
    }

    fn read(text: &str, bound: Bound) -> Result<Self, Fault> {
        let [namespace, name, uid] = bound.read(text)?;
        Ok(Self { namespace: namespace.into(), name: name.into(), uid: Uid::of(&uid) })
    }
}
