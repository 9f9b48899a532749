//! The master key file: made once, refused when others may touch it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use event_log::{KeyringError, MasterKey};

#[test]
fn a_key_file_is_made_once_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    MasterKey::load_or_create(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().next(), Some("botserver master key 1"));
    assert_eq!(hex::decode(text.lines().nth(1).unwrap()).unwrap().len(), 32);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    MasterKey::load_or_create(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn many_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| MasterKey::load_or_create(&path).unwrap());
        }
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_file_that_is_not_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    MasterKey::load_or_create(&good).unwrap();
    let text = fs::read_to_string(&good).unwrap();
    let refused = |name: &str, content: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        match MasterKey::load_or_create(&path) {
            Err(KeyringError::MasterKeyFile { problem, .. }) => problem,
            other => panic!("{name}: {other:?}"),
        }
    };
    assert!(refused("group", &text, 0o640).contains("0600"));
    assert!(refused("world", &text, 0o604).contains("0600"));
    assert!(refused("short", &text[..text.len() - 3], 0o600).contains("32 bytes"));
    assert!(refused("long", &format!("{text}00"), 0o600).contains("32 bytes"));
    assert!(refused("empty", "", 0o600).contains("heading"));
    let link = folder.path().join("link");
    symlink(&good, &link).unwrap();
    assert!(MasterKey::load_or_create(&link).is_err());
    assert!(MasterKey::load_or_create(folder.path()).is_err());
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    assert!(MasterKey::load_or_create(&dangling).is_err());
    assert_eq!(
        format!("{:?}", MasterKey::load_or_create(&good).unwrap()),
        "MasterKey"
    );
}
