//! What is given any bytes.

mod conditions;
mod host;
mod scripts;
mod sealed;
mod seeds;
mod stored;
mod worker;

use crate::{Kind, Target};

/// As long as a script of a package may be.
const MIB: usize = 1 << 20;

pub const TARGETS: &[Target] = &[
    Target {
        name: "parser",
        about: "any text is compiled or told what is wrong, at places inside it",
        kind: Kind::Script,
        bytes_max: 16 << 10,
        repeated_max: MIB,
        memory_max: 64 * MIB,
        seeds: seeds::scripts,
        run: scripts::parsed,
    },
    Target {
        name: "compiler",
        about: "what compiles is valid, the same each time, and the same after it was stored",
        kind: Kind::Script,
        bytes_max: 8 << 10,
        repeated_max: MIB,
        memory_max: 64 * MIB,
        seeds: seeds::scripts,
        run: scripts::compiled,
    },
    Target {
        name: "machine",
        about: "a script goes on within its limits, the same in whatever slices, put away or not, quickly or plainly",
        kind: Kind::Script,
        bytes_max: 4 << 10,
        repeated_max: MIB,
        memory_max: 256 * MIB,
        seeds: seeds::scripts,
        run: scripts::ran,
    },
    Target {
        name: "program",
        about: "bytes are a program that can be run, or refused",
        kind: Kind::Bytes,
        bytes_max: 4 << 10,
        repeated_max: 0,
        memory_max: 256 * MIB,
        seeds: seeds::programs,
        run: stored::program,
    },
    Target {
        name: "state",
        about: "bytes are a machine that can go on and be put away again, or refused",
        kind: Kind::Bytes,
        bytes_max: 4 << 10,
        repeated_max: 0,
        memory_max: 256 * MIB,
        seeds: seeds::states,
        run: stored::state,
    },
    Target {
        name: "answers",
        about: "bytes are a host's answers that are the same when written again, or refused",
        kind: Kind::Bytes,
        bytes_max: 4 << 10,
        repeated_max: 0,
        memory_max: 64 * MIB,
        seeds: seeds::answers,
        run: stored::answers,
    },
    Target {
        name: "conditions",
        about: "any text is a condition that can be asked of rows, or told what is wrong",
        kind: Kind::Condition,
        bytes_max: 4 << 10,
        repeated_max: 64 << 10,
        memory_max: 64 * MIB,
        seeds: seeds::conditions,
        run: conditions::read,
    },
    Target {
        name: "sealed",
        about: "any JSON is sealed and opens as it was, or refused; what personal values hold is never taken for a marker",
        kind: Kind::Json,
        bytes_max: 8 << 10,
        repeated_max: 0,
        memory_max: 64 * MIB,
        seeds: seeds::payloads,
        run: sealed::sealed,
    },
    Target {
        name: "opened",
        about: "any JSON opens or is refused, and a sealed value that was changed never opens as another",
        kind: Kind::Json,
        bytes_max: 8 << 10,
        repeated_max: 0,
        memory_max: 64 * MIB,
        seeds: seeds::envelopes,
        run: sealed::opened,
    },
    Target {
        name: "weights",
        about: "bytes are a file of weights all of whose tensors lie in it, or refused",
        kind: Kind::Bytes,
        bytes_max: 4 << 10,
        repeated_max: 0,
        memory_max: 64 * MIB,
        seeds: seeds::weights,
        run: worker::weights,
    },
    Target {
        name: "requests",
        about: "any body asks the inference worker for something within its limits, or is refused as a mistake of the client",
        kind: Kind::Json,
        bytes_max: 8 << 10,
        repeated_max: MIB,
        memory_max: 64 * MIB,
        seeds: seeds::requests,
        run: worker::requests,
    },
];
