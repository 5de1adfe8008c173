//! Which of two media types a client would rather have (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

/// Whether `Accept` asks for `media_type`, and no less than for any other type it names. Wildcards ask for nothing in
/// particular.
pub(crate) fn prefers(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut ours, mut others) = (0.0, 0.0);
    for range in values.flat_map(|value| value.split(',')) {
        let (name, quality) = parse(range);
        let best = if name.eq_ignore_ascii_case(media_type) { &mut ours } else { &mut others };
        if !name.contains('*') {
            *best = quality.max(*best);
        }
    }
    ours > 0.0 && ours >= others
}

/// Name and quality of one range; a quality that cannot be read counts as none.
fn parse(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |text| text.parse().unwrap_or(0.0));
    (name, quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &'static str, expected: bool) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        assert_eq!(prefers(&headers, "application/openmetrics-text"), expected, "{accept}");
    }

    #[test]
    fn a_type_is_preferred_if_it_is_named_and_nothing_is_wanted_more() {
        check("application/openmetrics-text", true);
        check("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true);
        check("text/plain;q=0.3, Application/OpenMetrics-Text ; version=0.0.1 ; q=0.5", true);
    }

    #[test]
    fn a_type_is_not_preferred_if_another_is_or_none_is_named() {
        check("*/*", false);
        check("text/plain", false);
        check("application/openmetrics-text;q=0.2,text/plain", false);
        check("application/openmetrics-text;q=0", false);
        check("application/openmetrics-text;q=high", false);
    }
}
