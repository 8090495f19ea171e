//! A mail server inside the test: takes every message, delivers none, misbehaves on demand.
//!
//! It speaks as much of RFC 5321 as a submitting client needs (EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP,
//! QUIT), in plain text on a loopback port of its own, and insists on the order of commands.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The envelope's sender, without angle brackets; empty for the null sender.
    pub from: String,
    /// The envelope's recipients, in order.
    pub to: Vec<String>,
    /// Headers and body with CRLF line ends, dot-stuffing undone (RFC 5321, 4.5.2).
    pub data: String,
}

/// A point of the conversation at which the sink can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Instead of the greeting; the connection is closed.
    Connect,
    /// On `MAIL FROM`.
    Sender,
    /// On each `RCPT TO`.
    Recipient,
    /// On `DATA`, before the text is sent.
    Data,
    /// After the text was sent; the message is not kept.
    Message,
}

/// How the sink treats its clients, from the next reply on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes everything at once.
    Accept,
    /// Takes everything, waiting before each reply.
    Delay(Duration),
    /// Gives this reply, such as `451 4.3.0 try later` or `550 5.1.1 unknown`, at one stage.
    Refuse(Stage, String),
    /// Keeps the connection and says nothing until told to behave otherwise.
    Hang,
}

/// A running sink. Dropping it closes the port; conversations under way end with the test's runtime.
#[derive(Debug)]
pub struct SmtpSink {
    address: SocketAddr,
    behaviour: watch::Sender<Behaviour>,
    messages: watch::Sender<Vec<Message>>,
    listening: JoinHandle<()>,
}

impl SmtpSink {
    /// Listens on a free loopback port.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback address has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (behaviour, messages) = (watch::Sender::new(Behaviour::Accept), watch::Sender::new(Vec::new()));
        let (told, kept) = (behaviour.clone(), messages.clone());
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let conversation = Conversation {
                    stream: BufReader::new(stream),
                    behaviour: told.subscribe(),
                    messages: kept.clone(),
                    envelope: Envelope::default(),
                };
                tokio::spawn(conversation.hold());
            }
        });
        Self { address, behaviour, messages, listening }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of `SMTP_URL` that leads here.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Changes how clients are treated.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    /// All messages taken so far, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.borrow().clone()
    }

    /// Forgets the messages taken so far.
    pub fn clear(&self) {
        self.messages.send_replace(Vec::new());
    }

    /// Waits until at least `count` messages were taken, and returns all.
    ///
    /// # Panics
    /// When fewer have come after 30 seconds.
    pub async fn wait_for(&self, count: usize) -> Vec<Message> {
        let mut messages = self.messages.subscribe();
        let waiting = messages.wait_for(|messages| messages.len() >= count);
        let arrived =
            tokio::time::timeout(Duration::from_secs(30), waiting).await.map(|all| all.map(|m| m.clone()));
        match arrived {
            Ok(Ok(all)) => all,
            _ => panic!("waited in vain for {count} messages; got {:?}", self.messages()),
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

#[derive(Debug, Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

struct Conversation {
    stream: BufReader<TcpStream>,
    behaviour: watch::Receiver<Behaviour>,
    messages: watch::Sender<Vec<Message>>,
    envelope: Envelope,
}

/// The connection is over: by the client, by us, or by the network.
struct Over;

impl Conversation {
    async fn hold(mut self) {
        // However it ends, there is nobody left to tell.
        let _ = self.converse().await;
    }

    async fn converse(&mut self) -> Result<(), Over> {
        self.reply(Some(Stage::Connect), "220 sink ready").await?;
        if self.refusal(Stage::Connect).is_some() {
            return Ok(());
        }
        loop {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.reply(None, "250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8").await?,
                "HELO" | "NOOP" => self.reply(None, "250 sink").await?,
                "RSET" => {
                    self.envelope = Envelope::default();
                    self.reply(None, "250 forgotten").await?;
                }
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => self.data().await?,
                "QUIT" => return self.reply(None, "221 goodbye").await,
                _ => self.reply(None, "500 unknown command").await?,
            }
        }
    }

    async fn mail(&mut self, rest: &str) -> Result<(), Over> {
        let Some(address) = address_in(rest, "FROM:") else {
            return self.reply(None, "501 MAIL FROM:<address> expected").await;
        };
        if self.refusal(Stage::Sender).is_none() {
            self.envelope = Envelope { from: Some(address), to: Vec::new() };
        }
        self.reply(Some(Stage::Sender), "250 sender taken").await
    }

    async fn recipient(&mut self, rest: &str) -> Result<(), Over> {
        if self.envelope.from.is_none() {
            return self.reply(None, "503 MAIL comes first").await;
        }
        let Some(address) = address_in(rest, "TO:").filter(|address| !address.is_empty()) else {
            return self.reply(None, "501 RCPT TO:<address> expected").await;
        };
        if self.refusal(Stage::Recipient).is_none() {
            self.envelope.to.push(address);
        }
        self.reply(Some(Stage::Recipient), "250 recipient taken").await
    }

    async fn data(&mut self) -> Result<(), Over> {
        if self.envelope.to.is_empty() {
            return self.reply(None, "503 RCPT comes first").await;
        }
        self.reply(Some(Stage::Data), "354 go on, end with a dot").await?;
        if self.refusal(Stage::Data).is_some() {
            return Ok(());
        }
        let mut data = Vec::new();
        loop {
            let line = self.line().await?;
            match line.strip_prefix(b".") {
                Some(b"\r\n") => break,
                Some(unstuffed) => data.extend_from_slice(unstuffed),
                None => data.extend_from_slice(&line),
            }
        }
        let Envelope { from, to } = std::mem::take(&mut self.envelope);
        if self.refusal(Stage::Message).is_none() {
            let data = String::from_utf8_lossy(&data).into_owned();
            let message = Message { from: from.unwrap_or_default(), to, data };
            self.messages.send_modify(|messages| messages.push(message));
        }
        self.reply(Some(Stage::Message), "250 message taken").await
    }

    fn refusal(&self, stage: Stage) -> Option<String> {
        match &*self.behaviour.borrow() {
            Behaviour::Refuse(at, reply) if *at == stage => Some(reply.clone()),
            _ => None,
        }
    }

    async fn reply(&mut self, stage: Option<Stage>, usual: &str) -> Result<(), Over> {
        let waiting = self.behaviour.wait_for(|behaviour| *behaviour != Behaviour::Hang).await;
        let behaviour = waiting.map_err(|_| Over)?.clone();
        if let Behaviour::Delay(pause) = behaviour {
            tokio::time::sleep(pause).await;
        }
        let refusal = stage.and_then(|stage| self.refusal(stage));
        let reply = format!("{}\r\n", refusal.as_deref().unwrap_or(usual));
        self.stream.write_all(reply.as_bytes()).await.map_err(|_| Over)
    }

    async fn line(&mut self) -> Result<Vec<u8>, Over> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line).await {
            Ok(_) if line.ends_with(b"\n") => Ok(line),
            _ => Err(Over),
        }
    }
}

/// The address in `FROM:<address> parameters`; the keyword in any case.
fn address_in(rest: &str, keyword: &str) -> Option<String> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let inside = tail.trim_start().strip_prefix('<')?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| inside.split_once('>').map(|(address, _)| address.to_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Client(BufReader<TcpStream>);

    impl Client {
        async fn greet(sink: &SmtpSink) -> (Self, String) {
            let mut client =
                Self(BufReader::new(TcpStream::connect(sink.address()).await.expect("it listens")));
            let greeting = client.hear().await;
            (client, greeting)
        }

        async fn hear(&mut self) -> String {
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).await.expect("the sink talks");
                if line.as_bytes().get(3) != Some(&b'-') {
                    return line.trim_end().to_owned();
                }
            }
        }

        async fn say(&mut self, text: &str) -> String {
            self.0.write_all(format!("{text}\r\n").as_bytes()).await.expect("the sink listens");
            self.hear().await
        }

        async fn submit(&mut self) -> String {
            self.say("EHLO test").await;
            self.say("MAIL FROM:<a@example.com> SIZE=10").await;
            self.say("rcpt to:<b@example.com>").await;
            self.say("RCPT TO: <c@example.com>").await;
            self.say("DATA").await;
            self.say("Subject: x\r\n\r\n..dot\r\nend\r\n.").await
        }
    }

    #[tokio::test]
    async fn a_message_is_kept_with_envelope_and_dots_unstuffed() {
        let sink = SmtpSink::start().await;
        let (mut client, greeting) = Client::greet(&sink).await;
        assert!(greeting.starts_with("220 "));
        assert!(client.submit().await.starts_with("250 "));
        assert!(client.say("QUIT").await.starts_with("221 "));
        let expected = Message {
            from: "a@example.com".into(),
            to: vec!["b@example.com".into(), "c@example.com".into()],
            data: "Subject: x\r\n\r\n.dot\r\nend\r\n".into(),
        };
        assert_eq!(sink.wait_for(1).await, [expected]);
        sink.clear();
        assert!(sink.messages().is_empty());
    }

    #[tokio::test]
    async fn commands_out_of_order_are_refused() {
        let sink = SmtpSink::start().await;
        let (mut client, _) = Client::greet(&sink).await;
        assert!(client.say("RCPT TO:<b@example.com>").await.starts_with("503 "));
        assert!(client.say("DATA").await.starts_with("503 "));
        assert!(client.say("MAIL TO:<b@example.com>").await.starts_with("501 "));
        assert!(client.say("MAIL FROM:<>").await.starts_with("250 "));
        assert!(client.say("RCPT TO:<>").await.starts_with("501 "));
        assert!(client.say("RSET").await.starts_with("250 "));
        assert!(client.say("RCPT TO:<b@example.com>").await.starts_with("503 "));
        assert!(client.say("VRFY b").await.starts_with("500 "));
    }

    #[tokio::test]
    async fn a_refusal_comes_at_the_asked_stage_and_keeps_nothing() {
        for (stage, first_words) in [(Stage::Message, "451"), (Stage::Data, "503"), (Stage::Recipient, "503")]
        {
            let sink = SmtpSink::start().await;
            sink.behave(Behaviour::Refuse(stage, "451 4.3.0 try later".into()));
            let (mut client, _) = Client::greet(&sink).await;
            client.say("MAIL FROM:<a@example.com>").await;
            let recipient = client.say("RCPT TO:<b@example.com>").await;
            let data = client.say("DATA").await;
            let end = if data.starts_with("354") { client.say("x\r\n.").await } else { data.clone() };
            match stage {
                Stage::Recipient => assert!(recipient.starts_with("451") && end.starts_with(first_words)),
                Stage::Data => assert!(recipient.starts_with("250") && data.starts_with("451")),
                _ => assert!(end.starts_with(first_words)),
            }
            assert!(sink.messages().is_empty());
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_closed() {
        let sink = SmtpSink::start().await;
        sink.behave(Behaviour::Refuse(Stage::Connect, "421 busy".into()));
        let (mut client, greeting) = Client::greet(&sink).await;
        assert_eq!(greeting, "421 busy");
        assert_eq!(client.hear().await, "");
    }

    #[tokio::test]
    async fn a_hanging_sink_answers_only_once_released() {
        let sink = SmtpSink::start().await;
        sink.behave(Behaviour::Hang);
        let mut greeting = Box::pin(Client::greet(&sink));
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut greeting).await.is_err());
        sink.behave(Behaviour::Accept);
        assert!(greeting.await.1.starts_with("220 "));
    }

    #[tokio::test]
    async fn a_slow_sink_takes_its_time() {
        let sink = SmtpSink::start().await;
        sink.behave(Behaviour::Delay(Duration::from_millis(60)));
        let begun = std::time::Instant::now();
        assert!(Client::greet(&sink).await.1.starts_with("220 "));
        assert!(begun.elapsed() >= Duration::from_millis(60));
    }
}
