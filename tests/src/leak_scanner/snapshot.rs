//! What a process has in memory and in registers at one moment, kept to be searched: also for what becomes
//! known only afterwards, as the nonce of a signature that was being made.

use std::fs::File;
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, iter, thread};

use nix::unistd::Pid;

use super::hits::{Hit, Place, Report, Unreadable};
use super::maps::{self, Mapping};
use super::patterns::Patterns;
use super::registers;
use super::stopped::Stopped;

/// How much of a mapping is read at once.
const CHUNK: usize = 1 << 20;
/// The step by which a range that cannot be read as a whole is tried.
const PAGE: usize = 4096;

/// The readable memory of a process, and the registers of its threads.
pub struct Snapshot {
    /// What was read, without what was never touched.
    memory: Vec<Piece>,
    registers: Vec<Registers>,
    /// What a report says of it before anything was searched.
    outline: Report,
}

/// Memory that stands together.
struct Piece {
    /// The index of the mapping.
    mapping: usize,
    address: u64,
    bytes: Vec<u8>,
}

struct Registers {
    thread: i32,
    set: &'static str,
    bytes: Vec<u8>,
}

impl Snapshot {
    /// Stops a process, copies it, and lets it go on.
    ///
    /// # Errors
    /// The process is gone or may not be traced.
    pub fn of(process: u32) -> io::Result<Self> {
        let process = i32::try_from(process).map_err(io::Error::other)?;
        let stopped = Stopped::all_threads_of(Pid::from_raw(process))?;
        let memory = File::open(format!("/proc/{process}/mem"))?;
        let pages = File::open(format!("/proc/{process}/pagemap"))?;
        let outline = Report { threads: stopped.threads().count(), ..Report::default() };
        let mut snapshot = Self { memory: Vec::new(), registers: Vec::new(), outline };
        for mapping in maps::of(process)? {
            snapshot.copy(&memory, &pages, &mapping);
            snapshot.outline.mappings.push(mapping);
        }
        for thread in stopped.threads() {
            for set in registers::of(thread)? {
                snapshot.outline.register_bytes += set.bytes.len();
                let thread = thread.as_raw();
                snapshot.registers.push(Registers { thread, set: set.name, bytes: set.bytes });
            }
        }
        Ok(snapshot)
    }

    /// Searches it, with as many threads as there are processors.
    pub fn search(&self, patterns: &Patterns) -> Report {
        let mut report = self.outline.clone();
        let next = AtomicUsize::new(0);
        let search = || {
            let pieces = iter::from_fn(|| self.memory.get(next.fetch_add(1, Ordering::Relaxed)));
            pieces.flat_map(|piece| self.search_piece(piece, patterns)).collect::<Vec<_>>()
        };
        thread::scope(|scope| {
            let threads = thread::available_parallelism().map_or(1, NonZero::get);
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(search)).collect();
            for thread in threads {
                let found = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                report.hits.extend(found);
            }
        });
        for registers in &self.registers {
            for (pattern, _) in patterns.in_registers(&registers.bytes) {
                let place = Place::Registers { thread: registers.thread, set: registers.set };
                report.hits.push(Hit { pattern, place });
            }
        }
        report
    }

    fn search_piece(&self, piece: &Piece, patterns: &Patterns) -> Vec<Hit> {
        let found = patterns.in_memory(&piece.bytes);
        let hits = found.map(|(pattern, offset)| {
            let mapping = self.outline.mappings[piece.mapping].clone();
            Hit {
                pattern,
                place: Place::Memory { address: piece.address + offset as u64, mapping },
            }
        });
        hits.collect()
    }

    /// Copies one mapping; what stands together stays together, so that no pattern is cut in two.
    fn copy(&mut self, memory: &File, pages: &File, mapping: &Mapping) {
        let index = self.outline.mappings.len();
        let mut bytes = Vec::new();
        let mut at = mapping.start;
        let mut unreadable = 0;
        let mut buffer = vec![0; CHUNK];
        while at < mapping.end {
            let size = usize::try_from(mapping.end - at).map_or(CHUNK, |rest| rest.min(CHUNK));
            let is_empty = mapping.path.is_empty() && was_never_touched(pages, at, size);
            let read = if is_empty { 0 } else { read_some(memory, at, &mut buffer[..size]) };
            if read > 0 {
                bytes.extend_from_slice(&buffer[..read]);
                self.outline.bytes_read += read as u64;
                at += read as u64;
                continue;
            }
            self.keep(index, at, &mut bytes);
            if is_empty {
                self.outline.bytes_read += size as u64;
                at += size as u64;
            } else {
                let skipped = PAGE.min(size) as u64;
                unreadable += skipped;
                at += skipped;
            }
        }
        self.keep(index, at, &mut bytes);
        if unreadable > 0 {
            let mapping = mapping.clone();
            self.outline.unreadable.push(Unreadable { mapping, bytes: unreadable });
        }
    }

    /// Keeps what was read up to an address.
    fn keep(&mut self, mapping: usize, end: u64, bytes: &mut Vec<u8>) {
        if !bytes.is_empty() {
            let address = end - bytes.len() as u64;
            self.memory.push(Piece { mapping, address, bytes: std::mem::take(bytes) });
        }
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
