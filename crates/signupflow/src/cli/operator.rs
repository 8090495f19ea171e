//! Who sits at the command line: the user of the operating system, as the audit log names them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// The name of the effective user, from the system rather than from variables anybody can set; `uid-N` when
/// it has none here.
pub(super) fn os_user() -> String {
    match fs::metadata("/proc/self") {
        Ok(process) => {
            let uid = process.uid();
            let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
            name_of(uid, &users).unwrap_or_else(|| format!("uid-{uid}"))
        }
        // No /proc: the variable is better than nothing.
        Err(_) => std::env::var("USER").ok().filter(|name| is_plain(name)).unwrap_or("unknown".to_owned()),
    }
}

fn name_of(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let found = fields.nth(1)?.parse() == Ok(uid);
        (found && is_plain(name)).then(|| name.to_owned())
    })
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbad\n:x:7:7::\n";

    #[test]
    fn users_are_named_by_their_number() {
        assert_eq!(name_of(1000, USERS).as_deref(), Some("ada"));
        assert_eq!(name_of(7, USERS), None);
        assert_eq!(name_of(42, USERS), None);
        assert!(is_plain(&os_user()));
    }
}
