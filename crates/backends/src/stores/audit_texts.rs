//! The texts that read the trail.
//!
//! A filter may name anything, but only what an index serves decides which text is used: each of the five starts
//! from one index, narrows by time, and tests what else was asked for on the rows it meets. Rows lie before a place,
//! which is a moment and an id. All take the same parameters in the same order:
//! organization, from, place's moment, place's id, actor, action, resource type, resource id, status, address,
//! family, words, limit, offset.
//!
//! Both engines would sometimes rather walk the whole trail by time until enough rows of an actor or an action are
//! met, which takes seconds when there are none among the newest. SQLite is told the index. For PostgreSQL what is equal
//! is written as a range in the index's own order, and the rows are wanted in that order: no other index has it.

use super::texts::texts;
use crate::sql::Sql;

/// Where a text starts: the rows of its index that lie in the time.
macro_rules! from {
    (sqlite organization) => {
        concat!(" FROM audit_logs INDEXED BY idx_audit_org_timestamp WHERE org_id = $1 AND ", from!(time))
    };
    (sqlite actor) => {
        concat!(
            " FROM audit_logs INDEXED BY idx_audit_org_user WHERE org_id = $1 AND user_id = $5 AND ",
            from!(time)
        )
    };
    (sqlite action) => {
        concat!(
            " FROM audit_logs INDEXED BY idx_audit_org_action WHERE org_id = $1 AND action = $6 AND ",
            from!(time)
        )
    };
    (sqlite resource) => {
        concat!(" FROM audit_logs INDEXED BY idx_audit_resource WHERE ", from!(resource))
    };
    (postgres organization) => {
        " FROM audit_logs WHERE (org_id, timestamp) >= ($1, $2) AND (org_id, timestamp, id) <= ($1, $3, $4) \
         AND id <> $4"
    };
    (postgres actor) => {
        " FROM audit_logs WHERE (org_id, user_id, timestamp) >= ($1, $5, $2) \
         AND (org_id, user_id, timestamp, id) <= ($1, $5, $3, $4) AND id <> $4"
    };
    (postgres action) => {
        " FROM audit_logs WHERE (org_id, action, timestamp) >= ($1, $6, $2) \
         AND (org_id, action, timestamp, id) <= ($1, $6, $3, $4) AND id <> $4"
    };
    (postgres resource) => {
        concat!(" FROM audit_logs WHERE ", from!(resource))
    };
    ($engine:ident anything) => {
        concat!(" FROM audit_logs WHERE ", from!(time))
    };
    (resource) => {
        concat!("resource_type = $7 AND resource_id = $8 AND ", from!(time))
    };
    (time) => {
        "timestamp >= $2 AND timestamp <= $3 AND (timestamp, id) < ($3, $4)"
    };
}

/// What is tested on each row, if it was asked for.
macro_rules! tests {
    ($position:literal organization) => {
        concat!(tests!(actor), tests!(action), tests!(resource), tests!(rest $position))
    };
    ($position:literal actor) => {
        concat!(tests!(action), tests!(resource), tests!(rest $position))
    };
    ($position:literal action) => {
        concat!(tests!(actor), tests!(resource), tests!(rest $position))
    };
    ($position:literal resource) => {
        concat!(tests!(organization), tests!(actor), tests!(action), tests!(rest $position))
    };
    ($position:literal anything) => {
        concat!(tests!(organization), tests!(actor), tests!(action), tests!(resource), tests!(rest $position))
    };
    (organization) => {
        " AND ($1::text IS NULL OR org_id = $1)"
    };
    (actor) => {
        " AND ($5::text IS NULL OR user_id = $5)"
    };
    (action) => {
        " AND ($6::text IS NULL OR action = $6)"
    };
    (resource) => {
        " AND ($7::text IS NULL OR resource_type = $7) AND ($8::text IS NULL OR resource_id = $8)"
    };
    (rest $position:literal) => {
        concat!(
            " AND ($9::text IS NULL OR status = $9) AND ($10::text IS NULL OR ip_address = $10) \
             AND ($11::text IS NULL OR substr(action, 1, length($11)) = $11) AND ($12::text IS NULL OR ",
            $position,
            "(signupflow_folded(user_email), $12) > 0 OR ",
            $position,
            "(signupflow_folded(resource_name), $12) > 0 OR ",
            $position,
            "(signupflow_folded(resource_id), $12) > 0 OR ",
            $position,
            "(signupflow_folded(error_message), $12) > 0)"
        )
    };
}

/// By time, in the order of the index that the text starts from.
macro_rules! order {
    (postgres organization $way:literal) => {
        concat!(" ORDER BY org_id", $way, ", ", order!($way))
    };
    (postgres actor $way:literal) => {
        concat!(" ORDER BY org_id", $way, ", user_id", $way, ", ", order!($way))
    };
    (postgres action $way:literal) => {
        concat!(" ORDER BY org_id", $way, ", action", $way, ", ", order!($way))
    };
    ($engine:ident $index:ident $way:literal) => {
        concat!(" ORDER BY ", order!($way))
    };
    ($way:literal) => {
        concat!("timestamp", $way, ", id", $way)
    };
}

macro_rules! rows {
    ($index:ident $way:literal) => {
        Sql::pair(rows!(sqlite "instr" $index $way), rows!(postgres "strpos" $index $way))
    };
    ($engine:ident $position:literal $index:ident $way:literal) => {
        concat!(
            "SELECT id, timestamp, org_id, user_id, user_email, user_roles, action, resource_type, resource_id, \
             resource_name, changes, ip_address, user_agent, request_id, status, error_message",
            from!($engine $index),
            tests!($position $index),
            order!($engine $index $way),
            " LIMIT $13 OFFSET $14"
        )
    };
}

/// In the order of the index where that keeps PostgreSQL from another; SQLite knows its index.
macro_rules! count {
    (organization) => {
        count!(organization in order!(postgres organization ""))
    };
    (actor) => {
        count!(actor in order!(postgres actor ""))
    };
    (action) => {
        count!(action in order!(postgres action ""))
    };
    ($index:ident) => {
        count!($index in "")
    };
    ($index:ident in $order:expr) => {
        Sql::pair(count!(sqlite "instr" $index ""), count!(postgres "strpos" $index $order))
    };
    ($engine:ident $position:literal $index:ident $order:expr) => {
        concat!(
            "SELECT count(*) AS total FROM (SELECT 1",
            from!($engine $index),
            tests!($position $index),
            $order,
            " LIMIT $13 OFFSET $14) matching"
        )
    };
}

/// Where nothing else was asked for, counting needs nothing but the index: from the oldest, whose pages PostgreSQL
/// knows to be visible to all. Parameters: organization, from, up to, limit, and the actor or the action.
macro_rules! count_all {
    ($index:literal) => {
        Sql::pair(
            concat!(
                "SELECT count(*) AS total FROM (SELECT 1 FROM audit_logs INDEXED BY ",
                $index,
                " WHERE org_id = $1 AND timestamp >= $2 AND timestamp < $3 LIMIT $4) matching"
            ),
            "SELECT count(*) AS total FROM (SELECT 1 FROM audit_logs WHERE (org_id, timestamp) >= ($1, $2) \
             AND (org_id, timestamp) < ($1, $3) ORDER BY org_id, timestamp LIMIT $4) matching",
        )
    };
    ($index:literal $column:literal) => {
        Sql::pair(
            concat!(
                "SELECT count(*) AS total FROM (SELECT 1 FROM audit_logs INDEXED BY ",
                $index,
                " WHERE org_id = $1 AND ",
                $column,
                " = $5 AND timestamp >= $2 AND timestamp < $3 LIMIT $4) matching"
            ),
            concat!(
                "SELECT count(*) AS total FROM (SELECT 1 FROM audit_logs WHERE (org_id, ",
                $column,
                ", timestamp) >= ($1, $5, $2) AND (org_id, ",
                $column,
                ", timestamp) < ($1, $5, $3) ORDER BY org_id, ",
                $column,
                ", timestamp LIMIT $4) matching"
            ),
        )
    };
}

texts! {
    query PAGE_OF_ORGANIZATION = rows!(organization " DESC");
    query PAGE_OF_ACTOR = rows!(actor " DESC");
    query PAGE_OF_ACTION = rows!(action " DESC");
    query PAGE_OF_RESOURCE = rows!(resource " DESC");
    query PAGE_OF_ANYTHING = rows!(anything " DESC");
    query STREAM_OF_ORGANIZATION = rows!(organization "");
    query STREAM_OF_ACTOR = rows!(actor "");
    query STREAM_OF_ACTION = rows!(action "");
    query STREAM_OF_RESOURCE = rows!(resource "");
    query STREAM_OF_ANYTHING = rows!(anything "");
    query COUNT_OF_ORGANIZATION = count!(organization);
    query COUNT_OF_ACTOR = count!(actor);
    query COUNT_OF_ACTION = count!(action);
    query COUNT_OF_RESOURCE = count!(resource);
    query COUNT_OF_ANYTHING = count!(anything);
    query COUNT_ALL_OF_ORGANIZATION = count_all!("idx_audit_org_timestamp");
    query COUNT_ALL_OF_ACTOR = count_all!("idx_audit_org_user" "user_id");
    query COUNT_ALL_OF_ACTION = count_all!("idx_audit_org_action" "action");
}

/// The texts that start from one index.
#[derive(Clone, Copy)]
pub(super) struct Texts {
    pub(super) page: Sql,
    pub(super) stream: Sql,
    pub(super) count: Sql,
    /// Counts where nothing else was asked for.
    pub(super) count_all: Option<Sql>,
}

impl Texts {
    pub(super) const ORGANIZATION: Self = Self {
        page: PAGE_OF_ORGANIZATION,
        stream: STREAM_OF_ORGANIZATION,
        count: COUNT_OF_ORGANIZATION,
        count_all: Some(COUNT_ALL_OF_ORGANIZATION),
    };
    pub(super) const ACTOR: Self = Self {
        page: PAGE_OF_ACTOR,
        stream: STREAM_OF_ACTOR,
        count: COUNT_OF_ACTOR,
        count_all: Some(COUNT_ALL_OF_ACTOR),
    };
    pub(super) const ACTION: Self = Self {
        page: PAGE_OF_ACTION,
        stream: STREAM_OF_ACTION,
        count: COUNT_OF_ACTION,
        count_all: Some(COUNT_ALL_OF_ACTION),
    };
    pub(super) const RESOURCE: Self = Self {
        page: PAGE_OF_RESOURCE,
        stream: STREAM_OF_RESOURCE,
        count: COUNT_OF_RESOURCE,
        count_all: None,
    };
    pub(super) const ANYTHING: Self = Self {
        page: PAGE_OF_ANYTHING,
        stream: STREAM_OF_ANYTHING,
        count: COUNT_OF_ANYTHING,
        count_all: None,
    };
}
