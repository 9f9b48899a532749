//! Packages on disk: finding them, reading them, and seeing that they changed.
//!
//! Parts are matched by suffix, not by the bot's name: packages in the wild are not consistent about it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use commands::PackageFiles;

use crate::attendants;
use crate::settings::Settings;

const SUFFIX: &str = "gbai";
const ORGANISATION_SUFFIX: &str = "gborg";

/// Limits on what one package may make the server read.
const SCRIPTS_MAX: usize = 5_000;
const DEPTH_MAX: usize = 16;
const SCRIPT_BYTES_MAX: u64 = 2 << 20;
const SETTINGS_BYTES_MAX: u64 = 1 << 20;

/// A package as found on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageFolder {
    /// Folder name without suffix, lower case: the bot's name.
    pub name: String,
    pub path: PathBuf,
}

/// What is seen of a package without reading it: paths, sizes and times of its files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint(Vec<(PathBuf, u64, Option<SystemTime>)>);

/// The packages of a folder, by name: its `.gbai` folders and those of its `.gborg` folders. Of packages of one name the
/// first by path is the bot.
pub fn find(folder: &Path) -> anyhow::Result<Vec<PackageFolder>> {
    let mut found = find_all(folder)?;
    found.dedup_by(|later, first| later.name == first.name);
    Ok(found)
}

/// The packages that no bot runs, because another one before them has their name.
pub fn shadowed(folder: &Path) -> anyhow::Result<Vec<PackageFolder>> {
    let found = find_all(folder)?;
    let later = found
        .windows(2)
        .filter(|pair| pair[0].name == pair[1].name)
        .map(|pair| pair[1].clone());
    Ok(later.collect())
}

fn find_all(folder: &Path) -> anyhow::Result<Vec<PackageFolder>> {
    let mut found = Vec::new();
    for path in sorted_entries(folder)? {
        if let Some(package) = package_folder(&path) {
            found.push(package);
        } else if is_organisation(&path) && is_folder(&path) {
            match sorted_entries(&path) {
                Ok(entries) => found.extend(entries.iter().filter_map(|path| package_folder(path))),
                // One organisation's folder does not hold up the others.
                Err(error) => tracing::warn!(
                    error = format!("{error:#}"),
                    "packages of an organisation left out"
                ),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether `path` is called like a folder of packages that belong together.
pub fn is_organisation(path: &Path) -> bool {
    has_suffix(path, ORGANISATION_SUFFIX)
}

/// The package that `path` is, if it is one.
pub fn package_folder(path: &Path) -> Option<PackageFolder> {
    let name = package_name(path)?;
    path.is_dir().then(|| PackageFolder {
        name,
        path: path.to_owned(),
    })
}

/// The name of the package that is, was or would be at `path`.
pub fn package_name(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?.to_lowercase();
    has_suffix(path, SUFFIX).then_some(name)
}

/// Paths of a package's scripts by name: relative to its dialog folder, without `.bas`, lower case.
pub fn scripts(package: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut scripts = BTreeMap::new();
    for entry in sorted_entries(package)? {
        let dialog = has_suffix(&entry, "gbdialog");
        if dialog && is_folder(&entry) {
            collect(&entry, &entry, 0, &mut scripts)?;
        } else if dialog && is_plain_file(&entry) {
            // Some packages hold their one dialog as a file of that name.
            scripts.entry("start".to_owned()).or_insert(entry);
        } else if has_suffix(&entry, "bas") && is_plain_file(&entry) {
            scripts.entry(script_name(package, &entry)).or_insert(entry);
        }
    }
    Ok(scripts)
}

/// Scripts below a folder that is no package; packages in it are left out.
pub fn loose_scripts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut scripts = BTreeMap::new();
    for entry in sorted_entries(folder)? {
        let linked = fs::symlink_metadata(&entry).is_ok_and(|metadata| metadata.is_symlink());
        if entry.is_dir() && !linked && package_folder(&entry).is_none() && !is_organisation(&entry) {
            collect(folder, &entry, 1, &mut scripts)?;
        } else if has_suffix(&entry, "bas") && is_plain_file(&entry) {
            scripts.insert(script_name(folder, &entry), entry);
        }
    }
    Ok(scripts.into_values().collect())
}

/// Reads scripts and settings.
pub fn read(package: &Path) -> anyhow::Result<PackageFiles> {
    let mut files = PackageFiles::default();
    for (name, path) in scripts(package)? {
        files.scripts.insert(name, read_limited(&path, SCRIPT_BYTES_MAX)?);
    }
    let read = read_settings(package)?;
    files.settings = read.settings;
    files.findings = read.findings;
    if let Some(path) = attendants_file(package)? {
        let (attendants, findings) =
            attendants::read("attendant.csv", &read_limited(&path, SETTINGS_BYTES_MAX)?);
        files.attendants = attendants;
        files.findings.extend(findings);
    }
    Ok(files)
}

/// Reads the settings alone, with what is wrong with their files. A package without `config.csv` may describe itself
/// in a `config.json` or `package.json`; its system prompt may be a file of its own.
pub fn read_settings(package: &Path) -> anyhow::Result<Settings> {
    let mut read = Settings::default();
    for path in settings_files(package)? {
        let file = path
            .strip_prefix(package)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > SETTINGS_BYTES_MAX) {
            read.add_too_large(&file, SETTINGS_BYTES_MAX);
            continue;
        }
        let bytes = read_limited(&path, SETTINGS_BYTES_MAX)?;
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("csv") => read.add_csv(&file, &bytes),
            Some("json") => read.add_json(&file, &bytes),
            _ => read.add_prompt(&file, &bytes),
        }
    }
    Ok(read)
}

/// Files that hold settings, the stronger later.
fn settings_files(package: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut described = Vec::new();
    let mut configured = Vec::new();
    let (mut prompts_beside, mut prompts) = (Vec::new(), Vec::new());
    for entry in sorted_entries(package)? {
        if has_suffix(&entry, "gbot") && is_folder(&entry) {
            configured.push(entry.join("config.csv"));
            prompts.extend(prompt_of(&entry)?);
        } else if has_suffix(&entry, "gbdialog") && is_folder(&entry) {
            prompts_beside.extend(prompt_of(&entry)?);
        } else if entry.ends_with("config.json") || entry.ends_with("package.json") {
            described.push(entry);
        }
    }
    // `package.json` comes after `config.json` by name, but says less of a bot.
    described.reverse();
    described.extend(configured);
    // A prompt among the settings says more than one among the scripts.
    described.extend(prompts_beside);
    described.extend(prompts);
    described.retain(|path| is_plain_file(path));
    Ok(described)
}

/// The file of those who work at the bot's desk: among the settings, or beside them.
fn attendants_file(package: &Path) -> anyhow::Result<Option<PathBuf>> {
    const NAME: &str = "attendant.csv";
    let mut found = Vec::new();
    for entry in sorted_entries(package)? {
        if has_suffix(&entry, "gbot") && is_folder(&entry) {
            found.push(entry.join(NAME));
        }
    }
    found.push(package.join(NAME));
    Ok(found.into_iter().find(|path| is_plain_file(path)))
}

/// The file of the system prompt in a folder, `PROMPT.md` before `PROMPT.txt`, in capitals or not.
fn prompt_of(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let entries = sorted_entries(folder)?;
    let called = |name: &str| {
        entries.iter().find(|path| {
            path.file_name()
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
    };
    Ok(called("prompt.md").or_else(|| called("prompt.txt")).cloned())
}

/// What a change of any script or setting would change.
pub fn fingerprint(package: &Path) -> anyhow::Result<Fingerprint> {
    let mut paths: Vec<PathBuf> = scripts(package)?.into_values().collect();
    paths.extend(settings_files(package)?);
    paths.extend(attendants_file(package)?);
    let mut seen = Vec::new();
    for path in paths {
        if let Ok(metadata) = fs::metadata(&path) {
            seen.push((path, metadata.len(), metadata.modified().ok()));
        }
    }
    Ok(Fingerprint(seen))
}

/// Reads a file of at most `bytes_max`.
pub fn read_limited(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > bytes_max {
        bail!("{} is larger than {bytes_max} bytes", path.display());
    }
    Ok(bytes)
}

fn collect(
    root: &Path,
    folder: &Path,
    depth: usize,
    scripts: &mut BTreeMap<String, PathBuf>,
) -> anyhow::Result<()> {
    if depth > DEPTH_MAX {
        bail!(
            "{} is nested more than {DEPTH_MAX} folders deep",
            folder.display()
        );
    }
    for path in sorted_entries(folder)? {
        // Links are not followed: they could lead out of the package, or round in circles.
        let kind = fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if kind.is_dir() {
            collect(root, &path, depth + 1, scripts)?;
        } else if kind.is_file() && has_suffix(&path, "bas") {
            scripts.insert(script_name(root, &path), path);
            if scripts.len() > SCRIPTS_MAX {
                bail!("{} holds more than {SCRIPTS_MAX} scripts", root.display());
            }
        }
    }
    Ok(())
}

fn script_name(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path).with_extension("");
    relative.to_string_lossy().replace('\\', "/").to_lowercase()
}

fn sorted_entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(
            entry
                .with_context(|| format!("cannot read {}", folder.display()))?
                .path(),
        );
    }
    paths.sort();
    Ok(paths)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn is_plain_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn has_suffix(path: &Path, suffix: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, path: &str, content: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders are made");
        fs::write(path, content).expect("the file is written");
    }

    #[test]
    fn parts_are_found_by_suffix_whatever_their_name() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "shop.gbai/other.gbdialog/start.bas", "TALK 1");
        write(
            folder.path(),
            "shop.gbai/other.gbdialog/campaigns/Spring.BAS",
            "TALK 2",
        );
        write(
            folder.path(),
            "shop.gbai/third.gbot/config.csv",
            "name,value\nbot-name , The Shop\n,\n# no\n",
        );
        write(folder.path(), "notes.txt", "");
        let packages = find(folder.path()).expect("found");
        assert_eq!(packages.len(), 1);
        let files = read(&packages[0].path).expect("read");
        assert_eq!(
            files.scripts.keys().collect::<Vec<_>>(),
            ["campaigns/spring", "start"]
        );
        assert_eq!(files.settings["bot-name"], "The Shop");
        assert_eq!(files.settings.len(), 1);
    }

    #[test]
    fn packages_of_an_organisation_are_found_and_the_first_of_a_name_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        write(
            folder.path(),
            "acme.gborg/Shop.gbai/shop.gbdialog/start.bas",
            "TALK 1",
        );
        write(folder.path(), "acme.gborg/desk.gbai/start.bas", "TALK 2");
        write(folder.path(), "shop.gbai/start.bas", "TALK 3");
        write(
            folder.path(),
            "acme.gborg/deeper.gborg/no.gbai/start.bas",
            "TALK 4",
        );
        write(folder.path(), "loose/one.bas", "TALK 5");
        let loose = loose_scripts(folder.path()).expect("found");
        assert_eq!(
            loose,
            [folder.path().join("loose/one.bas")],
            "those of packages are not loose"
        );
        let found = find(folder.path()).expect("found");
        let names: Vec<&str> = found.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["desk", "shop"]);
        assert_eq!(found[1].path, folder.path().join("acme.gborg/Shop.gbai"));
        let shadowed = shadowed(folder.path()).expect("found");
        assert_eq!(shadowed.len(), 1);
        assert_eq!(shadowed[0].path, folder.path().join("shop.gbai"));
    }

    #[test]
    fn a_system_prompt_may_be_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let package = folder.path().join("a.gbai");
        let prompt = || {
            let read = read(&package).expect("read");
            read.settings.get("system-prompt").cloned()
        };
        write(
            folder.path(),
            "a.gbai/a.gbot/config.csv",
            "system-prompt,Be brief",
        );
        assert_eq!(prompt().as_deref(), Some("Be brief"));
        write(folder.path(), "a.gbai/b.gbdialog/prompt.txt", "Be kind");
        assert_eq!(prompt().as_deref(), Some("Be kind"));
        let before = fingerprint(&package).expect("seen");
        write(folder.path(), "a.gbai/a.gbot/PROMPT.md", "# You are\nBeppo");
        assert_eq!(prompt().as_deref(), Some("# You are\nBeppo"));
        assert_ne!(fingerprint(&package).expect("seen"), before);
    }

    #[test]
    fn settings_that_are_too_large_are_left_out_and_told() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "a.gbai/start.bas", "TALK 1");
        write(
            folder.path(),
            "a.gbai/a.gbot/config.csv",
            &"a,b\n".repeat(1 << 19),
        );
        let files = read(&folder.path().join("a.gbai")).expect("read");
        assert!(files.settings.is_empty() && files.scripts.contains_key("start"));
        assert_eq!(files.findings.len(), 1);
        assert_eq!(files.findings[0].finding.code, "P0106");
        assert_eq!(files.findings[0].file, "a.gbot/config.csv");
    }

    #[test]
    fn a_dialog_may_be_a_single_file() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "one.gbai/default.gbdialog", "TALK 1");
        write(folder.path(), "two.gbai/start.bas", "TALK 2");
        for package in find(folder.path()).expect("found") {
            assert!(
                read(&package.path).expect("read").scripts.contains_key("start"),
                "{}",
                package.name
            );
        }
    }

    #[test]
    fn links_out_of_a_package_are_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "secret.bas", "TALK 1");
        write(folder.path(), "a.gbai/a.gbdialog/start.bas", "TALK 1");
        std::os::unix::fs::symlink(
            folder.path().join("secret.bas"),
            folder.path().join("a.gbai/a.gbdialog/x.bas"),
        )
        .expect("a link");
        let found = scripts(&folder.path().join("a.gbai")).expect("read");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["start"]);
    }

    #[test]
    fn linked_folders_and_settings_are_not_followed_either() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "elsewhere/start.bas", "TALK 1");
        write(folder.path(), "elsewhere/config.csv", "bot-name,Other");
        write(folder.path(), "a.gbai/a.gbot/notes.txt", "");
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(folder.path().join(to), folder.path().join(from)).expect("a link");
        };
        link("elsewhere", "a.gbai/a.gbdialog");
        link("elsewhere/config.csv", "a.gbai/a.gbot/config.csv");
        let files = read(&folder.path().join("a.gbai")).expect("read");
        assert!(files.scripts.is_empty() && files.settings.is_empty(), "{files:?}");
    }

    #[test]
    fn a_single_file_dialog_is_described_by_the_json_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "one.gbai/default.gbdialog", "TALK 1");
        write(
            folder.path(),
            "one.gbai/config.json",
            r#"{ "name": "One", "settings": { "theme_color1": "teal", "llm": { "model": "x" } } }"#,
        );
        write(
            folder.path(),
            "one.gbai/package.json",
            r#"{ "name": "one", "description": "First" }"#,
        );
        let files = read(&folder.path().join("one.gbai")).expect("read");
        assert_eq!(files.settings["bot-name"], "One");
        assert_eq!(files.settings["bot-description"], "First");
        assert_eq!(files.settings["theme-color1"], "teal");
        assert_eq!(files.settings.len(), 3);
    }

    #[test]
    fn a_change_of_a_script_changes_the_fingerprint() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "a.gbai/a.gbdialog/start.bas", "TALK 1");
        let path = folder.path().join("a.gbai");
        let before = fingerprint(&path).expect("seen");
        write(folder.path(), "a.gbai/a.gbdialog/start.bas", "TALK 100");
        assert_ne!(fingerprint(&path).expect("seen"), before);
    }
}
