//! The module through its C functions, alone and with a daemon that answers by heart.

mod api;
mod attributes;
mod away;
mod encryption;
mod fake;
mod fork;
mod initialize;
mod lists;
mod signature;
mod token;
