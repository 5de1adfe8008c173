//! Objects of one kind by namespace and name. Pure; one writer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kubeio::Observed;
use kubeio::watch::Event;

/// What is kept of each object.
#[derive(Debug)]
pub(super) struct Table<V> {
    namespaces: HashMap<Box<str>, BTreeMap<Arc<str>, Kept<V>>>,
    /// The complete list that is going on or was the last.
    list: u32,
    is_synced: bool,
}

#[derive(Debug)]
struct Kept<V> {
    value: V,
    seen_in: u32,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { namespaces: HashMap::new(), list: 0, is_synced: false }
    }
}

impl<V> Table<V> {
    /// Takes what a watch says; `value` is what is kept of an object.
    pub(super) fn take<K: Observed>(&mut self, event: Event<K>, value: impl Fn(&K) -> V) {
        match event {
            Event::Listing { .. } => self.list = self.list.wrapping_add(1),
            Event::Seen(object) => {
                let (meta, seen_in) = (object.meta(), self.list);
                let kept = Kept { value: value(&object), seen_in };
                self.namespaces.entry(meta.namespace.into()).or_default().insert(meta.name.into(), kept);
            }
            Event::Deleted(object) => {
                let meta = object.meta();
                if let Some(names) = self.namespaces.get_mut(meta.namespace) {
                    names.remove(meta.name);
                    if names.is_empty() {
                        self.namespaces.remove(meta.namespace);
                    }
                }
            }
            Event::Unreadable { namespace, name } => {
                let known = self.namespaces.get_mut(&*namespace).and_then(|names| names.get_mut(&*name));
                if let Some(known) = known {
                    known.seen_in = self.list;
                }
            }
            Event::Listed { .. } => {
                let list = self.list;
                self.namespaces.retain(|_, names| {
                    names.retain(|_, kept| kept.seen_in == list);
                    !names.is_empty()
                });
                self.is_synced = true;
            }
            Event::ListFailed | Event::Bookmark => {}
        }
    }

    /// Whether a complete list has been taken.
    pub(super) const fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// What a namespace has, by name.
    pub(super) fn of(&self, namespace: &str) -> impl Iterator<Item = (&Arc<str>, &V)> {
        let names = self.namespaces.get(namespace).into_iter().flatten();
        names.map(|(name, kept)| (name, &kept.value))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kubeio::objects::Service;
    use kubeio::watch::{ListMode, Relist};

    use super::*;

    fn service(namespace: &str, name: &str) -> Service {
        let mut service = Service::default();
        service.metadata.namespace = namespace.into();
        service.metadata.name = name.into();
        service
    }

    fn names(table: &Table<()>) -> Vec<&str> {
        table.of("shop").map(|(name, ())| &**name).collect()
    }

    #[test]
    fn what_a_complete_list_does_not_name_is_gone_unless_it_could_not_be_read() {
        let mut table = Table::default();
        let listing = || Event::<Service>::Listing { reason: Relist::Start };
        let listed = || Event::<Service>::Listed { mode: ListMode::Paged, took: Duration::ZERO };
        let first = ["a", "b", "c"].map(|name| Event::Seen(service("shop", name)));
        for event in [listing()].into_iter().chain(first).chain([listed()]) {
            table.take(event, |_| ());
        }
        assert_eq!((names(&table), table.is_synced()), (vec!["a", "b", "c"], true));
        let unreadable = Event::Unreadable { namespace: "shop".to_owned(), name: "b".to_owned() };
        for event in [listing(), Event::Seen(service("shop", "a")), unreadable, listed()] {
            table.take(event, |_| ());
        }
        assert_eq!(names(&table), ["a", "b"]);
        table.take(Event::Deleted(service("shop", "a")), |_| ());
        assert_eq!(names(&table), ["b"]);
    }

    #[test]
    fn a_list_that_breaks_off_takes_nothing_away() {
        let mut table = Table::default();
        table.take(Event::Seen(service("shop", "a")), |_| ());
        for event in [Event::<Service>::Listing { reason: Relist::Broken }, Event::ListFailed] {
            table.take(event, |_| ());
        }
        assert_eq!((names(&table), table.is_synced()), (vec!["a"], false));
    }
}
