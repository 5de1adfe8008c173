//! Finds passwords in URLs: `scheme://user:password@host`, and in http and https `scheme://token@host`.

use std::ops::Range;

use super::spans::Spans;
use super::words::is_space;

const MARK: &[u8] = b"://";

/// Hides the password of each URL that begins in `chunk`; one with characters that do not belong in a URL may reach up
/// to `limit`.
pub(super) fn hide(text: &[u8], chunk: Range<usize>, limit: usize, spans: &mut Spans) {
    let mut at = chunk.start;
    while let Some(mark) = find(text, at..chunk.end) {
        let authority = mark + MARK.len();
        at = authority;
        let region = authority..find(text, authority..limit).unwrap_or(limit);
        let Some(end) = userinfo_end(text, authority, limit, region) else { continue };
        let is_web = scheme_is_web(&text[chunk.start..mark]);
        if let Some(secret) = secret_of(text, authority..end, is_web) {
            spans.hide(text, secret);
        }
        at = at.max(end).min(chunk.end);
    }
    hide_of_driver_name(text, chunk, spans);
}

/// Where the `@` stands that ends the user and password.
fn userinfo_end(text: &[u8], authority: usize, limit: usize, region: Range<usize>) -> Option<usize> {
    let end = (authority..limit).find(|at| ends_authority(text[*at])).unwrap_or(limit);
    if let Some(at) = last_at(text, authority..end) {
        return Some(at);
    }
    // A password with a raw `/`, `?` or `#`: then what looks like the port is no number, and an `@` follows.
    let colon = (authority..end).find(|at| text[*at] == b':')?;
    let port = &text[colon + 1..end];
    let is_port = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    if is_port { None } else { last_at(text, end..region.end.max(end)) }
}

fn secret_of(text: &[u8], userinfo: Range<usize>, is_web: bool) -> Option<Range<usize>> {
    let colon = userinfo.clone().find(|at| text[*at] == b':');
    let user = userinfo.start..colon.unwrap_or(userinfo.end);
    let password = colon.map_or(userinfo.end, |colon| colon + 1)..userinfo.end;
    if !password.is_empty() {
        return Some(password);
    }
    is_web.then_some(user)
}

/// `http`, `https`, also behind a `+` as in `git+https`.
fn scheme_is_web(before: &[u8]) -> bool {
    let start = before.iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    before[start..].eq_ignore_ascii_case(b"http") || before[start..].eq_ignore_ascii_case(b"https")
}

/// `user:password@tcp(host)/db`, as Go programs name a database.
fn hide_of_driver_name(text: &[u8], chunk: Range<usize>, spans: &mut Spans) {
    let part = &text[chunk.clone()];
    let address = [&b"@tcp("[..], b"@unix("].iter().find_map(|mark| part.windows(mark.len()).position(|w| w == *mark));
    let Some(address) = address else { return };
    if let Some(colon) = part[..address].iter().position(|byte| *byte == b':') {
        spans.hide(text, chunk.start + colon + 1..chunk.start + address);
    }
}

fn find(text: &[u8], range: Range<usize>) -> Option<usize> {
    text[range.clone()].windows(MARK.len()).position(|window| window == MARK).map(|at| range.start + at)
}

fn last_at(text: &[u8], range: Range<usize>) -> Option<usize> {
    range.rev().find(|at| text[*at] == b'@')
}

fn ends_authority(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'<' | b'>' | b'`' | b'\\')
}
