use super::*;

#[test]
fn databases_of_the_shared_server_are_apart() {
    let (one, two) = (Redis::shared().fresh_database(), Redis::shared().fresh_database());
    let connect = |url: &str| redis::Client::open(url).expect("a URL").get_connection().expect("it answers");
    redis::cmd("SET").arg("k").arg(1).exec(&mut connect(&one)).expect("it takes it");
    let there: bool = redis::cmd("EXISTS").arg("k").query(&mut connect(&two)).expect("it answers");
    assert!(!there);
}

#[test]
#[should_panic(expected = "use Redis::private()")]
fn the_shared_server_cannot_be_killed() {
    Redis::shared().kill();
}

#[test]
fn a_private_server_keeps_its_port_over_a_kill_and_then_vanishes() {
    let server = Redis::private(&RedisOptions::default().tcp().setting("maxmemory", "100mb"));
    let policy: Vec<String> = server.ask(&["CONFIG", "GET", "maxmemory"]);
    assert_eq!(policy[1], "104857600");
    let _: () = server.ask(&["SET", "k", "v"]);
    let address = server.tcp_address();
    server.restart();
    assert_eq!(server.ask::<Option<String>>(&["GET", "k"]), None);
    assert!(std::net::TcpStream::connect(address).is_ok());
    server.freeze();
    let folder = server.folder().to_owned();
    drop(server);
    assert!(!folder.exists() && std::net::TcpStream::connect(address).is_err());
}
