//! The Lua scripts of the Redis stores, one a verb.
//!
//! * Every script touches keys of one slot only. Session scripts also touch keys they find in a person's index;
//!   those carry the same braces, so they lie in the same slot.
//! * Whatever a script writes gets its expiry in the same script: Redis runs it as a whole or not at all.
//! * A script that ends sessions ends a bounded number of them, and is called until none is left. The list of a
//!   person's sessions grows with their number, and has ten call budgets.
//! * Numbers are microseconds since the Unix epoch. Lua's numbers hold them exactly until the year 2255, and
//!   they are never written in Lua's own notation, which would round them.

use super::LuaScript;

/// A script made of parts that it shares with others.
macro_rules! script {
    ($constant:ident, $name:literal, $($part:literal),+) => {
        script!($constant, $name, 1 budgets, $($part),+);
    };
    ($constant:ident, $name:literal, $budgets:literal budgets, $($part:literal),+) => {
        pub(super) static $constant: LuaScript =
            LuaScript::new($name, concat!($(include_str!($part), "\n"),+)).of_budgets($budgets);
    };
}

script!(SESSION_CREATE, "session_create", "session_layout.lua", "session_fields.lua", "session_create.lua");
script!(SESSION_RESUME, "session_resume", "session_layout.lua", "session_touch.lua", "session_resume.lua");
script!(SESSION_MARK, "session_mark", "session_layout.lua", "session_fields.lua", "session_mark.lua");
script!(SESSION_END, "session_end", "session_end.lua");
script!(SESSION_END_ALL, "session_end_all", "session_chunk.lua", "session_end_all.lua");
script!(
    SESSION_END_EPOCHS,
    "session_end_epochs",
    "session_chunk.lua",
    "session_layout.lua",
    "session_fields.lua",
    "session_end_epochs.lua"
);
script!(SESSION_LIST, "session_list", 10 budgets, "session_layout.lua", "session_fields.lua", "session_list.lua");
script!(SESSION_FOLLOW, "session_follow", "session_follow.lua");
script!(SESSION_FOLLOWED, "session_followed", "session_followed.lua");
script!(
    ADMISSION,
    "admission",
    "session_layout.lua",
    "session_touch.lua",
    "admission_places.lua",
    "quota_take.lua"
);
script!(QUOTA_TAKE, "quota_take", "quota_places.lua", "quota_take.lua");
script!(QUOTA_GIVE_BACK, "quota_give_back", "quota_give_back.lua");
script!(ATTEMPT_RESERVE, "attempt_reserve", "window.lua", "attempt_reserve.lua");
script!(ATTEMPT_SETTLE, "attempt_settle", "window.lua", "attempt_settle.lua");
script!(ATTEMPT_STATE, "attempt_state", "window.lua", "attempt_state.lua");
script!(ATTEMPT_CLEAR, "attempt_clear", "window.lua", "attempt_clear.lua");
script!(ATTEMPT_REPORT, "attempt_report", "window.lua", "attempt_report.lua");
