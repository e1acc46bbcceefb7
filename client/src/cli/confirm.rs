//! Questions before what cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use super::Problem;

/// Whether somebody said beforehand that it shall be done.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Confirmation {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Refuses where nobody said so and nobody can be asked, before anything is done; `what` is a sentence.
    pub(crate) fn can_be_had(self, what: &str) -> Result<(), Problem> {
        if self.yes || io::stdin().is_terminal() {
            return Ok(());
        }
        Err(Problem::Usage(format!(
            "{what} There is no terminal to ask at, so nothing was done; say --yes if you mean it"
        )))
    }

    /// Asks, unless the answer is known; `word` is what must be typed.
    pub(crate) fn ask(self, question: &str, word: &str) -> Result<bool, Problem> {
        if self.yes {
            return Ok(true);
        }
        self.can_be_had(question)?;
        write!(io::stderr(), "{question}\nType {word} to go on: ")?;
        let mut answer = String::new();
        io::stdin().lock().take(64).read_line(&mut answer)?;
        Ok(answer.trim() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_confirmed_is_not_asked() {
        let confirmed = Confirmation { yes: true };
        assert!(confirmed.can_be_had("it cannot be taken back").is_ok());
        assert!(confirmed.ask("?", "yes").is_ok_and(|answer| answer));
    }
}
