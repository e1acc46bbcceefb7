//! Lines as the journal wants them: each begins with its priority (sd-daemon(3)), which `journalctl -p` selects by.

use std::fmt;

use nix::sys::stat::fstat;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What alarms are logged under.
pub const ALARM: &str = "alarm";

/// A form of lines, with the priority in front where standard error is the journal.
#[derive(Debug)]
pub struct Lines<F> {
    form: F,
    is_journal: bool,
}

impl<F> Lines<F> {
    /// Finds out where standard error leads.
    pub fn new(form: F) -> Self {
        Self { form, is_journal: is_journal() }
    }
}

/// Whether standard error is the stream that systemd names: what was started by a service may write elsewhere.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    fstat(std::io::stderr()).is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
}

/// The number of syslog(3). An alarm is worth a grade more than a line of the log: its three severities are critical,
/// warning and notice.
fn priority(of: &Metadata<'_>) -> u8 {
    let is_alarm = of.target() == ALARM;
    match *of.level() {
        Level::ERROR if is_alarm => 2,
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO if is_alarm => 5,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.is_journal {
            write!(writer, "<{}>", priority(event.metadata()))?;
        }
        self.form.format_event(context, writer, event)
    }
}
