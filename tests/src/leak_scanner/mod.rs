//! The leak scanner: stops a process and searches all of its memory and registers for key bytes.
//!
//! What it searches for is a [`Patterns`]: the key itself and every intermediate from which the key
//! follows. What it cannot read it lists, so that a test can say that this is secret memory only.

mod aes;
mod hits;
mod maps;
mod patterns;
mod registers;
mod rsa;
mod stopped;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::unistd::Pid;

pub use hits::{Hit, Place, Report, Unreadable};
pub use maps::Mapping;
pub use patterns::Patterns;

use stopped::Stopped;

/// How much of a mapping is read at once.
const CHUNK: usize = 1 << 20;
/// The step by which a range that cannot be read as a whole is tried.
const PAGE: usize = 4096;

/// Stops the process, searches every mapping and the registers of every thread, and lets it go on.
///
/// Needs the right to trace the process: the same user and a dumpable process, or root.
///
/// # Errors
/// The process is gone or may not be traced.
pub fn scan(process: u32, patterns: &Patterns) -> io::Result<Report> {
    let process = i32::try_from(process).map_err(io::Error::other)?;
    let stopped = Stopped::all_threads_of(Pid::from_raw(process))?;
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let pages = File::open(format!("/proc/{process}/pagemap"))?;
    let mut report = Report { threads: stopped.threads().count(), ..Report::default() };
    for mapping in maps::of(process)? {
        scan_mapping(&memory, &pages, &mapping, patterns, &mut report);
        report.mappings.push(mapping);
    }
    for thread in stopped.threads() {
        for set in registers::of(thread)? {
            report.register_bytes += set.bytes.len();
            for (pattern, _) in patterns.in_registers(&set.bytes) {
                let place = Place::Registers { thread: thread.as_raw(), set: set.name };
                report.hits.push(Hit { pattern, place });
            }
        }
    }
    Ok(report)
}

/// Searches one mapping in pieces that overlap, so that no pattern is missed between two of them.
fn scan_mapping(
    memory: &File,
    pages: &File,
    mapping: &Mapping,
    patterns: &Patterns,
    report: &mut Report,
) {
    let mut window = Vec::with_capacity(CHUNK + patterns.longest_window());
    let mut at = mapping.start;
    let mut unreadable = 0;
    while at < mapping.end {
        let kept = window.len();
        let size = usize::try_from(mapping.end - at).map_or(CHUNK, |rest| rest.min(CHUNK));
        if mapping.path.is_empty() && was_never_touched(pages, at, size) {
            report.bytes_read += size as u64;
            at += size as u64;
            window.clear();
            continue;
        }
        window.resize(kept + size, 0);
        let read = read_some(memory, at, &mut window[kept..]);
        window.truncate(kept + read);
        report.bytes_read += read as u64;
        for (pattern, offset) in patterns.in_memory(&window) {
            let place = Place::Memory {
                address: at - kept as u64 + offset as u64,
                mapping: mapping.clone(),
            };
            report.hits.push(Hit { pattern, place });
        }
        if read == 0 {
            let skipped = PAGE.min(size) as u64;
            unreadable += skipped;
            at += skipped;
            window.clear();
        } else {
            at += read as u64;
            // One byte less than a window: a hit is reported once.
            let overlap = window.len().min(patterns.longest_window() - 1);
            window.drain(..window.len() - overlap);
        }
    }
    if unreadable > 0 {
        report.unreadable.push(Unreadable { mapping: mapping.clone(), bytes: unreadable });
    }
}

/// Tells whether no page of a range of anonymous memory exists, in memory or in swap: it holds zeros, as
/// the 64 MiB that the C library reserves for each thread do. See `Documentation/admin-guide/mm/pagemap.rst`
/// of the kernel.
fn was_never_touched(pages: &File, at: u64, size: usize) -> bool {
    let mut entries = vec![0; size.div_ceil(PAGE) * 8];
    pages.read_exact_at(&mut entries, at / PAGE as u64 * 8).is_ok()
        && entries.chunks_exact(8).all(|entry| entry[7] & 0b1100_0000 == 0)
}

/// Reads as much as can be read from `at` on; 0 where the first page already cannot.
fn read_some(memory: &File, at: u64, buffer: &mut [u8]) -> usize {
    let mut done = 0;
    while done < buffer.len() {
        match memory.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) | Err(_) => break,
            Ok(read) => done += read,
        }
    }
    done
}
