use super::*;
use proptest::prelude::*;

const WORDS: [&str; 4] =
    ["password", "correct horse battery staple", " leading and trailing ", "passwort gr\u{f6}\u{df}e"];

fn built(text: &[u8]) -> BreachedFilter {
    build(text, None, &mut |_| {}).expect("a sound list").filter
}

fn refusal(text: &[u8]) -> String {
    build(text, None, &mut |_| {}).expect_err("must be refused").to_string()
}

fn hex(password: &str) -> String {
    let digits = b"0123456789ABCDEF";
    let pair = |byte: &u8| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]].map(char::from);
    Sha1::digest(password.as_bytes()).iter().flat_map(pair).collect()
}

#[test]
fn every_listed_password_is_found_and_others_are_not() {
    let filter = built(WORDS.join("\r\n").as_bytes());
    assert_eq!(filter.passwords(), 4);
    assert!(WORDS.iter().all(|word| filter.contains(word)));
    let others = (0..10_000).filter(|n| filter.contains(&format!("something else {n}"))).count();
    assert!(others < 10, "{others} of 10,000 are wrongly found");
}

#[test]
fn published_hashes_are_recognised_with_and_without_counts() {
    let lines = WORDS.map(|word| format!("{}:42", hex(word)));
    for text in [lines.join("\n"), WORDS.map(|word| hex(word).to_lowercase()).join("\n")] {
        let result = build(text.as_bytes(), None, &mut |_| {}).expect("a sound list");
        assert_eq!(result.kind, ListKind::Sha1);
        assert!(WORDS.iter().all(|word| result.filter.contains(word)));
    }
}

#[test]
fn the_kind_can_be_told() {
    let text = hex("x");
    let plain = build(text.as_bytes(), Some(ListKind::Plain), &mut |_| {}).expect("any text is plain");
    assert!(plain.filter.contains(&text) && !plain.filter.contains("x"));
    assert!(build(&b"password\n"[..], Some(ListKind::Sha1), &mut |_| {}).is_err());
}

#[test]
fn old_encodings_decomposed_letters_and_byte_order_marks_are_understood() {
    let filter = built(b"\xef\xbb\xbffirst word\ncaf\xe9 creme\nre\xcc\x81sume\n");
    for word in ["first word", "caf\u{e9} creme", "r\u{e9}sume"] {
        assert!(filter.contains(word), "{word}");
    }
}

#[test]
fn repeated_lines_count_once() {
    let result = build(&b"a\nb\na\n\n"[..], None, &mut |_| {}).expect("a sound list");
    assert_eq!((result.lines, result.filter.passwords()), (3, 2));
}

#[test]
fn wrong_lists_are_refused_with_the_line_but_without_its_text() {
    assert!(refusal(b"").contains("no password"));
    assert!(refusal(b"\n\r\n").contains("no password"));
    let mixed = refusal(format!("{}:1\nhunter2\n", hex("a")).as_bytes());
    assert!(mixed.contains("line 2") && !mixed.contains("hunter2"), "{mixed}");
    assert!(refusal(b"8846F7EAEE8FB117AD06BDD830B7586C:3\n").contains("NTLM"));
    assert!(refusal(&[b'x'; 5000]).contains("longer"));
}

#[test]
fn a_line_of_the_longest_length_is_taken() {
    let mut text = vec![b'x'; 4096];
    text.extend_from_slice(b"\r\nshort\n");
    assert_eq!(built(&text).passwords(), 2);
}

#[test]
fn progress_ends_at_the_length_of_the_list() {
    let mut seen = 0;
    let text = "word\n".repeat(20_000);
    build(text.as_bytes(), None, &mut |bytes| seen = bytes).expect("a sound list");
    assert_eq!(seen, 100_000);
}

#[test]
fn lists_of_every_small_size_can_be_built() {
    for size in 1..200_u32 {
        let words: Vec<String> = (0..size).map(|n| format!("word number {n}")).collect();
        let filter = built(words.join("\n").as_bytes());
        assert!(words.iter().all(|word| filter.contains(word)), "{size}");
    }
}

#[test]
fn a_file_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("breached.filter");
    let filter = built(WORDS.join("\n").as_bytes());
    filter.write(&path).expect("writable");
    assert_eq!(std::fs::metadata(&path).expect("there").len(), filter.file_size());
    let read = BreachedFilter::open(&path).expect("sound");
    assert_eq!((read.passwords(), read.contains(WORDS[0]), read.contains("nothing")), (4, true, false));
    assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1, "nothing is left beside it");
}

#[test]
fn damage_of_every_kind_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("breached.filter");
    built(b"a\nb\n").write(&path).expect("writable");
    let sound = std::fs::read(&path).expect("there");
    let reason = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("writable");
        BreachedFilter::open(&path).expect_err("must be refused").to_string()
    };
    assert!(reason(b"short").contains("too short"));
    assert!(reason(&[b'x'; 200]).contains("no filter"));
    assert!(reason(&sound[..sound.len() - 1]).contains("cut off"));
    assert!(reason(&[sound.as_slice(), b"x"].concat()).contains("cut off"));
    let with = |at: usize, value: u8| {
        let mut bytes = sound.clone();
        bytes[at] = value;
        bytes
    };
    assert!(reason(&with(8, 9)).contains("another version"));
    assert!(reason(&with(28, 3)).contains("contradict"));
    assert!(reason(&with(35, 0xff)).contains("contradict"));
    let middle = sound.len() / 2;
    assert!(reason(&with(middle, !sound[middle])).contains("checksum"));
    assert!(reason(&with(middle, !sound[middle])).contains("signupflow passwords build"));
    std::fs::remove_file(&path).expect("there");
    assert!(BreachedFilter::open(&path).is_err_and(|error| error.to_string().contains("cannot be read")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_list_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = build(text.as_slice(), None, &mut |_| {});
    }

    #[test]
    fn what_is_listed_is_always_found(words in proptest::collection::hash_set("[a-zA-Z0-9 ]{1,30}", 1..60)) {
        let words: Vec<String> = words.into_iter().collect();
        let list = words.join("\n");
        let filter = build(list.as_bytes(), Some(ListKind::Plain), &mut |_| {}).expect("sound").filter;
        prop_assert!(words.iter().all(|word| filter.contains(word)));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(at in 0_usize..64, change in 1_u8..) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        built(b"a\nb\nc\n").write(&path).expect("writable");
        let mut bytes = std::fs::read(&path).expect("there");
        let at = at * bytes.len() / 64;
        bytes[at] ^= change;
        std::fs::write(&path, bytes).expect("writable");
        prop_assert!(BreachedFilter::open(&path).is_err());
    }
}
