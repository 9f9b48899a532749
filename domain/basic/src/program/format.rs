//! Programs as bytes.

use sha2::{Digest, Sha256};
use triomphe::Arc;

use super::fast::{Operations, own_from};
use super::{Code, Constant, Declared, Program, ProgramHash};
use crate::value::TEXT_BYTES_MAX;

/// Opens every stored program: a letter for what it is, then the version of the format. Version 2 added
/// procedures, calls of scripts and traps; what it does not use reads the same in both. Version 3 added what a script
/// declares, behind the code.
const HEADER: [u8; 2] = [b'P', 3];
/// Longer texts are no names of fields.
const KEY_BYTES_MAX: usize = 64;
/// The first version that says what a script declares.
const DECLARING: u8 = 3;

/// Why bytes are not a program or the state of a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("the bytes are not what they should be, or damaged")]
    Damaged,
    #[error("format version {0} is newer than this release")]
    Newer(u8),
    #[error("the program calls {0}, which this release does not have")]
    UnknownCall(String),
    #[error("the state belongs to program {0}")]
    OtherProgram(ProgramHash),
}

/// The bytes after a header of `kind` and a version up to the current one.
pub(crate) fn open(bytes: &[u8], header: [u8; 2]) -> Result<&[u8], FormatError> {
    match bytes {
        [kind, version, rest @ ..] if *kind == header[0] && *version > 0 => {
            if *version > header[1] {
                Err(FormatError::Newer(*version))
            } else {
                Ok(rest)
            }
        }
        _ => Err(FormatError::Damaged),
    }
}

impl Program {
    pub fn from_bytes(bytes: &[u8]) -> Result<Program, FormatError> {
        let body = open(bytes, HEADER)?;
        let (code, rest) = postcard::take_from_bytes::<Code>(body).map_err(|_| FormatError::Damaged)?;
        let (declared, rest) = if bytes[1] < DECLARING {
            (Declared::default(), rest)
        } else {
            postcard::take_from_bytes::<Declared>(rest).map_err(|_| FormatError::Damaged)?
        };
        if !rest.is_empty() {
            return Err(FormatError::Damaged);
        }
        Program::assemble(code, declared, bytes.to_vec())
    }

    /// The program of code that the compiler made.
    pub(crate) fn from_code(code: Code, declared: Declared) -> Result<Program, FormatError> {
        let bytes = postcard::to_extend(&code, HEADER.to_vec())
            .and_then(|bytes| postcard::to_extend(&declared, bytes))
            .map_err(|_| FormatError::Damaged)?;
        Program::assemble(code, declared, bytes)
    }

    fn assemble(code: Code, declared: Declared, bytes: Vec<u8>) -> Result<Program, FormatError> {
        let imports = code.resolve()?;
        code.validate(&imports)?;
        let constants: Vec<_> = code.constants.iter().map(super::Constant::to_value).collect();
        if constants
            .iter()
            .any(|constant| constant.weight() > TEXT_BYTES_MAX as u64 + 64)
        {
            return Err(FormatError::Damaged);
        }
        let key = |constant: &Constant| match constant {
            Constant::Text(text) if text.len() <= KEY_BYTES_MAX => Some(Arc::from(text.as_str())),
            _ => None,
        };
        let code_keys = code.constants.iter().map(key).collect();
        let operations = code
            .procedures
            .iter()
            .enumerate()
            .map(|(number, procedure)| Operations::of(procedure, &code.constants, &imports, own_from(number)))
            .collect();
        let longest = code.procedures.iter().map(|procedure| procedure.code.len()).max();
        let hash = ProgramHash(Sha256::digest(&bytes).into());
        Ok(Program {
            code,
            declared,
            imports,
            operations,
            longest: longest.unwrap_or(0) as u64,
            keys: code_keys,
            constants,
            bytes,
            hash,
        })
    }
}
