//! All literal texts of one field, found in one walk over the text.

use std::collections::HashMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::{contiguous, noncontiguous};
use aho_corasick::{Anchored, Match, MatchKind, StartKind, dfa};

use super::super::clause::{Arena, AtomId, Case, ClauseId, Field, How};
use super::super::names::{COMM_MAX, Who};
use super::marks::Marks;
use super::sieve::Sieve;
use super::{Named, TooLarge};

/// Below this a DFA is built, which takes one look-up a byte; above, an NFA of a tenth of the size and half the speed.
const DFA_BYTES_MAX: usize = 1 << 20;

/// All literal texts of one field.
///
/// Texts are folded to lower case and so is what is searched, so that texts that differ in case share a pattern; a hit
/// is then compared again where case matters.
#[derive(Debug)]
pub(super) struct Literals {
    automaton: Form,
    /// Spares most texts the walk; `None` if the walk is short anyway, or a sieve would not help.
    sieve: Option<Sieve>,
    /// Only texts that begin with the field's text are of interest, so that the walk may end at the first other byte.
    anchored: Anchored,
    /// Where the uses of each pattern begin; one more than there are patterns.
    starts: Box<[u32]>,
    uses: Box<[Use]>,
}

/// One more than fits together is chosen by size.
#[derive(Debug)]
enum Form {
    Dfa(dfa::DFA),
    Nfa(contiguous::NFA),
}

/// What a pattern stands for.
#[derive(Debug, Clone, Copy)]
struct Use {
    clause: ClauseId,
    atom: AtomId,
    place: Place,
    case: Case,
}

/// Where in the text a pattern counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Whole,
    Anywhere,
    Start,
    /// The whole of comm, which holds only the first bytes of a longer name.
    WholeComm,
}

impl Literals {
    /// Compiles the atoms; `None` if there are none.
    pub(super) fn build(arena: &Arena, field: Field, atoms: &[(ClauseId, AtomId)]) -> Result<Option<Self>, TooLarge> {
        let mut patterns: HashMap<Vec<u8>, Vec<Use>> = HashMap::new();
        for (clause, atom) in atoms.iter().copied() {
            let text = arena.atom(atom).text.as_bytes();
            let case = arena.atom(atom).case;
            let place = match arena.atom(atom).how {
                How::Exact => Place::Whole,
                How::Contains => Place::Anywhere,
                How::Prefix => Place::Start,
                How::Regex => unreachable!("patterns are told from literal texts before"),
            };
            patterns.entry(text.to_ascii_lowercase()).or_default().push(Use { clause, atom, place, case });
            if field == Field::Process && place == Place::Whole && text.len() > COMM_MAX {
                let head = text[..COMM_MAX].to_ascii_lowercase();
                patterns.entry(head).or_default().push(Use { clause, atom, place: Place::WholeComm, case });
            }
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let anywhere = patterns.values().flatten().any(|used| used.place == Place::Anywhere);
        let (anchored, starts_at) =
            if anywhere { (Anchored::No, StartKind::Unanchored) } else { (Anchored::Yes, StartKind::Anchored) };
        // Sorted, so that the same set always compiles to the same automaton.
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        patterns.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let texts = patterns.iter().map(|(text, _)| text.as_slice());
        let sieve = if anywhere { Sieve::build(texts.clone()) } else { None };
        let automaton = Form::build(texts, starts_at)?;
        let mut starts = vec![0];
        let mut uses = Vec::new();
        for (_, of_pattern) in patterns {
            uses.extend(of_pattern);
            starts.push(u32::try_from(uses.len()).expect("a set has far fewer than 2^32 texts"));
        }
        Ok(Some(Self { automaton, sieve, anchored, starts: starts.into(), uses: uses.into() }))
    }

    /// Marks the clauses that the text satisfies.
    pub(super) fn scan(&self, arena: &Arena, named: Named<'_>, marks: &mut Marks) {
        if self.sieve.as_ref().is_some_and(|sieve| !sieve.passes(named.text)) {
            return;
        }
        match &self.automaton {
            Form::Dfa(automaton) => self.walk(automaton, arena, named, marks),
            Form::Nfa(automaton) => self.walk(automaton, arena, named, marks),
        }
    }

    fn walk<A: Automaton>(&self, automaton: &A, arena: &Arena, named: Named<'_>, marks: &mut Marks) {
        let mut state = automaton.start_state(self.anchored).expect("it was built for this kind of start");
        for (at, byte) in named.text.iter().enumerate() {
            state = automaton.next_state(self.anchored, state, byte.to_ascii_lowercase());
            if !automaton.is_special(state) {
                continue;
            }
            if automaton.is_dead(state) {
                return;
            }
            if automaton.is_match(state) {
                for index in 0..automaton.match_len(state) {
                    let pattern = automaton.match_pattern(state, index);
                    let start = at + 1 - automaton.pattern_len(pattern);
                    self.hit(arena, Match::new(pattern, start..at + 1), named, marks);
                }
            }
        }
    }

    #[cold]
    fn hit(&self, arena: &Arena, found: Match, named: Named<'_>, marks: &mut Marks) {
        let Named { text, who } = named;
        let whole = found.range() == (0..text.len());
        let pattern = found.pattern().as_usize();
        let uses = self.starts[pattern] as usize..self.starts[pattern + 1] as usize;
        for Use { clause, atom, place, case } in self.uses[uses].iter().copied() {
            let who = match place {
                Place::Whole if whole => who,
                Place::Anywhere => who,
                Place::Start if found.start() == 0 => who,
                Place::WholeComm if whole && who.has(Who::COMM) => Who::COMM_TRUNCATED,
                Place::Whole | Place::Start | Place::WholeComm => continue,
            };
            let same = || arena.atom(atom).text.as_bytes()[..found.len()] == text[found.range()];
            if case == Case::Ignored || same() {
                marks.set(clause, who, atom);
            }
        }
    }
}

impl Form {
    fn build<'p>(patterns: impl Iterator<Item = &'p [u8]>, starts_at: StartKind) -> Result<Self, TooLarge> {
        // Errors of these builders say that an automaton has more states than its numbers can count.
        let nfa = noncontiguous::Builder::new()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(patterns)
            .map_err(|_| TooLarge)?;
        let small = contiguous::Builder::new().prefilter(false).build_from_noncontiguous(&nfa).map_err(|_| TooLarge)?;
        // A state of the NFA takes 8 bytes at least, one of the DFA 4 bytes for each of up to 64 classes of bytes.
        if small.memory_usage() / 8 * 64 > DFA_BYTES_MAX * 2 {
            return Ok(Self::Nfa(small));
        }
        let dfa = dfa::Builder::new().start_kind(starts_at).prefilter(false).build_from_noncontiguous(&nfa);
        let dfa = dfa.map_err(|_| TooLarge)?;
        Ok(if dfa.memory_usage() <= DFA_BYTES_MAX { Self::Dfa(dfa) } else { Self::Nfa(small) })
    }
}
