//! Sentences about locks, for people.

use std::time::Duration;

/// The detail of a locked answer: names the duration that was set, not what is left of it.
pub fn account_locked_detail(duration: Duration) -> String {
    format!(
        "Account locked for {} after too many failed attempts. Trying again does not make it longer.",
        spoken_duration(duration)
    )
}

/// `45 seconds`, `1 minute`, `15 minutes`, `1 minute 30 seconds`, `2 hours`: rounded up to whole seconds,
/// minutes up to two hours.
pub fn spoken_duration(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match seconds {
        7_200.. if seconds.is_multiple_of(3_600) => counted(seconds / 3_600, "hour"),
        0..60 => counted(seconds, "second"),
        _ if seconds.is_multiple_of(60) => counted(seconds / 60, "minute"),
        _ => format!("{} {}", counted(seconds / 60, "minute"), counted(seconds % 60, "second")),
    }
}

fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken_as_people_say_them() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (45, "45 seconds"),
            (60, "1 minute"),
            (90, "1 minute 30 seconds"),
            (900, "15 minutes"),
            (3_600, "60 minutes"),
            (7_200, "2 hours"),
        ] {
            assert_eq!(spoken_duration(Duration::from_secs(seconds)), words);
        }
        assert_eq!(spoken_duration(Duration::from_millis(1_500)), "2 seconds");
    }

    #[test]
    fn the_detail_names_the_set_duration() {
        assert!(account_locked_detail(Duration::from_mins(15)).starts_with("Account locked for 15 minutes "));
    }
}
