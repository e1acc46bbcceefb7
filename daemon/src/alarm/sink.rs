//! Where alarms are told: the journal, and a Unix socket if one is configured.
//!
//! A flood is told in short here, and only here: of one kind about one key, one alarm a second, with how many there
//! were. Whoever reads the socket slowly loses alarms of the sink, never of the store.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coffer_protocol::alarm::{AlarmKind, Severity};
use coffer_protocol::handshake::uuid_text;

use super::Alarm;

/// Alarms that wait to be told.
const WAITING: usize = 1024;
/// How often one kind about one key is told.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a reader of the socket may take.
const PATIENCE: Duration = Duration::from_secs(1);

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
    let mut listener = Listener { path: socket, stream: None };
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
}

impl Listener<'_> {
    fn tell(&mut self, alarm: &Alarm, count: u64) {
        journal(alarm, count);
        let Some(path) = self.path else { return };
        let mut line = json(alarm, count).to_string();
        line.push('\n');
        if let Err(error) = self.send(path, line.as_bytes()) {
            self.stream = None;
            tracing::warn!(path = %path.display(), %error, "an alarm was not told to the socket");
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
        if datagram.send_to(line, path).is_ok() {
            return Ok(());
        }
        // It is no datagram socket, or nobody is there.
        let mut stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(line)?;
        self.stream = Some(stream);
        Ok(())
    }
}

/// The journal takes its priority from the level.
fn journal(alarm: &Alarm, count: u64) {
    let Alarm { number, kind, about, .. } = alarm;
    let key = about.key.as_ref().map(uuid_text).unwrap_or_default();
    let detail = about.detail.as_deref().unwrap_or_default();
    let operation = about.operation.as_deref().unwrap_or_default();
    let (name, uid) = (kind.name(), about.uid);
    match kind.severity() {
        Severity::Critical => {
            tracing::error!(target: "alarm", number, key, operation, uid, detail, count, "{name}");
        }
        Severity::Warning => {
            tracing::warn!(target: "alarm", number, key, operation, uid, detail, count, "{name}");
        }
        Severity::Notice => {
            tracing::info!(target: "alarm", number, key, operation, uid, detail, count, "{name}");
        }
    }
}

fn json(alarm: &Alarm, count: u64) -> serde_json::Value {
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
    object.into()
}
