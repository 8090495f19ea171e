//! How mail leaves.

use std::io::Write as _;
use std::sync::Arc;

use accounts::outbox::RenderedMail;
use accounts::ports::{Mailer, Undelivered};
use async_trait::async_trait;
use backends::mail::{FileMailer, Patience, Sender, SmtpMailer, SmtpTarget};

use super::StartError;
use crate::config::Config;

/// By the mail server. Without one each mail is a file and, in development only, its link is shown in the terminal;
/// the configuration of production is refused without one.
pub(super) fn mailer(config: &Config) -> Result<Arc<dyn Mailer>, StartError> {
    if let Some(target) = &config.mail.smtp {
        return Ok(Arc::new(smtp_mailer(target, config)?));
    }
    let files = FileMailer::new(config.deployment.data_dir.join("outbox"), sender(config)?);
    if config.deployment.is_production() {
        return Ok(Arc::new(files));
    }
    Ok(Arc::new(LinkPrinter { files }))
}

/// The mailer to this server.
pub fn smtp_mailer(target: &SmtpTarget, config: &Config) -> Result<SmtpMailer, StartError> {
    let mailer = SmtpMailer::new(target.clone(), sender(config)?, Patience::default());
    mailer.map_err(|error| StartError::Configuration(format!("SMTP_URL: {error}")))
}

fn sender(config: &Config) -> Result<Sender, StartError> {
    Sender::parse(&config.mail.from).map_err(|error| StartError::Configuration(format!("MAIL_FROM: {error}")))
}

struct LinkPrinter {
    files: FileMailer,
}

#[async_trait]
impl Mailer for LinkPrinter {
    async fn deliver(&self, id: &str, mail: &RenderedMail) -> Result<(), Undelivered> {
        self.files.deliver(id, mail).await?;
        // To the terminal and not to the log: a log is kept, and the link is a secret.
        let link = mail.link.as_deref().map(|link| format!("  {link}\n")).unwrap_or_default();
        let shown = format!("Mail to {}: {}\n{link}", mail.to, mail.subject);
        let _ = std::io::stdout().lock().write_all(shown.as_bytes());
        Ok(())
    }
}
