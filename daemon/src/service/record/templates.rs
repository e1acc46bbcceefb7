//! The templates of one connection's uses: what the records of a key's uses have in common.

use std::cell::RefCell;

use super::super::Caller;
use crate::audit::{Event, Template};
use crate::object::{ObjectId, Slot};
use crate::state::login::Login;

/// Most templates of a connection; the oldest is forgotten first. A template has some 1,000 bytes.
const MOST: usize = 16;

/// What decides the text of a use's record, beside what belongs to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) operation: u16,
    pub(super) slot: Slot,
    pub(super) login: Option<Login>,
    pub(super) object: ObjectId,
}

/// The templates of a connection, whose requests come one after the other.
#[derive(Debug, Default)]
pub struct Templates(RefCell<Vec<(Key, Template)>>);

impl Templates {
    /// Runs `write` with the template of `key`, which `event` is made into where it is missing. `None` where there
    /// is no template, and `event` is the record.
    pub(super) fn with<R>(
        caller: &Caller,
        key: Key,
        event: impl FnOnce() -> Event,
        write: impl FnOnce(&Template) -> R,
    ) -> Option<R> {
        let mut templates = caller.templates.0.borrow_mut();
        if let Some((_, template)) = templates.iter().rev().find(|(known, _)| *known == key) {
            return Some(write(template));
        }
        let template = Template::of(event())?;
        let result = write(&template);
        if templates.len() == MOST {
            templates.remove(0);
        }
        templates.push((key, template));
        Some(result)
    }
}
