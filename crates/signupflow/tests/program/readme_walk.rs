//! The README's walk, run as it stands there, against the real program.

use std::process::Command;
use std::time::Duration;

use testkit::free_port::free_tcp_port;
use testkit::process::Program;

fn walk_of_the_readme() -> String {
    let readme = include_str!("../../../../README.md");
    let start = readme.find("```bash\n").expect("the README has a walk") + "```bash\n".len();
    let length = readme[start..].find("```").expect("it ends");
    readme[start..start + length].to_owned()
}

#[tokio::test]
async fn the_readme_works_as_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("127.0.0.1:{}", free_tcp_port());
    let mut server = Program::new(env!("CARGO_BIN_EXE_signupflow"))
        .args(["serve"])
        .env("BIND_ADDRESS", &address)
        .current_dir(folder.path())
        .start();
    server.wait_for_port(address.parse().expect("an address"), Duration::from_secs(30)).await;

    let script = walk_of_the_readme().replace("http://127.0.0.1:8000", &format!("http://{address}"));
    let output =
        Command::new("bash").arg("-euc").arg(&script).current_dir(folder.path()).output().expect("bash");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");

    let place =
        |needle: &str| out.find(needle).unwrap_or_else(|| panic!("{needle} is missing in:\n{out}\n{err}"));
    let in_order = [
        place("\"total\":2"),
        place("csrf_missing"),
        place("Beach cleanup"),
        place("invalid_credentials"),
        place("Account locked for 15 minutes"),
        place("The account is open again"),
        place("\"unauthenticated\""),
        place("auth.password_changed"),
    ];
    assert!(in_order.is_sorted(), "{in_order:?}\n{out}");
    assert_eq!(out.matches("\"invalid_credentials\"").count(), 5, "{out}");
    for action in ["auth.account_locked", "auth.account_unlocked", "event.create", "organization.create"] {
        place(action);
    }
}
