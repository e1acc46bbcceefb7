//! `coffer audit`: read the audit log, and check that nothing was taken out of it.

use coffer_client::admin::{Admin, ListAuditEvents};
use serde_json::Value;

use super::target::admin;
use super::{Problem, output, time};

/// Most records of one request.
const PAGE: u64 = 500;
/// Records shown to people who do not say how many.
const SHOWN: u64 = 50;

/// Verbs of `coffer audit`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuditCommand {
    /// List audit records, newest first
    List(ListArguments),
    /// Check the hash chain of the audit log; exit status 1 where it breaks
    Verify {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Arguments of `coffer audit list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// The earliest time: UNIX seconds, or as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<i64>,
    /// The latest time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<i64>,
    /// Most records; 50 when left out, all with --json
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Print one JSON object per line, with the field names of CloudAudit
    #[arg(long)]
    json: bool,
}

impl AuditCommand {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::List(arguments) => arguments.json,
            Self::Verify { json } => *json,
        }
    }
}

/// Does what the verb says.
pub(crate) fn run(command: &AuditCommand) -> Result<u8, Problem> {
    match command {
        AuditCommand::List(arguments) => list(arguments).map(|()| 0),
        AuditCommand::Verify { json } => verify(*json),
    }
}

fn list(arguments: &ListArguments) -> Result<(), Problem> {
    let mut admin = admin()?;
    let most = arguments.limit.unwrap_or(if arguments.json { u64::MAX } else { SHOWN });
    if arguments.json {
        return pages(&mut admin, arguments, most, |event| Ok(output::text(event)?));
    }
    let mut rows = Vec::new();
    pages(&mut admin, arguments, most, |event| {
        rows.push(row(event));
        Ok(())
    })?;
    Ok(output::table(["TIME", "EVENT", "CALLER", "RESOURCE", "RESULT"], rows)?)
}

/// Hands out records page by page, so that a long log needs no memory.
fn pages(
    admin: &mut Admin,
    arguments: &ListArguments,
    mut most: u64,
    mut each: impl FnMut(&str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut before = None;
    while most > 0 {
        let request = ListAuditEvents {
            from: arguments.from,
            to: arguments.to,
            limit: i64::try_from(most.min(PAGE)).ok(),
            before,
        };
        let page = admin.audit_events(&request)?;
        for event in &page.events {
            each(event)?;
            most = most.saturating_sub(1);
        }
        match page.next {
            // A page that leads to itself would be read for ever.
            Some(next) if before.is_none_or(|before| next < before) => before = Some(next),
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// The fields that people look for first; a record that is no JSON is shown as it is.
fn row(event: &str) -> [String; 5] {
    let Ok(event) = serde_json::from_str::<Value>(event) else {
        return [String::new(), event.to_owned(), String::new(), String::new(), String::new()];
    };
    let text = |pointer: &str| match event.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let time = match event.get("eventTime") {
        Some(time) if time.is_i64() => output::time(time.as_i64().unwrap_or(0)),
        _ => text("/eventTime"),
    };
    let caller = match text("/userIdentity/userName") {
        name if name.is_empty() => text("/userIdentity"),
        name => name,
    };
    // A refusal has the first, a failure the second.
    let codes = [text("/errorCode"), text("/apiErrorCode")];
    let result = codes.into_iter().find(|code| !code.is_empty() && code != "0");
    let result = result.unwrap_or_else(|| "ok".to_owned());
    [time, text("/eventName"), caller, text("/resourceName"), result]
}

fn verify(json: bool) -> Result<u8, Problem> {
    let verified = admin()?.verify_audit()?;
    if json {
        output::message(&verified)?;
    } else {
        let what = format!("{} records in {} segments", verified.records, verified.segments);
        let fault = verified.fault.as_deref().unwrap_or("the place is unknown");
        output::text(&if verified.valid {
            format!("The chain is whole: {what}.")
        } else {
            format!(
                "The chain is broken ({what}): {fault}. Keep the files, find out who changed them."
            )
        })?;
    }
    Ok(u8::from(!verified.valid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_row() {
        let event = r#"{"eventTime":1700000000,"eventName":"Encrypt","userIdentity":{"userName":"ann"},
            "resourceName":"key/1","errorCode":"0"}"#;
        assert_eq!(row(event), ["2023-11-14T22:13:20Z", "Encrypt", "ann", "key/1", "ok"]);
        assert_eq!(row("broken")[1], "broken");
    }
}
