//! Scripts: reading, compiling and running them.

use std::sync::Arc;

use basic::{Compilation, Limits, Program, Severity};

use super::host::{Told, Way, tell};
use crate::{Violation, Worth};

/// Any bytes as a text.
pub fn parsed(input: &[u8]) -> Result<Worth, Violation> {
    let source = String::from_utf8_lossy(input);
    let compilation = basic::compile("fuzzed", &source);
    told_well(&compilation, &source)?;
    Ok(Worth::Perhaps)
}

fn told_well(compilation: &Compilation, source: &str) -> Result<(), Violation> {
    let errors = compilation
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    if compilation.program.is_some() == errors {
        let detail = format!("{:?}", compilation.diagnostics);
        return Err(Violation::new(
            "a program comes exactly where no error is told",
            detail,
        ));
    }
    for diagnostic in &compilation.diagnostics {
        let (start, end) = (diagnostic.start, diagnostic.end);
        let inside = start <= end
            && end <= source.len()
            && source.is_char_boundary(start)
            && source.is_char_boundary(end);
        let line = source[..start.min(source.len())].matches('\n').count() + 1;
        if !inside || line != diagnostic.line as usize || diagnostic.column == 0 {
            let detail = format!("{diagnostic:?} of {} bytes", source.len());
            return Err(Violation::new(
                "a diagnostic has its place inside the source",
                detail,
            ));
        }
        diagnostic.render("fuzzed.bas", source);
    }
    Ok(())
}

/// A text of words: what comes of it can be stored.
pub fn compiled(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(source) = std::str::from_utf8(input) else {
        return Ok(Worth::Nothing);
    };
    let Some(program) = basic::compile("fuzzed", source).program else {
        return Ok(Worth::Nothing);
    };
    let bytes = program.to_bytes();
    let stored = Program::from_bytes(&bytes)
        .map_err(|error| Violation::new("what was compiled can be read again", error.to_string()))?;
    let again = basic::compile("fuzzed", source).program;
    let declared = |program: &Program| {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            program.name(),
            program.description(),
            program.parameters(),
            program.declared(),
            program.calls()
        )
    };
    if declared(&stored) != declared(&program)
        || stored.to_bytes() != bytes
        || stored.hash() != program.hash()
    {
        return Err(Violation::new(
            "what was compiled is the same when read again",
            declared(&program),
        ));
    }
    if again.is_none_or(|again| again.to_bytes() != bytes) {
        return Err(Violation::new("the same source gives the same program", ""));
    }
    Ok(Worth::Perhaps)
}

/// Small, so that they are met.
pub fn limits() -> Limits {
    Limits {
        steps_per_turn: 20_000,
        memory_bytes: 1 << 20,
        depth: 20,
        output_bytes_per_turn: 16 << 10,
        outputs_per_turn: 50,
    }
}

/// A script, run in several ways that must not differ.
pub fn ran(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(source) = std::str::from_utf8(input) else {
        return Ok(Worth::Nothing);
    };
    let Some(program) = basic::compile("fuzzed", source).program else {
        return Ok(Worth::Nothing);
    };
    let program = Arc::new(program);
    let through = tell(&program, input, Way::Through)?;
    for way in [Way::Sliced, Way::Suspended, Way::Plainly] {
        let told = tell(&program, input, way)?;
        same(&through, &told, way)?;
    }
    Ok(Worth::Perhaps)
}

fn same(one: &[Told], other: &[Told], way: Way) -> Result<(), Violation> {
    if one == other {
        return Ok(());
    }
    let at = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count();
    let property = match way {
        Way::Plainly => "quick operations do what instructions do",
        Way::Suspended => "a machine that was put away goes on the same",
        _ => "slices change nothing",
    };
    let detail = format!("step {at}: {:?}, not {:?}", other.get(at), one.get(at));
    Err(Violation::new(property, detail))
}
