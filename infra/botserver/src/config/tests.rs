//! Settings as an operator would get them right, and wrong.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Sources {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let environment = std::iter::once(("HOME".into(), "/home/ann".into()))
        .chain(pairs)
        .collect();
    // A folder without a botserver.toml.
    Sources {
        environment,
        working_dir: "/proc".into(),
        ..Sources::default()
    }
}

/// Loads with `text` as the file.
fn load(text: &str, pairs: &[(&str, &str)]) -> (tempfile::TempDir, Result<Config, ConfigErrors>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.toml");
    std::fs::write(&path, text).unwrap();
    let config = Config::load_from(&Sources {
        file: Some(path),
        ..environment(pairs)
    });
    (folder, config)
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = Config::load_from(&environment(&[])).unwrap();
    assert_eq!(config.data_dir, Path::new("/home/ann/.local/share/botserver"));
    assert_eq!(
        config.keys.file.as_deref(),
        Some(Path::new("/home/ann/.local/share/botserver/master.key"))
    );
    assert_eq!(
        config.bots.dir.as_deref(),
        Some(Path::new("/home/ann/.local/share/botserver/bots"))
    );
    assert_eq!(
        (config.server.host.as_str(), config.server.port),
        ("127.0.0.1", 8080)
    );
    assert_eq!(config.log.format, telemetry::logs::Format::Text);
    assert_eq!(config.limits.script_steps_max, 10_000_000);
    assert!(config.database.url.is_none() && config.graphql.introspection);

    let root = Config::load_from(&Sources {
        root: true,
        ..environment(&[])
    })
    .unwrap();
    assert_eq!(root.data_dir, Path::new("/var/lib/botserver"));
}

#[test]
fn the_environment_prevails_over_the_file_and_the_file_over_the_defaults() {
    let text = "data_dir = \"d\"\n[server]\nport = 1\nhost = \"::1\"\n[limits]\nsockets_max = 7\n";
    let (_folder, config) = load(
        text,
        &[
            ("BOTSERVER_SERVER_PORT", " 9000 "),
            ("BOTSERVER_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ],
    );
    let config = config.unwrap();
    assert_eq!(
        (
            config.server.port,
            config.server.host.as_str(),
            config.limits.sockets_max
        ),
        (9000, "::1", 7)
    );
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.data_dir, Path::new("/proc/d"));
    assert_eq!(
        config.origin("server.port").unwrap().to_string(),
        "BOTSERVER_SERVER_PORT"
    );
    assert!(
        config
            .origin("server.host")
            .unwrap()
            .to_string()
            .ends_with("b.toml:4")
    );

    let printed = config.print();
    assert!(
        printed.contains("port = 9000  # from BOTSERVER_SERVER_PORT\n"),
        "{printed}"
    );
    assert!(printed.contains("b.toml:6\n"), "{printed}");
    assert!(printed.contains("# public_url is not set\n"), "{printed}");
    let (_folder, again) = load(&printed, &[]);
    assert_eq!(again.unwrap().server.port, 9000);
}

#[test]
fn an_empty_variable_unsets_what_may_be_absent() {
    let (_folder, config) = load(
        "[database]\nurl = \"postgres://a@b/c\"\n",
        &[("BOTSERVER_DATABASE_URL", ""), ("BOTSERVER_CONFIG", "")],
    );
    assert!(config.unwrap().database.url.is_none());
}

#[test]
fn a_password_is_never_shown() {
    let url = "postgres://ann:hush@db/x?sslpassword=hush";
    let config = Config::load_from(&environment(&[("BOTSERVER_DATABASE_URL", url)])).unwrap();
    assert_eq!(&**config.database.url.as_ref().unwrap(), url);
    let shown = format!("{}{:?}", config.print(), config.database);
    assert!(
        !shown.contains("hush") && shown.contains("postgres://ann:***@db/x?***"),
        "{shown}"
    );
    for wrong in ["mysql://ann:hush@db/x", "postgres://ann:hush@db:port/x", "hush"] {
        let error = Config::load_from(&environment(&[("BOTSERVER_DATABASE_URL", wrong)])).unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    let (_folder, config) = load(&format!("[database]\nurl = {url:?}\n"), &[]);
    assert!(!format!("{:?}", config.unwrap()).contains("hush"));
}

#[test]
fn the_default_file_names_every_setting_with_its_variable() {
    let variables: std::collections::BTreeSet<String> = KEYS.iter().map(Key::variable).collect();
    assert_eq!(variables.len(), KEYS.len(), "two settings would share a variable");
    for key in KEYS {
        let name = key.name.rsplit('.').next().unwrap();
        let line = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
        assert!(default_toml().lines().any(line), "{}", key.name);
        assert!(
            default_toml().contains(&format!("# Environment: {}\n", key.variable())),
            "{}",
            key.name
        );
        assert!(
            key.accepts(&key.parse(key.example)),
            "the example of {}",
            key.name
        );
        assert_eq!(
            key.optional,
            !layers::read(&environment(&[]))
                .unwrap()
                .iter()
                .any(|(name, (_, origin))| *name == key.name && *origin == Origin::Default)
        );
    }
    assert!(default_toml().lines().all(|line| line.chars().count() <= 120));
}

/// Each: lines of the file, then key, line and a part of what was expected.
#[rustfmt::skip]
const WRONG_FILES: &[(&str, &str, usize, &str)] = &[
    (
        "[server]\nport = 65536",
        "server.port",
        2,
        "0 to 65535, for example server.port = 8080",
    ),
    ("[server]\nport = -1", "server.port", 2, "a whole number"),
    ("[server]\nport = \"8080\"", "server.port", 2, "a whole number"),
    ("[server]\nport = 80.5", "server.port", 2, "a whole number"),
    ("[server]\nport = true", "server.port", 2, "a whole number"),
    ("[server]\n\nport = []", "server.port", 3, "a whole number"),
    ("[server.port]\nx = 1", "server.port", 1, "a whole number"),
    ("[server]\nport = 1979-05-27", "server.port", 2, "a whole number"),
    ("server.port = 99999", "server.port", 1, "0 to 65535"),
    ("server = { port = 99999 }", "server.port", 1, "0 to 65535"),
    ("server = 8080", "server", 1, "a section, for example [server]"),
    ("[[server]]\nport = 1", "server", 1, "a section"),
    ("[server]\nprot = 1", "server.prot", 2, "server.port = 8080"),
    ("[servers]\nport = 1", "servers", 1, "a section such as [server]"),
    ("port = 8080", "port", 1, "a setting such as"),
    ("[server]\nhost = \"\"", "server.host", 2, "host name"),
    ("[server]\nhost = \"a b\"", "server.host", 2, "host name"),
    ("[server]\nhost = \"localhost:80\"", "server.host", 2, "without port"),
    ("[server]\nhost = \"127.0.0.256\"", "server.host", 2, "127.0.0.1"),
    ("[server]\nhost = 7", "server.host", 2, "host name"),
    ("[server]\npublic_url = \"bots.example.org\"", "server.public_url", 2, "https://"),
    ("[server]\npublic_url = \"ftp://x\"", "server.public_url", 2, "https://"),
    ("[server]\npublic_url = \"https://\"", "server.public_url", 2, "with a host"),
    ("[server]\npublic_url = \"https://x/path\"", "server.public_url", 2, "no path"),
    ("[server]\npublic_url = \"https://x:0\"", "server.public_url", 2, "with a host"),
    ("[server]\npublic_url = \"https://[::z]\"", "server.public_url", 2, "with a host"),
    ("[server]\ntrusted_proxies = \"10.0.0.1\"", "server.trusted_proxies", 2, "a list"),
    ("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]", "server.trusted_proxies", 2, "[\"10.0.0.0/8\"]"),
    ("[server]\ntrusted_proxies = [1]", "server.trusted_proxies", 2, "addresses or networks"),
    ("[server]\nembed_origins = \"*\"", "server.embed_origins", 2, "a list"),
    ("[server]\nembed_origins = [\"www.example.org\"]", "server.embed_origins", 2, "https://www.example.org"),
    ("[server]\nembed_origins = [\"https://x/path\"]", "server.embed_origins", 2, "for all"),
    ("[server]\nembed_origins = [\"https://x; script-src *\"]", "server.embed_origins", 2, "with a host"),
    ("[database]\nurl = \"mysql://x/y\"", "database.url", 2, "PostgreSQL"),
    ("[database]\nurl = 5", "database.url", 2, "postgres://"),
    ("[database]\nurl = \"postgres://h:port/x\"", "database.url", 2, "postgres://"),
    ("[database]\nread_url = \"postgres://h/x\"", "database.read_url", 2, "database.url to be set"),
    ("[database]\nconnections_max = 0", "database.connections_max", 2, "4 to 10000"),
    ("[keys]\nfile = \"\"", "keys.file", 2, "a path"),
    ("[bots]\ndir = [\"x\"]", "bots.dir", 2, "a path"),
    ("[bots]\ndefault = \" \"", "bots.default", 2, "a name"),
    ("[log]\nformat = \"xml\"", "log.format", 2, "\"text\" or \"json\""),
    ("[log]\nfilter = \"loud=very\"", "log.filter", 2, "a level"),
    ("[log]\nfilter = \"\"", "log.filter", 2, "a level"),
    ("[limits]\nmessage_bytes_max = 0", "limits.message_bytes_max", 2, "from 1"),
    ("[limits]\nbody_bytes_max = 9999999999999", "limits.body_bytes_max", 2, "to 1073741824"),
    ("[limits]\nscript_memory_mib_max = 0.5", "limits.script_memory_mib_max", 2, "a whole number"),
    ("[limits]\nmesage_bytes_max = 1", "limits.mesage_bytes_max", 2, "limits.message_bytes_max"),
    ("[graphql]\nintrospection = \"yes\"", "graphql.introspection", 2, "true or false"),
    ("[graphql]\ndepth_max = 1000", "graphql.depth_max", 2, "1 to 100"),
    ("[conversation]\nidle_minutes = \"30m\"", "conversation.idle_minutes", 2, "1 to 10080"),
    ("[organisation]\nname = \"\"", "organisation.name", 2, "1 to 100 characters"),
    ("[organisation]\nname = \"a\\nb\"", "organisation.name", 2, "1 to 100 characters"),
    ("data_dir = 1", "data_dir", 1, "a path"),
    ("data_dir = \"a\\u0000b\"", "data_dir", 1, "a path"),
    ("\"a\\nb\" = 1", "a\\nb", 1, "a setting"),
    ("[server]\nport 8080", "syntax", 2, "port = 8080"),
    ("[server\nport = 1", "syntax", 1, "[server]"),
    ("[server]\nport = 1\nport = 2", "syntax", 3, "lines such as"),
    ("[server]\nport = 99999999999999999999", "syntax", 2, "lines such as"),
    ("\n\u{0}", "syntax", 2, "lines such as"),
    ("x = '", "syntax", 1, "lines such as"),
];

#[test]
fn whatever_is_wrong_in_a_file_is_one_line_with_key_place_and_expectation() {
    for (text, key, line, expected) in WRONG_FILES {
        let (folder, config) = load(text, &[]);
        let error = config
            .err()
            .unwrap_or_else(|| panic!("accepted: {text}"))
            .to_string();
        let at = format!("{}:{line};", folder.path().join("b.toml").display());
        assert!(error.starts_with(&format!("{key}: ")), "{text}\n{error}");
        assert!(
            error.contains(&at) && error.contains(expected) && !error.contains('\n'),
            "{text}\n{error}"
        );
    }
}

/// Each: variable, value, how the line begins, a part of what was expected.
#[rustfmt::skip]
const WRONG_VARIABLES: &[(&str, &str, &str, &str)] = &[
    (
        "BOTSERVER_SERVER_PORT",
        "http",
        "server.port: \"http\" in BOTSERVER_SERVER_PORT;",
        "0 to 65535",
    ),
    ("BOTSERVER_SERVER_PORT", "", "server.port: \"\" in", "0 to 65535"),
    ("BOTSERVER_SERVER_PORT", "70000", "server.port: 70000 in", "0 to 65535"),
    ("BOTSERVER_SERVER_PORT", "8080\n9090", "server.port: ", "0 to 65535"),
    ("BOTSERVER_GRAPHQL_INTROSPECTION", "1", "graphql.introspection: ", "true or false"),
    ("BOTSERVER_SERVER_TRUSTED_PROXIES", "10.0.0.1;10.0.0.2", "server.trusted_proxies: ", "networks"),
    ("BOTSERVER_DATABASE_URL", "db", "database.url: a value that cannot be used", "PostgreSQL"),
    ("BOTSERVER_LOG_FORMAT", "TEXT", "log.format: \"TEXT\"", "\"text\" or"),
    ("BOTSERVER_SERVER_PROT", "1", "BOTSERVER_SERVER_PROT: unknown", "BOTSERVER_SERVER_PORT=8080"),
    ("BOTSERVER_", "1", "BOTSERVER_: unknown", "BOTSERVER_"),
    ("BOTSERVER_PORT", "1", "BOTSERVER_PORT: unknown", "BOTSERVER_SERVER_PORT=8080"),
    ("BOTSERVER_LIMITS_SOCKETS", "1", "BOTSERVER_LIMITS_SOCKETS: unknown", "BOTSERVER_LIMITS_SOCKETS_MAX=20000"),
    ("BOTSERVER_CONFIG", "/nowhere/b.toml", "/nowhere/b.toml: cannot be read", "a readable TOML file"),
    ("BOTSERVER_CONFIG", "/", "/: is a folder in BOTSERVER_CONFIG;", "a readable TOML file"),
];

#[test]
fn whatever_is_wrong_in_the_environment_is_one_line_too() {
    for (name, value, start, expected) in WRONG_VARIABLES {
        let config = Config::load_from(&environment(&[(name, value)]));
        let error = config
            .err()
            .unwrap_or_else(|| panic!("accepted: {name}={value}"))
            .to_string();
        assert!(
            error.starts_with(start) && error.contains(expected),
            "{name}={value}\n{error}"
        );
        assert!(error.contains(name) || error.contains("environment"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_is_not_utf8_and_what_is_not_there_is_told() {
    let wrong = || OsString::from_vec(vec![b'x', 0xff]);
    let mut sources = environment(&[]);
    sources
        .environment
        .push(("BOTSERVER_SERVER_HOST".into(), wrong()));
    let error = Config::load_from(&sources).unwrap_err().to_string();
    assert!(
        error.starts_with("server.host: text that is not UTF-8 in BOTSERVER_SERVER_HOST;"),
        "{error}"
    );

    let mut name = OsString::from("BOTSERVER_");
    name.push(wrong());
    let mut sources = environment(&[]);
    sources.environment.push((name, "1".into()));
    assert!(
        Config::load_from(&sources)
            .unwrap_err()
            .to_string()
            .contains("unknown setting")
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("botserver.toml");
    std::fs::write(&path, b"\n# \xff").unwrap();
    // Not named by anybody: found in the working folder.
    let sources = Sources {
        working_dir: folder.path().into(),
        ..environment(&[])
    };
    let error = Config::load_from(&sources).unwrap_err().to_string();
    assert!(
        error.contains("botserver.toml") && error.contains("not UTF-8 from line 2"),
        "{error}"
    );

    let homeless = Sources {
        environment: vec![],
        working_dir: "/proc".into(),
        ..Sources::default()
    };
    let error = Config::load_from(&homeless).unwrap_err().to_string();
    assert!(
        error.starts_with("data_dir: ") && error.contains("HOME"),
        "{error}"
    );

    let absent = Sources {
        file: Some("absent.toml".into()),
        ..environment(&[])
    };
    let error = Config::load_from(&absent).unwrap_err().to_string();
    assert!(
        error.starts_with("/proc/absent.toml: cannot be read") && error.contains("in --config;"),
        "{error}"
    );
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_the_layers() {
    let text = "[server]\nport = \"many\"\n[log]\nformat = \"xml\"\n";
    let (_folder, config) = load(text, &[("BOTSERVER_SERVER_HOST", "a b"), ("BOTSERVER_PROT", "1")]);
    let errors = config.unwrap_err();
    let mut keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["BOTSERVER_PROT", "log.format", "server.host", "server.port"]
    );
    assert_eq!(errors.to_string().lines().count(), 4);
}

#[test]
fn no_mutilation_of_the_default_file_makes_it_panic() {
    let text = default_toml();
    for at in (0..text.len()).filter(|&at| text.is_char_boundary(at) && at % 7 == 0) {
        let mut reading = layers::Reading::default();
        layers::read_toml(&text[..at], |_| Origin::Default, &mut reading);
        let mutilated = format!("{}={}", &text[..at], &text[at..]);
        layers::read_toml(&mutilated, |_| Origin::Default, &mut reading);
        for error in &reading.problems {
            assert!(!error.to_string().contains('\n'));
        }
    }
}

/// What the program is started with, up to the flags.
#[derive(clap::Parser)]
struct Typed {
    #[command(flatten)]
    flags: Flags,
}

fn flags(typed: &[&str]) -> Flags {
    let words = std::iter::once("botserver").chain(typed.iter().copied());
    <Typed as clap::Parser>::try_parse_from(words)
        .expect("flags")
        .flags
}

#[test]
fn a_flag_prevails_over_the_environment_and_set_takes_any_key() {
    let sources = Sources {
        flags: flags(&[
            "--port",
            "9001",
            "--bots=b",
            "--set",
            "limits.sockets_max=7",
            "--set",
            "blobs.dir=\"/srv/my blobs\"",
        ]),
        ..environment(&[
            ("BOTSERVER_SERVER_PORT", "9000"),
            ("BOTSERVER_LIMITS_SOCKETS_MAX", "8"),
        ])
    };
    let config = Config::load_from(&sources).unwrap();
    assert_eq!((config.server.port, config.limits.sockets_max), (9001, 7));
    assert_eq!(config.bots.dir.as_deref(), Some(Path::new("/proc/b")));
    // Written as in a file.
    assert_eq!(config.blobs.dir.as_deref(), Some(Path::new("/srv/my blobs")));
    let origin = |key| config.origin(key).unwrap().to_string();
    assert_eq!(
        (
            origin("server.port").as_str(),
            origin("limits.sockets_max").as_str()
        ),
        ("--port", "--set")
    );
    assert!(config.print().contains("port = 9001  # from --port\n"));
}

/// Each: what is typed, how the line begins, a part of what was expected.
const WRONG_FLAGS: &[(&[&str], &str, &str)] = &[
    (
        &["--port", "http"],
        "server.port: \"http\" in --port;",
        "0 to 65535",
    ),
    (&["--port", "-1"], "server.port: -1 in --port;", "0 to 65535"),
    (&["--port="], "server.port: \"\" in --port;", "0 to 65535"),
    (&["--host", "a b"], "server.host: \"a b\" in --host;", "host name"),
    (
        &["--database-url", "hush"],
        "database.url: a value that cannot be used in --database-url;",
        "PostgreSQL",
    ),
    (
        &["--log-format", "xml"],
        "log.format: \"xml\" in --log-format;",
        "\"text\" or",
    ),
    (&["--log-level", "loud=very"], "log.filter: ", "a level"),
    (
        &["--set", "server.prot=1"],
        "server.prot: unknown setting in --set;",
        "server.port = 8080",
    ),
    (
        &["--set", "hush"],
        "--set: a text without a key in --set;",
        "KEY=VALUE",
    ),
    (
        &["--set", "=1"],
        ": unknown setting in --set;",
        "a setting such as",
    ),
    (
        &["--set", "limits.sockets_max=many"],
        "limits.sockets_max: \"many\" in --set;",
        "1 to 1000000",
    ),
];

#[test]
fn whatever_is_wrong_on_the_command_line_is_one_line_too() {
    for (typed, start, expected) in WRONG_FLAGS {
        let sources = Sources {
            flags: flags(typed),
            ..environment(&[])
        };
        let error = Config::load_from(&sources).unwrap_err().to_string();
        assert!(
            error.starts_with(start) && error.contains(expected),
            "{typed:?}\n{error}"
        );
        assert!(!error.contains('\n') && !error.contains("hush"), "{error}");
    }
}

#[test]
fn explain_tells_meaning_value_and_origin_and_masks_what_is_secret() {
    let url = "postgres://ann:hush@db/x";
    let config = Config::load_from(&environment(&[
        ("BOTSERVER_SERVER_PORT", "9000"),
        ("BOTSERVER_DATABASE_URL", url),
    ]));
    let port = reference::explain("server.port", &config).unwrap();
    for part in [
        "The port",
        "0 to 65535",
        "8080",
        "BOTSERVER_SERVER_PORT",
        "--port",
        "9000, from BOTSERVER_SERVER_PORT",
    ] {
        assert!(port.contains(part), "{part} is not in\n{port}");
    }
    let database = reference::explain("database.url", &config).unwrap();
    assert!(
        database.contains("ann:***@db") && !database.contains("hush"),
        "{database}"
    );
    assert!(!config.as_ref().unwrap().print_json().to_string().contains("hush"));
    let section = reference::explain("database", &config).unwrap();
    assert_eq!(section.lines().count(), 3, "{section}");
    let unknown = reference::explain("databse.url", &config).unwrap_err();
    assert!(unknown.contains("the nearest is database.url"), "{unknown}");

    let wrong = Config::load_from(&environment(&[("BOTSERVER_SERVER_PORT", "many")]));
    let port = reference::explain("server.port", &wrong).unwrap();
    assert!(
        port.contains("none, the configuration is wrong: server.port: \"many\""),
        "{port}"
    );
}

#[test]
fn every_setting_has_a_meaning_and_says_its_flag_in_the_default_file() {
    for key in KEYS {
        let meaning = key.meaning();
        assert!(
            meaning.len() > 10 && meaning.ends_with('.'),
            "{}: {meaning:?}",
            key.name
        );
        assert!(
            !key.summary().is_empty() && key.summary().len() <= 130,
            "{}",
            key.name
        );
        if let Some(flag) = key.flag {
            let line = format!("# Environment: {}\n# Flag: --{flag}\n", key.variable());
            assert!(default_toml().contains(&line), "{}", key.name);
        }
    }
}

#[test]
fn the_reference_of_the_configuration_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let generated = document();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &generated).expect("the page is written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/configuration.md is out of date: run the test with BLESS=1"
    );
}
