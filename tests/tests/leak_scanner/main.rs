//! The leak scanner's own controls: what it is told to search for it finds, and nothing else.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod control;
mod families;
