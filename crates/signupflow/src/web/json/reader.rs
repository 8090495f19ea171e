//! Makes a typed request of a [`Tree`].
//!
//! Stricter than serde's own readers: a struct is read from an object only (never from a list), and a
//! field the struct does not have is always an error, whether or not the type says
//! `deny_unknown_fields`. Misfits and unknown fields are collected, so that one answer names all of them: after each
//! misfit the tree is read anew with a [`StandIn`] in its place.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    slice, vec,
};

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    fault::{Fault, join, unknown},
    stand_in::StandIn,
    tree::Tree,
};

/// How many misfits one answer names.
const MAX_FINDINGS: usize = 20;
/// How many characters of an unknown field's name are repeated.
const MAX_NAME: usize = 64;

/// Field path → sentences.
pub(in crate::web) type Errors = BTreeMap<String, Vec<String>>;

/// Reads a `T`; `whole` is the path under which a misfit of the root itself is reported.
pub(in crate::web) fn read<T: DeserializeOwned>(tree: &Tree, whole: &str) -> Result<T, Errors> {
    let mut notes = Notes::default();
    let mut misfits = Errors::new();
    loop {
        let fault = match T::deserialize(Reader { tree, path: String::new(), notes: &notes }) {
            Ok(value) if misfits.is_empty() && notes.unknown.borrow().is_empty() => return Ok(value),
            Ok(_) => break,
            Err(fault) => fault,
        };
        let (path, sentence) = fault.into_parts(whole);
        // Met again: nothing can stand in for it.
        if !notes.stand_ins.insert(path.clone()) {
            break;
        }
        misfits.insert(path, vec![sentence]);
        if misfits.len() + notes.unknown.borrow().len() >= MAX_FINDINGS {
            break;
        }
    }
    let mut errors = notes.unknown.into_inner();
    for (path, sentences) in misfits {
        errors.entry(path).or_default().extend(sentences);
    }
    Err(errors)
}

/// What is known so far.
#[derive(Default)]
struct Notes {
    /// Fields that the type does not have.
    unknown: RefCell<Errors>,
    /// Paths whose values are missing or do not fit.
    stand_ins: BTreeSet<String>,
}

struct Reader<'de, 'f> {
    tree: &'de Tree,
    path: String,
    notes: &'f Notes,
}

impl Tree {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::Text(text) | Self::Parameter(text) => Unexpected::Str(text),
            Self::List(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
        }
    }
}

impl<'de> Reader<'de, '_> {
    fn note_unknown(&self, name: &str, allowed: &'static [&'static str]) {
        let mut unknown_fields = self.notes.unknown.borrow_mut();
        if unknown_fields.len() < MAX_FINDINGS {
            let name: String = name.chars().take(MAX_NAME).collect();
            unknown_fields.insert(join(&self.path, &name), vec![unknown(allowed)]);
        }
    }

    fn misfit<V: Visitor<'de>>(&self, visitor: &V) -> Fault {
        Fault::invalid_type(self.tree.unexpected(), visitor)
    }

    fn whole_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Tree::Parameter(text) = self.tree else { return self.deserialize_any(visitor) };
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.misfit(&visitor));
        }
        match (text.parse::<u64>(), text.parse::<i64>()) {
            (Ok(value), _) => visitor.visit_u64(value),
            (_, Ok(value)) => visitor.visit_i64(value),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn fraction<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Tree::Parameter(text) = self.tree else { return self.deserialize_any(visitor) };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => visitor.visit_f64(value),
            _ => Err(self.misfit(&visitor)),
        }
    }
}

macro_rules! read_as {
    ($way:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$way(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.tree {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Unsigned(value) => visitor.visit_u64(*value),
            Tree::Signed(value) => visitor.visit_i64(*value),
            Tree::Float(value) => visitor.visit_f64(*value),
            Tree::Text(text) | Tree::Parameter(text) => visitor.visit_borrowed_str(text),
            Tree::List(items) => visitor.visit_seq(Items {
                rest: items.iter().enumerate(),
                path: self.path,
                notes: self.notes,
            }),
            Tree::Map(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                absent: Vec::new().into_iter(),
                known: None,
                value: None,
                path: self.path,
                notes: self.notes,
            }),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.tree {
            Tree::Parameter(text) if text == "true" => visitor.visit_bool(true),
            Tree::Parameter(text) if text == "false" => visitor.visit_bool(false),
            Tree::Parameter(_) => Err(self.misfit(&visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.tree {
            Tree::Null => visitor.visit_none(),
            Tree::Parameter(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Tree::Map(entries) = self.tree else { return Err(self.misfit(&visitor)) };
        for (name, _) in entries.iter().filter(|(name, _)| !fields.contains(&name.as_str())) {
            self.note_unknown(name, fields);
        }
        let is_absent = |field: &&&str| {
            self.notes.stand_ins.contains(&join(&self.path, field))
                && entries.iter().all(|(name, _)| name != *field)
        };
        let absent: Vec<&str> = fields.iter().filter(is_absent).copied().collect();
        visitor.visit_map(Entries {
            rest: entries.iter(),
            absent: absent.into_iter(),
            known: Some(fields),
            value: None,
            path: self.path,
            notes: self.notes,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.tree {
            Tree::Text(text) | Tree::Parameter(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            other => Err(Fault::invalid_type(other.unexpected(), &"a string")),
        }
    }

    read_as! { whole_number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
    deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }
    read_as! { fraction: deserialize_f32 deserialize_f64 }
    forward_to_deserialize_any! { i128 u128 char str string bytes byte_buf unit unit_struct seq tuple
    tuple_struct map identifier ignored_any }
}

struct Items<'de, 'f> {
    rest: std::iter::Enumerate<slice::Iter<'de, Tree>>,
    path: String,
    notes: &'f Notes,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((place, tree)) = self.rest.next() else { return Ok(None) };
        let path = join(&self.path, &place.to_string());
        read_or_stand_in(seed, Some(tree), &path, self.notes).map(Some)
    }
}

struct Entries<'de, 'f> {
    rest: slice::Iter<'de, (String, Tree)>,
    /// Fields that are missing, and known to be.
    absent: vec::IntoIter<&'static str>,
    known: Option<&'static [&'static str]>,
    value: Option<(&'de str, Option<&'de Tree>)>,
    path: String,
    notes: &'f Notes,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let known = self.known;
        let present = self.rest.find(|(name, _)| known.is_none_or(|known| known.contains(&name.as_str())));
        let present = present.map(|(name, tree)| (name.as_str(), Some(tree)));
        self.value = present.or_else(|| self.absent.next().map(|name| (name, None)));
        self.value.map(|(name, _)| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let (name, tree) = self.value.take().ok_or_else(|| Fault::custom("has a key without a value"))?;
        let path = join(&self.path, &name.chars().take(MAX_NAME).collect::<String>());
        read_or_stand_in(seed, tree, &path, self.notes)
    }
}

fn read_or_stand_in<'de, T: DeserializeSeed<'de>>(
    seed: T,
    tree: Option<&'de Tree>,
    path: &str,
    notes: &Notes,
) -> Result<T::Value, Fault> {
    let read = match tree.filter(|_| !notes.stand_ins.contains(path)) {
        Some(tree) => seed.deserialize(Reader { tree, path: path.to_owned(), notes }),
        None => seed.deserialize(StandIn),
    };
    read.map_err(|fault| fault.at(path))
}
