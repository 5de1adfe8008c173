//! Ordinary processes by the thousand.

use std::process::{Child, Command, Stdio};

/// Processes that sleep until this is dropped.
pub(crate) struct Population(Vec<Child>);

/// Starts `count` processes, or as many as the machine lets start. Each has a command line of 68 bytes.
pub(crate) fn start(count: usize) -> Population {
    let mut children = Vec::with_capacity(count);
    for number in 0..count {
        let filler = format!("0.{number:049}");
        let mut command = Command::new("/bin/sleep");
        command.args(["3600", &filler]).stdin(Stdio::null()).stdout(Stdio::null());
        match command.spawn() {
            Ok(child) => children.push(child),
            Err(_) => break,
        }
    }
    Population(children)
}

impl Population {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended already is only to be waited for.
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}
