//! Two hundred configurations that are wrong, each in another way.
//!
//! Every one is told in a line for each mistake, with the key, the place and an example, and never by a panic.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::Output;

use botserver::config::{Config, ConfigErrors, KEYS, Key, Sources};

use crate::server::DataFolder;

/// A configuration, and the beginning of each line that it must bring.
struct Broken {
    file: Vec<u8>,
    environment: Vec<(OsString, OsString)>,
    lines: Vec<String>,
}

fn in_file(text: impl Into<Vec<u8>>, line: impl Into<String>) -> Broken {
    Broken {
        file: text.into(),
        environment: Vec::new(),
        lines: vec![line.into()],
    }
}

fn in_variable(key: &Key, value: impl Into<OsString>) -> Broken {
    Broken {
        file: Vec::new(),
        environment: vec![(key.variable().into(), value.into())],
        lines: vec![format!("{}: ", key.name)],
    }
}

/// A line of the file that sets a key, in its section.
fn setting(key: &Key, value: &str) -> String {
    match key.name.split_once('.') {
        Some((section, name)) => format!("[{section}]\n{name} = {value}\n"),
        None => format!("{} = {value}\n", key.name),
    }
}

/// Values that fit no key, and for each type those that do not fit it.
fn values_of_no_use(key: &Key) -> Vec<&'static str> {
    let form = key.form();
    let mut values = vec!["{ a = 1 }", "[[1], [2]]", "1979-05-27T07:32:00Z", "nan", "[]"];
    if form.starts_with("a whole number") {
        values.extend(["-1", "1.0", "true", "\"\"", "\"12\"", "9223372036854775807"]);
    } else if form == "true or false" {
        values.extend(["0", "1", "\"true\"", "\"\""]);
    } else if form.starts_with("a list") {
        values.retain(|value| *value != "[]");
        values.extend(["\"10.0.0.0/8\"", "[\"10.0.0.0/64\"]", "[\"\"]", "[1]", "7"]);
    } else {
        values.extend(["0", "-1", "true", "\"\"", "[\"a\"]"]);
    }
    values
}

/// One mistake for each key and each value that does not fit it.
fn wrong_values() -> impl Iterator<Item = Broken> {
    KEYS.iter().flat_map(|key| {
        values_of_no_use(key)
            .into_iter()
            .map(|value| in_file(setting(key, value), format!("{}: ", key.name)))
    })
}

fn wrong_variables() -> impl Iterator<Item = Broken> {
    KEYS.iter().flat_map(|key| {
        let text = ["\u{0}", "\n", "\u{7}"].concat();
        let not_utf8 = OsString::from_vec(b"\xff\xfe".to_vec());
        // A path, and a part of the program in a filter, may look like anything, as long as it is text.
        let any_text = ["a path", "a level"]
            .iter()
            .any(|form| key.form().starts_with(form));
        let words = (!any_text).then(|| in_variable(key, text));
        [Some(in_variable(key, not_utf8)), words].into_iter().flatten()
    })
}

/// Each key with a letter too much, in the file and in the environment.
fn misspelt() -> impl Iterator<Item = Broken> {
    KEYS.iter().flat_map(|key| {
        let typed = format!("{}x", key.name);
        let variable = format!("{}X", key.variable());
        let file = match typed.split_once('.') {
            Some((section, name)) => format!("[{section}]\n{name} = 1\n"),
            None => format!("{typed} = 1\n"),
        };
        let environment = Broken {
            file: Vec::new(),
            environment: vec![(variable.clone().into(), "1".into())],
            lines: vec![format!("{variable}: unknown setting")],
        };
        [in_file(file, format!("{typed}: unknown setting")), environment]
    })
}

fn sections() -> impl Iterator<Item = Broken> {
    let names = KEYS.iter().filter_map(|key| key.name.split_once('.'));
    let names: std::collections::BTreeSet<&str> = names.map(|(section, _)| section).collect();
    names.into_iter().flat_map(|name| {
        [
            in_file(format!("[{name}s]\n"), format!("{name}s: unknown section")),
            in_file(format!("{name} = 1\n"), format!("{name}: a value")),
            in_file(format!("[[{name}]]\n"), format!("{name}: a value")),
            in_file(format!("[{name}]\n[{name}]\n"), "syntax: not TOML at column "),
        ]
    })
}

/// Files that are no TOML, each broken elsewhere.
fn syntax() -> impl Iterator<Item = Broken> {
    let texts = [
        "[server",
        "server]",
        "[]",
        "[server]]",
        "[ser ver]",
        "port",
        "port =",
        "= 1",
        "port = 1 2",
        "port : 1",
        "port == 1",
        "port = 'a",
        "port = \"a",
        "port = \"\\q\"",
        "port = \"\"\"a",
        "port = [1",
        "port = {",
        "port = { a = 1",
        "port = 1,",
        "port = 01",
        "port = 1_",
        "port = 0x",
        "port = tru",
        "port = +",
        "port = 1e",
        "port = yes",
        "port = 1979-13-45",
        "port = 1\nport = 2",
        "[server]\nport = 1\nport = 1",
        "a.b = 1\na = 2",
        "server = {}\n[server]",
        "\u{1}",
        "port = \u{7f}",
        "port = \"\u{0}\"",
        "{\"port\": 1}",
        "---\nport: 1",
        "<port>1</port>",
        "port=1;host=2",
        "[server]\r\rport = 1",
        "\"port = 1",
        "port = 99999999999999999999",
        "port = 1 # \u{8}",
        "\\",
        "port = ''' '",
        "[server]\nport = ,",
        "[server.]",
        "[.server]",
        "a..b = 1",
    ];
    texts
        .into_iter()
        .map(|text| in_file(text, "syntax: not TOML at column "))
}

fn bytes() -> Vec<Broken> {
    let mut long_line = b"[organisation]\nname = \"".to_vec();
    long_line.extend(std::iter::repeat_n(b'n', 100_000));
    long_line.extend(b"\"\n");
    let utf16: Vec<u8> = "[server]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        in_file(*b"\xff\xfe[server]\n", "{file}: is not UTF-8"),
        in_file(utf16, "syntax: not TOML"),
        in_file(
            *b"[server]\nhost = \"\xc3\x28\"\n",
            "{file}: is not UTF-8 from line 2",
        ),
        in_file(*b"# \xc0\x80\n", "{file}: is not UTF-8 from line 1"),
        in_file("\u{feff}[server]\nport = \"http\"\n", "server.port: "),
        in_file("[server]\r\nport = \"http\"\r\n", "server.port: "),
        in_file(long_line, "organisation.name: "),
        in_file(vec![b'#'; (1 << 20) + 1], "{file}: is longer than"),
        in_file("[".repeat(100_000), "syntax: not TOML"),
        in_file(format!("a = {}", "[".repeat(10_000)), "syntax: not TOML"),
    ]
}

fn addresses() -> impl Iterator<Item = Broken> {
    let public = [
        "x",
        "http:/x",
        "https://a b",
        "https://x:99999",
        "https://x?q",
        "https://u:p@x",
        "https://-x",
        "//x",
    ];
    let database = [
        "x",
        "postgres:/x",
        "mysql://x",
        "postgres://x:port/y",
        "http://x",
        "postgres://[::z]/y",
        " ",
    ];
    let hosts = [
        "a:80",
        "http://a",
        "a/b",
        "1.2.3",
        "1.2.3.4.5",
        "-a",
        "a..b",
        "[::1]",
        "::g",
        "*",
    ];
    let public = public.map(|value| ("server.public_url", value));
    let database = database.map(|value| ("database.url", value));
    let hosts = hosts.map(|value| ("server.host", value));
    public
        .into_iter()
        .chain(database)
        .chain(hosts)
        .flat_map(|(name, value)| {
            let key = Key::find(name).expect("a key");
            let file = in_file(setting(key, &format!("{value:?}")), format!("{name}: "));
            [file, in_variable(key, value)]
        })
}

/// Several mistakes bring a line each.
fn several() -> Vec<Broken> {
    let everything: String = KEYS
        .iter()
        .map(|key| format!("{} = {{ a = 1 }}\n", key.name))
        .collect();
    let environment = KEYS
        .iter()
        .map(|key| (key.variable().into(), OsString::from_vec(vec![0xff])));
    let lines: Vec<String> = KEYS.iter().map(|key| format!("{}: ", key.name)).collect();
    vec![
        Broken {
            file: everything.into(),
            environment: Vec::new(),
            lines: lines.clone(),
        },
        Broken {
            file: Vec::new(),
            environment: environment.collect(),
            lines,
        },
        Broken {
            file: b"[server]\nport = 1.5\nprot = 1\n[logs]\n".to_vec(),
            environment: vec![("BOTSERVER_LOG_FORMAT".into(), "xml".into())],
            lines: ["log.format: ", "logs: ", "server.port: ", "server.prot: "]
                .map(str::to_owned)
                .to_vec(),
        },
    ]
}

fn load(broken: &Broken, path: &Path) -> Result<Config, ConfigErrors> {
    fs::write(path, &broken.file).expect("the file is written");
    let home = [(OsString::from("HOME"), OsString::from("/home/ann"))];
    Config::load_from(&Sources {
        file: Some(path.to_path_buf()),
        environment: broken.environment.iter().cloned().chain(home).collect(),
        working_dir: "/".into(),
        ..Sources::default()
    })
}

#[test]
fn each_of_two_hundred_broken_configurations_is_a_clear_line_for_each_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("b.toml");
    let all: Vec<Broken> = wrong_values()
        .chain(wrong_variables())
        .chain(misspelt())
        .chain(sections())
        .chain(syntax())
        .chain(bytes())
        .chain(addresses())
        .chain(several())
        .collect();
    let distinct: std::collections::BTreeSet<_> = all
        .iter()
        .map(|broken| (&broken.file, &broken.environment))
        .collect();
    assert!(distinct.len() >= 200, "only {}", distinct.len());
    for broken in &all {
        let shown = format!(
            "{:?} {:?}",
            String::from_utf8_lossy(&broken.file[..broken.file.len().min(200)]),
            broken.environment
        );
        let Err(errors) = load(broken, &path) else {
            panic!("accepted: {shown}");
        };
        let text = errors.to_string();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        let mut expected: Vec<String> = broken
            .lines
            .iter()
            .map(|line| line.replace("{file}", &path.display().to_string()))
            .collect();
        expected.sort_unstable();
        assert_eq!(lines.len(), expected.len(), "{shown}\n{text}");
        for (line, expected) in lines.iter().zip(&expected) {
            assert!(
                line.starts_with(expected.as_str()),
                "{shown}\n{line}\nexpected {expected}"
            );
            assert!(
                line.contains("; expected ") && line.contains(" in "),
                "{shown}\n{line}"
            );
            assert!(line.chars().count() < 600, "{shown}\n{line}");
            assert!(!line.chars().any(char::is_control), "{shown}\n{line}");
        }
    }
}

/// Asserts code 78 and one line that begins with `start`.
fn refused(output: &Output, start: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.starts_with(&format!("botserver: {start}")),
        "{text}\nexpected {start}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn the_program_ends_with_78_and_a_line_whatever_is_wrong_and_whoever_asks() {
    let data = DataFolder::new();
    fs::write(data.path().join("bad.toml"), "[server]\nprot = 1\n").expect("written");
    fs::write(data.path().join("worse.toml"), "[server\n").expect("written");
    fs::write(data.path().join("worst.toml"), b"\xff").expect("written");
    let run = |arguments: &[&str]| data.command().args(arguments).output().expect("it runs");
    let folder = data.path().display();
    for verb in [
        &["serve"][..],
        &["doctor"],
        &["config", "check"],
        &["config", "print"],
        &["log", "verify"],
    ] {
        let with = |more: &[&str]| run(&[verb, more].concat());
        refused(&with(&["--port", "http"]), "server.port: \"http\" in --port;");
        refused(
            &with(&["--config", "bad.toml"]),
            "server.prot: unknown setting in",
        );
    }
    refused(
        &run(&["config", "check", "worse.toml"]),
        "syntax: not TOML at column",
    );
    refused(
        &run(&["config", "check", "worst.toml"]),
        &format!("{folder}/worst.toml: is not UTF-8"),
    );
    refused(
        &run(&["config", "check", "absent.toml"]),
        &format!("{folder}/absent.toml: cannot be read"),
    );
    refused(
        &run(&["config", "check", "."]),
        &format!("{folder}/.: is a folder"),
    );
    refused(&run(&["serve", "--set", "x=1"]), "x: unknown setting in --set;");
    let output = data
        .command()
        .env("BOTSERVER_LOG_FORMAT", "xml")
        .arg("serve")
        .output()
        .expect("it runs");
    refused(&output, "log.format: \"xml\" in BOTSERVER_LOG_FORMAT;");

    fs::write(data.path().join("good.toml"), "[server]\nport = 0\n").expect("written");
    let (code, text) = data.run(&["config", "check", "good.toml"]);
    assert_eq!((code, text.as_str()), (0, "configuration is good\n"));
}
