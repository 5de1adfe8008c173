//! Judges one process: which rules hold, and which exemptions take them away.

use std::time::Duration;

use api::violation::{ExemptScope, Flag};
use jiff::Timestamp;

use super::clause::{ClauseId, FlagSet, Matcher};
use super::engine::{EngineScratch, Found, View};
use super::exempt::{Exemption, ExemptionIndex};
use super::names::{Names, Who};
use super::rule::{Rule, RuleIndex};
use super::set::RuleSet;
use crate::process::Texts;

/// Scopes that a match carries at most, because each record is bounded.
const EXEMPT_IF_MAX: usize = 8;

/// Longest text of a clause that a match tells, in bytes.
const REGEX_MAX: usize = 256;

/// One process to judge.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it shows.
    pub texts: Texts<'a>,
    /// How long it has been running.
    pub age: Duration,
    /// The time that exemptions are compared with.
    pub now: Timestamp,
}

/// What became of one process. The default is a clean one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// The rules that hold; `None` = clean.
    pub matched: Option<Hit>,
    /// `Some` = exemptions that need no pod cover every rule in `matched`; the first of them.
    pub exempt: Option<ExemptionIndex>,
    /// Rules that would hold if the process were older.
    pub too_young: Vec<RuleIndex>,
    /// When to judge again even though nothing changes: a rule ripens, or an exemption ends.
    pub recheck: Option<Timestamp>,
}

/// The rules that hold for a process.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// All of them, primary first: `respond` before `report`, then higher severity, then lower id.
    pub rules: Vec<RuleIndex>,
    /// The name by which the primary rule holds; else basename of the executable, of the first argument, or comm.
    pub process: Vec<u8>,
    /// Text of the clause by which the primary rule holds, as the rule has it; at most 256 bytes.
    pub regex: String,
    /// A text over 15 bytes met comm by its first 15 bytes, all that the kernel keeps.
    pub comm_truncated: bool,
    /// At most 8 scopes of exemptions that cover all these rules if the process belongs to a pod in them. Whether it can
    /// belong to one at all is not asked here.
    pub exempt_if: Vec<ExemptScope>,
}

/// What judging one process after another uses again and again. One for each thread.
#[derive(Debug)]
pub struct Scratch {
    /// The set it was made for.
    revision: u64,
    engine: EngineScratch,
    cmdline: Vec<u8>,
}

/// The process at hand, scanned.
struct Scanned<'a> {
    set: &'a RuleSet,
    engine: &'a EngineScratch,
    names: Names<'a>,
    flags: FlagSet,
    subject: &'a Subject<'a>,
}

/// The SHA-256 of the executable, asked for at most once.
enum Hash<'h> {
    Unasked(&'h mut dyn FnMut() -> Option<[u8; 32]>),
    Asked(Option<[u8; 32]>),
}

impl RuleSet {
    /// What [`RuleSet::judge`] needs.
    pub fn scratch(&self) -> Scratch {
        Scratch { revision: self.number(), engine: self.engine.scratch(&self.arena), cmdline: Vec::new() }
    }

    /// Judges one process. `sha256` is called only if everything else that a rule asks for holds.
    pub fn judge(
        &self,
        scratch: &mut Scratch,
        subject: &Subject<'_>,
        sha256: &mut dyn FnMut() -> Option<[u8; 32]>,
    ) -> Judgement {
        if scratch.revision != self.number() {
            *scratch = self.scratch();
        }
        let Scratch { revision: _, engine, cmdline } = scratch;
        let view = View::of(&subject.texts, cmdline);
        self.engine.scan(&self.arena, engine, view);
        let flags = FlagSet::of(&subject.texts.flags());
        let scanned = Scanned { set: self, engine, names: view.names, flags, subject };
        let mut hash = Hash::Unasked(sha256);
        let held = scanned.held(&mut hash);
        if held.is_empty() { Judgement::default() } else { scanned.decide(held, &mut hash) }
    }
}

impl<'a> View<'a> {
    /// What clauses see of `texts`; the command line is joined in `buffer`.
    pub(super) fn of(texts: &Texts<'a>, buffer: &'a mut Vec<u8>) -> Self {
        buffer.clear();
        let end = texts.cmdline.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        buffer.extend(texts.cmdline[..end].iter().map(|byte| if *byte == 0 { b' ' } else { *byte }));
        Self { names: Names::of(texts), exe: texts.exe().map(|exe| exe.path), cmdline: buffer }
    }
}

impl Matcher {
    /// Whether everything it asks for was found.
    pub(super) fn holds(&self, engine: &EngineScratch, flags: FlagSet) -> bool {
        self.clauses().all(|clause| engine.found(clause).is_some()) && flags.contains(self.flags)
    }
}

impl Scanned<'_> {
    /// Rules that hold, whatever the age of the process. Looks at those only of which a clause was found.
    fn held(&self, hash: &mut Hash<'_>) -> Vec<RuleIndex> {
        let by_clause = self.engine.held().iter().filter_map(|clause| self.set.index.rule_of(*clause));
        let by_flag = if self.flags.is_empty() { &[] } else { self.set.index.flags_only.as_slice() };
        let holds = |index: &RuleIndex, hash: &mut Hash<'_>| {
            let rule = self.rule(*index);
            rule.matcher.holds(self.engine, self.flags)
                && (rule.sha256.is_empty() || hash.get().is_some_and(|hash| rule.sha256.contains(&hash)))
        };
        let mut held: Vec<RuleIndex> =
            by_clause.chain(by_flag.iter().copied()).filter(|index| holds(index, hash)).collect();
        if !self.set.index.hash_only.is_empty()
            && let Some(rules) = hash.get().and_then(|hash| self.set.index.hash_only.get(&hash))
        {
            held.extend(rules);
        }
        held.sort_unstable_by_key(|index| (self.rule(*index).rank(), *index));
        held
    }

    fn decide(&self, held: Vec<RuleIndex>, hash: &mut Hash<'_>) -> Judgement {
        let mut recheck = Recheck(None);
        let mut left = held.clone();
        let mut applied = None;
        for (index, exemption) in (0..).zip(&self.set.exemptions) {
            if exemption.scope.is_none() && self.applies(exemption) && left.iter().any(|rule| exemption.is_about(*rule))
            {
                left.retain(|rule| !exemption.is_about(*rule));
                applied.get_or_insert(ExemptionIndex(index));
                recheck.at(exemption.until);
            }
        }
        let is_ripe = |index: &RuleIndex| self.rule(*index).min_age <= self.subject.age;
        let (ripe, too_young): (Vec<_>, Vec<_>) = left.into_iter().partition(is_ripe);
        for index in &too_young {
            let wait = self.rule(*index).min_age.saturating_sub(self.subject.age);
            recheck.at(self.subject.now.checked_add(wait).ok());
        }
        let removed: Vec<RuleIndex> = held.into_iter().filter(is_ripe).collect();
        let (rules, exempt) = if ripe.is_empty() { (removed, applied) } else { (ripe, None) };
        if rules.is_empty() {
            return Judgement { too_young, recheck: recheck.0, ..Judgement::default() };
        }
        let waiting = if exempt.is_none() { self.waiting_for_the_pod(&rules) } else { Vec::new() };
        for exemption in &waiting {
            recheck.at(exemption.until);
        }
        let matched = Some(self.hit(rules, &waiting, hash));
        Judgement { matched, exempt, too_young, recheck: recheck.0 }
    }

    fn hit(&self, rules: Vec<RuleIndex>, waiting: &[&Exemption], hash: &mut Hash<'_>) -> Hit {
        let primary = self.rule(*rules.first().expect("a hit has at least one rule"));
        let name = primary.matcher.process.and_then(|clause| self.engine.found(clause));
        let process = name.and_then(|found| self.names.get(found.first)).unwrap_or_else(|| self.names.usual());
        let mut regex = self.clause_text(primary, hash);
        regex.truncate(regex.floor_char_boundary(REGEX_MAX));
        Hit {
            process: process.to_owned(),
            regex,
            comm_truncated: name.is_some_and(|found| found.first == Who::COMM_TRUNCATED),
            exempt_if: waiting.iter().filter_map(|exemption| exemption.scope.clone()).collect(),
            rules,
        }
    }

    /// What a person finds in the rules file when asking why this is a match.
    fn clause_text(&self, primary: &Rule, hash: &mut Hash<'_>) -> String {
        let text = |Found { atom, .. }| self.set.arena.atom(atom).text.as_ref().to_owned();
        let by_clause = primary.matcher.clauses().find_map(|clause: ClauseId| self.engine.found(clause).map(text));
        let by_hash = || {
            let hash = if primary.sha256.is_empty() { None } else { hash.get() };
            hash.map(|hash| format!("sha256:{}", hex(&hash)))
        };
        let by_flag = || primary.matcher.flags.first().map(|flag| flag_name(flag).to_owned());
        by_clause.or_else(by_hash).or_else(by_flag).expect("a rule that holds asks for something")
    }

    /// Exemptions that cover all these rules if the process belongs to a pod that they are for.
    fn waiting_for_the_pod(&self, rules: &[RuleIndex]) -> Vec<&Exemption> {
        let covering = self.set.exemptions.iter().filter(|exemption| {
            exemption.scope.is_some() && rules.iter().all(|rule| exemption.is_about(*rule)) && self.applies(exemption)
        });
        covering.take(EXEMPT_IF_MAX).collect()
    }

    /// Whether it has not ended and the process shows what it asks for, in every name that can be read.
    fn applies(&self, exemption: &Exemption) -> bool {
        let by_every_name = |clause| self.engine.found(clause).is_some_and(|found| self.names.are_all_in(found.who));
        !exemption.is_expired(self.subject.now)
            && exemption.matcher.holds(self.engine, self.flags)
            && exemption.matcher.process.is_none_or(by_every_name)
    }

    fn rule(&self, index: RuleIndex) -> &Rule {
        &self.set.rules[index.as_usize()]
    }
}

/// The earliest of several moments.
struct Recheck(Option<Timestamp>);

impl Recheck {
    fn at(&mut self, moment: Option<Timestamp>) {
        self.0 = [self.0, moment].into_iter().flatten().min();
    }
}

impl Hash<'_> {
    fn get(&mut self) -> Option<[u8; 32]> {
        let answer = match self {
            Self::Unasked(ask) => ask(),
            Self::Asked(answer) => return *answer,
        };
        *self = Self::Asked(answer);
        answer
    }
}

/// The word that rules have for a flag.
const fn flag_name(flag: Flag) -> &'static str {
    match flag {
        Flag::Deleted => "deleted",
        Flag::Memfd => "memfd",
        Flag::KernelThreadName => "kernel-thread-name",
    }
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text cannot fail");
        text
    })
}
