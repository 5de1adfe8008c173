//! What the index answers to every key and list, and what one that was built from what is known would answer.

use super::*;

impl World {
    /// An index from what is known, with no past.
    fn rebuilt(&self) -> Index {
        let settings = settings();
        let mut index = Index::new(settings.caps(), settings.keep());
        for set in self.known_sets.values().chain(self.remembered.values()) {
            index.middle_seen(Middle::ReplicaSet, set, &mut |_| {});
        }
        for (pod, is_stale) in self.known.values() {
            index.apply(pod, self.now, &mut |_| {});
            if *is_stale {
                index.unreadable(&pod.metadata.namespace, &pod.metadata.name);
            }
        }
        for uid in self.remembered.keys().filter(|uid| !self.known_sets.contains_key(*uid)) {
            index.middle_gone(Middle::ReplicaSet, uid);
        }
        index
    }

    /// What every key answers, and all pods in order.
    fn answers(&self, index: &Index) -> Vec<String> {
        let rule = settings().app_rule();
        let pods = index.after(None).map(|view| json::pod(&view, Detail::Full(&rule)));
        let first = self.uid.saturating_sub(60);
        let uids = (first..=self.uid).map(|uid| format!("{uid:08x}-1a3e-41ec-a00b-e2dcc77431cb"));
        let hashes = (1..=3).map(|hash| format!("{hash:032x}"));
        let mut keys: Vec<Key> = uids.chain(hashes).map(|uid| Key::Uid(crate::uid::Wanted::of(&uid))).collect();
        keys.extend((0..ADDRESSES).map(|at| Key::Address(format!("10.0.0.{at}").parse().unwrap())));
        let ids = (first..=self.uid).map(digits);
        keys.extend(ids.map(|id| Key::Container(crate::container::IdPrefix::of(&id).unwrap())));
        let names = (0..2).flat_map(|space| (0..NAMES).map(move |name| (space, name)));
        keys.extend(names.map(|(space, name)| Key::Name {
            namespace: format!("ns-{space}").into(),
            name: format!("p-{name}").into(),
        }));
        let answer = |key: Key| match index.ask(&key, self.now).1 {
            Found::Live(view) => format!("{key:?} {}", view.uid()),
            other => format!("{key:?} {other:?}"),
        };
        pods.chain(keys.into_iter().map(answer)).chain(self.lists(index)).collect()
    }

    fn lists(&self, index: &Index) -> Vec<String> {
        use crate::filter::{ListFilter, WatchFilter};
        let node = |node: &str| ListFilter {
            watch: WatchFilter { node: Some(node.to_owned()), ..WatchFilter::default() },
            ..ListFilter::default()
        };
        let uid = |uid: &str| ListFilter { owner_uid: Some(crate::uid::Wanted::of(uid)), ..ListFilter::default() };
        let digest = ListFilter { digest: Some("9b2f".repeat(16)), ..ListFilter::default() };
        let sets = self.known_sets.keys().map(|set| uid(set));
        let filters = [node("node-1"), node("node-2"), uid("d"), digest].into_iter().chain(sets);
        filters
            .map(|filter| {
                let mut walk = Walk::default();
                let page = Page { filter: &filter, after: None, limit: 100 };
                index.walk(&mut walk, &page, self.now, |view| view.uid().to_string());
                format!("{filter:?} {:?}", walk.items)
            })
            .collect()
    }

    #[track_caller]
    pub(super) fn check(&self) {
        assert_eq!(self.answers(&self.index), self.answers(&self.rebuilt()));
        assert_eq!(self.index.keys.len(), self.rebuilt().keys.len());
        assert_eq!(self.index.shared.texts.count(), self.rebuilt().shared.texts.count());
    }
}
