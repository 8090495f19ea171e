//! What the sink says to one client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Behaviour, House, Message, Protection, Stage};

#[derive(Debug, Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) struct Conversation {
    stream: BufReader<Box<dyn Stream>>,
    house: House,
    behaviour: watch::Receiver<Behaviour>,
    envelope: Envelope,
    is_encrypted: bool,
    is_signed_in: bool,
}

/// The connection is over: by the client, by us, or by the network.
struct Over;

/// How a command ends.
enum Next {
    GoOn,
    Encrypt,
    Close,
}

impl Conversation {
    pub(super) async fn hold(stream: TcpStream, house: House, behaviour: watch::Receiver<Behaviour>) {
        // However it ends, there is nobody left to tell.
        let _ = Self::held(stream, house, behaviour).await;
    }

    async fn held(
        stream: TcpStream,
        house: House,
        behaviour: watch::Receiver<Behaviour>,
    ) -> Result<(), Over> {
        let is_encrypted = house.protection == Protection::Tls;
        let stream: Box<dyn Stream> = if is_encrypted {
            Box::new(house.acceptor.accept(stream).await.map_err(|_| Over)?)
        } else {
            Box::new(stream)
        };
        let is_signed_in = house.credentials.is_none();
        let mut this = Self {
            stream: BufReader::new(stream),
            house,
            behaviour,
            envelope: Envelope::default(),
            is_encrypted,
            is_signed_in,
        };
        this.reply(Some(Stage::Connect), "220 sink ready").await?;
        if this.refusal(Stage::Connect).is_some() {
            return Ok(());
        }
        loop {
            match this.answer().await? {
                Next::GoOn => {}
                Next::Close => return Ok(()),
                Next::Encrypt => this = this.encrypted().await?,
            }
        }
    }

    async fn encrypted(self) -> Result<Self, Over> {
        let stream = self.house.acceptor.accept(self.stream.into_inner()).await.map_err(|_| Over)?;
        let stream: Box<dyn Stream> = Box::new(stream);
        Ok(Self { stream: BufReader::new(stream), is_encrypted: true, ..self })
    }

    async fn answer(&mut self) -> Result<Next, Over> {
        let line = self.line().await?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.introduce().await?,
            "HELO" | "NOOP" => self.reply(None, "250 sink").await?,
            "STARTTLS" if self.house.protection == Protection::StartTls && !self.is_encrypted => {
                self.reply(None, "220 go on").await?;
                return Ok(Next::Encrypt);
            }
            "AUTH" if self.house.credentials.is_some() => self.sign_in(rest).await?,
            "RSET" => {
                self.envelope = Envelope::default();
                self.reply(None, "250 forgotten").await?;
            }
            "MAIL" => self.mail(rest).await?,
            "RCPT" => self.recipient(rest).await?,
            "DATA" => return self.data().await,
            "QUIT" => {
                self.reply(None, "221 goodbye").await?;
                return Ok(Next::Close);
            }
            _ => self.reply(None, "500 unknown command").await?,
        }
        Ok(Next::GoOn)
    }

    fn lacks_encryption(&self) -> bool {
        self.house.protection == Protection::StartTls && !self.is_encrypted
    }

    async fn introduce(&mut self) -> Result<(), Over> {
        let starttls = if self.lacks_encryption() { "250-STARTTLS\r\n" } else { "" };
        let may_sign_in = self.house.credentials.is_some() && !self.lacks_encryption();
        let auth = if may_sign_in { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
        let told = format!("250-sink\r\n{starttls}{auth}250-8BITMIME\r\n250 SMTPUTF8");
        self.reply(None, &told).await
    }

    async fn sign_in(&mut self, rest: &str) -> Result<(), Over> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let response = if initial.is_empty() { self.asked("").await? } else { decoded(initial) };
                let mut parts = response.split('\0').skip(1).map(ToOwned::to_owned);
                parts.next().zip(parts.next())
            }
            "LOGIN" => Some((self.asked("Username:").await?, self.asked("Password:").await?)),
            _ => None,
        };
        self.is_signed_in = given.is_some() && given == self.house.credentials;
        let answer = if self.is_signed_in { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" };
        self.reply(None, answer).await
    }

    async fn asked(&mut self, question: &str) -> Result<String, Over> {
        self.reply(None, &format!("334 {}", STANDARD.encode(question))).await?;
        let line = self.line().await?;
        Ok(decoded(String::from_utf8_lossy(&line).trim_end()))
    }

    async fn mail(&mut self, rest: &str) -> Result<(), Over> {
        if self.lacks_encryption() {
            return self.reply(None, "530 5.7.0 STARTTLS comes first").await;
        }
        if !self.is_signed_in {
            return self.reply(None, "530 5.7.0 AUTH comes first").await;
        }
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
        let refusal = match &*self.behaviour.borrow() {
            Behaviour::RefuseRecipient(refused, reply) if *refused == address => Some(reply.clone()),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return self.reply(None, &refusal).await;
        }
        if self.refusal(Stage::Recipient).is_none() {
            self.envelope.to.push(address);
        }
        self.reply(Some(Stage::Recipient), "250 recipient taken").await
    }

    async fn data(&mut self) -> Result<Next, Over> {
        if self.envelope.to.is_empty() {
            self.reply(None, "503 RCPT comes first").await?;
            return Ok(Next::GoOn);
        }
        self.reply(Some(Stage::Data), "354 go on, end with a dot").await?;
        if self.refusal(Stage::Data).is_some() {
            return Ok(Next::GoOn);
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
            self.house.heard.messages.send_modify(|messages| messages.push(message));
        }
        if *self.behaviour.borrow() == Behaviour::DropAfterData {
            return Ok(Next::Close);
        }
        let silent = |behaviour: &Behaviour| *behaviour == Behaviour::HangAfterData;
        self.behaviour.wait_for(|behaviour| !silent(behaviour)).await.map_err(|_| Over)?;
        self.reply(Some(Stage::Message), "250 message taken").await?;
        Ok(Next::GoOn)
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
        self.stream.write_all(reply.as_bytes()).await.map_err(|_| Over)?;
        self.stream.flush().await.map_err(|_| Over)
    }

    async fn line(&mut self) -> Result<Vec<u8>, Over> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line).await {
            Ok(_) if line.ends_with(b"\n") => {}
            _ => return Err(Over),
        }
        if !self.is_encrypted {
            let heard = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.house.heard.in_the_clear.send_modify(|lines| lines.push(heard));
        }
        Ok(line)
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
}

/// The address in `FROM:<address> parameters`; the keyword in any case.
fn address_in(rest: &str, keyword: &str) -> Option<String> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let inside = tail.trim_start().strip_prefix('<')?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| inside.split_once('>').map(|(address, _)| address.to_owned()))?
}
