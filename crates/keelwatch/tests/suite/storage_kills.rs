//! A process that is killed while it writes has lost nothing that it was told was stored, and left nothing half.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use storage::{Statement, Storage, Write};
use tokio::time::Instant;

use crate::program::Running;
use crate::real_programs::command;
use crate::soak::duration;
use crate::storage::{of_file, open};

/// Where the killed process writes.
const FOLDER: &str = "KEELWATCH_TEST_STORE";

/// Batches are written by so many at once, so that commits are shared.
const WRITERS: i64 = 4;

/// Rows of a batch.
const PARTS: i64 = 5;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS part (writer BIGINT, batch BIGINT, part BIGINT)";
const ADD: &str = "INSERT INTO part (writer, batch, part) VALUES ($1, $2, $3)";
const LAST: &str = "SELECT coalesce(max(batch), 0) FROM part WHERE writer = $1";

async fn last(storage: &Storage, writer: i64) -> i64 {
    storage.read(Statement::new(LAST).bind(writer)).await.unwrap()[0].int(0).unwrap()
}

/// Writes whole batches for ever, and says of each that it was stored.
#[tokio::test]
#[ignore = "the process that other tests start and kill"]
#[expect(clippy::disallowed_methods, reason = "a process that is started is told by its environment where to write")]
async fn writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let storage = open(&of_file(Path::new(&folder))).await.unwrap();
    storage.write(Write::new().then(Statement::new(CREATE))).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let storage = storage.clone();
        writers.spawn(async move {
            for batch in last(&storage, writer).await + 1.. {
                let part = |part| Statement::new(ADD).bind(writer).bind(batch).bind(part);
                let mut write = Write::new();
                write.extend((0..PARTS).map(part));
                storage.write(write).await.unwrap();
                println!("stored {writer} {batch}");
            }
        });
    }
    writers.join_all().await;
}

/// Kills a writer after so many batches that it was told were stored; the last of each writer.
fn killed_after(folder: &Path, batches: usize) -> Vec<i64> {
    let test = "storage_kills::writes_until_it_is_killed";
    let mut command = command(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(FOLDER, folder).stdout(Stdio::piped());
    let mut writer = Running(command.spawn().unwrap());
    let lines = BufReader::new(writer.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut stored = vec![0; usize::try_from(WRITERS).unwrap()];
    let told = lines.filter_map(|line| {
        // The test runner's own words may stand before the first.
        let (_, numbers) = line.split_once("stored ")?;
        let (writer, batch) = numbers.split_once(' ')?;
        Some((writer.parse::<usize>().ok()?, batch.parse::<i64>().ok()?))
    });
    for (count, (by, batch)) in (1..).zip(told) {
        stored[by] = batch;
        if count == batches {
            writer.signal(rustix::process::Signal::KILL);
        }
    }
    writer.0.wait().unwrap();
    stored
}

async fn survives(rounds: impl Iterator<Item = usize>) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut killed = 0;
    for round in rounds {
        let told = killed_after(folder.path(), round * 37 % 101 + 1);
        let storage = open(&of_file(folder.path())).await.unwrap();
        let torn = "SELECT count(*) FROM (SELECT 1 FROM part GROUP BY writer, batch HAVING count(*) <> $1) AS torn";
        let torn = storage.read(Statement::new(torn).bind(PARTS)).await.unwrap()[0].int(0).unwrap();
        assert_eq!(torn, 0, "round {round}");
        for (writer, told) in (0..).zip(told) {
            let count = Statement::new("SELECT count(DISTINCT batch) FROM part WHERE writer = $1").bind(writer);
            let (last, count) = (last(&storage, writer).await, storage.read(count).await.unwrap()[0].int(0).unwrap());
            assert!(
                last >= told && count == last,
                "round {round}, writer {writer}: {told} told, {last} found, {count} whole"
            );
        }
        storage.close().await;
        killed += 1;
    }
    killed
}

#[tokio::test]
async fn a_store_killed_at_any_point_holds_what_it_said_it_had_stored() {
    assert_eq!(survives(0..10).await, 10);
}

#[tokio::test]
#[ignore = "a long run: cargo xtask soak storage_kills"]
async fn soak_storage_kills() {
    let end = Instant::now() + duration();
    let killed = survives((0..200).take_while(|_| Instant::now() < end)).await;
    println!("{killed} kills");
    assert!(killed > 0);
}
