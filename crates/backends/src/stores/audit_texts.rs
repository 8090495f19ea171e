//! The texts that read the trail.
//!
//! A filter may name anything, but only what an index serves decides which text is used: each of the five starts
//! from one index, narrows by time, and tests what else was asked for on the rows it meets. Rows lie before a place,
//! which is a moment and an id. All take the same parameters in the same order:
//! organization, from, place's moment, place's id, actor, action, resource type, resource id, status, address,
//! family, words, limit, offset.
//!
//! Both engines would sometimes rather walk the whole trail by time until enough rows of an actor or an action are
//! met, which takes seconds when there are none among the newest. SQLite is told the index. In PostgreSQL each index has
//! an order of its own: that of an organization ends in the moment itself, those of an actor and an action in the moment
//! as UTC has it, that of all in the same there and back.

use super::texts::texts;
use crate::sql::Sql;

/// The moment, as the text's index has it.
macro_rules! moment {
    (sqlite $index:ident) => {
        "timestamp"
    };
    (postgres organization) => {
        "timestamp"
    };
    (postgres actor) => {
        "(timestamp AT TIME ZONE 'UTC')"
    };
    (postgres action) => {
        "(timestamp AT TIME ZONE 'UTC')"
    };
    (postgres $index:ident) => {
        "(timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'UTC')"
    };
}

/// Where a text starts: the rows of its index that lie in the time.
macro_rules! from {
    (sqlite organization) => {
        concat!(" FROM audit_logs INDEXED BY idx_audit_org_timestamp WHERE org_id = $1", from!(time "timestamp"))
    };
    (sqlite actor) => {
        concat!(
            " FROM audit_logs INDEXED BY idx_audit_org_user WHERE org_id = $1 AND user_id = $5",
            from!(time "timestamp")
        )
    };
    (sqlite action) => {
        concat!(
            " FROM audit_logs INDEXED BY idx_audit_org_action WHERE org_id = $1 AND action = $6",
            from!(time "timestamp")
        )
    };
    (sqlite resource) => {
        concat!(
            " FROM audit_logs INDEXED BY idx_audit_resource WHERE resource_type = $7 AND resource_id = $8",
            from!(time "timestamp")
        )
    };
    (postgres organization) => {
        concat!(" FROM audit_logs WHERE org_id = $1", from!(time "timestamp"))
    };
    (postgres actor) => {
        concat!(" FROM audit_logs WHERE org_id = $1 AND user_id = $5", from!(time moment!(postgres actor)))
    };
    (postgres action) => {
        concat!(" FROM audit_logs WHERE org_id = $1 AND action = $6", from!(time moment!(postgres action)))
    };
    (postgres resource) => {
        concat!(
            " FROM audit_logs WHERE resource_type = $7 AND resource_id = $8",
            from!(time moment!(postgres resource))
        )
    };
    ($engine:ident anything) => {
        concat!(" FROM audit_logs WHERE true", from!(time moment!($engine anything)))
    };
    (time $moment:expr) => {
        concat!(" AND ", $moment, " >= $2 AND ", $moment, " <= $3 AND (", $moment, ", id) < ($3, $4)")
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

/// By time.
macro_rules! order {
    ($engine:ident $index:ident $way:literal) => {
        concat!(" ORDER BY ", moment!($engine $index), $way, ", id", $way)
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
    ($index:ident $name:literal $also:literal) => {
        Sql::pair(
            count_all!("timestamp", concat!(" INDEXED BY ", $name), $also, ""),
            count_all!(
                moment!(postgres $index),
                "",
                $also,
                concat!(" ORDER BY ", moment!(postgres $index))
            ),
        )
    };
    ($moment:expr, $from:expr, $also:literal, $order:expr) => {
        concat!(
            "SELECT count(*) AS total FROM (SELECT 1 FROM audit_logs",
            $from,
            " WHERE org_id = $1",
            $also,
            " AND ",
            $moment,
            " >= $2 AND ",
            $moment,
            " < $3",
            $order,
            " LIMIT $4) matching"
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
    query COUNT_ALL_OF_ORGANIZATION = count_all!(organization "idx_audit_org_timestamp" "");
    query COUNT_ALL_OF_ACTOR = count_all!(actor "idx_audit_org_user" " AND user_id = $5");
    query COUNT_ALL_OF_ACTION = count_all!(action "idx_audit_org_action" " AND action = $5");
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
