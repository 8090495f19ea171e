//! The languages, and how one is chosen.

use std::sync::LazyLock;

use fluent_templates::LanguageIdentifier;

/// Tags and headers longer than this, in bytes, are not read.
const LONGEST: usize = 1000;

/// A language the texts are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// `en`
    #[default]
    English,
    /// `es`
    Spanish,
    /// `pt`
    Portuguese,
    /// `fr`
    French,
    /// `zh-Hans`
    SimplifiedChinese,
    /// `zh-Hant`
    TraditionalChinese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::English,
        Self::Spanish,
        Self::Portuguese,
        Self::French,
        Self::SimplifiedChinese,
        Self::TraditionalChinese,
    ];

    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::French => "fr",
            Self::SimplifiedChinese => "zh-Hans",
            Self::TraditionalChinese => "zh-Hant",
        }
    }

    /// The language a BCP 47 tag asks for, if we have it: the region does not matter (`es-MX`, `pt_BR`), but for
    /// Chinese, where it tells the script (`zh-TW`, `zh-HK` and `zh-MO` are traditional) unless that is written.
    pub fn parse(tag: &str) -> Option<Self> {
        if tag.len() > LONGEST {
            return None;
        }
        let tag = tag.trim().to_ascii_lowercase();
        let mut parts = tag.split(['-', '_']);
        match parts.next()? {
            "en" => Some(Self::English),
            "es" => Some(Self::Spanish),
            "pt" => Some(Self::Portuguese),
            "fr" => Some(Self::French),
            "zh" => Some(chinese(&parts.collect::<Vec<_>>())),
            _ => None,
        }
    }

    /// The language for a BCP 47 tag; English for what we do not have.
    pub fn for_tag(tag: &str) -> Self {
        Self::parse(tag).unwrap_or_default()
    }

    /// The language an `Accept-Language` header likes best among ours (RFC 9110, 12.5.4); English when it names none.
    pub fn from_accept_language(header: &str) -> Self {
        if header.len() > LONGEST {
            return Self::default();
        }
        let mut best = (0, Self::default());
        for range in header.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let found = Self::parse(tag);
            // Of equal weights the first counts.
            if let (Some(language), Some(weight)) = (found, weight_in_thousandths(weight))
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    pub(crate) fn identifier(self) -> &'static LanguageIdentifier {
        static IDENTIFIERS: LazyLock<Vec<LanguageIdentifier>> = LazyLock::new(|| {
            let tags = Language::ALL.iter().map(|language| language.tag().parse());
            tags.map(|parsed| parsed.expect("the tags above are well-formed")).collect()
        });
        &IDENTIFIERS[self as usize]
    }
}

fn chinese(parts: &[&str]) -> Language {
    let has = |wanted: &[&str]| parts.iter().any(|part| wanted.contains(part));
    if has(&["hans"]) || !has(&["hant", "tw", "hk", "mo"]) {
        Language::SimplifiedChinese
    } else {
        Language::TraditionalChinese
    }
}

/// `q=0.8` as 800; none when it is no weight.
fn weight_in_thousandths(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: u32 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}
