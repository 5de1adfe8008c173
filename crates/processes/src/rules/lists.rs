//! Named lists of texts of one file, and splicing them.
//!
//! Owns that no list contains itself and that splicing stays small. A list is known within its own file only, so that
//! files can be combined without agreeing on names.

use std::collections::BTreeMap;

use super::file::{ListItem, Splice};
use super::report::{Report, hint};
use super::select::Coverage;

/// Texts and splices that one list may come to: room for the 10,000 items of `any_of` and how they are composed.
const STEPS_MAX: usize = 20_000;

/// The lists of one file.
#[derive(Debug)]
pub(super) struct Lists<'f> {
    items: &'f BTreeMap<String, Vec<ListItem>>,
    /// Whether there may be lists besides, which were not understood.
    coverage: Coverage,
    /// Steps it takes to read each sound list. A list without an entry has been reported.
    steps: BTreeMap<&'f str, usize>,
}

/// A text of a list, and where it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListText<'f> {
    pub(super) text: &'f str,
    pub(super) list: &'f str,
    pub(super) index: usize,
}

impl<'f> Lists<'f> {
    /// Checks names, texts, splices and sizes.
    pub(super) fn new(items: &'f BTreeMap<String, Vec<ListItem>>, coverage: Coverage, report: &mut Report<'_>) -> Self {
        let mut lists = Self { items, coverage, steps: BTreeMap::new() };
        for (name, items) in lists.items {
            lists.check_own(name, items, report);
        }
        let order = lists.in_order_of_splicing(report);
        for name in order {
            lists.count(name, report);
        }
        lists
    }

    /// The texts of the list in order, lists within it spliced; `None` if there is no such list or it is unsound.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<ListText<'f>>> {
        let (list, _) = self.steps.get_key_value(name)?;
        let mut texts = Vec::new();
        // Lists may nest thousands deep, so the stack is on the heap.
        let mut open = vec![(*list, self.items_of(list).iter().enumerate())];
        while let Some((list, items)) = open.last_mut() {
            let list = *list;
            match items.next() {
                None => drop(open.pop()),
                Some((index, ListItem::Text(text))) => texts.push(ListText { text, list, index }),
                Some((_, ListItem::Splice(Splice { list }))) => {
                    open.push((list, self.items_of(list).iter().enumerate()));
                }
            }
        }
        Some(texts)
    }

    fn items_of(&self, name: &str) -> &'f [ListItem] {
        self.items.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a list of this name is written, sound or not.
    pub(super) fn is_written(&self, name: &str) -> bool {
        self.items.contains_key(name)
    }

    /// Says that there is no such list, if that is known.
    pub(super) fn report_unknown(&self, path: &str, name: &str, report: &mut Report<'_>) {
        if self.coverage == Coverage::Partial {
            return;
        }
        let hint = hint(name, self.items.keys().map(String::as_str));
        report.fault(path, format!("no list is called `{name}`{hint}"));
    }

    fn check_own(&self, name: &str, items: &[ListItem], report: &mut Report<'_>) {
        let path = format!("lists.{name}");
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(named) {
            report.fault(&path, format!("`{name}` is no name of a list (accepted: [a-z0-9_], 1 to 64 bytes)"));
        }
        if items.is_empty() {
            report.fault(&path, "has no items".to_owned());
        }
        for (index, item) in items.iter().enumerate() {
            match item {
                ListItem::Text(text) if text.is_empty() => {
                    report.fault(&format!("{path}[{index}]"), "is empty".to_owned());
                }
                ListItem::Splice(Splice { list }) if !self.is_written(list) => {
                    self.report_unknown(&format!("{path}[{index}].list"), list, report);
                }
                ListItem::Text(_) | ListItem::Splice(_) => {}
            }
        }
    }

    /// Names of the lists, each after those that it splices. Lists on a cycle, or behind one, are left out.
    fn in_order_of_splicing(&self, report: &mut Report<'_>) -> Vec<&'f str> {
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        let mut needed_by: BTreeMap<&str, Vec<&'f str>> = BTreeMap::new();
        for (name, items) in self.items {
            let splices = splices(items).filter(|list| self.is_written(list));
            waiting.insert(name, splices.inspect(|list| needed_by.entry(list).or_default().push(name)).count());
        }
        let mut order: Vec<&'f str> = self.items.keys().map(String::as_str).filter(|name| waiting[name] == 0).collect();
        let mut done = 0;
        while let Some(name) = order.get(done).copied() {
            done += 1;
            for user in needed_by.get(name).into_iter().flatten() {
                let left = waiting.get_mut(user).expect("every list has an entry");
                *left -= 1;
                if *left == 0 {
                    order.push(user);
                }
            }
        }
        waiting.retain(|_, left| *left > 0);
        self.report_cycles(waiting, report);
        order
    }

    /// Each list that is left splices another one that is left, so following them leads into a cycle.
    fn report_cycles(&self, mut left: BTreeMap<&'f str, usize>, report: &mut Report<'_>) {
        while let Some((start, _)) = left.pop_first() {
            let mut walk = vec![start];
            let mut places = BTreeMap::from([(start, 0)]);
            loop {
                let last = walk[walk.len() - 1];
                let next =
                    splices(self.items_of(last)).find(|list| left.contains_key(list) || places.contains_key(list));
                // Whatever it splices besides belongs to a cycle that was told already.
                let Some(next) = next else { break };
                if let Some(at) = places.get(next) {
                    let cycle = walk[*at..].join(" → ");
                    report.fault(&format!("lists.{next}"), format!("splices itself: {cycle} → {next}"));
                    break;
                }
                left.remove(next);
                places.insert(next, walk.len());
                walk.push(next);
            }
        }
    }

    fn count(&mut self, name: &'f str, report: &mut Report<'_>) {
        let items = self.items_of(name);
        let texts = items.len();
        let spliced: Option<usize> = splices(items).map(|list| self.steps.get(list).copied()).sum();
        // A part that is missing, or larger already, has been reported.
        let Some(spliced) = spliced else { return };
        if texts + spliced > STEPS_MAX {
            report
                .fault(&format!("lists.{name}"), format!("comes to more than {STEPS_MAX} items with the lists in it"));
        } else if texts > 0 {
            self.steps.insert(name, texts + spliced);
        }
    }
}

fn splices(items: &[ListItem]) -> impl Iterator<Item = &str> {
    items.iter().filter_map(|item| match item {
        ListItem::Text(_) => None,
        ListItem::Splice(Splice { list }) => Some(list.as_str()),
    })
}
