//! Functions, one by one: a table for each chapter of the language.

mod dates;
mod formats;
mod lists;
mod logic;
mod maths;
mod records;
mod texts;
