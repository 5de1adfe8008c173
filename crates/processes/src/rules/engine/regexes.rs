//! All patterns of one field, found in one walk over the text.

use regex_automata::meta::{Builder, Cache, Config, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet};
use regex_syntax::hir::Hir;

use super::super::clause::{Arena, AtomId, Case, ClauseId};
use super::marks::Marks;
use super::sieve::Sieve;
use super::{Named, REGEX_BYTES_MAX, TooLarge, required};

/// Longest pattern.
pub(in super::super) const PATTERN_MAX: usize = 1024;

/// Room for lazily made states, for each thread and field. A text that needs more is searched without them: slowly (7
/// µs a byte were seen with a thousand patterns that had all begun to match), but in bounded memory.
const LAZY_BYTES: usize = 2 << 20;

/// All patterns of one field.
#[derive(Debug)]
pub(super) struct Regexes {
    regex: Regex,
    /// Spares most texts the search, if every pattern requires some literal; else `None`.
    sieve: Option<Sieve>,
    /// What each pattern stands for.
    uses: Box<[(ClauseId, AtomId)]>,
}

/// What searching one text after another uses again and again.
#[derive(Debug)]
pub(super) struct RegexScratch {
    cache: Cache,
    found: PatternSet,
}

impl Regexes {
    /// Compiles the atoms; `None` if there are none.
    pub(super) fn build(arena: &Arena, atoms: &[(ClauseId, AtomId)]) -> Result<Option<Self>, TooLarge> {
        if atoms.is_empty() {
            return Ok(None);
        }
        // Patterns have been checked, so only their size is left to go wrong.
        let parsed =
            atoms.iter().map(|(_, id)| parsed(arena, *id)).collect::<Result<Vec<_>, _>>().map_err(|_| TooLarge)?;
        let regex = builder().build_many_from_hir(&parsed).map_err(|_| TooLarge)?;
        let literals: Option<Vec<_>> = parsed.iter().map(required::literals).collect();
        let sieve = literals.and_then(|literals| Sieve::build(literals.iter().flatten().map(Vec::as_slice)));
        Ok(Some(Self { regex, sieve, uses: atoms.into() }))
    }

    pub(super) fn scratch(&self) -> RegexScratch {
        RegexScratch { cache: self.regex.create_cache(), found: PatternSet::new(self.regex.pattern_len()) }
    }

    pub(super) fn memory_usage(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Marks the clauses that the text satisfies.
    pub(super) fn scan(&self, scratch: &mut RegexScratch, named: Named<'_>, marks: &mut Marks) {
        if self.sieve.as_ref().is_some_and(|sieve| !sieve.passes(named.text)) {
            return;
        }
        let RegexScratch { cache, found } = scratch;
        self.regex.which_overlapping_matches_with(cache, &Input::new(named.text), found);
        if found.is_empty() {
            return;
        }
        for pattern in found.iter() {
            let (clause, atom) = self.uses[pattern.as_usize()];
            marks.set(clause, named.who, atom);
        }
        found.clear();
    }
}

/// Says what is wrong with a pattern, if anything is.
pub(in super::super) fn check(pattern: &str, case: Case) -> Result<(), String> {
    if pattern.is_empty() || pattern.len() > PATTERN_MAX {
        return Err(format!("has {} bytes (accepted: 1 to {PATTERN_MAX})", pattern.len()));
    }
    let parsed = parse(pattern, case)?;
    if parsed.properties().look_set().contains_word_unicode() {
        return Err("asks for Unicode by (?u) (accepted: ASCII classes and word boundaries only)".to_owned());
    }
    if parsed.properties().minimum_len() == Some(0) && matches_nothing(&parsed) {
        return Err("matches the empty text, so it would match every process".to_owned());
    }
    Ok(())
}

/// Memory of the pattern by itself; `None` if it is more than all patterns together may use.
pub(in super::super) fn memory_alone(arena: &Arena, atom: AtomId) -> Option<usize> {
    let parsed = parsed(arena, atom).ok()?;
    builder().build_from_hir(&parsed).ok().map(|regex| regex.memory_usage())
}

fn matches_nothing(parsed: &Hir) -> bool {
    builder().build_from_hir(parsed).is_ok_and(|regex| regex.is_match(""))
}

fn parsed(arena: &Arena, atom: AtomId) -> Result<Hir, String> {
    let atom = arena.atom(atom);
    parse(&atom.text, atom.case)
}

/// Parses a pattern, or says what is wrong with it.
pub(super) fn parse(pattern: &str, case: Case) -> Result<Hir, String> {
    let ignore_case = match case {
        Case::Sensitive => false,
        Case::Ignored => true,
    };
    let syntax =
        syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true).case_insensitive(ignore_case);
    syntax::parse_with(pattern, &syntax).map_err(|error| one_line(&error.to_string()))
}

fn builder() -> Builder {
    let mut builder = Regex::builder();
    builder.configure(
        Config::new()
            .match_kind(MatchKind::All)
            .utf8_empty(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(REGEX_BYTES_MAX))
            .hybrid_cache_capacity(LAZY_BYTES)
            // These serve searches that ask where a match is.
            .auto_prefilter(false)
            .onepass(false)
            .backtrack(false),
    );
    builder
}

/// The last line of a parser's message says what is wrong; those before draw the pattern.
fn one_line(message: &str) -> String {
    let last = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message);
    last.trim().trim_start_matches("error: ").to_owned()
}
