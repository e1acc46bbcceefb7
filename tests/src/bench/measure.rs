//! Time: warm-up, single operations, and threads at once.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::exchange::Measured;
use super::failure::Failure;

/// One operation, as often as it is called.
pub(super) type Work<'t> = Box<dyn FnMut() -> Result<Timing, Failure> + 't>;

/// What of an operation counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timing {
    /// From its call to its end.
    Whole,
    /// A part of it, which it has measured.
    Part(Duration),
}

/// A warm-up ends after this part of the time of a case.
const WARM_UP: u32 = 6;
/// Most times that one thread keeps.
const KEPT: u128 = 20_000;
/// Operations that are faster than this are timed in batches: the clock itself takes some 30 ns.
const FAST: Duration = Duration::from_micros(2);
/// Size of a batch.
const BATCH: u32 = 16;

/// Measures work in a number of threads; each makes its own, and all begin at once.
pub(super) fn measure<'t, M>(threads: u32, time: Duration, make: M) -> Result<Measured, Failure>
where
    M: Fn() -> Result<Work<'t>, Failure> + Sync,
{
    let barrier = Barrier::new(usize::try_from(threads).unwrap_or(1));
    let one = || {
        let prepared = make().and_then(|mut work| {
            let rhythm = warm_up(&mut work, time)?;
            Ok((work, rhythm))
        });
        // Nobody waits for a thread that failed.
        barrier.wait();
        let (mut work, rhythm) = prepared?;
        timed(&mut work, time, rhythm)
    };
    if threads == 1 {
        return one();
    }
    let outcomes: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut all = Measured::default();
    for outcome in outcomes {
        let part = outcome.map_err(|_| Failure("a thread panicked".to_owned()))??;
        all.nanos.extend(part.nanos);
        all.operations += part.operations;
        all.elapsed = all.elapsed.max(part.elapsed);
    }
    Ok(all)
}

/// How operations are timed.
#[derive(Clone, Copy)]
struct Rhythm {
    batch: u32,
    /// Of so many batches one is kept.
    stride: u128,
}

fn warm_up(work: &mut Work<'_>, time: Duration) -> Result<Rhythm, Failure> {
    let begun = Instant::now();
    let mut done = 0;
    while done == 0 || begun.elapsed() < time / WARM_UP {
        work()?;
        done += 1;
    }
    let each = begun.elapsed() / done;
    let batch = if each < FAST { BATCH } else { 1 };
    let expected = time.as_nanos() / (each * batch).as_nanos().max(1);
    Ok(Rhythm { batch, stride: expected / KEPT + 1 })
}

fn timed(work: &mut Work<'_>, time: Duration, rhythm: Rhythm) -> Result<Measured, Failure> {
    let mut measured = Measured::default();
    let mut batches = 0;
    let begun = Instant::now();
    loop {
        let before = Instant::now();
        let mut part = None;
        for _ in 0..rhythm.batch {
            match work()? {
                Timing::Whole => {}
                Timing::Part(time) => part = Some(part.unwrap_or(Duration::ZERO) + time),
            }
        }
        let after = Instant::now();
        if batches % rhythm.stride == 0 {
            let each = part.unwrap_or(after - before) / rhythm.batch;
            measured.nanos.push(nanos(each));
        }
        batches += 1;
        measured.operations += u64::from(rhythm.batch);
        if after - begun >= time {
            measured.elapsed = nanos(after - begun);
            return Ok(measured);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_every_thread_counts() {
        let make = || Ok(Box::new(|| Ok(Timing::Part(Duration::from_nanos(7)))) as Work<'static>);
        let measured = measure(3, Duration::from_millis(2), make).unwrap();
        assert!(measured.operations >= 3 * u64::from(BATCH));
        assert!(measured.nanos.iter().all(|nanos| *nanos == 7));
        assert!(measured.elapsed >= 2_000_000);
    }

    #[test]
    fn a_thread_that_fails_fails_the_case_and_blocks_no_other() {
        let first = std::sync::atomic::AtomicBool::new(true);
        let make = || {
            if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                return Err(Failure("refused".to_owned()));
            }
            Ok(Box::new(|| Ok(Timing::Whole)) as Work<'static>)
        };
        let failure = measure(3, Duration::from_millis(2), make).unwrap_err();
        assert_eq!(failure.to_string(), "refused");
    }
}
