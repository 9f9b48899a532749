//! Faults that were put there to be found.

use std::process::Command;
use std::time::Duration;

use fuzz::work::{Task, notes, work};
use fuzz::{Kind, Target, Violation, Worth, corpus, supervise};

static PLANTED: Target = Target {
    name: "planted",
    about: "no text has TALK twice",
    kind: Kind::Script,
    bytes_max: 1 << 10,
    repeated_max: 0,
    memory_max: 1 << 20,
    seeds: || vec![b"TALK 1\nx = 2\ny = 3".to_vec(), b"HEAR x\nTALK y".to_vec()],
    run: |input| match String::from_utf8_lossy(input).matches("TALK").count() {
        0 => Ok(Worth::Nothing),
        1 => Ok(Worth::Perhaps),
        2 => Err(Violation::new("no text has TALK twice", "")),
        _ => panic!("more than twice"),
    },
};

static GREEDY: Target = Target {
    name: "greedy",
    run: |input| {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(input.len() << 20)));
        Ok(Worth::Perhaps)
    },
    seeds: || vec![b"ab".to_vec()],
    ..PLANTED
};

fn task(folder: &tempfile::TempDir) -> Task {
    Task {
        seed: 11,
        time: Duration::from_secs(600),
        tries_max: 3_000,
        corpus: folder.path().join("corpus"),
        reached: folder.path().join("reached"),
        keep: false,
    }
}

/// What a few thousand inputs find.
fn found(target: &'static Target) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let task = task(&folder);
    let done = work(target, task.clone(), std::io::sink()).unwrap();
    let written = corpus::read(&task.corpus.join(target.name)).unwrap();
    assert_eq!(written.len(), done.findings.len());
    written.into_iter().map(|(_, input)| input).collect()
}

#[test]
fn violations_and_panics_are_found_and_made_small() {
    let mut texts: Vec<String> = found(&PLANTED)
        .iter()
        .map(|input| String::from_utf8_lossy(input).into_owned())
        .collect();
    texts.sort();
    assert_eq!(texts, ["TALKTALK", "TALKTALKTALK"]);
}

#[test]
fn greed_is_found() {
    let inputs = found(&GREEDY);
    assert_eq!(inputs.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_kills_a_worker_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let task = Task {
        time: Duration::ZERO,
        ..task(&folder)
    };
    std::fs::create_dir_all(&task.reached).unwrap();
    let noted = [5_u64.to_le_bytes().as_slice(), b"deathrest"].concat();
    std::fs::write(notes(&task, &PLANTED), noted).unwrap();
    let killed = |_: &Task| {
        let mut command = Command::new("sh");
        command.args(["-c", "kill -ABRT $$"]);
        command
    };
    let (deaths, found) = supervise::supervise(&PLANTED, &task, killed, &mut std::io::sink()).unwrap();
    assert!(!found);
    assert_eq!(deaths.len(), 1);
    assert_eq!(std::fs::read(&deaths[0]).unwrap(), b"death");
}
