//! Which pods belong together: those of an owner, those of an image.

use super::{Index, Moment, Slot, View};
use crate::filter::OwnerName;

impl Index {
    /// Every pod of a top-level owner, in no order; those that have ceased to exist as long as they can be asked for.
    pub(crate) fn owned_by(&self, owner: &OwnerName, now: Moment) -> Vec<View<'_>> {
        let OwnerName { kind, namespace, name } = owner;
        let texts = &self.shared.texts;
        let leading = self.shared.owners.leading_to((namespace, kind, name), texts);
        let leading = self.shared.owners.and_below(leading);
        let mut slots: Vec<u32> = leading.into_iter().flat_map(|owner| self.keys.owners.get(owner)).collect();
        if let Some(namespace) = texts.find(namespace) {
            // A pod without an owner is its own.
            slots.extend(self.keys.names.get(self.keys.hash((namespace, name.as_str()))));
        }
        slots.sort_unstable();
        slots.dedup();
        let is_known = |slot: &&Slot| match slot.life {
            super::Life::Live { .. } => true,
            super::Life::Dead(died) => self.can_be_asked(died, now),
        };
        let known = slots.into_iter().map(|slot| self.slot(slot)).filter(is_known);
        known.map(|slot| self.view(slot)).filter(|view| owner.matches(view)).collect()
    }

    /// The pods with an image of this digest, 64 hex digits; in no order, dead ones too.
    pub(crate) fn with_digest(&self, digest: &str) -> impl Iterator<Item = View<'_>> {
        let digest = self.shared.texts.find(digest);
        let slots = digest.into_iter().flat_map(|digest| self.keys.digests.get(digest.id()));
        slots.map(|slot| self.view(self.slot(slot)))
    }
}
