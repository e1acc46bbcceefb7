//! The process that has a module: orders come on standard input, outcomes go to standard output.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use anyhow::Context;

use super::case::{self, Case, On};
use super::exchange::{Order, Outcome};
use super::failure::Failure;
use super::measure::measure;
use super::token::Token;

/// Serves the parent until it closes standard input.
pub(super) fn serve() -> anyhow::Result<()> {
    let mut lines = io::stdin().lock().lines();
    let target = lines.next().context("no target")??;
    let target = serde_json::from_str(&target).context("the target")?;
    let token = match Token::open(target) {
        Ok(token) => token,
        Err(failure) => return say(&Outcome::Failed(failure.0)),
    };
    say(&Outcome::Ready)?;
    for line in lines {
        let order: Order = serde_json::from_str(&line?).context("an order")?;
        let case = case::find(&order.case).context("a case of that name")?;
        let outcome = carry_out(&token, case, &order);
        say(&outcome.unwrap_or_else(|failure| Outcome::Failed(failure.0)))?;
    }
    Ok(())
}

fn carry_out(token: &Token, case: &Case, order: &Order) -> Result<Outcome, Failure> {
    let offered = case.needs.iter().all(|mechanism| token.offers(*mechanism))
        && (case.on == On::Modules || token.target.socket.is_some());
    if !offered {
        return Ok(Outcome::NotOffered);
    }
    let time = Duration::from_millis(order.millis);
    measure(order.threads, time, || (case.work)(token)).map(Outcome::Measured)
}

fn say(outcome: &Outcome) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, outcome)?;
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}
