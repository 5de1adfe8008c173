//! Conditions on the texts of a process, as the engine takes them: flat, checked, spliced.
//!
//! Owns the data. `check` makes it from a rules file, `engine` compiles it.

use std::sync::Arc;

use api::violation::Flag;

/// A text of a process that conditions are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Field {
    /// Its names.
    Process,
    /// Path of its executable.
    Exe,
    /// Its arguments, joined by one space.
    Cmdline,
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// It is the whole text.
    Exact,
    /// It is a part of the text.
    Contains,
    /// The text begins with it.
    Prefix,
    /// It is a pattern that is found in the text.
    Regex,
}

/// Whether ASCII letters of either case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Case {
    /// They differ.
    Sensitive,
    /// They are the same.
    Ignored,
}

/// One comparison; it never splits further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) how: How,
    pub(super) case: Case,
    /// As the rule has it. Shared, because a list may stand in many rules.
    pub(super) text: Arc<str>,
}

/// Index of an [`Atom`] in its [`Arena`]; in file order within a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AtomId(pub(super) u32);

/// Index of a clause in its [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ClauseId(pub(super) u32);

/// Holds if one of its atoms does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) field: Field,
    first: AtomId,
    end: AtomId,
}

/// All clauses of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arena {
    atoms: Vec<Atom>,
    clauses: Vec<Clause>,
}

/// What a rule or an exemption asks of a process; all that is given must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Matcher {
    pub(super) process: Option<ClauseId>,
    pub(super) exe: Option<ClauseId>,
    pub(super) cmdline: Option<ClauseId>,
    pub(super) flags: FlagSet,
}

/// A set of flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FlagSet(u8);

impl Arena {
    /// Adds a clause of these atoms.
    pub(super) fn add(&mut self, field: Field, atoms: impl IntoIterator<Item = Atom>) -> ClauseId {
        let first = self.next_atom();
        self.atoms.extend(atoms);
        let id = ClauseId(u32::try_from(self.clauses.len()).expect("a set has far fewer than 2^32 clauses"));
        self.clauses.push(Clause { field, first, end: self.next_atom() });
        id
    }

    fn next_atom(&self) -> AtomId {
        AtomId(u32::try_from(self.atoms.len()).expect("a set has far fewer than 2^32 texts"))
    }

    pub(super) fn clause(&self, id: ClauseId) -> Clause {
        self.clauses[id.0 as usize]
    }

    pub(super) fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id.0 as usize]
    }

    /// The atoms of a clause, in file order.
    pub(super) fn atoms_of(&self, id: ClauseId) -> impl Iterator<Item = (AtomId, &Atom)> {
        let Clause { field: _, first, end } = self.clause(id);
        (first.0..end.0).map(|index| (AtomId(index), self.atom(AtomId(index))))
    }

    /// Number of clauses.
    pub(super) fn clauses(&self) -> usize {
        self.clauses.len()
    }

    /// Gives back what growing reserved in excess.
    pub(super) fn shrink(&mut self) {
        self.atoms.shrink_to_fit();
        self.clauses.shrink_to_fit();
    }
}

impl Matcher {
    /// Its clauses, in the order in which a match tells of them.
    pub(super) fn clauses(&self) -> impl Iterator<Item = ClauseId> + use<> {
        let Self { process, exe, cmdline, flags: _ } = *self;
        [process, exe, cmdline].into_iter().flatten()
    }
}

impl FlagSet {
    pub(super) fn of(flags: &[Flag]) -> Self {
        Self(flags.iter().fold(0, |bits, flag| bits | 1 << *flag as u8))
    }

    /// Every flag of `other` is set here too.
    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first flag that is set, in the order of evidence.
    pub(super) fn first(self) -> Option<Flag> {
        [Flag::Deleted, Flag::Memfd, Flag::KernelThreadName].into_iter().find(|flag| self.contains(Self::of(&[*flag])))
    }
}
