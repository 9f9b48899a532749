//! What was found once is not found again, and what is to be found is.

mod planted;

use fuzz::targets::TARGETS;
use fuzz::{attempt, corpus};

/// Every input of the corpus, and every seed.
#[test]
fn whatever_was_found_once_holds() {
    let mut wrong = Vec::new();
    for target in TARGETS {
        let kept = corpus::read(&corpus::folder().join(target.name)).unwrap();
        let seeds = (target.seeds)().into_iter().map(|seed| ("a seed".into(), seed));
        for (path, input) in kept.into_iter().chain(seeds) {
            if let Err(finding) = attempt(target, &input) {
                wrong.push(format!(
                    "{} {}: {}: {}\n{}",
                    target.name,
                    path.display(),
                    finding.name,
                    finding.detail,
                    String::from_utf8_lossy(&input)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_folder_of_the_corpus_is_that_of_a_target() {
    for entry in std::fs::read_dir(corpus::folder()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(
            TARGETS.iter().any(|target| name == target.name),
            "{}",
            name.display()
        );
    }
}
