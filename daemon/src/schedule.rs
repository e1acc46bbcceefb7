//! The one time keeper: a thread that looks once a second at what is due.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::service::Service;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);

/// The running time keeper; it stops when this is dropped.
#[derive(Debug)]
pub struct Keeper {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// Where the thread cannot be made.
    pub fn start(service: Arc<Service>) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("time-keeper".to_owned()).spawn(move || {
                if crate::vault::block_signals().is_err() {
                    return;
                }
                let (stopped, woken) = &*told;
                let mut stop = stopped.lock().unwrap_or_else(PoisonError::into_inner);
                while !*stop {
                    drop(stop);
                    service.tick();
                    stop = stopped.lock().unwrap_or_else(PoisonError::into_inner);
                    let waited = woken.wait_timeout_while(stop, PERIOD, |stop| !*stop);
                    stop = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let (stopped, woken) = &*self.stop;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        woken.notify_all();
        if let Some(thread) = self.thread.take() {
            // What it did is in the store; there is nothing to add.
            let _ = thread.join();
        }
    }
}
