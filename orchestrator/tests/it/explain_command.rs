//! The command `orchestrator explain-fingerprint`.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const HEADERS: &str = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/138.0.0.0 Safari/537.36\nOrigin: https://shop.example.com\n\
    x-twilio-sec-usersettings: {\"userTimezone\":-60}\nx-twilio-sec-webchatinfo: {\"loginTimestamp\":1}\n";

fn explains(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orchestrator"))
        .current_dir(folder)
        .arg("explain-fingerprint")
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

#[test]
fn recorded_requests_are_judged_at_every_level_without_settings() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("before"), HEADERS).unwrap();
    fs::write(folder.path().join("after"), HEADERS.replace("-60", "300")).unwrap();
    let output = explains(folder.path(), &["before", "after"]);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let verdict = printed.lines().last().unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(verdict, ["verdict", "accepted", "accepted", "refused"]);
    let output = explains(folder.path(), &["before", "after", "--first", "before"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("since the beginning"));

    // Another name is another browser, unless the session's key is proved.
    fs::write(folder.path().join("edge"), HEADERS.replace("537.36\n", "537.36 Edg/138.0\n")).unwrap();
    for (arguments, expected) in [
        (&["before", "edge"][..], ["accepted", "refused", "refused"]),
        (&["before", "edge", "--proof"], ["accepted"; 3]),
    ] {
        let printed = String::from_utf8(explains(folder.path(), arguments).stdout).unwrap();
        let verdict = printed.lines().last().unwrap().split_whitespace().skip(1).collect::<Vec<_>>();
        assert_eq!(verdict, expected);
    }
}

#[test]
fn errors_are_one_line_naming_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("before"), HEADERS).unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    fs::write(folder.path().join("long"), vec![b'a'; 1024 * 1024 + 1]).unwrap();
    for (file, reason) in [("empty", "user-agent"), ("missing", "No such file"), ("long", "1 MiB")] {
        let output = explains(folder.path(), &["before", file]);
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), printed.lines().count()), (Some(1), 1), "{printed}");
        assert!(printed.contains(&format!("{file}: ")) && printed.contains(reason), "{printed}");
    }
    assert_eq!(explains(folder.path(), &["before"]).status.code(), Some(2));
}
