//! What a scrape reads.

use expect_test::expect;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::*;

fn registry() -> Registry {
    let mut registry = Registry::default();
    let runs = Family::<[(&'static str, &'static str); 1], Counter>::default();
    runs.get_or_create(&[("task", "a\"b")]).inc();
    registry.register("keelwatch_runs_total", &["task"], "Runs, by task", runs);
    let took = Histogram::new([0.5]);
    took.observe(0.25);
    registry.register("keelwatch_took_seconds", &[], "How long it took", took);
    registry.gauge("keelwatch_size", "Entries", || 3.0);
    registry
}

#[test]
fn both_formats_carry_the_same_samples() {
    let registry = registry();
    expect![[r##"
        # HELP keelwatch_runs Runs, by task.
        # TYPE keelwatch_runs counter
        keelwatch_runs_total{task="a\"b"} 1
        # HELP keelwatch_took_seconds How long it took.
        # TYPE keelwatch_took_seconds histogram
        keelwatch_took_seconds_sum 0.25
        keelwatch_took_seconds_count 1
        keelwatch_took_seconds_bucket{le="0.5"} 1
        keelwatch_took_seconds_bucket{le="+Inf"} 1
        # HELP keelwatch_size Entries.
        # TYPE keelwatch_size gauge
        keelwatch_size 3.0
        # EOF
    "##]]
    .assert_eq(&registry.encode(Format::OpenMetrics));
    expect![[r##"
        # HELP keelwatch_runs_total Runs, by task.
        # TYPE keelwatch_runs_total counter
        keelwatch_runs_total{task="a\"b"} 1
        # HELP keelwatch_took_seconds How long it took.
        # TYPE keelwatch_took_seconds histogram
        keelwatch_took_seconds_sum 0.25
        keelwatch_took_seconds_count 1
        keelwatch_took_seconds_bucket{le="0.5"} 1
        keelwatch_took_seconds_bucket{le="+Inf"} 1
        # HELP keelwatch_size Entries.
        # TYPE keelwatch_size gauge
        keelwatch_size 3.0
    "##]]
    .assert_eq(&registry.encode(Format::Prometheus));
}

#[test]
fn the_catalog_lists_names_as_they_are_served() {
    let entry = |name, kind, labels, help| Entry { name, kind, labels, help };
    let expected = [
        entry("keelwatch_runs_total", Kind::Counter, &["task"] as &[_], "Runs, by task"),
        entry("keelwatch_size", Kind::Gauge, &[], "Entries"),
        entry("keelwatch_took_seconds", Kind::Histogram, &[], "How long it took"),
    ];
    assert_eq!(registry().catalog(), expected);
}
