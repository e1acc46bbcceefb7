//! `coffer alarms list`.

use coffer_client::KeyName;
use coffer_client::kms::{Alarm, AlarmFilter, Kms};
use coffer_protocol::alarm::AlarmKind;

use super::super::target::Target;
use super::super::time;
use super::{Problem, output, parse_kind, row};

/// Most alarms of one request.
const PAGE: u32 = 200;
/// Alarms shown to people who do not say how many.
const SHOWN: u32 = 50;

/// Arguments of `coffer alarms list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// Only alarms of this type, as KeyPendingDelete.Used
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_kind)]
    kind: Option<AlarmKind>,
    /// Only alarms about this key; one that was destroyed is named by its id
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The earliest time: UNIX seconds, or as 2026-01-31T12:00:00Z, or a day as 2026-01-31
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<i64>,
    /// The latest time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<i64>,
    /// Most alarms; 50 when left out, all with --json
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// Lists alarms.
pub(super) fn run(arguments: &ListArguments) -> Result<(), Problem> {
    let mut kms = arguments.target.kms()?;
    let most = arguments.limit.unwrap_or(if arguments.json { u32::MAX } else { SHOWN });
    let alarms = pages(&mut kms, &filter(arguments), most)?;
    if arguments.json {
        return Ok(alarms.iter().try_for_each(output::message)?);
    }
    let rows = alarms.iter().map(row);
    Ok(output::table(["NUMBER", "TIME", "SEVERITY", "TYPE", "KEY ID", "MORE"], rows)?)
}

/// The newest alarms that match. New ones shift the pages meanwhile: an alarm that comes twice is left out.
fn pages(kms: &mut Kms, filter: &AlarmFilter, most: u32) -> Result<Vec<Alarm>, Problem> {
    let mut alarms: Vec<Alarm> = Vec::new();
    let mut offset = 0;
    loop {
        let have = u32::try_from(alarms.len()).map_err(anyhow::Error::from)?;
        if have >= most {
            return Ok(alarms);
        }
        let page = kms.find_alarms(&filter.clone().page(offset, PAGE.min(most - have)))?;
        let read = u32::try_from(page.alarms.len()).map_err(anyhow::Error::from)?;
        offset += read;
        let oldest = alarms.last().map_or(u64::MAX, |alarm| alarm.number);
        alarms.extend(page.alarms.into_iter().filter(|alarm| alarm.number < oldest));
        if read == 0 || i64::from(offset) >= page.total {
            return Ok(alarms);
        }
    }
}

fn filter(arguments: &ListArguments) -> AlarmFilter {
    let mut filter = AlarmFilter::all();
    if let Some(kind) = arguments.kind {
        filter = filter.kind(kind);
    }
    if let Some(key) = &arguments.key {
        filter = filter.key(&KeyName::new(key));
    }
    if let Some(time) = arguments.from {
        filter = filter.since(time);
    }
    if let Some(time) = arguments.to {
        filter = filter.until(time);
    }
    filter
}
