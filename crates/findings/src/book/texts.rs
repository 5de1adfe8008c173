//! Texts and owners that many findings share, kept once.

use std::hash::Hash;
use std::sync::Arc;

// Three questions a finding: with the hash of `std` they are a tenth of a start.
use hashbrown::HashSet;

use crate::batch::{Belongs, Told};

/// What findings share.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: HashSet<Arc<str>>,
    belongs: HashSet<Arc<Belongs>>,
}

impl Texts {
    /// Lets a sighting share what others have.
    pub(super) fn share(&mut self, told: &mut Told) {
        shared(&mut self.texts, &mut told.rule);
        shared(&mut self.texts, &mut told.description);
        shared(&mut self.belongs, &mut told.belongs);
    }

    /// Lets go of what no finding has any more.
    pub(super) fn sweep(&mut self) {
        self.texts.retain(|text| Arc::strong_count(text) > 1);
        self.belongs.retain(|belongs| Arc::strong_count(belongs) > 1);
    }
}

fn shared<T: Eq + Hash + ?Sized>(known: &mut HashSet<Arc<T>>, value: &mut Arc<T>) {
    match known.get(value) {
        Some(same) => *value = same.clone(),
        None => {
            known.insert(value.clone());
        }
    }
}
