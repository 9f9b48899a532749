//! What is decided, stored and answered: pure decisions first, then commands, turns and dialogues on a real log.

mod bridge;
mod connections;
mod decisions;
mod denials;
mod desk;
mod dialogues;
mod drive;
mod erasing;
mod executor;
mod files;
mod large_states;
mod memory;
mod observing;
mod others;
mod post;
mod recovery;
mod remembering;
mod scripts;
mod selecting;
mod services;
mod snapshots;
mod tables;
mod takeover;
mod tools;
mod turns;
mod world;
