//! Slots of a Redis Cluster: which one a key lies in, and which server answers for it.
//!
//! Source: the Redis cluster specification, "Key distribution model" and "Hash tags".

use redis::{FromRedisValue as _, Value};

/// Slots of a cluster.
const SLOTS: u16 = 16_384;
/// Every slot has a number below this as a hash tag, which a test shows.
const TAGS: u32 = 200_000;

/// The slot of a key: CRC-16/XMODEM of the part in the first braces, or of all of it.
pub(super) fn slot_of(key: &str) -> u16 {
    crc16(hash_tag(key.as_bytes())) % SLOTS
}

/// The smallest number that lies, as a hash tag, in one of these slots.
pub(super) fn tag_in(first: u16, last: u16) -> u32 {
    (0..TAGS).find(|tag| (first..=last).contains(&slot_of(&tag.to_string()))).unwrap_or_default()
}

/// What is between the first `{` and the next `}` when that is not empty.
fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ POLYNOMIAL }
        })
    })
}

/// A range of slots and its master, `host` empty when it is the server that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads the reply to `CLUSTER SLOTS`, sorted by slot; `None` when it is not one.
pub(super) fn read_ranges(reply: Value) -> Option<Vec<Range>> {
    let Value::Array(entries) = reply else { return None };
    let mut ranges = entries.into_iter().map(read_range).collect::<Option<Vec<_>>>()?;
    ranges.sort_by_key(|range| range.first);
    Some(ranges)
}

fn read_range(entry: Value) -> Option<Range> {
    let Value::Array(fields) = entry else { return None };
    let [first, last, master, ..] = fields.as_slice() else { return None };
    let Value::Array(master) = master else { return None };
    let [host, port, ..] = master.as_slice() else { return None };
    let host = Option::<String>::from_redis_value_ref(host).ok()?.filter(|host| host != "?");
    Some(Range {
        first: u16::from_redis_value_ref(first).ok()?,
        last: u16::from_redis_value_ref(last).ok()?,
        host: host.unwrap_or_default(),
        port: u16::from_redis_value_ref(port).ok()?,
    })
}

/// A redirection: `MOVED 3999 127.0.0.1:6381` gives `("127.0.0.1", 6381)`.
pub(super) fn read_address(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The check value of CRC-16/XMODEM, and slots that `CLUSTER KEYSLOT` gives.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!((slot_of("foo"), slot_of("bar"), slot_of("hello"), slot_of("")), (12182, 5061, 866, 0));
    }

    #[test]
    fn the_first_non_empty_braces_decide() {
        assert_eq!(slot_of("session:{p1}:a"), slot_of("rate_limit:{p1}:b"));
        assert_eq!(slot_of("x{foo}{bar}"), slot_of("foo"));
        assert_eq!(slot_of("x{foo}y}"), slot_of("foo"));
        for whole in ["x{}{foo}", "x{foo", "x}foo{"] {
            assert_eq!(hash_tag(whole.as_bytes()), whole.as_bytes());
        }
    }

    #[test]
    fn every_slot_has_a_tag() {
        let reached: std::collections::HashSet<u16> =
            (0..TAGS).map(|tag| slot_of(&tag.to_string())).collect();
        assert_eq!(reached.len(), usize::from(SLOTS));
        for slot in [0, 1, 5461, SLOTS - 1] {
            assert_eq!(slot_of(&format!("x:{{{}}}:y", tag_in(slot, slot))), slot);
        }
    }

    #[test]
    fn replies_are_read_and_sorted() {
        let reply = b"*2\r\n*3\r\n:100\r\n:200\r\n*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$2\r\nid\r\n\
            *3\r\n:0\r\n:99\r\n*3\r\n$-1\r\n:7000\r\n$2\r\nid\r\n";
        let ranges = read_ranges(redis::parse_redis_value(reply).expect("RESP")).expect("slots");
        let range = |first, last, host: &str, port| Range { first, last, host: host.to_owned(), port };
        assert_eq!(ranges, [range(0, 99, "", 7000), range(100, 200, "127.0.0.1", 7001)]);
        assert_eq!(read_ranges(Value::Okay), None);
    }

    #[test]
    fn addresses_of_redirections_are_read() {
        assert_eq!(read_address("127.0.0.1:6381"), Some(("127.0.0.1".to_owned(), 6381)));
        assert_eq!(read_address("::1:6381"), Some(("::1".to_owned(), 6381)));
        assert_eq!(read_address("nothing"), None);
    }
}
