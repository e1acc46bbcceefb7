//! Rounds: every case on every module, in turn.

use super::arguments::Arguments;
use super::candidate::{self, Candidate};
use super::case::{self, AtOnce, Case};
use super::exchange::{Measured, Order, Outcome};

/// Everything that was found out.
pub(super) struct Results {
    /// Names of the modules, Coffer first.
    pub(super) modules: Vec<String>,
    pub(super) rounds: u32,
    pub(super) millis: u64,
    pub(super) rows: Vec<Row>,
}

/// One case in one number of threads.
pub(super) struct Row {
    pub(super) case: &'static str,
    pub(super) threads: u32,
    /// In the order of the modules.
    pub(super) cells: Vec<Cell>,
}

/// What came of a case on one module.
pub(super) enum Cell {
    Figures(Figures),
    NotOffered,
    Failed(String),
}

/// The figures of all rounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Nanoseconds that half of the operations took at most.
    pub(super) p50: u64,
    /// Nanoseconds that 99 of 100 operations took at most.
    pub(super) p99: u64,
    /// Operations in a second, of all threads together.
    pub(super) per_second: f64,
}

/// Measures.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Results> {
    let wanted = |case: &&Case| {
        arguments.cases.is_empty() || arguments.cases.iter().any(|part| case.name.contains(part))
    };
    let cases: Vec<&Case> = case::ALL.iter().filter(wanted).collect();
    if cases.is_empty() {
        anyhow::bail!("no case has a name like that; --list prints them");
    }
    let mut candidates = candidate::all(arguments)?;
    let mut rows = Vec::new();
    for case in cases {
        rows.push(row(arguments, &mut candidates, case, 1)?);
        if case.at_once == AtOnce::Many && arguments.threads > 1 {
            rows.push(row(arguments, &mut candidates, case, arguments.threads)?);
        }
    }
    Ok(Results {
        modules: candidates.iter().map(|candidate| candidate.name.clone()).collect(),
        rounds: arguments.rounds(),
        millis: millis(arguments),
        rows,
    })
}

fn millis(arguments: &Arguments) -> u64 {
    u64::try_from(arguments.time().as_millis()).unwrap_or(u64::MAX)
}

fn row(
    arguments: &Arguments,
    candidates: &mut [Candidate],
    case: &Case,
    threads: u32,
) -> anyhow::Result<Row> {
    eprintln!("{}, {threads} thread{}", case.name, if threads == 1 { "" } else { "s" });
    let order = Order { case: case.name.to_owned(), threads, millis: millis(arguments) };
    let mut gathered: Vec<Result<Measured, Cell>> =
        candidates.iter().map(|_| Ok(Measured::default())).collect();
    for _ in 0..arguments.rounds() {
        for (candidate, so_far) in candidates.iter_mut().zip(&mut gathered) {
            let Ok(sum) = so_far else { continue };
            match candidate.measure(&order)? {
                Outcome::Measured(part) => {
                    sum.nanos.extend(part.nanos);
                    sum.operations += part.operations;
                    sum.elapsed += part.elapsed;
                }
                Outcome::NotOffered => *so_far = Err(Cell::NotOffered),
                Outcome::Failed(reason) => *so_far = Err(Cell::Failed(reason)),
                Outcome::Ready => anyhow::bail!("an unexpected answer of {}", candidate.name),
            }
        }
    }
    let cells = gathered
        .into_iter()
        .map(|gathered| match gathered {
            Ok(measured) => Cell::Figures(figures(measured)),
            Err(cell) => cell,
        })
        .collect();
    Ok(Row { case: case.name, threads, cells })
}

fn figures(mut measured: Measured) -> Figures {
    measured.nanos.sort_unstable();
    let at = |percent: usize| {
        let last = measured.nanos.len().saturating_sub(1);
        measured.nanos.get((last * percent).div_ceil(100)).copied().unwrap_or(0)
    };
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 operations or nanoseconds")]
    let per_second = measured.operations as f64 * 1e9 / measured.elapsed.max(1) as f64;
    Figures { p50: at(50), p99: at(99), per_second }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_percentiles_and_a_rate() {
        let nanos = (1..=101).rev().collect();
        let figures = figures(Measured { nanos, operations: 500, elapsed: 250_000_000 });
        assert_eq!((figures.p50, figures.p99), (51, 100));
        assert!((figures.per_second - 2000.0).abs() < 1e-6);
    }
}
