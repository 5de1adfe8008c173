//! Pods in the order of lists.

use super::{Found, Index, Moment, View};
use crate::feed::Place;
use crate::filter::ListFilter;
use crate::uid::Uid;

/// Slots that are looked at under one lock: some 400 µs.
const PIECE: usize = 8192;

/// What has been read of a list so far.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The last place that was looked at; `None` before the first piece.
    at: Option<Place>,
    pub(crate) is_over: bool,
    /// The pods of the page, as JSON.
    pub(crate) items: Vec<String>,
    /// Of the page.
    pub(crate) last: Option<Place>,
    /// Whether something matches behind the page.
    pub(crate) has_more: bool,
    /// Pods that match, on this page, before and behind it.
    pub(crate) count: usize,
}

/// A page that is asked for.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) filter: &'a ListFilter,
    pub(crate) after: Option<Place>,
    pub(crate) limit: usize,
}

impl Walk {
    fn take(&mut self, view: &View<'_>, page: &Page<'_>, render: impl Fn(&View<'_>) -> String) {
        self.count += 1;
        if page.after.as_ref().is_some_and(|after| Place::of(view) <= *after) {
            return;
        }
        if self.items.len() == page.limit {
            self.has_more = true;
            return;
        }
        self.items.push(render(view));
        self.last = (self.items.len() == page.limit).then(|| Place::of(view));
    }
}

impl Index {
    /// All pods behind a place, dead ones too.
    pub(crate) fn after(&self, place: Option<&Place>) -> impl Iterator<Item = View<'_>> {
        let is_before = move |slot: u32| place.is_some_and(|place| self.stands(slot, place).is_le());
        self.keys.order.from(is_before).map(|slot| self.view(self.slot(slot)))
    }

    /// The pod of exactly this uid.
    pub(crate) fn exactly(&self, uid: &Uid, now: Moment) -> Found<'_> {
        match self.ask_uid(&uid.wanted(), now).1 {
            Found::Live(view) | Found::Tombstone(view) if view.uid() != uid => Found::Missing,
            found => found,
        }
    }

    /// Reads a piece of a list; called until it is over. All that matches is counted, the page is rendered by `render`.
    pub(crate) fn walk(&self, walk: &mut Walk, page: &Page<'_>, now: Moment, render: impl Fn(&View<'_>) -> String) {
        let is_wanted =
            |view: &View<'_>| view.died().is_none_or(|died| self.can_be_asked(died, now)) && page.filter.matches(view);
        if page.filter.selects_all() {
            // The count is known, and nothing beyond the page need be looked at.
            let views = self.after(page.after.as_ref()).filter(is_wanted).take(page.limit + 1);
            for view in views {
                walk.take(&view, page, &render);
            }
            walk.count = self.live + if page.filter.deleted { self.tombstones(now) } else { 0 };
            walk.is_over = true;
        } else if let Some(slots) = self.candidates(page.filter) {
            let views = slots.into_iter().map(|slot| self.view(self.slot(slot))).filter(is_wanted);
            let mut views: Vec<View<'_>> = views.collect();
            views.sort_by_cached_key(Place::of);
            for view in &views {
                walk.take(view, page, &render);
            }
            walk.is_over = true;
        } else {
            self.walk_on(walk, page, is_wanted, render);
        }
    }

    fn walk_on(
        &self,
        walk: &mut Walk,
        page: &Page<'_>,
        is_wanted: impl Fn(&View<'_>) -> bool,
        render: impl Fn(&View<'_>) -> String,
    ) {
        let namespace = page.filter.watch.namespace.as_deref();
        let start = || namespace.map(Place::before_all_of);
        let at = walk.at.take().or_else(start);
        let is_within = |view: &View<'_>| namespace.is_none_or(|namespace| view.namespace() == namespace);
        let mut views = self.after(at.as_ref()).take_while(is_within);
        let mut last = None;
        for view in views.by_ref().take(PIECE) {
            if is_wanted(&view) {
                walk.take(&view, page, &render);
            }
            last = Some(view);
        }
        walk.is_over = views.next().is_none();
        walk.at = last.map(|view| Place::of(&view));
    }

    /// The slots that a key of the filter leaves; `None` if it has no such key.
    fn candidates(&self, filter: &ListFilter) -> Option<Vec<u32>> {
        let none = || Some(Vec::new());
        if let Some(uid) = &filter.owner_uid {
            let owners = self.shared.owners.and_below(self.shared.owners.with_uid(uid).collect());
            let own = self.keys.uids.get(self.keys.hash(uid));
            let mut slots: Vec<u32> =
                owners.into_iter().flat_map(|owner| self.keys.owners.get(owner)).chain(own).collect();
            slots.sort_unstable();
            slots.dedup();
            return Some(slots);
        }
        if let Some(address) = filter.address.filter(|_| !filter.deleted) {
            // Pods that are over do not hold their addresses, and are not found by them.
            let hash = self.keys.hash(address);
            return Some(self.keys.addresses.get(hash).chain(self.keys.host_addresses.get(hash)).collect());
        }
        if let Some(node) = &filter.watch.node {
            let Some(known) = self.shared.texts.find(node) else { return none() };
            return (!known.is_empty()).then(|| self.keys.nodes.get(known.id()).collect());
        }
        if let Some(digest) = &filter.digest {
            let Some(digest) = self.shared.texts.find(digest) else { return none() };
            return Some(self.keys.digests.get(digest.id()).collect());
        }
        None
    }

    fn stands(&self, slot: u32, place: &Place) -> std::cmp::Ordering {
        let view = self.view(self.slot(slot));
        let by_name = view.namespace().cmp(&place.namespace).then_with(|| view.name().cmp(&place.name));
        by_name.then_with(|| view.uid().cmp(&place.uid))
    }
}
