//! A small filesystem of its own, to be filled: a tmpfs, which only root can mount.

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::last_will::LastWill;

/// Chunks get smaller until the last byte is taken.
const CHUNKS: [usize; 3] = [1 << 20, 1 << 12, 1];

/// A mounted filesystem; gone with the value or the test process.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
    _will: LastWill,
}

impl SmallDisk {
    /// Mounts one of so many megabytes.
    ///
    /// # Errors
    /// Why that is not possible, in one line.
    ///
    /// # Panics
    /// When the temporary folder cannot be written.
    pub fn mount(megabytes: u32) -> Result<Self, String> {
        let folder = TempDir::with_prefix("testkit-disk-").expect("the temporary folder can be written");
        // PostgreSQL's user must get to what is below.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let size = format!("size={megabytes}m,mode=0755");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        let why = match mount {
            Ok(output) if output.status.success() => {
                let will = LastWill::new("umount -l \"$1\"; rmdir \"$1\"", [folder.path()]);
                return Ok(Self { folder, _will: will });
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("mount cannot be run: {error}"),
        };
        Err(format!("no small disk, which needs root: {why}"))
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until nothing more fits.
    ///
    /// # Panics
    /// When it fails for another reason than being full.
    pub fn fill(&self) {
        let mut filler =
            File::options().create(true).append(true).open(self.filler()).expect("a file is made");
        for size in CHUNKS {
            loop {
                match filler.write(&vec![0; size]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("it cannot be filled: {error}"),
                }
            }
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_when_filled_and_has_room_again() {
        let disk = SmallDisk::mount(2).unwrap_or_else(|why| panic!("{why}; run it as root"));
        let write = || std::fs::write(disk.path().join("file"), [1; 9_000]);
        write().expect("there is room");
        disk.fill();
        let full = std::fs::write(disk.path().join("other"), [1; 9_000]).expect_err("it is full");
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        disk.make_room();
        write().expect("there is room again");
    }
}
