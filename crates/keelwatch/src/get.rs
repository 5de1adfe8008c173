//! `keelwatch get`: asks a controller and writes what it answers.
//!
//! Owns where the controller is and how lists are written. What is asked is in the module of its noun; the answers are
//! `web`'s and the rooms'.

mod coverage;
mod finding;
mod findings;
mod pods;
mod violations;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{Clock, Time};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ContentArrangement, Row, Table};
use runtime::clock::SystemClock;
use serde_json::Value;
use web::Client;
use web::client::ClientSettings;

use crate::cli::{self, Listing};
use crate::exit::{Exit, tolerate_closed};
use crate::settings;

/// One page of a large list takes well under a second.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks, and writes the answer to standard output.
pub(crate) fn run(what: &cli::Get) -> anyhow::Result<Exit> {
    let workers = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let text = workers.context("failed to start the runtime")?.block_on(async {
        match what {
            cli::Get::Findings(args) => findings::get(args).await,
            cli::Get::Violations(args) => violations::get(args).await,
            cli::Get::Coverage(args) => coverage::get(args).await,
            cli::Get::Pods(args) => pods::get(args).await,
        }
    })?;
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Clean)
}

/// A whole list as one answer: what the first page says of all of them, and the items of every page.
pub(crate) async fn every_page(client: &Client, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
    /// The most that one page holds.
    const PAGE: (&str, &str) = ("limit", "1000");
    let (mut whole, mut items, mut next) = (None, Vec::new(), String::new());
    loop {
        let mut asked = query.to_vec();
        asked.push(PAGE);
        if !next.is_empty() {
            asked.push(("continue", &next));
        }
        let mut page: Value = client.get(path, &asked).await?;
        let Value::Array(more) = page["items"].take() else { bail!("the answer has no items") };
        items.extend(more);
        let token = page.as_object_mut().and_then(|page| page.remove("continue"));
        let whole = whole.get_or_insert(page);
        match token {
            Some(Value::String(token)) if !token.is_empty() => next = token,
            _ => {
                whole["items"] = Value::Array(items);
                return Ok(whole.take());
            }
        }
    }
}

/// A client of the controller that the arguments name.
pub(crate) fn client(asked: &cli::Connection) -> anyhow::Result<Client> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("failed to read {}", path.display()));
    let token = match &asked.token_file {
        Some(path) => String::from_utf8_lossy(&read(path)?).trim_end().to_owned(),
        None => settings::environment().variable("KEELWATCH_TOKEN").unwrap_or_default().to_owned(),
    };
    let authorities = asked.ca_file.as_deref().map(read).transpose()?;
    let url = asked.server.clone();
    Ok(Client::new(&ClientSettings { url, token, authorities, timeout: TIMEOUT })?)
}

/// The answer as it is, in one of the forms for programs.
pub(crate) fn as_document(answer: &Value, output: Listing) -> anyhow::Result<Option<String>> {
    Ok(match output {
        Listing::Json => Some(serde_json::to_string_pretty(answer)? + "\n"),
        Listing::Yaml => Some(serde_saphyr::to_string(answer).context("failed to write YAML")?),
        Listing::Table | Listing::Wide => None,
    })
}

/// Columns under a header; as wide as the terminal, or as they need.
pub(crate) fn columns(header: &[&str], rows: Vec<Vec<String>>, output: Listing) -> String {
    let one_line = |cells: Vec<String>| {
        let mut row = Row::from(cells.into_iter().map(Cell::new).collect::<Vec<_>>());
        row.max_height(1);
        row
    };
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(one_line(header.iter().map(|&name| name.to_owned()).collect()));
    table.set_truncation_indicator("…");
    let count = rows.len();
    for cells in rows {
        table.add_row(one_line(cells));
    }
    if let Some(width) = width().filter(|_| output == Listing::Table && count > 0) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let last = header.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        const GAP: u16 = 2;
        column.set_padding((0, if index == last { 0 } else { GAP }));
        // Never in a text, so that it is cut at a character and not at a space.
        column.set_delimiter('\u{0}');
    }
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()]).collect()
}

/// Cells of the terminal; `None` in a pipe.
fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|&columns| columns > 0)
}

/// A cell is never empty.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// How long ago, as kubectl writes it, in its largest unit.
pub(crate) fn age(since: Time) -> String {
    age_at(Time::of(SystemClock::new().now()), since)
}

fn age_at(now: Time, since: Time) -> String {
    let seconds = now.since(since).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;

    /// Answers one request with each of these, and tells what was asked.
    fn answering(pages: Vec<Value>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let answer = |page: Value| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
                let first = lines.next().unwrap();
                lines.find(String::is_empty).unwrap();
                let (body, close) = (page.to_string(), "Connection: close\r\nContent-Type: application/json");
                write!(stream, "HTTP/1.1 200 OK\r\n{close}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
                first.split(' ').nth(1).unwrap().to_owned()
            };
            pages.into_iter().map(answer).collect()
        });
        (url, asked)
    }

    #[tokio::test]
    async fn a_list_is_read_to_its_last_page_and_keeps_what_the_first_says_of_all() {
        let first = json!({"items": [1, 2], "continue": "1ab", "count": 3, "complete": true});
        let (url, asked) = answering(vec![first, json!({"items": [3], "count": 4, "complete": true})]);
        let settings = ClientSettings { url, token: String::new(), authorities: None, timeout: TIMEOUT };
        let whole = every_page(&Client::new(&settings).unwrap(), "/api/v1/silences", &[("state", "all")]).await;
        assert_eq!(whole.unwrap(), json!({"items": [1, 2, 3], "count": 3, "complete": true}));
        let first = "/api/v1/silences?state=all&limit=1000";
        assert_eq!(asked.join().unwrap(), [first.to_owned(), format!("{first}&continue=1ab")]);
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now: jiff::Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let told = |seconds: i64| {
            let since = now.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap();
            age_at(Time::of(now), Time::of(since))
        };
        assert_eq!([0, 119, 120, 7_200, 172_800, -5].map(told), ["0s", "119s", "2m", "2h", "2d", "0s"]);
    }
}
