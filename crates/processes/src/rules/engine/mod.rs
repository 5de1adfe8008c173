//! Finds which clauses hold for a process, all at once.
//!
//! Owns the automata: for each field one over all literal texts and one over all patterns. Its cost follows the length
//! of the texts, not the number of rules. What a hit means is for `judge` to say.

mod literals;
mod marks;
pub(super) mod regexes;
mod required;
mod sieve;

use self::literals::Literals;
use self::marks::Marks;
use self::regexes::{RegexScratch, Regexes};
use super::clause::{Arena, AtomId, ClauseId, Field, How};
use super::names::{Names, Who};

pub(super) use self::marks::Found;

/// All regexes of a set may come to this much memory.
pub(super) const REGEX_BYTES_MAX: usize = 64 << 20;

/// The compiled clauses of a set.
#[derive(Debug)]
pub(super) struct Engine {
    process: FieldEngine,
    exe: FieldEngine,
    cmdline: FieldEngine,
}

/// The regexes of a set come to more than [`REGEX_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Everything of one field.
#[derive(Debug)]
struct FieldEngine {
    literals: Option<Literals>,
    regexes: Option<Regexes>,
}

/// What scanning one process after another uses again and again.
#[derive(Debug)]
pub(super) struct EngineScratch {
    marks: Marks,
    process: Option<RegexScratch>,
    exe: Option<RegexScratch>,
    cmdline: Option<RegexScratch>,
}

/// The texts of one process as clauses see them.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) names: Names<'a>,
    /// `None` if the link cannot be read.
    pub(super) exe: Option<&'a [u8]>,
    /// Arguments joined by one space.
    pub(super) cmdline: &'a [u8],
}

/// One text of a process, and which of its names it is; the executable and the command line are nobody's name.
#[derive(Debug, Clone, Copy)]
struct Named<'a> {
    text: &'a [u8],
    who: Who,
}

impl Engine {
    /// Compiles these clauses; others of the arena are never found.
    pub(super) fn build(arena: &Arena, clauses: impl Iterator<Item = ClauseId>) -> Result<Self, TooLarge> {
        let mut atoms: [Vec<(ClauseId, AtomId)>; 3] = Default::default();
        for clause in clauses {
            let of_field = &mut atoms[arena.clause(clause).field as usize];
            of_field.extend(arena.atoms_of(clause).map(|(atom, _)| (clause, atom)));
        }
        let [process, exe, cmdline] = &atoms;
        let engine = Self {
            process: FieldEngine::build(arena, Field::Process, process)?,
            exe: FieldEngine::build(arena, Field::Exe, exe)?,
            cmdline: FieldEngine::build(arena, Field::Cmdline, cmdline)?,
        };
        let regexes = engine.fields().into_iter().filter_map(|field| field.regexes.as_ref());
        let bytes: usize = regexes.map(Regexes::memory_usage).sum();
        if bytes > REGEX_BYTES_MAX { Err(TooLarge) } else { Ok(engine) }
    }

    /// What [`Engine::scan`] needs.
    pub(super) fn scratch(&self, arena: &Arena) -> EngineScratch {
        let Self { process, exe, cmdline } = self;
        let [process, exe, cmdline] = [process, exe, cmdline].map(|field| field.regexes.as_ref().map(Regexes::scratch));
        EngineScratch { marks: Marks::new(arena.clauses()), process, exe, cmdline }
    }

    /// Marks every clause that holds.
    pub(super) fn scan(&self, arena: &Arena, scratch: &mut EngineScratch, view: View<'_>) {
        let EngineScratch { marks, process, exe, cmdline } = scratch;
        marks.clear();
        if !self.process.is_empty() {
            for (text, who) in view.names.distinct() {
                self.process.scan(arena, process.as_mut(), Named { text, who }, marks);
            }
        }
        if let Some(text) = view.exe {
            self.exe.scan(arena, exe.as_mut(), Named { text, who: Who::NO_NAME }, marks);
        }
        let text = view.cmdline;
        self.cmdline.scan(arena, cmdline.as_mut(), Named { text, who: Who::NO_NAME }, marks);
    }

    fn fields(&self) -> [&FieldEngine; 3] {
        let Self { process, exe, cmdline } = self;
        [process, exe, cmdline]
    }
}

impl EngineScratch {
    /// Clauses that hold, each once, in no order.
    pub(super) fn held(&self) -> &[ClauseId] {
        self.marks.touched()
    }

    /// By what the clause holds, if it does.
    pub(super) fn found(&self, clause: ClauseId) -> Option<Found> {
        self.marks.get(clause)
    }
}

impl FieldEngine {
    fn build(arena: &Arena, field: Field, atoms: &[(ClauseId, AtomId)]) -> Result<Self, TooLarge> {
        let (regexes, literals): (Vec<_>, Vec<_>) =
            atoms.iter().copied().partition(|(_, atom)| arena.atom(*atom).how == How::Regex);
        Ok(Self { literals: Literals::build(arena, field, &literals)?, regexes: Regexes::build(arena, &regexes)? })
    }

    fn is_empty(&self) -> bool {
        self.literals.is_none() && self.regexes.is_none()
    }

    fn scan(&self, arena: &Arena, scratch: Option<&mut RegexScratch>, named: Named<'_>, marks: &mut Marks) {
        if let Some(literals) = &self.literals {
            literals.scan(arena, named, marks);
        }
        if let (Some(regexes), Some(scratch)) = (&self.regexes, scratch) {
            regexes.scan(scratch, named, marks);
        }
    }
}
