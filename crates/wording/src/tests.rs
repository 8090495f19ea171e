use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;
use proptest::prelude::*;

use super::*;

type Arguments = BTreeSet<String>;

fn of_pattern(pattern: &Pattern<&str>, found: &mut Arguments) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        match expression {
            Expression::Inline(inline) => of_inline(inline, found),
            Expression::Select { selector, variants } => {
                of_inline(selector, found);
                for variant in variants {
                    of_pattern(&variant.value, found);
                }
            }
        }
    }
}

fn of_inline(inline: &InlineExpression<&str>, found: &mut Arguments) {
    match inline {
        InlineExpression::VariableReference { id } => {
            found.insert(id.name.to_owned());
        }
        other => panic!("the texts use nothing but arguments, and not {other:?}"),
    }
}

fn folder(language: Language) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language.tag())
}

/// Every text of a file with its arguments; nothing in it may be unreadable or there twice.
fn texts_of(file: &Path) -> BTreeMap<String, Arguments> {
    let source = std::fs::read_to_string(file).unwrap();
    let resource =
        parser::parse(source.as_str()).unwrap_or_else(|(_, e)| panic!("{}: {e:?}", file.display()));
    let mut texts = BTreeMap::new();
    for entry in &resource.body {
        if let Entry::Message(message) = entry {
            let mut arguments = Arguments::new();
            of_pattern(message.value.as_ref().expect("a text has words"), &mut arguments);
            let before = texts.insert(message.id.name.to_owned(), arguments);
            assert!(before.is_none(), "{} is there twice in {}", message.id.name, file.display());
        }
    }
    texts
}

fn catalogue_of(language: Language) -> BTreeMap<String, BTreeMap<String, Arguments>> {
    let files = std::fs::read_dir(folder(language)).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), texts_of(&file))).collect()
}

#[test]
fn every_language_has_the_same_texts_with_the_same_arguments() {
    let english = catalogue_of(Language::English);
    assert!(english["mail.ftl"].len() > 30);
    for language in Language::ALL {
        assert_eq!(catalogue_of(language), english, "{}", language.tag());
    }
}

#[test]
fn every_text_can_be_said_in_every_language() {
    for (key, arguments) in catalogue_of(Language::English).into_values().flatten() {
        let said: Vec<String> = Language::ALL
            .iter()
            .map(|language| {
                let given: Vec<(&'static str, Value<'_>)> = arguments
                    .iter()
                    .map(|name| {
                        let name: &'static str = Box::leak(name.clone().into_boxed_str());
                        let value = match name {
                            "count" | "left" | "limit" | "fields" | "bytes" => Value::Number(7),
                            "what" => "session".into(),
                            _ => format!("<{name}>").into(),
                        };
                        (name, value)
                    })
                    .collect();
                let said = text(*language, &key, &given);
                assert!(!said.contains(['{', '}', '\u{2068}', '\u{2069}']) && said != key, "{key}: {said}");
                for (name, value) in given {
                    let shown = match value {
                        Value::Text(text) => text.into_owned(),
                        Value::Number(number) => number.to_string(),
                        Value::Duration(length) => duration(*language, length),
                    };
                    // `what` chooses among sentences.
                    assert!(
                        name == "what" || said.contains(&shown),
                        "{key} in {} leaves {name} out",
                        language.tag()
                    );
                }
                said
            })
            .collect();
        assert_eq!(said.len(), Language::ALL.len());
    }
}

/// A kind that a translation forgot would be told as just some "resource".
#[test]
fn each_kind_of_thing_has_a_sentence_of_its_own_in_every_language() {
    let kinds =
        ["event", "invitation", "mail", "member", "organization", "person", "session", "team", "resource"];
    for language in Language::ALL {
        let said = |kind: &'static str| Message::new("detail-no-such").with("what", kind).said_in(language);
        assert_eq!(
            kinds.map(said).into_iter().collect::<BTreeSet<_>>().len(),
            kinds.len(),
            "{}",
            language.tag()
        );
        assert_eq!(said("what nobody names"), said("resource"));
    }
}

#[test]
fn numbers_choose_the_form() {
    let minutes = |language, count: u64| text(language, "duration-minutes", &[("count", count.into())]);
    assert_eq!(
        (minutes(Language::English, 1), minutes(Language::English, 0)),
        ("1 minute".into(), "0 minutes".into())
    );
    assert_eq!(
        (minutes(Language::French, 0), minutes(Language::French, 2)),
        ("0 minute".into(), "2 minutes".into())
    );
    assert_eq!(minutes(Language::SimplifiedChinese, 1), "1 分钟");
}

#[test]
fn lengths_of_time_are_said_in_the_largest_exact_unit() {
    for (seconds, words) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (90, "1 minute 30 seconds"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (86400, "24 hours"),
    ] {
        assert_eq!(duration(Language::English, Duration::from_secs(seconds)), words);
    }
    assert_eq!(duration(Language::TraditionalChinese, Duration::from_millis(59_001)), "1 分鐘");
}

#[test]
fn what_nobody_knows_is_the_key_itself() {
    assert_eq!(text(Language::French, "no-such-text", &[]), "no-such-text");
}

#[test]
fn a_tag_finds_its_language() {
    use Language::{English, French, Portuguese, SimplifiedChinese, Spanish, TraditionalChinese};
    for (tag, language) in [
        ("en", English),
        ("en-GB", English),
        ("es-MX", Spanish),
        ("ES_419", Spanish),
        ("pt-BR", Portuguese),
        ("pt-PT", Portuguese),
        ("fr-CA", French),
        ("zh", SimplifiedChinese),
        ("zh-CN", SimplifiedChinese),
        ("zh-SG", SimplifiedChinese),
        ("zh-Hans-HK", SimplifiedChinese),
        ("zh-TW", TraditionalChinese),
        ("zh-HK", TraditionalChinese),
        ("zh_mo", TraditionalChinese),
        ("zh-Hant", TraditionalChinese),
    ] {
        assert_eq!(Language::parse(tag), Some(language), "{tag}");
    }
    for unknown in ["", "de", "english", "x-en", "*", &"es-".repeat(400)] {
        assert_eq!((Language::parse(unknown), Language::for_tag(unknown)), (None, English), "{unknown}");
    }
}

#[test]
fn a_header_finds_the_language_it_likes_best() {
    use Language::{English, French, Portuguese, Spanish, TraditionalChinese};
    for (header, language) in [
        ("", English),
        ("*", English),
        ("de", English),
        ("fr", French),
        ("de-DE, fr;q=0.5, es;q=0.7", Spanish),
        ("zh-TW,zh;q=0.9,en;q=0.8", TraditionalChinese),
        ("pt , es", Portuguese),
        ("es;q=0, fr;q=0.001", French),
        ("es;q=0", English),
        ("es;q=2, fr;q=x, pt;q=0.1234, en", English),
        ("fr; q=0.9 , es ;Q=1.000", Spanish),
    ] {
        assert_eq!(Language::from_accept_language(header), language, "{header}");
    }
    assert_eq!(Language::from_accept_language(&"fr,".repeat(400)), English);
}

proptest! {
    /// Whatever a header holds, there is a language; and one that is asked for alone is found in any surroundings.
    #[test]
    fn any_header_finds_a_language(junk in "[ -~]{0,80}", place in 0..Language::ALL.len()) {
        Language::from_accept_language(&junk);
        let wanted = Language::ALL[place];
        let header = format!("xx-{};q=0.1,{};q=1.0", junk.replace([',', ';'], ""), wanted.tag());
        prop_assert_eq!(Language::from_accept_language(&header), wanted);
    }
}
