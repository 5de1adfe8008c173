//! Headers of nodes, of former agents, and of clocks that are off.

use super::*;

fn about(headers: &[(&'static str, &str)]) -> About {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    About::of(&headers.iter().map(pair).collect())
}

fn time(text: &str) -> Time {
    Time::of(text.parse().unwrap())
}

/// A node whose last pass ended at this time of 21 November, by its own clock that shows `date`.
fn passed(last_pass: &str, date: &str, interval: &str) -> About {
    about(&[
        ("keelwatch-last-pass", &format!("2026-11-21T{last_pass}Z")),
        ("keelwatch-passes", "7"),
        ("keelwatch-interval", interval),
        ("date", &format!("Sat, 21 Nov 2026 {date} GMT")),
    ])
}

const NOW: &str = "2026-11-21T04:31:30Z";

#[test]
fn every_header_is_read() {
    let read = about(&[
        ("keelwatch-node", "somebody else"),
        ("keelwatch-boot", "3f0c1d7e"),
        ("keelwatch-last-pass", "2026-11-21T04:31:29Z"),
        ("keelwatch-passes", "41"),
        ("keelwatch-interval", "2.5"),
        ("keelwatch-rules", "9f2c41d07be3a855"),
        ("keelwatch-truncated", "3"),
        ("etag", "W/\"4f53\""),
        ("date", "Sat, 21 Nov 2026 04:31:30 GMT"),
    ]);
    let expected = About {
        boot: "3f0c1d7e".to_owned(),
        last_pass: Some(time("2026-11-21T04:31:29Z")),
        passes: Some(41),
        interval: Duration::from_millis(2500),
        rules: "9f2c41d07be3a855".to_owned(),
        truncated: 3,
        etag: Some(HeaderValue::from_static("W/\"4f53\"")),
        date: Some(time(NOW)),
    };
    assert_eq!(read, expected);
}

#[test]
fn what_cannot_be_read_is_as_if_it_were_not_there() {
    let odd = [
        ("keelwatch-last-pass", "yesterday"),
        ("keelwatch-passes", "-1"),
        ("keelwatch-interval", "NaN"),
        ("keelwatch-truncated", "many"),
        ("date", "today"),
    ];
    assert_eq!(about(&odd), About::default());
    assert_eq!(about(&[("keelwatch-boot", &"é".repeat(1000))]).boot, "");
    assert_eq!(about(&[("keelwatch-boot", &"b".repeat(1000))]).boot.len(), 64);
}

#[test]
fn a_number_that_nobody_can_have_counted_to_is_the_most_that_is_believed() {
    let most = u64::MAX.to_string();
    let read = about(&[("keelwatch-passes", &most), ("keelwatch-truncated", &most)]);
    assert_eq!((read.passes, read.truncated), (Some(1 << 53), 1 << 53));
}

#[test]
fn a_pass_is_overdue_after_three_intervals_and_not_before_thirty_seconds() {
    let overdue = |last_pass, interval| passed(last_pass, "04:31:30", interval).is_overdue(time(NOW));
    assert_eq!([overdue("04:31:00", "2"), overdue("04:30:59", "2")], [false, true]);
    assert_eq!([overdue("04:30:00", "30"), overdue("04:29:59", "30")], [false, true]);
    assert!(!About::default().is_overdue(time(NOW)), "a former agent does not say");
}

#[test]
fn a_clock_that_is_off_by_hours_makes_nothing_overdue_and_is_set_right() {
    let ahead = passed("09:31:29", "09:31:30", "2");
    let behind = passed("01:31:29", "01:31:30", "2");
    for about in [ahead, behind] {
        assert!(!about.is_overdue(time(NOW)));
        assert_eq!(about.seen_at(time(NOW)), time("2026-11-21T04:31:29Z"));
    }
    assert_eq!(passed("04:31:40", "04:31:30", "2").seen_at(time(NOW)), time(NOW));
    assert_eq!(About::default().seen_at(time(NOW)), time(NOW));
}

#[test]
fn absence_counts_from_the_second_pass_on_and_never_from_half_an_answer() {
    let now = time(NOW);
    let agent = |passes| About { passes, last_pass: Some(now), ..About::default() };
    assert_eq!(agent(Some(2)).absence(true, now), Absence::Gone);
    assert_eq!(agent(Some(1)).absence(true, now), Absence::Unknown);
    assert_eq!(agent(None).absence(true, now), Absence::GoneTheSecondTime);
    assert_eq!(agent(Some(2)).absence(false, now), Absence::Unknown);
    assert_eq!(About { truncated: 1, ..agent(Some(2)) }.absence(true, now), Absence::Unknown);
    let overdue = About { last_pass: Some(time("2026-11-21T04:30:59Z")), ..agent(Some(2)) };
    assert_eq!(overdue.absence(true, now), Absence::Unknown);
}

#[test]
fn passes_are_counted_on_unless_the_agent_has_started_again() {
    let agent = |passes| About { passes, ..About::default() };
    let since = |passes, earlier| agent(passes).passes_since(earlier);
    assert_eq!(
        [since(Some(9), Some(7)), since(Some(7), Some(7)), since(Some(2), Some(7)), since(None, None)],
        [2, 0, 1, 1]
    );
}
