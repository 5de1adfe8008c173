//! Whether a server answers the reads of a file: then they may never return.
//!
//! Owns the file systems that are meant. What is done about such files is `hash`'s job.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use crate::tree::{Below, Tree};

/// A list of mounts is read no further: 30,000 mounts.
const MAX_BYTES: usize = 4 << 20;

/// Whether the file of a path descriptor, which `pid` has mounted, lies on a file system that a server answers for.
pub(crate) fn is_remote(tree: &Tree, pid: u32, file: &OwnedFd) -> bool {
    // The list of mounts is the kernel's own. Asking the file system comes second: FUSE puts that to its server.
    let listed = device(file).and_then(|device| {
        let mounts = mounts(tree, pid).ok()?;
        type_of(&mounts, &device).map(is_remote_type)
    });
    listed.unwrap_or_else(|| is_remote_by_magic(file))
}

/// The device of a file as `mountinfo` writes it. What the kernel remembers of the file will do: nobody is asked.
fn device(file: &OwnedFd) -> Option<String> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let found = rustix::fs::statx(file, c"", flags, StatxFlags::TYPE).ok()?;
    Some(format!("{}:{}", found.stx_dev_major, found.stx_dev_minor))
}

/// The mounts that a process sees, as in proc_pid_mountinfo(5).
fn mounts(tree: &Tree, pid: u32) -> Result<Vec<u8>, Errno> {
    let path = Below::of(pid, "mountinfo");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::openat(tree.root(), path.as_c_str(), flags, Mode::empty())?;
    let mut text = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    while text.len() < MAX_BYTES {
        match rustix::io::read(&opened, &mut chunk[..]) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&chunk[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}

/// The type of the file system of a device: `36 35 98:0 / /mnt rw,noatime shared:1 - ext3 /dev/root rw`.
fn type_of<'a>(mounts: &'a [u8], device: &str) -> Option<&'a str> {
    mounts.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        if fields.nth(2)? != device.as_bytes() {
            return None;
        }
        // Any number of optional fields, then a lone hyphen; a blank in a path is written as `\040`.
        fields.find(|field| *field == b"-")?;
        std::str::from_utf8(fields.next()?).ok()
    })
}

/// By the name that a file system is mounted by; those of FUSE may have one of their own behind a dot.
fn is_remote_type(name: &str) -> bool {
    const REMOTE: [&str; 14] = [
        "9p", "afs", "ceph", "cifs", "coda", "fuse", "fuseblk", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
        "virtiofs",
    ];
    REMOTE.contains(&name.split('.').next().unwrap_or(name))
}

/// By the number that a file system says it is (statfs(2), linux/magic.h and the file systems' own sources).
fn is_remote_by_magic(file: &OwnedFd) -> bool {
    const FUSE: i64 = 0x6573_5546;
    const NFS: i64 = 0x6969;
    const SMB: i64 = 0x517B;
    const SMB2: i64 = 0xFE53_4D42;
    const CIFS: i64 = 0xFF53_4D42;
    const CEPH: i64 = 0x00C3_6400;
    const NINE_P: i64 = 0x0102_1997;
    const AFS: i64 = 0x5346_414F;
    const CODA: i64 = 0x7375_7245;
    const LUSTRE: i64 = 0x0BD0_0BD0;
    const REMOTE: [i64; 10] = [FUSE, NFS, SMB, SMB2, CIFS, CEPH, NINE_P, AFS, CODA, LUSTRE];
    rustix::fs::fstatfs(file.as_fd()).is_ok_and(|found| REMOTE.contains(&found.f_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"36 35 98:0 / /mnt\\040- rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n\
        40 36 0:58 / /data rw,relatime - fuse.sshfs host:/ rw\n\
        41 36 0:5 / /short\n";

    #[test]
    fn the_type_of_a_mount_stands_behind_the_lone_hyphen() {
        let types = ["98:0", "0:58", "0:5", "8:0"].map(|device| type_of(MOUNTS, device));
        assert_eq!(types, [Some("ext3"), Some("fuse.sshfs"), None, None]);
    }

    #[test]
    fn a_file_system_of_fuse_may_have_a_name_of_its_own() {
        let remote = ["fuse", "fuse.sshfs", "nfs4", "ext4", "fusectl", "overlay"].map(is_remote_type);
        assert_eq!(remote, [true, true, true, false, false, false]);
    }
}
