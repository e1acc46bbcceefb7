//! The module through its C functions, alone and with a daemon that answers by heart.

mod answers;
mod api;
mod arguments;
mod attributes;
mod away;
mod cancel;
mod encryption;
mod fake;
mod features;
mod fork;
mod initialize;
mod lists;
mod output;
mod signature;
mod token;
