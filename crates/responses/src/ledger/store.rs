//! The ledger in the database.

use std::collections::BTreeMap;

use api::{Fingerprint, Time};
use jiff::Timestamp;
use storage::{Failure, Row, Statement, Storage, Write};

use super::{Item, Key, Ledger, Object, Stand};
use crate::response::Response;

/// Changes of the ledger; `None` takes away.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Changes {
    pub(crate) objects: BTreeMap<Key, Option<Object>>,
    pub(crate) items: BTreeMap<Key, Option<Item>>,
}

impl Changes {
    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.items.is_empty()
    }
}

/// Changes as one write.
pub(crate) fn write_of(changes: &Changes) -> Write {
    let mut write = Write::new();
    write.extend(changes.objects.iter().map(object_statement));
    write.extend(changes.items.iter().map(item_statement));
    write
}

/// Reads all that was stored: at most some thousand rows, as settings limit what is in force.
pub(crate) async fn load(storage: &Storage) -> Result<Ledger, Failure> {
    const OBJECTS: &str = "SELECT response, object, uid, hash FROM response_object";
    const ITEMS: &str = "SELECT response, item, object, findings, since, over_at, stand, marked_at, content \
        FROM response_item";
    let objects = storage.read(Statement::new(OBJECTS)).await?;
    let items = storage.read(Statement::new(ITEMS)).await?;
    Ok(Ledger {
        objects: objects.iter().map(object).collect::<Result<_, _>>()?,
        items: items.iter().map(item).collect::<Result<_, _>>()?,
    })
}

fn object_statement(((response, name), object): (&Key, &Option<Object>)) -> Statement {
    const PUT: &str = "INSERT INTO response_object (response, object, uid, hash) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (response, object) DO UPDATE SET uid = excluded.uid, hash = excluded.hash";
    const TAKE: &str = "DELETE FROM response_object WHERE response = $1 AND object = $2";
    let statement = Statement::new(if object.is_some() { PUT } else { TAKE });
    let statement = statement.bind(response.as_str()).bind(name.as_str());
    match object {
        Some(Object { uid, hash, observed: _ }) => statement.bind(uid.as_str()).bind(hash.as_str()),
        None => statement,
    }
}

fn item_statement(((response, name), item): (&Key, &Option<Item>)) -> Statement {
    const PUT: &str = "INSERT INTO response_item (response, item, object, findings, since, over_at, stand, marked_at, \
        content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (response, item) DO UPDATE SET \
        object = excluded.object, findings = excluded.findings, since = excluded.since, over_at = excluded.over_at, \
        stand = excluded.stand, marked_at = excluded.marked_at, content = excluded.content";
    const TAKE: &str = "DELETE FROM response_item WHERE response = $1 AND item = $2";
    let statement = Statement::new(if item.is_some() { PUT } else { TAKE });
    let statement = statement.bind(response.as_str()).bind(name.as_str());
    let Some(Item { object, findings, since, over, stand, content }) = item else { return statement };
    let (stand, marked) = match stand {
        Stand::InForce => ("in-force", None),
        Stand::Marked(at) => ("marked", Some(*at)),
        Stand::Refused => ("refused", None),
    };
    let findings = serde_json::to_string(findings).expect("fingerprints and numbers become JSON");
    let content = serde_json::to_string(content).expect("texts and numbers become JSON");
    let statement =
        statement.bind(object.as_str()).bind(findings).bind(since.as_second()).bind(over.map(Time::as_second));
    statement.bind(stand).bind(marked.map(Time::as_second)).bind(content)
}

fn object(row: &Row) -> Result<(Key, Object), Failure> {
    let object = Object { uid: row.text(2)?.to_owned(), hash: row.text(3)?.to_owned(), observed: None };
    Ok((key(row)?, object))
}

fn item(row: &Row) -> Result<(Key, Item), Failure> {
    let malformed = || Failure::malformed("response_item.content");
    let findings: BTreeMap<Fingerprint, u64> = serde_json::from_str(row.text(3)?).map_err(|_| malformed())?;
    let stand = match row.text(6)? {
        "in-force" => Stand::InForce,
        "marked" => Stand::Marked(time(row.int(7)?)?),
        "refused" => Stand::Refused,
        _ => return Err(Failure::malformed("response_item.stand")),
    };
    let item = Item {
        object: row.text(2)?.to_owned(),
        findings,
        since: time(row.int(4)?)?,
        over: row.maybe_int(5)?.map(time).transpose()?,
        stand,
        content: serde_json::from_str(row.text(8)?).map_err(|_| malformed())?,
    };
    Ok((key(row)?, item))
}

fn key(row: &Row) -> Result<Key, Failure> {
    let response = Response::of(row.text(0)?).ok_or_else(|| Failure::malformed("response"))?;
    Ok((response, row.text(1)?.to_owned()))
}

fn time(seconds: i64) -> Result<Time, Failure> {
    Timestamp::from_second(seconds).map(Time::of).map_err(|_| Failure::malformed("response_item.since"))
}
