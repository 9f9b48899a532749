//! The layers, and that the documented defaults are the real ones.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use expect_test::expect;

use super::*;

/// The configuration of a file's text, of variables and of flags; or what is wrong, without the folder's name.
fn read(file: &str, environment: &[(&str, &str)], set: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("inference.toml"), file).expect("it is written");
    let own = |text: &&str| (*text).to_owned();
    let sources = Sources {
        file: None,
        set: set.iter().map(own).collect(),
        environment: environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect(),
        working_dir: folder.path().to_owned(),
    };
    let hidden = format!("{}/", folder.path().display());
    Config::load(&sources).map_err(|error| error.to_string().replace(&hidden, ""))
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let documented: Config = toml::from_str(DEFAULT_TOML).expect("it is a configuration");
    assert_eq!(documented, Config::default());
}

#[test]
fn every_setting_is_documented_and_can_be_set() {
    let mut section = "";
    let mut documented = BTreeSet::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if line == "# [[keys]]" {
            break;
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ")
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            documented.insert(format!("{section}.{name}"));
        }
    }
    let settable: BTreeSet<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    assert_eq!(documented, settable);
}

#[test]
fn the_command_line_prevails_over_the_environment_and_this_over_the_file() {
    let environment = [
        ("INFERENCE_WORKER_SERVER_PORT", "2"),
        ("INFERENCE_WORKER_LOG_FILTER", "debug"),
        ("INFERENCE_WORKER_KEY", "not a setting"),
        ("INFERENCE_WORKER_ENGINE_THREADS", ""),
    ];
    let file = "[server]\nport = 1\nbody_ms = 5\n[log]\nfilter = \"warn\"";
    let config = read(file, &environment, &["server.port=3"]).expect("a configuration");
    assert_eq!((config.server.port, config.server.body_ms), (3, 5));
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn a_mistake_is_told_in_one_line_with_its_place() {
    let mut told = String::new();
    for (file, environment, set) in [
        ("[server]\n\nprot = 1", &[][..], &[][..]),
        ("[server]\nport = 70000", &[], &[]),
        ("[server", &[], &[]),
        ("", &[("INFERENCE_WORKER_SERVER_PROT", "1")], &[]),
        ("", &[], &["server.prot=1"]),
        ("", &[], &["nothing"]),
        ("", &[], &["server.port=many"]),
        ("[server]\nrequest_ms = 0", &[], &[]),
        ("[server]\nhost = \"0.0.0.0\"", &[], &[]),
        ("[tls]\nkey = \"a\"", &[], &[]),
        ("[[keys]]\nname = \"a\"\nsha256 = \"12\"", &[], &[]),
        (
            "[[models]]\nname = \"a\"\nfolder = \"x\"\n[[models]]\nname = \"a\"\nfolder = \"y\"",
            &[],
            &[],
        ),
        ("[[models]]\nname = \"a/load\"\nfolder = \"x\"", &[], &[]),
        ("[[engine.models]]\nname = \"a\"\nfolder = \"x\"", &[], &[]),
    ] {
        let error = read(file, environment, set).expect_err("it is wrong");
        assert_eq!(error.lines().count(), 1, "{error}");
        told += &(error + "\n");
    }
    expect![[r#"
        inference.toml:3: unknown field `prot`, expected one of `host`, `port`, `open`, `metrics_open`, `request_ms`, `body_ms`, `idle_ms`, `drain_ms`, `body_bytes_max`, `bodies_bytes_max`, `connections_max`, `readers`
        inference.toml:2: invalid value: integer `70000`, expected u16
        inference.toml:1: unclosed table, expected `]`
        INFERENCE_WORKER_SERVER_PROT: unknown setting in the environment; `inference-worker config` prints all
        --set server.prot: unknown setting; `inference-worker config` prints all
        --set: expected section.name=value, as server.port=8600
        invalid type: string "many", expected u16 in `server.port`
        server.request_ms: 0; expected 1 to 3600000
        server.host: 0.0.0.0 is reached by others and there are no keys; add [[keys]] (`inference-worker key` makes one), or set server.open = true
        tls: one of certificate and key; expected both or none
        keys: sha256 of "a" is no digest; expected 64 hexadecimal digits (`inference-worker key`)
        models: two of the name "a"
        models: name "a/load" cannot be told from an address
        engine.models: not here; expected [[models]]
    "#]].assert_eq(&told);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error = read(
        "[server]\nrequest_ms = 0\nidle_ms = 1\n[telemetry]\nsample_percent = 101",
        &[],
        &[],
    )
    .expect_err("it is wrong");
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn an_address_that_others_reach_needs_keys_or_a_word() {
    let key = "[[keys]]\nname = \"a\"\nsha256 = \"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8\"";
    let everywhere = ["server.host=0.0.0.0"];
    assert!(read("", &[], &everywhere).is_err());
    assert!(read(key, &[], &everywhere).is_ok());
    assert!(read("", &[], &["server.host=::", "server.open=true"]).is_ok());
    assert!(read("", &[], &["server.host=::1"]).is_ok());
}

#[test]
fn a_key_does_not_show_its_digest() {
    let key = Key {
        name: "a".to_owned(),
        sha256: "secret".to_owned(),
        admin: true,
    };
    assert!(!format!("{key:?}").contains("secret"));
}
