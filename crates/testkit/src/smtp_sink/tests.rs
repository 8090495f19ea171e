use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::*;

struct Client(BufReader<TcpStream>);

impl Client {
    async fn greet(sink: &SmtpSink) -> (Self, String) {
        let mut client = Self(BufReader::new(TcpStream::connect(sink.address()).await.expect("it listens")));
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
    for (stage, first_words) in [(Stage::Message, "451"), (Stage::Data, "503"), (Stage::Recipient, "503")] {
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
