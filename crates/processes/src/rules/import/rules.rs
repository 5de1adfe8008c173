//! What becomes of former rules: of patterns of names and of words in command lines.

use std::collections::{BTreeMap, BTreeSet};

use api::{Action, Severity};
use sha2::{Digest, Sha256};

use super::dialect;
use super::former::{FormerRule, Kind};
use super::note::{Notes, Reason};
use super::yaml::{Clause, Draft, NewRule, Text};

/// The rules that were taken over.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Their patterns without anchors.
    texts: BTreeSet<String>,
    pub(super) names: usize,
    pub(super) keywords: usize,
}

/// What a former rule turns into.
struct Turned {
    clause: Clause,
    severity: Severity,
    enabled: bool,
    changes: Vec<Reason>,
}

/// Keywords under this many bytes are in too many ordinary command lines.
const BROAD_BYTES: usize = 8;

/// Longer keywords that are in ordinary command lines all the same.
const BROAD_WORDS: [&str; 26] = [
    "/bin/bash",
    "/bin/sh",
    "/dev/null",
    "/dev/shm",
    "/etc/passwd",
    "/etc/shadow",
    "authorized_keys",
    "backdoor",
    "bitcoin",
    "blockchain",
    "credential",
    "cryptography",
    "docker.sock",
    "download",
    "ethereum",
    "exploit",
    "localhost",
    "mining",
    "monitoring",
    "network",
    "password",
    "passwords",
    "port scan",
    "reverse",
    "security",
    "websocket",
];

/// Programs whose former patterns went on with arguments, as in `^nc.*-l.*-p` and `^python.*socket.*`.
const TOOLS: [&str; 13] =
    ["bash", "curl", "dash", "nc", "ncat", "netcat", "perl", "python", "python2", "python3", "sh", "socat", "wget"];

impl Rules {
    pub(super) fn take_over(former: &[FormerRule], draft: &mut Draft, notes: &mut Notes) -> Self {
        let strongest = strongest(former);
        let mut rules = Self::default();
        for (index, rule) in former.iter().enumerate() {
            let is_strongest = strongest[&(rule.kind, rule.pattern.text.as_str())] == index;
            let taken = if is_strongest { rules.take(rule, draft) } else { Err(Reason::Duplicate) };
            match taken {
                Ok(changes) => changes.into_iter().for_each(|reason| notes.changed(&rule.pattern, reason)),
                Err(reason) => notes.left_out(&rule.pattern, reason),
            }
        }
        rules
    }

    /// Whether a rule has the same text, anchors aside.
    pub(super) fn have(&self, text: &str) -> bool {
        self.texts.contains(without_anchors(text.trim()))
    }

    fn take(&mut self, rule: &FormerRule, draft: &mut Draft) -> Result<Vec<Reason>, Reason> {
        let text = &rule.pattern.text;
        let Turned { clause, severity, enabled, mut changes } = match rule.kind {
            _ if text.is_empty() => return Err(Reason::Empty),
            Kind::ProcessName => of_name(text, rule.severity)?,
            Kind::CommandKeyword => of_keyword(text, rule.severity),
        };
        let may_respond = clause.is_about_names() && severity >= Severity::High;
        if rule.action == Action::Respond && !may_respond {
            changes.push(Reason::Action);
        }
        draft.rule(&NewRule {
            id: id(rule.kind, text),
            name: name(rule),
            description: description(rule),
            origin: &rule.pattern,
            clause,
            enabled: enabled && rule.enabled,
            severity,
            action: if may_respond { rule.action } else { Action::Report },
            changes: &changes,
        })?;
        self.texts.insert(without_anchors(text).to_owned());
        match rule.kind {
            Kind::ProcessName => self.names += 1,
            Kind::CommandKeyword => self.keywords += 1,
        }
        Ok(changes)
    }
}

/// The text without `^` in front and `$` behind.
pub(super) fn without_anchors(text: &str) -> &str {
    let body = text.strip_prefix('^').unwrap_or(text);
    dialect::strip_end(body).unwrap_or(body)
}

/// Where each pattern stands in its strongest form: the former scanner let the stronger of two rules speak.
fn strongest(former: &[FormerRule]) -> BTreeMap<(Kind, &str), usize> {
    let mut strongest = BTreeMap::new();
    let strength = |index: usize| (former[index].enabled, former[index].action, former[index].severity);
    for (index, rule) in former.iter().enumerate() {
        let kept = strongest.entry((rule.kind, rule.pattern.text.as_str())).or_insert(index);
        if strength(index) > strength(*kept) {
            *kept = index;
        }
    }
    strongest
}

fn of_name(pattern: &str, severity: Severity) -> Result<Turned, Reason> {
    if !dialect::is_shared(pattern) {
        return Err(Reason::Dialect);
    }
    let (flags, body) = match pattern.strip_prefix("(?i)") {
        Some(body) => ("(?i)", body),
        None => ("", pattern),
    };
    if needs_arguments(without_anchors(body)) {
        let clause = Clause::Cmdline(Text::Regex(pattern.to_owned()));
        return Ok(Turned { clause, severity, enabled: false, changes: vec![Reason::Dead] });
    }
    let alternatives = dialect::alternatives(body);
    let is_narrowed = alternatives.iter().any(|alternative| is_open(alternative));
    let whole = if let [one] = alternatives[..] { without_anchors(one) } else { body };
    let text = match dialect::literal(whole) {
        Some(text) if flags.is_empty() => Text::Exact(text),
        Some(text) => Text::ExactAnyCase(text),
        None => Text::Regex(format!("{flags}^(?:{whole})$")),
    };
    let changes = if is_narrowed { vec![Reason::Narrowed] } else { Vec::new() };
    Ok(Turned { clause: Clause::Process(text), severity, enabled: true, changes })
}

fn of_keyword(pattern: &str, severity: Severity) -> Turned {
    let mut changes = Vec::new();
    let mut text = pattern.to_owned();
    if looks_like_pattern(pattern) {
        changes.push(Reason::Literal);
    } else if pattern.contains('\\') {
        changes.push(Reason::Unescaped);
        text = unescaped(pattern);
    }
    let is_broad = text.len() < BROAD_BYTES || BROAD_WORDS.iter().any(|word| word.eq_ignore_ascii_case(&text));
    if is_broad {
        changes.push(Reason::Broad);
    }
    let severity = if is_broad { Severity::Low } else { severity };
    Turned { clause: Clause::Cmdline(Text::Contains(text)), severity, enabled: true, changes }
}

/// Whether the pattern met names that only begin, or only end, with what it describes.
fn is_open(pattern: &str) -> bool {
    let is_open_before = !pattern.starts_with('^') && !pattern.starts_with(".*");
    let has_wildcard_end = pattern.ends_with(".*") && !pattern.ends_with(r"\.*");
    let is_open_behind = dialect::strip_end(pattern).is_none() && !has_wildcard_end;
    is_open_before || is_open_behind
}

/// Whether the pattern describes more than a name: the former scanner showed it the base name of the first word only.
fn needs_arguments(body: &str) -> bool {
    body.contains([' ', '/']) || body.contains(r"\s") || has_option(body) || continues_behind_tool(body)
}

/// `.*-l` or `.+--listen`, but not the end of a name such as `.*-proxy`.
fn has_option(body: &str) -> bool {
    let gaps = body.match_indices(".*-").chain(body.match_indices(".+-"));
    gaps.into_iter().any(|(at, gap)| {
        let mut rest = body[at + gap.len()..].chars();
        match rest.next() {
            Some('-') => true,
            Some(c) if c.is_ascii_alphanumeric() => {
                !rest.next().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            }
            Some(_) | None => false,
        }
    })
}

fn continues_behind_tool(body: &str) -> bool {
    TOOLS.iter().any(|tool| {
        let rest = body.strip_prefix(tool);
        let behind = rest.and_then(|rest| rest.strip_prefix(".*").or_else(|| rest.strip_prefix(".+")));
        behind.is_some_and(|behind| behind.contains(|c: char| c.is_ascii_alphanumeric()))
    })
}

fn looks_like_pattern(text: &str) -> bool {
    let has_wildcard = [".*", ".+", ".?", "(?"].iter().any(|mark| text.contains(mark));
    let has_class = text.find('[').is_some_and(|at| text[at..].contains(']'));
    let has_choice = text.contains('(') && text.contains('|') && text.contains(')');
    let has_anchor = text.starts_with('^') || dialect::strip_end(text).is_some();
    let has_escape = text.split('\\').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    has_wildcard || has_class || has_choice || has_anchor || has_escape
}

/// The text without backslashes that only say that the next character stands for itself.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next) if c == '\\' && dialect::is_protected(*next) => plain.extend(chars.next()),
            Some(_) | None => plain.push(c),
        }
    }
    plain
}

/// The id that the later form of the former scanner gives to rules of the earlier one.
fn id(kind: Kind, text: &str) -> String {
    let (prefix, hashed) = match kind {
        Kind::ProcessName => ("legacy-process", "process_name"),
        Kind::CommandKeyword => ("legacy-keyword", "command_keyword"),
    };
    let hash = Sha256::digest(format!("{hashed}\0{text}"));
    let head = u64::from_be_bytes(hash[..8].try_into().expect("a SHA-256 has 32 bytes"));
    format!("{prefix}-{head:016x}")
}

fn name(rule: &FormerRule) -> String {
    let (kind, text) = match (rule.kind, &rule.named) {
        (_, Some((_, name))) if !name.trim().is_empty() => return shortened(&in_one_line(name.trim()), 120),
        (Kind::ProcessName, _) => ("process", &rule.pattern.text),
        (Kind::CommandKeyword, _) => ("keyword", &rule.pattern.text),
    };
    shortened(&in_one_line(&format!("Former {kind} rule {text}")), 120)
}

/// The text without control characters, which a name must not have.
fn in_one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn description(rule: &FormerRule) -> String {
    let FormerRule { named, description, .. } = rule;
    let former_id = named.as_ref().map(|(id, _)| format!("Former id: {id}.")).unwrap_or_default();
    let separator = if description.is_empty() || former_id.is_empty() { "" } else { " " };
    shortened(&format!("{description}{separator}{former_id}"), 2000)
}

/// The text, or its head and `…`, in at most `bytes` bytes.
fn shortened(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(bytes - '…'.len_utf8());
    format!("{}…", &text[..head])
}
