//! Matches as columns, for people.
//!
//! Owns columns, widths and colors. Every process is one line: on a terminal the command line gets what the other
//! columns leave and ends with `…`; in a pipe nothing is cut.

use std::io::{self, Write};

use api::violation::Parent;
use api::{Severity, Time};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Row, Table, Width};

use crate::cli::Output;
use crate::scan::item::{Item, Word};

/// What decides how a table looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) columns: Columns,
    /// Width of the terminal in cells; `None` in a pipe.
    pub(crate) width: Option<u16>,
    /// Ages are counted up to here.
    pub(crate) now: Time,
}

/// Which columns there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) verdict: Verdicts,
    pub(crate) detail: Detail,
}

/// Whether verdicts differ, so that they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdicts {
    Shown,
    Hidden,
}

/// How much is told of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Usual,
    Wide,
}

/// Cells between two columns.
const GAP: u16 = 2;

/// Cells that the name of a process gets on a terminal, with the gap behind it.
const PROCESS_WIDTH: u16 = 24;

/// The least that is left of a command line. On a narrower terminal, lines go on in the next.
const CMDLINE_WIDTH: u16 = 10;

const RESET: &str = "\u{1b}[0m";

/// Writes the table; escape codes are in it, so `out` must take them out where they do not belong.
pub(crate) fn write(items: &[Item], look: Look, out: &mut impl Write) -> io::Result<()> {
    let table = table(items, look);
    let lines: Vec<String> = table.lines().collect();
    for (position, line) in lines.iter().enumerate() {
        let line = line.trim_end();
        match position.checked_sub(1).map(|index| &items[index]) {
            Some(item) if item.word == Word::Match => {
                let severity = item.violation.severity;
                writeln!(out, "{}", line.replacen(severity.as_str(), &painted(severity), 1))?;
            }
            Some(_) | None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// One change as one line: when, `+` or `-`, and what a table would say.
pub(crate) fn change(change: &str, item: &Item, now: Time) -> String {
    let violation = &item.violation;
    let what = match item.word {
        Word::Match => format!("{} {}", painted(violation.severity), violation.rule),
        Word::Exempt => format!("exempt {}", violation.rule),
        Word::Clean => "clean".to_owned(),
    };
    let container = or_dash(short(&violation.container_id));
    format!("{now} {change} {what} {} {} {container} {}", violation.pid, violation.process, violation.cmdline)
}

fn table(items: &[Item], look: Look) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(one_line(header(look.columns)));
    for item in items {
        table.add_row(one_line(cells(item, look)));
    }
    table.set_truncation_indicator("…");
    let width = look.width.filter(|_| look.columns.detail == Detail::Usual);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let last = table.column_count() - 1;
    let process = header(look.columns).iter().position(|name| *name == "PROCESS").unwrap_or(last);
    let is_long = table.column_max_content_widths()[process] + GAP > PROCESS_WIDTH;
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { GAP }));
        // Never in a text, so that it is cut at a character and not at a space.
        column.set_delimiter('\u{0}');
        column.set_constraint(match width {
            // A process chooses its name, and a long one must not push everything else off the screen.
            Some(_) if index == process && is_long => ColumnConstraint::Absolute(Width::Fixed(PROCESS_WIDTH)),
            Some(_) if index == last => ColumnConstraint::LowerBoundary(Width::Fixed(CMDLINE_WIDTH)),
            Some(_) | None => ColumnConstraint::ContentWidth,
        });
    }
    table
}

/// Cells of one line, however little room there is.
fn one_line<T: Into<Cell>>(cells: Vec<T>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

fn header(columns: Columns) -> Vec<&'static str> {
    let mut header = match columns.verdict {
        Verdicts::Shown => vec!["VERDICT"],
        Verdicts::Hidden => Vec::new(),
    };
    header.extend(["SEVERITY", "RULE", "PID", "PROCESS", "CONTAINER", "AGE"]);
    match columns.detail {
        Detail::Usual => {}
        Detail::Wide => header.extend(["EXE", "SHA256", "UID", "POD-UID", "PARENTS"]),
    }
    header.push("CMDLINE");
    header
}

fn cells(item: &Item, look: Look) -> Vec<String> {
    let violation = &item.violation;
    let evidence = &violation.evidence;
    let mut cells = match look.columns.verdict {
        Verdicts::Shown => vec![item.word.as_str().to_owned()],
        Verdicts::Hidden => Vec::new(),
    };
    let (severity, rule) = match item.word {
        Word::Match | Word::Exempt => (violation.severity.as_str(), violation.rule.as_str()),
        Word::Clean => ("", ""),
    };
    cells.extend([
        or_dash(severity),
        or_dash(rule),
        violation.pid.to_string(),
        or_dash(&violation.process),
        or_dash(short(&violation.container_id)),
        age(look.now.since(evidence.started_at).as_secs()),
    ]);
    match look.columns.detail {
        Detail::Usual => {}
        Detail::Wide => cells.extend([
            or_dash(&evidence.exe),
            or_dash(evidence.sha256.as_deref().unwrap_or_default()),
            evidence.uid.map_or_else(|| or_dash(""), |uid| uid.to_string()),
            or_dash(&violation.pod_uid),
            parents(&evidence.parents),
        ]),
    }
    cells.push(or_dash(&violation.cmdline));
    cells
}

/// The head of a container id, as container tools show it.
fn short(container_id: &str) -> &str {
    container_id.get(..12).unwrap_or_default()
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn parents(parents: &[Parent]) -> String {
    let chain: Vec<String> = parents.iter().map(|parent| format!("{}({})", parent.name, parent.pid)).collect();
    or_dash(&chain.join(" < "))
}

/// An age in its two largest units: `3d4h`, `2h5m`, `7m30s`, `12s`.
fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h"),
    }
}

fn painted(severity: Severity) -> String {
    let paint = match severity {
        Severity::Critical => "\u{1b}[1;31m",
        Severity::High => "\u{1b}[31m",
        Severity::Medium => "\u{1b}[33m",
        Severity::Low => "\u{1b}[36m",
    };
    format!("{paint}{severity}{RESET}")
}

impl Columns {
    pub(crate) fn of(output: Output, verdict: Verdicts) -> Self {
        let detail = if output == Output::Wide { Detail::Wide } else { Detail::Usual };
        Self { verdict, detail }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::scan::fixture;

    #[track_caller]
    fn check(columns: Columns, width: Option<u16>, expected: &Expect) {
        let mut out = Vec::new();
        write(&fixture::items(), Look { columns, width, now: fixture::now() }, &mut out).unwrap();
        expected.assert_eq(&String::from_utf8(out).unwrap().replace('\u{1b}', "^"));
    }

    const USUAL: Columns = Columns { verdict: Verdicts::Hidden, detail: Detail::Usual };

    #[test]
    fn in_a_pipe_nothing_is_cut() {
        check(
            USUAL,
            None,
            &expect![[r#"
            SEVERITY  RULE                PID    PROCESS      CONTAINER     AGE   CMDLINE
            ^[1;31mcritical^[0m  miner-name          41233  xmrig        4f1c4f1c4f1c  1m4s  ./xmrig -o stratum+tcp://pool.example:3333 --pass=***
            high      fake-kernel-thread  977    kworker/0:1  -             1m4s  [kworker/0:1]
            -         -                   7      kworker/0:1  -             1m4s  -bash
        "#]],
        );
    }

    #[test]
    fn on_a_terminal_the_command_line_gets_what_is_left() {
        check(
            USUAL,
            Some(90),
            &expect![[r#"
            SEVERITY  RULE                PID    PROCESS      CONTAINER     AGE   CMDLINE
            ^[1;31mcritical^[0m  miner-name          41233  xmrig        4f1c4f1c4f1c  1m4s  ./xmrig -o stratum+…
            high      fake-kernel-thread  977    kworker/0:1  -             1m4s  [kworker/0:1]
            -         -                   7      kworker/0:1  -             1m4s  -bash
        "#]],
        );
    }

    #[test]
    fn on_a_narrow_terminal_every_process_is_still_one_line_with_some_of_its_command_line() {
        for width in 1..=80 {
            let mut out = Vec::new();
            write(&fixture::items(), Look { columns: USUAL, width: Some(width), now: fixture::now() }, &mut out)
                .unwrap();
            let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
            assert!(lines.len() == 4 && lines[0].ends_with("CMDLINE") && lines[1].contains("./xmrig -…"), "{lines:?}");
        }
    }

    #[test]
    fn a_wide_table_has_more_columns_and_is_never_cut() {
        check(
            Columns { detail: Detail::Wide, ..USUAL },
            Some(90),
            &expect![[r#"
            SEVERITY  RULE                PID    PROCESS      CONTAINER     AGE   EXE          SHA256                                                            UID   POD-UID                               PARENTS    CMDLINE
            ^[1;31mcritical^[0m  miner-name          41233  xmrig        4f1c4f1c4f1c  1m4s  /app/xm rig  9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b  1000  8712f785-1a3e-41ec-a00b-e2dcc77431cb  sh(41200)  ./xmrig -o stratum+tcp://pool.example:3333 --pass=***
            high      fake-kernel-thread  977    kworker/0:1  -             1m4s  -            -                                                                 0     -                                     -          [kworker/0:1]
            -         -                   7      kworker/0:1  -             1m4s  -            -                                                                 0     -                                     -          -bash
        "#]],
        );
    }

    #[test]
    fn verdicts_are_told_when_they_differ() {
        check(
            Columns { verdict: Verdicts::Shown, ..USUAL },
            Some(90),
            &expect![[r#"
            VERDICT  SEVERITY  RULE                PID    PROCESS      CONTAINER     AGE   CMDLINE
            match    ^[1;31mcritical^[0m  miner-name          41233  xmrig        4f1c4f1c4f1c  1m4s  ./xmrig -o…
            exempt   high      fake-kernel-thread  977    kworker/0:1  -             1m4s  [kworker/0…
            clean    -         -                   7      kworker/0:1  -             1m4s  -bash
        "#]],
        );
    }

    #[test]
    fn an_age_has_its_two_largest_units() {
        let ages = [-5, 0, 59, 60, 3_599, 3_600, 86_399, 86_400, 90_000].map(age);
        assert_eq!(ages, ["0s", "0s", "59s", "1m0s", "59m59s", "1h0m", "23h59m", "1d0h", "1d1h"]);
    }
}
