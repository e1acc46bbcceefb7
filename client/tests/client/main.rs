//! The library and the command against a daemon whose behaviour each test writes down.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod application;
mod asynchronous;
mod command;
mod connection;
mod dev;
mod listing;
mod pages;
mod retry;
mod support;
mod typed;
