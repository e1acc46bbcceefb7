//! Something of an operator that takes many requests: one at a time, tied to the connection that began it, and
//! given up when that ends, or nobody goes on with it. It holds a frozen store, which must not be for ever: the
//! file grows.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;

use crate::{Error, vault};

/// Who did nothing for so long gives way to another connection.
const GIVES_WAY: Duration = Duration::from_secs(10);

/// The place of one kind of transfer.
pub struct Transfer<T>(Arc<Shared<T>>);

struct Shared<T> {
    name: &'static str,
    idle: Duration,
    longest: Duration,
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    active: Option<Active<T>>,
    serial: u64,
    watched: bool,
}

struct Active<T> {
    serial: u64,
    connection: u32,
    begun: Instant,
    used: Instant,
    /// Taken out while a request works on it.
    value: Option<T>,
}

impl<T: Send + 'static> Transfer<T> {
    /// A place that is free. What nobody asks for within `idle`, or is not done within `longest`, is given up.
    pub fn new(name: &'static str, idle: Duration, longest: Duration) -> Self {
        let state = Mutex::new(State { active: None, serial: 0, watched: false });
        Self(Arc::new(Shared { name, idle, longest, state, changed: Condvar::new() }))
    }

    /// Refuses another connection while one is busy.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Busy`].
    pub fn is_free_for(&self, connection: u32) -> Result<(), Error> {
        match &self.0.lock().active {
            Some(active)
                if active.connection != connection && active.used.elapsed() < GIVES_WAY =>
            {
                Err(Error::about(ErrorCode::Busy, self.0.name))
            }
            _ => Ok(()),
        }
    }

    /// Begins one, in the place of an older one that was left alone.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Busy`], or where no thread can be made that gives it up.
    pub fn start(&self, connection: u32, value: T) -> Result<(), Error> {
        self.is_free_for(connection)?;
        let mut state = self.0.lock();
        if !state.watched {
            let shared = Arc::clone(&self.0);
            std::thread::Builder::new()
                .name("transfer".to_owned())
                .spawn(move || shared.watch())
                .map_err(|error| Error::about(ErrorCode::Busy, error.to_string()))?;
            state.watched = true;
        }
        state.serial += 1;
        let (serial, now) = (state.serial, Instant::now());
        let (begun, used, value) = (now, now, Some(value));
        state.active = Some(Active { serial, connection, begun, used, value });
        self.0.changed.notify_all();
        Ok(())
    }

    /// Whether the connection has one.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NoTransfer`].
    pub fn check(&self, connection: u32) -> Result<(), Error> {
        let state = self.0.lock();
        let active = state.active.as_ref().filter(|active| active.connection == connection);
        active.map(drop).ok_or(ErrorCode::NoTransfer.into())
    }

    /// Goes on with it; an error ends it.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NoTransfer`], or what `work` returns.
    pub fn with<R>(
        &self,
        connection: u32,
        work: impl FnOnce(&mut T) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let (serial, mut value) = {
            let mut state = self.0.lock();
            let active = state.active.as_mut().filter(|active| active.connection == connection);
            let active = active.ok_or(ErrorCode::NoTransfer)?;
            (active.serial, active.value.take().ok_or(ErrorCode::NoTransfer)?)
        };
        let result = work(&mut value);
        let mut state = self.0.lock();
        let mine = state.active.as_mut().filter(|active| active.serial == serial);
        match (mine, &result) {
            (Some(active), Ok(_)) => {
                active.value = Some(value);
                active.used = Instant::now();
            }
            (Some(_), Err(_)) => state.active = None,
            (None, _) => {}
        }
        result
    }

    /// Ends that of a connection.
    pub fn end(&self, connection: u32) {
        let mut state = self.0.lock();
        if state.active.as_ref().is_some_and(|active| active.connection == connection) {
            state.active = None;
        }
    }
}

impl<T> Shared<T> {
    /// Gives up what is overdue; ends when there is nothing to watch.
    fn watch(&self) {
        if let Err(error) = vault::block_signals() {
            tracing::warn!(%error, "signals reach the thread that watches transfers");
        }
        let mut state = self.lock();
        loop {
            let Some(active) = &state.active else {
                state.watched = false;
                return;
            };
            let due = match active.value {
                Some(_) => (active.used + self.idle).min(active.begun + self.longest),
                None => Instant::now() + self.idle,
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!("a {} was given up: nobody went on with it", self.name);
                state.active = None;
                continue;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Transfer<u32> {
        crate::vault::init_for_tests();
        Transfer::new("test", Duration::from_mins(1), Duration::from_mins(1))
    }

    fn code<R: std::fmt::Debug>(result: Result<R, Error>) -> ErrorCode {
        result.unwrap_err().code()
    }

    #[test]
    fn only_the_connection_that_began_goes_on() {
        let place = place();
        assert_eq!(code(place.with(1, |_| Ok(()))), ErrorCode::NoTransfer);
        place.start(1, 7).unwrap();
        assert_eq!(place.with(1, |value| Ok(*value)).unwrap(), 7);
        assert_eq!(code(place.with(2, |_| Ok(()))), ErrorCode::NoTransfer);
        assert_eq!(code(place.start(2, 8)), ErrorCode::Busy);
        place.end(2);
        place.check(1).unwrap();
        place.end(1);
        place.start(2, 8).unwrap();
    }

    #[test]
    fn an_error_ends_it() {
        let place = place();
        place.start(1, 7).unwrap();
        assert!(place.with(1, |_| Err::<(), _>(ErrorCode::Internal.into())).is_err());
        assert_eq!(code(place.check(1)), ErrorCode::NoTransfer);
    }

    #[test]
    fn what_nobody_goes_on_with_is_given_up() {
        vault::init_for_tests();
        let brief = Duration::from_millis(1);
        let place = Transfer::new("test", brief, brief);
        place.start(1, Arc::new(())).unwrap();
        // Waits for the watching thread, not for a time.
        let mut state = place.0.lock();
        while state.active.is_some() {
            drop(state);
            std::thread::yield_now();
            state = place.0.lock();
        }
    }
}
