//! `coffer alarms follow`: every alarm once and in order, also across a restart of the daemon.
//!
//! The daemon only tells that there is something new; what it is, is read from its list after the last number that was
//! handled. So nothing is lost that was raised while nobody listened.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use coffer_client::kms::{Alarm, AlarmFilter};
use coffer_client::{Connection, Error, Role, Wait};
use nix::sys::signal::Signal;

use super::super::signals::{Arrival, Signals};
use super::super::target::Target;
use super::program::{Program, Ran};
use super::remembered::Remembered;
use super::{Problem, output, row};

/// Alarms of one request.
const PAGE: u32 = 200;
/// Pauses between attempts to reach a daemon that went away.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// Arguments of `coffer alarms follow`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --since and --state it begins with the next alarm. PROGRAM is run once per alarm, one \
    after the other, with the alarm as JSON on its standard input and in COFFER_ALARM_NUMBER, _TYPE, _SEVERITY, \
    _TIME, _PARTITION, _KEY_ID, _OPERATION and _UID. One that fails is told of and changes nothing else. SIGTERM and \
    Ctrl-C wait for the program that runs, then end."
)]
pub(crate) struct FollowArguments {
    /// Begin after this number, 0 for all that the daemon keeps
    #[arg(long, value_name = "NUMBER")]
    since: Option<u64>,
    /// Keep the number of the last alarm that was handled here, and begin after it the next time
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
    /// Run this for each alarm; it stands last, with its arguments
    #[arg(long, value_names = ["PROGRAM", "ARG"], num_args = 1.., allow_hyphen_values = true)]
    exec: Vec<OsString>,
}

/// Follows alarms until somebody stops it.
pub(super) fn run(arguments: &FollowArguments) -> Result<(), Problem> {
    let signals = Signals::take()?;
    let (state, remembered) = match &arguments.state {
        Some(path) => {
            let (state, number) = Remembered::open(path)?;
            (Some(state), number)
        }
        None => (None, None),
    };
    let mut follower = Follower {
        arguments,
        signals: &signals,
        program: Program(&arguments.exec),
        state,
        handled: remembered.or(arguments.since),
        given: remembered,
    };
    // A daemon that was never there is an error; one that goes away is waited for.
    let mut daemon = follower.connect()?;
    loop {
        match follower.follow(daemon) {
            Err(problem) if problem.is_passing() => {
                eprintln!("coffer: {}; waiting for it to come back", problem.message());
            }
            ended => return ended,
        }
        match follower.connect_again()? {
            Some(again) => daemon = again,
            None => return Ok(()),
        }
    }
}

/// Two connections of one application: one is told that there is something new, the other one asks what.
struct Daemon {
    events: Connection,
    requests: Connection,
}

impl Daemon {
    fn connect(target: &Target) -> Result<Self, Problem> {
        let requests = target.connect_as(Role::Application, None)?;
        let token = requests.welcome().attach_token;
        let events = target.connect_as(Role::Events, Some(token))?;
        Ok(Self { events, requests })
    }

    fn list(&mut self, filter: &AlarmFilter) -> Result<Vec<Alarm>, Error> {
        Ok(self.requests.call(&filter.request(), &[])?.meta.alarms)
    }

    fn after(&mut self, number: u64) -> Result<Vec<Alarm>, Error> {
        self.list(&AlarmFilter::all().after(number).page(0, PAGE))
    }

    fn newest(&mut self) -> Result<u64, Error> {
        Ok(self.list(&AlarmFilter::all().page(0, 1))?.first().map_or(0, |alarm| alarm.number))
    }
}

struct Follower<'a> {
    arguments: &'a FollowArguments,
    signals: &'a Signals,
    program: Program<'a>,
    state: Option<Remembered>,
    /// The last alarm that was handled; `None` before it is known where to begin.
    handled: Option<u64>,
    /// The last number that is known to come from the daemon's store.
    given: Option<u64>,
}

impl Follower<'_> {
    /// Connects, and finds out where to begin.
    fn connect(&mut self) -> Result<Daemon, Problem> {
        let mut daemon = Daemon::connect(&self.arguments.target)?;
        let newest = daemon.newest()?;
        // Numbers only grow, so a smaller one is of a store that was made or restored since.
        if self.given.is_some_and(|given| given > newest) {
            eprintln!("coffer: the daemon has another store than before; its alarms begin anew");
            self.handled = Some(0);
        }
        self.given = Some(newest);
        if self.handled.is_none() {
            self.remember(newest)?;
        }
        Ok(daemon)
    }

    /// Handles what there is and what comes; ends well when somebody stops it.
    fn follow(&mut self, mut daemon: Daemon) -> Result<(), Problem> {
        loop {
            if self.catch_up(&mut daemon)? == Ran::Stop || self.wait(&mut daemon)? == Ran::Stop {
                return Ok(());
            }
        }
    }

    /// Handles every alarm after the last one.
    fn catch_up(&mut self, daemon: &mut Daemon) -> Result<Ran, Problem> {
        loop {
            let alarms = daemon.after(self.handled.unwrap_or(0))?;
            if alarms.is_empty() {
                return Ok(Ran::GoOn);
            }
            for alarm in alarms {
                if self.handle(&alarm)? == Ran::Stop {
                    return Ok(Ran::Stop);
                }
            }
        }
    }

    fn handle(&mut self, alarm: &Alarm) -> Result<Ran, Problem> {
        if self.arguments.json {
            output::message(alarm)?;
        } else {
            let cells = row(alarm).map(|cell| output::printable(&cell));
            let cells: Vec<_> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
            output::text(&cells.join("  "))?;
        }
        let ran = self.program.run(alarm, self.signals)?;
        self.given = self.given.max(Some(alarm.number));
        self.remember(alarm.number)?;
        match self.signals.wait_or(None, Some(Instant::now()))? {
            Arrival::Signal(Signal::SIGCHLD) | Arrival::Nothing | Arrival::Readable => Ok(ran),
            Arrival::Signal(_) => Ok(Ran::Stop),
        }
    }

    /// Waits for an event about an alarm.
    fn wait(&mut self, daemon: &mut Daemon) -> Result<Ran, Problem> {
        let mut is_new = false;
        loop {
            while let Some(event) = daemon.events.next_event(Wait::No)? {
                is_new |= matches!(
                    event,
                    coffer_client::Event::AlarmRaised(_) | coffer_client::Event::Missed
                );
            }
            if is_new {
                return Ok(Ran::GoOn);
            }
            match self.signals.wait_or(Some(daemon.events.as_fd()), None)? {
                Arrival::Readable | Arrival::Nothing | Arrival::Signal(Signal::SIGCHLD) => {}
                Arrival::Signal(_) => return Ok(Ran::Stop),
            }
        }
    }

    /// Connects as soon as there is a daemon that answers; `None` where somebody stops it before.
    fn connect_again(&mut self) -> Result<Option<Daemon>, Problem> {
        let [mut pause, longest] = PAUSES;
        let mut deadline = Instant::now() + pause;
        loop {
            match self.signals.wait_or(None, Some(deadline))? {
                Arrival::Signal(Signal::SIGCHLD) => continue,
                Arrival::Signal(_) => return Ok(None),
                Arrival::Nothing | Arrival::Readable => {}
            }
            match self.connect() {
                Ok(daemon) => return Ok(Some(daemon)),
                Err(problem) if problem.is_passing() => {}
                Err(problem) => return Err(problem),
            }
            pause = (pause * 2).min(longest);
            deadline = Instant::now() + pause;
        }
    }

    /// The alarm of this number was handled, and all before it.
    fn remember(&mut self, number: u64) -> anyhow::Result<()> {
        self.handled = Some(number);
        self.state.as_ref().map_or(Ok(()), |state| state.set(number))
    }
}
