//! A process of its own for what strangers' PDFs do.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use basic::Refusal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{damaged, merged, text};
use crate::too_large;

/// How long one document may take.
const WITHIN: Duration = Duration::from_secs(30);
/// What comes back.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// What one process is given together.
const GIVEN_BYTES_MAX: u64 = 64 << 20;

/// Begins what the process answers: it is done, or why not.
const DONE: u8 = 0;
const REFUSED: u8 = 1;

/// How the process is started: a program and its arguments. It serves by [`serve`].
#[derive(Debug, Clone)]
pub struct Isolated {
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

impl Isolated {
    /// The text of a PDF.
    pub async fn text(&self, bytes: Vec<u8>) -> Result<String, Refusal> {
        let text = self.asked(b't', vec![bytes]).await?;
        String::from_utf8(text).map_err(|_| damaged())
    }

    /// The pages of several PDFs, one behind the other.
    pub async fn merged(&self, files: Vec<Vec<u8>>) -> Result<Vec<u8>, Refusal> {
        self.asked(b'm', files).await
    }

    async fn asked(&self, what: u8, files: Vec<Vec<u8>>) -> Result<Vec<u8>, Refusal> {
        let answered = tokio::time::timeout(WITHIN, self.answer(what, files)).await;
        let answer = answered
            .map_err(|_| Refusal::new("document_too_slow", "the PDF takes too long to read"))?
            .map_err(|_| damaged())?;
        match answer.split_first() {
            Some((&DONE, rest)) => Ok(rest.to_vec()),
            Some((&REFUSED, rest)) => {
                let said = String::from_utf8_lossy(rest);
                let (code, message) = said.split_once('\n').unwrap_or(("document_unreadable", &said));
                Err(Refusal::new(code, message))
            }
            // It ended before it answered: at one of its limits.
            _ => Err(damaged()),
        }
    }

    async fn answer(&self, what: u8, files: Vec<Vec<u8>>) -> std::io::Result<Vec<u8>> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (mut to, from) = (child.stdin.take(), child.stdout.take());
        let given = async move {
            let Some(to) = &mut to else { return Ok(()) };
            to.write_all(&[what]).await?;
            for file in &files {
                to.write_all(&(file.len() as u64).to_be_bytes()).await?;
                to.write_all(file).await?;
            }
            to.shutdown().await
        };
        let taken = async move {
            let mut answer = Vec::new();
            if let Some(from) = from {
                from.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer).await?;
            }
            Ok::<_, std::io::Error>(answer)
        };
        // Whoever ends early does not read to the end.
        let (_, answer) = tokio::join!(given, taken);
        answer
    }
}

/// What the process does: reads what is asked, answers and ends. `from` and `to` are its standard input and output.
pub fn serve(from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<()> {
    let mut given = Vec::new();
    from.take(GIVEN_BYTES_MAX + (1 << 20)).read_to_end(&mut given)?;
    let answer = match answered(&given) {
        Ok(answer) if answer.len() as u64 >= ANSWER_BYTES_MAX => {
            Err(too_large("the PDF has more than 64 MiB"))
        }
        answer => answer,
    };
    match answer {
        Ok(answer) => {
            to.write_all(&[DONE])?;
            to.write_all(&answer)?;
        }
        Err(refusal) => {
            to.write_all(&[REFUSED])?;
            to.write_all(format!("{}\n{}", refusal.code, refusal.message).as_bytes())?;
        }
    }
    to.flush()
}

fn answered(given: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (what, mut rest) = given.split_first().ok_or_else(damaged)?;
    let mut files = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<8>() {
        let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (file, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        files.push(file);
        rest = after;
    }
    match (what, files.as_slice()) {
        (b't', [file]) => text(file).map(String::into_bytes),
        (b'm', files) => merged(files),
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_answers_what_it_is_asked() {
        let pdf = super::super::made("Hello there").expect("made");
        let mut asked = vec![b't'];
        asked.extend((pdf.len() as u64).to_be_bytes());
        asked.extend(&pdf);
        let mut answer = Vec::new();
        serve(&mut asked.as_slice(), &mut answer).expect("served");
        assert_eq!(answer, b"\0Hello there");
        answer.clear();
        serve(&mut b"t\0\0\0\0\0\0\0\xffx".as_slice(), &mut answer).expect("served");
        assert!(answer.starts_with(b"\x01document_unreadable\n"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_process_that_breaks_down_is_an_unreadable_file() {
        for (program, arguments) in [("false", ""), ("cat", "/dev/null"), ("/nowhere", "")] {
            let isolated = Isolated {
                program: program.into(),
                arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            };
            let refused = isolated.text(vec![0; 1 << 20]).await.expect_err(program);
            assert_eq!(refused.code, "document_unreadable");
        }
    }
}
