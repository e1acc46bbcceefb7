//! The KMS face against the running service: key states, time, import, rotation, alarms.
#![expect(clippy::unwrap_used, reason = "what is unexpected fails the test")]

mod actions;
mod alarms;
mod context;
mod fields;
mod import;
mod precedence;
mod repeated;
mod rotation;
mod states;
mod strict;
mod support;
mod time;
mod wrapped;
