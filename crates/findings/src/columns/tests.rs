//! The columns are what the records say, whatever happened before, and keep nothing of what is gone.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fixture::at;
use crate::records::{any_record, record};

/// Kinds and text, words, times.
type Told = (String, Vec<Option<String>>, [i64; 3]);

/// What the columns say of each finding, in texts.
fn told(columns: &Columns) -> BTreeMap<Fingerprint, Told> {
    let words = |row: &Row| row.words().map(|word| columns.words().get(word).map(str::to_owned)).to_vec();
    let rows = columns.rows(true, true);
    let times = |row: &Row| [row.first_seen, row.last_seen, row.changed_at];
    let kinds = |row: &Row| format!("{:?} {:?} {:?} {}", row.source, row.severity, row.state, columns.text(row));
    rows.map(|row| (row.fingerprint.clone(), (kinds(row), words(row), times(row)))).collect()
}

fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Columns {
    let mut columns = Columns::default();
    records.into_iter().for_each(|record| columns.put(record.clone()));
    columns
}

#[derive(Debug, Clone)]
enum Step {
    Put(Box<Record>),
    Remove(u32),
    Touch(u32, i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_record().prop_map(|record| Step::Put(Box::new(record))),
        2 => (0..60_u32).prop_map(Step::Remove),
        1 => (0..60_u32, 5..9_i64).prop_map(|(number, seconds)| Step::Touch(number, seconds)),
    ]
}

proptest! {
    #[test]
    fn columns_that_followed_are_those_that_would_be_made_anew(steps in proptest::collection::vec(step(), 0..200)) {
        let (mut columns, mut model) = (Columns::default(), BTreeMap::<Fingerprint, Record>::new());
        for step in steps {
            match step {
                Step::Put(record) => {
                    columns.put(Record::clone(&record));
                    model.insert(record.told.fingerprint.clone(), *record);
                }
                Step::Remove(number) => {
                    let removed = columns.remove(&record(number).told.fingerprint);
                    prop_assert_eq!(removed, model.remove(&record(number).told.fingerprint));
                }
                Step::Touch(number, seconds) => {
                    let fingerprint = record(number).told.fingerprint;
                    columns.touch(&fingerprint, |known| known.last_seen = at(seconds));
                    if let Some(known) = model.get_mut(&fingerprint).filter(|known| known.state() != State::Resolved) {
                        known.last_seen = at(seconds);
                    }
                }
            }
        }
        let anew = of(model.values());
        let kept: BTreeMap<Fingerprint, Record> =
            columns.records().map(|record| (record.told.fingerprint.clone(), record.clone())).collect();
        prop_assert!(model.keys().all(|fingerprint| columns.get(fingerprint) == model.get(fingerprint)));
        prop_assert_eq!(kept, model.clone());
        prop_assert_eq!(told(&columns), told(&anew));
        prop_assert_eq!(columns.words().len(), anew.words().len());
    }
}

#[test]
fn texts_that_are_not_used_any_more_go() {
    let mut columns = of(&[record(1), record(2)]);
    let long = "x".repeat(1000);
    for number in 0..500 {
        let mut changed = record(1);
        changed.told.title = format!("{long}{number}").into();
        columns.put(changed);
    }
    assert!(columns.texts.capacity() <= 512 << 10, "{}", columns.texts.capacity());
    let found = |text: &str| columns.rows(true, true).filter(|row| columns.text(row).contains(text)).count();
    assert_eq!([found("x499\n"), found("xmrig runs"), found("x498\n")], [1, 1, 0]);
}
