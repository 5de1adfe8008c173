//! Files change; what holds then?

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use tokio::time::timeout;

use super::super::fixture::{Folder, Sample, environment};
use super::super::load;
use super::*;
use crate::probes::Check;
use crate::shutdown::Stopper;

/// Within it, a change is seen on any machine; less than the comparison takes in real time, more in paused time.
const LONG: Duration = Duration::from_secs(25);
const LONG_PAUSED: Duration = Duration::from_hours(1);

struct Followed {
    live: Live<Sample>,
    changes: tokio::sync::watch::Receiver<u64>,
    _stopper: Stopper,
}

fn follow(path: &Path) -> Followed {
    let live = Live::new(load(Some(path), &environment()).unwrap());
    let (stopper, stop) = Stop::channel();
    tokio::spawn(live.clone().follow(environment(), stop));
    Followed { changes: live.subscribe(), live, _stopper: stopper }
}

impl Followed {
    async fn changed(&mut self) {
        timeout(LONG_PAUSED, self.changes.changed()).await.unwrap().unwrap();
    }

    /// Waits until `done`, which no change announces.
    async fn until(&self, done: impl Fn(&Live<Sample>) -> bool) {
        let reached = async {
            while !done(&self.live) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG_PAUSED, reached).await.unwrap();
    }
}

/// Settings of which two values always go together.
fn version(number: u32) -> String {
    format!("name: v{number}\nlabels: {{version: v{number}}}\n")
}

fn is_mixed(settings: &Sample) -> bool {
    settings.labels.get("version") != Some(&settings.name)
}

/// Reads the settings as fast as it can until told to stop; says how often, and how often they were mixed.
fn read_all_the_time(live: Live<Sample>, stop: Arc<AtomicBool>) -> mpsc::Receiver<(u64, u64)> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (reads, mixed) = (AtomicU64::new(0), AtomicU64::new(0));
        while !stop.load(Ordering::Relaxed) {
            reads.fetch_add(1, Ordering::Relaxed);
            mixed.fetch_add(u64::from(is_mixed(&live.current())), Ordering::Relaxed);
        }
        sender.send((reads.into_inner(), mixed.into_inner()))
    });
    receiver
}

#[tokio::test(start_paused = true)]
async fn a_hundred_swaps_of_a_configmap_are_never_mixed_and_a_bad_one_changes_nothing() {
    let folder = Folder::with("other", "");
    folder.publish(0, "k.yaml", &version(0));
    let mut followed = follow(&folder.path("k.yaml"));
    let stop = Arc::<AtomicBool>::default();
    let reader = read_all_the_time(followed.live.clone(), Arc::clone(&stop));
    for number in 1..=100 {
        folder.publish(number, "k.yaml", &version(number));
        followed.changed().await;
        assert_eq!(followed.live.current().name, format!("v{number}"));
    }
    folder.publish(101, "k.yaml", "name: v101\nlabels: {version: v1");
    followed.until(|live| live.reload_state().refused == 1).await;
    stop.store(true, Ordering::Relaxed);
    let (reads, mixed) = reader.recv().unwrap();
    assert!(reads > 100 && mixed == 0, "{mixed} of {reads} mixed");
    assert_eq!(followed.live.current().name, "v100");
    assert!(
        matches!(followed.live.check(), Check::Warn(why) if why.contains("k.yaml:2:")),
        "{:?}",
        followed.live.check()
    );
}

#[tokio::test]
async fn a_changed_file_is_seen_without_waiting_for_the_comparison() {
    let folder = Folder::with("k.yaml", &version(1));
    let mut followed = follow(&folder.path("k.yaml"));
    // The first change may come before the folder is watched; then it is the first look that finds it.
    for number in [2, 3] {
        folder.write("k.yaml", &version(number));
        timeout(LONG, followed.changes.changed()).await.unwrap().unwrap();
    }
    assert_eq!(followed.live.current().name, "v3");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_named_file_is_told_and_of_another_is_not() {
    let folder = Folder::with("r.yaml", "rules: []");
    folder.write("k.yaml", &format!("rules: ['{}']", folder.path("r.yaml").display()));
    let mut followed = follow(&folder.path("k.yaml"));
    folder.write("other", "x");
    sleep(3 * COMPARE_EVERY).await;
    assert!(!followed.changes.has_changed().unwrap());
    folder.write("r.yaml", "rules: [1]");
    followed.changed().await;
    assert_eq!(followed.live.reload_state().taken, 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_read_again_when_its_file_changes() {
    let folder = Folder::with("token", "one\n");
    let text = format!("tokens: [{{name: a, token_file: '{}'}}]", folder.path("token").display());
    folder.write("k.yaml", &text);
    let mut followed = follow(&folder.path("k.yaml"));
    folder.write("token", "two\n");
    followed.changed().await;
    assert_eq!(followed.live.current().tokens[0].token, "two");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_missing_is_found_when_it_comes() {
    let folder = Folder::with("k.yaml", "name: a");
    let mut followed = follow(&folder.path("k.yaml"));
    let text = format!("tokens: [{{name: a, token_file: '{}'}}]", folder.path("token").display());
    folder.write("k.yaml", &text);
    followed.until(|live| live.reload_state().refused == 1).await;
    folder.write("token", "late");
    followed.changed().await;
    assert_eq!(followed.live.current().tokens[0].token, "late");
}

#[tokio::test(start_paused = true)]
async fn what_changed_before_it_was_followed_is_found() {
    let folder = Folder::with("k.yaml", &version(1));
    let live = Live::new(load::<Sample>(Some(&folder.path("k.yaml")), &environment()).unwrap());
    folder.write("k.yaml", &version(2));
    let (_stopper, stop) = Stop::channel();
    let mut changes = live.subscribe();
    tokio::spawn(live.clone().follow(environment(), stop));
    timeout(LONG_PAUSED, changes.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().name, "v2");
}

#[tokio::test(start_paused = true)]
async fn half_of_a_named_file_is_never_read() {
    let folder = Folder::with("r.yaml", "rules: []");
    let rules = folder.path("r.yaml");
    folder.write("k.yaml", &format!("rules: ['{}']", rules.display()));
    let live = Live::new(load::<Sample>(Some(&folder.path("k.yaml")), &environment()).unwrap());
    let mut changes = live.subscribe();
    folder.write("r.yaml", "rules: [1");
    let (_stopper, stop) = Stop::channel();
    tokio::spawn(live.clone().follow(environment(), stop));
    tokio::spawn(async move {
        sleep(Duration::from_millis(50)).await;
        folder.write("r.yaml", "rules: [1, 2]");
        std::future::pending::<()>().await;
    });
    let mut read = Vec::new();
    while timeout(3 * COMPARE_EVERY, changes.changed()).await.is_ok() {
        read.push(std::fs::read_to_string(&rules).unwrap());
    }
    read.dedup();
    assert_eq!(read, ["rules: [1, 2]"]);
}

#[tokio::test]
async fn a_swap_behind_several_links_is_seen_without_waiting_for_the_comparison() {
    let (folder, links) = (Folder::with("other", ""), Folder::with("other", ""));
    folder.publish(0, "k.yaml", &version(0));
    std::os::unix::fs::symlink(folder.path("k.yaml"), links.path("second")).unwrap();
    std::os::unix::fs::symlink("second", links.path("k.yaml")).unwrap();
    let mut followed = follow(&links.path("k.yaml"));
    // The first swap may come before the folders are watched; then it is the first look that finds it.
    for number in [1, 2, 3] {
        folder.publish(number, "k.yaml", &version(number));
        timeout(LONG, followed.changes.changed()).await.unwrap().unwrap();
    }
    assert_eq!(followed.live.current().name, "v3");
}
