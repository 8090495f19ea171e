//! How mail leaves.

use std::io::Write as _;
use std::sync::Arc;

use accounts::outbox::RenderedMail;
use accounts::ports::Mailer;
use async_trait::async_trait;
use backends::mail::{FileMailer, Sender};
use hardening::fault::Fault;

use super::StartError;
use crate::config::Config;

/// Without a mail server each mail is a file and, in development only, its link is shown in the terminal.
pub(super) fn mailer(config: &Config) -> Result<Arc<dyn Mailer>, StartError> {
    let sender = Sender::parse(&config.mail.from)
        .map_err(|error| StartError::Configuration(format!("MAIL_FROM: {error}")))?;
    let files = FileMailer::new(config.deployment.data_dir.join("outbox"), sender);
    if config.deployment.is_production() {
        return Ok(Arc::new(files));
    }
    Ok(Arc::new(LinkPrinter { files }))
}

struct LinkPrinter {
    files: FileMailer,
}

#[async_trait]
impl Mailer for LinkPrinter {
    async fn deliver(&self, id: &str, mail: &RenderedMail) -> Result<(), Fault> {
        self.files.deliver(id, mail).await?;
        // To the terminal and not to the log: a log is kept, and the link is a secret.
        let link = mail.link.as_deref().map(|link| format!("  {link}\n")).unwrap_or_default();
        let shown = format!("Mail to {}: {}\n{link}", mail.to, mail.subject);
        let _ = std::io::stdout().lock().write_all(shown.as_bytes());
        Ok(())
    }
}
