//! What a client sent, as a plain tree, before anything is made of it.
//!
//! JSON texts become a tree only if they are one well-formed text, not nested deeper than
//! [`MAX_DEPTH`], and name no key of an object twice: two readers of the same text could otherwise
//! understand different things (RFC 8259 section 4).

use std::{cell::RefCell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The deepest nesting of lists and objects that is read.
pub(in crate::web) const MAX_DEPTH: usize = 32;

/// A value as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web) enum Tree {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    /// Text that may stand for a number or a truth value, and for nothing when empty: query parameters.
    Parameter(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// Why a text is no tree.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::web) enum Unreadable {
    /// Not JSON, or deeper than [`MAX_DEPTH`].
    Malformed,
    /// The named key occurs twice in one object.
    Duplicate(String),
}

/// Reads one JSON text.
pub(in crate::web) fn parse(text: &str) -> Result<Tree, Unreadable> {
    let duplicate = RefCell::new(None);
    let mut source = serde_json::Deserializer::from_str(text);
    let tree = Seed { depth: 0, duplicate: &duplicate }.deserialize(&mut source);
    let tree = tree.and_then(|tree| source.end().map(|()| tree));
    tree.map_err(|_| duplicate.into_inner().map_or(Unreadable::Malformed, Unreadable::Duplicate))
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    duplicate: &'a RefCell<Option<String>>,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Tree, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Tree, A::Error> {
        let inside = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = source.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Tree, A::Error> {
        let inside = self.deeper()?;
        let (mut seen, mut entries) = (HashSet::new(), Vec::new());
        while let Some(key) = source.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                self.duplicate.replace(Some(key));
                return Err(A::Error::custom("duplicate key"));
            }
            entries.push((key, source.next_value_seed(inside)?));
        }
        Ok(Tree::Map(entries))
    }
}
