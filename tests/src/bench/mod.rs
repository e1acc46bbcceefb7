//! The benchmark: the same cases on Coffer and on other PKCS#11 modules, in turn, in one run.
//!
//! Every module is in a worker of its own, which is this program again; the parent lets them measure one after
//! the other, round after round, so that the load of the machine hits all of them alike.

mod arguments;
mod candidate;
mod case;
mod exchange;
mod failure;
mod keyed;
mod keys;
mod measure;
mod place;
mod report;
mod run;
mod start;
mod token;
mod worker;

use anyhow::Context;
use clap::Parser;

use arguments::{Arguments, Command, Format};
pub use candidate::softhsm2;

/// Runs the program: the benchmark, or as a child of it.
pub fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Worker) => return worker::serve(),
        Some(Command::Start { target }) => return start::child(&target),
        None => {}
    }
    if arguments.list {
        for case in case::ALL {
            println!("{}", case.name);
        }
        return Ok(());
    }
    arguments.check_build()?;
    let results = run::run(&arguments).context("the benchmark was not finished")?;
    match arguments.format() {
        Format::Text => report::text(&results),
        Format::Markdown => report::markdown(&results),
        Format::Json => report::json(&results)?,
    }
    Ok(())
}
