//! Delivery of mail: one file per way. All of them send what `message` composes.

mod file;
mod message;
mod smtp;

pub use file::FileMailer;
pub use message::{NotASender, Sender};
pub use smtp::{Patience, SmtpMailer, SmtpSecurity, SmtpTarget};
