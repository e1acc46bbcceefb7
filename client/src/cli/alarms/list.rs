//! `coffer alarms list`.

use coffer_client::KeyName;
use coffer_client::kms::Kms;
use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::operation::kms::{Alarm, ListAlarms};

use super::super::request::call;
use super::super::target::Target;
use super::super::time;
use super::{Problem, output, parse_kind, row};

/// Most alarms of one request.
const PAGE: u64 = 200;
/// Alarms shown to people who do not say how many.
const SHOWN: u64 = 50;

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
    limit: Option<u64>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// Lists alarms.
pub(super) fn run(arguments: &ListArguments) -> Result<(), Problem> {
    let mut kms = arguments.target.kms()?;
    let most = arguments.limit.unwrap_or(if arguments.json { u64::MAX } else { SHOWN });
    let alarms = pages(&mut kms, arguments, most)?;
    if arguments.json {
        return Ok(alarms.iter().try_for_each(output::message)?);
    }
    let rows = alarms.iter().map(row);
    Ok(output::table(["NUMBER", "TIME", "SEVERITY", "TYPE", "KEY ID", "MORE"], rows)?)
}

/// The newest alarms that match. New ones shift the pages meanwhile: an alarm that comes twice is left out.
fn pages(kms: &mut Kms, arguments: &ListArguments, most: u64) -> Result<Vec<Alarm>, Problem> {
    let mut alarms: Vec<Alarm> = Vec::new();
    let mut offset = 0;
    while (alarms.len() as u64) < most {
        let request = ListAlarms {
            kind: arguments.kind.map(|kind| kind.name().to_owned()),
            key_id: arguments.key.as_deref().map(|key| KeyName::new(key).as_str().to_owned()),
            from: arguments.from,
            to: arguments.to,
            after: None,
            offset: Some(offset),
            limit: i64::try_from(PAGE.min(most - alarms.len() as u64)).ok(),
        };
        let page = call(kms, &request)?;
        let read = i64::try_from(page.alarms.len()).map_err(anyhow::Error::from)?;
        offset += read;
        let oldest = alarms.last().map_or(u64::MAX, |alarm| alarm.number);
        alarms.extend(page.alarms.into_iter().filter(|alarm| alarm.number < oldest));
        if read == 0 || offset >= page.total {
            break;
        }
    }
    Ok(alarms)
}
