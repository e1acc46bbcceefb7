//! Where alarms are told: the journal, and a Unix socket if one is configured.
//!
//! A flood is told in short here, and only here: of one kind about one key, one alarm a second, with how many there
//! were. Whoever reads the socket slowly loses alarms of the sink, never of the store, and is told how many.

use std::collections::HashMap;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coffer_protocol::alarm::{AlarmKind, Severity};
use coffer_protocol::handshake::uuid_text;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};

use super::Alarm;
use crate::journal::ALARM;

/// Alarms that wait to be told.
const WAITING: usize = 1024;
/// How often one kind about one key is told.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a reader of the socket may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a reader that took longer is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// The sinks, with a thread of their own that waits for whoever listens.
#[derive(Debug)]
pub struct Sink {
    queue: Option<SyncSender<Arc<Alarm>>>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Tells the journal, and a datagram or stream socket.
    ///
    /// # Errors
    ///
    /// Where the thread cannot be started.
    pub fn new(socket: Option<PathBuf>) -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING);
        let thread =
            std::thread::Builder::new().name("alarm-sink".to_owned()).spawn(move || {
                if crate::vault::block_signals().is_ok() {
                    run(&waiting, socket.as_deref());
                }
            })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Tells of an alarm, without waiting.
    pub fn tell(&self, alarm: &Arc<Alarm>) {
        if let Some(queue) = &self.queue
            && queue.try_send(alarm.clone()).is_err()
        {
            tracing::warn!(number = alarm.number, "the sinks of alarms do not keep up");
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It has told what it could.
            let _ = thread.join();
        }
    }
}

type Subject = (AlarmKind, Option<[u8; 16]>);

/// One kind about one key: when it was told, and what has come since.
struct Told {
    at: Instant,
    more: u64,
    last: Option<Arc<Alarm>>,
}

fn run(waiting: &Receiver<Arc<Alarm>>, socket: Option<&Path>) {
    let mut listener = Listener { path: socket, stream: None, paused: None, missed: 0 };
    let mut told: HashMap<Subject, Told> = HashMap::new();
    loop {
        let received = waiting.recv_timeout(PERIOD);
        if let Ok(alarm) = &received {
            let subject = (alarm.kind, alarm.about.key);
            if let Some(before) = told.get_mut(&subject) {
                before.more += 1;
                before.last = Some(alarm.clone());
            } else {
                listener.tell(alarm, 1);
                told.insert(subject, Told { at: Instant::now(), more: 0, last: None });
            }
        }
        let over = matches!(received, Err(RecvTimeoutError::Disconnected));
        told.retain(|_, told| {
            if told.at.elapsed() < PERIOD && !over {
                return true;
            }
            let Some(alarm) = told.last.take() else { return false };
            listener.tell(&alarm, told.more);
            (told.at, told.more) = (Instant::now(), 0);
            true
        });
        if over {
            return;
        }
    }
}

struct Listener<'p> {
    path: Option<&'p Path>,
    stream: Option<UnixStream>,
    /// Since when it is left alone.
    paused: Option<Instant>,
    /// Lines that it did not get.
    missed: u64,
}

impl Listener<'_> {
    fn tell(&mut self, alarm: &Alarm, count: u64) {
        journal(alarm, count);
        let Some(path) = self.path else { return };
        if self.paused.is_some_and(|since| since.elapsed() < PAUSE) {
            self.missed += 1;
            return;
        }
        let mut line = json(alarm, count, self.missed).to_string();
        line.push('\n');
        match self.send(path, line.as_bytes()) {
            Ok(()) => (self.paused, self.missed) = (None, 0),
            Err(error) => {
                self.stream = None;
                self.missed += 1;
                // Else each of many alarms would wait as long, and the daemon for all of them when it stops.
                self.paused = is_slow(&error).then(Instant::now);
                tracing::warn!(path = %path.display(), %error, "an alarm was not told to the socket");
            }
        }
    }

    fn send(&mut self, path: &Path, line: &[u8]) -> std::io::Result<()> {
        if let Some(stream) = &mut self.stream
            && stream.write_all(line).is_ok()
        {
            return Ok(());
        }
        let datagram = UnixDatagram::unbound()?;
        datagram.set_write_timeout(Some(PATIENCE))?;
        match datagram.send_to(line, path) {
            Ok(_) => return Ok(()),
            Err(error) if is_slow(&error) => return Err(error),
            // It is no datagram socket, or nobody is there.
            Err(_) => {}
        }
        let mut stream = connect(path)?;
        stream.write_all(line)?;
        self.stream = Some(stream);
        Ok(())
    }
}

/// Whether somebody is there and does not read.
fn is_slow(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// Connects, and waits no longer for somebody who does not accept than for somebody who does not read.
fn connect(path: &Path) -> std::io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let stream = UnixStream::from(socket(AddressFamily::Unix, SockType::Stream, flags, None)?);
    stream.set_write_timeout(Some(PATIENCE))?;
    nix::sys::socket::connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(stream)
}

/// The journal takes its priority from target and level.
fn journal(alarm: &Alarm, count: u64) {
    let Alarm { number, kind, about, .. } = alarm;
    let key = about.key.as_ref().map(uuid_text).unwrap_or_default();
    let detail = about.detail.as_deref().unwrap_or_default();
    let operation = about.operation.as_deref().unwrap_or_default();
    let (name, uid) = (kind.name(), about.uid);
    match kind.severity() {
        Severity::Critical => {
            tracing::error!(target: ALARM, number, key, operation, uid, detail, count, "{name}");
        }
        Severity::Warning => {
            tracing::warn!(target: ALARM, number, key, operation, uid, detail, count, "{name}");
        }
        Severity::Notice => {
            tracing::info!(target: ALARM, number, key, operation, uid, detail, count, "{name}");
        }
    }
}

fn json(alarm: &Alarm, count: u64, missed: u64) -> serde_json::Value {
    let Alarm { number, kind, time, about } = alarm;
    let mut object = serde_json::Map::new();
    let mut put = |name: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    put("AlarmType", Some(kind.name().into()));
    put("Severity", Some(kind.severity().name().into()));
    put("Number", Some((*number).into()));
    put("Time", Some((*time).into()));
    put("KeyId", about.key.as_ref().map(|key| uuid_text(key).into()));
    put("Operation", about.operation.clone().map(Into::into));
    put("DeletionDate", about.deletion_date.map(Into::into));
    put("Uid", about.uid.map(Into::into));
    put("Pid", about.pid.map(Into::into));
    put("Detail", about.detail.clone().map(Into::into));
    put("Count", (count > 1).then(|| count.into()));
    put("Missed", (missed > 0).then(|| missed.into()));
    object.into()
}
