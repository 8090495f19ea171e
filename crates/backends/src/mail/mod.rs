//! Delivery of mail: one file per way. All of them send what `message` composes.

mod file;
mod message;

pub use file::FileMailer;
pub use message::{NotASender, Sender};
