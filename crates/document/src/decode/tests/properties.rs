//! What holds for any text.

use std::time::Duration;

use proptest::prelude::*;

use super::{Limits, Switch, Watch, document};
use crate::Document;

const SAMPLE: &str = "every: 5m\nnames:\n  - {id: a}\n  - id: \"b\"\nlabels:\n  x: |\n    text\nclause: {any_of: [a, {exact: b}]}\n\
                      target: {kind: file, path: /x}\nshare: 0.5 # why\n";

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}|[\\[\\]{}:,&*!|>'\"#%@` \\t\\n\\\\a-c0-9.?~-]{0,60}") {
        let _ = Document::parse("w", &text, Limits::default()).and_then(|document| document.decode::<Watch>());
    }

    #[test]
    fn no_change_of_a_valid_text_makes_it_panic(changes in prop::collection::vec((0..SAMPLE.len(), 0..4_usize, "[\\[\\]{}:,&*!|>'\"# \\t\\na0.?~-]{0,3}"), 1..4)) {
        let mut text = SAMPLE.to_owned();
        for (at, length, replacement) in changes {
            let from = at.min(text.len());
            text.replace_range(from..(from + length).min(text.len()), &replacement);
        }
        let faults = Document::parse("w", &text, Limits::default()).and_then(|document| document.decode::<Watch>()).err();
        for fault in faults.into_iter().flatten() {
            let lines = text.split(['\n', '\r']).count();
            prop_assert!(fault.line >= 1 && fault.line <= lines && fault.column >= 1, "{fault}");
        }
    }

    #[test]
    fn what_is_written_as_json_reads_back(labels in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}|[\\x00-\\x7f]{0,8}", 0..4), tries in prop::option::of(1..=5_u32)) {
        let written = Watch { every: Duration::from_secs(1), bytes: 4096, share: 0.5, labels, tries, ..Watch::default() };
        let mut json = serde_json::to_value(&written).unwrap();
        json["switch"] = "auto".into();
        let read = document(&serde_json::to_string_pretty(&json).unwrap()).decode::<Watch>();
        prop_assert_eq!(read, Ok(Watch { switch: Switch::Word("auto".to_owned()), ..written }));
    }
}
