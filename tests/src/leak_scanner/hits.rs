//! What a scan found, and what it could not read.

use std::fmt;

use super::maps::Mapping;

/// The result of one scan.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Each place where a window of a pattern was found.
    pub hits: Vec<Hit>,
    /// The mappings that could not be read, or not wholly.
    pub unreadable: Vec<Unreadable>,
    /// All mappings of the process.
    pub mappings: Vec<Mapping>,
    /// The number of bytes of memory that were searched.
    pub bytes_read: u64,
    /// The number of bytes of registers that were searched.
    pub register_bytes: usize,
    /// The number of threads that were stopped.
    pub threads: usize,
}

/// One window of one pattern, found at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The name of the pattern.
    pub pattern: String,
    /// Where it was found.
    pub place: Place,
}

/// Where a pattern was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In memory.
    Memory {
        /// The address of the first byte of the window.
        address: u64,
        /// The mapping around it.
        mapping: Mapping,
    },
    /// In the saved registers of a thread.
    Registers {
        /// The thread's id.
        thread: i32,
        /// The register set, as ptrace calls it.
        set: &'static str,
    },
}

/// A mapping that the scanner could not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The mapping.
    pub mapping: Mapping,
    /// How many of its bytes could not be read.
    pub bytes: u64,
}

impl Report {
    /// Returns the hits in memory, leaving out those in registers.
    pub fn memory_hits(&self) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(|hit| matches!(hit.place, Place::Memory { .. }))
    }

    /// Returns the number of bytes of secret memory that the process has mapped and that could not
    /// be read.
    pub fn secret_memory(&self) -> u64 {
        let secret = self.unreadable.iter().filter(|range| range.mapping.is_secret_memory());
        secret.map(|range| range.bytes).sum()
    }

    /// Returns what could not be read although it is neither secret memory nor the kernel's.
    pub fn unexpectedly_unreadable(&self) -> Vec<&Unreadable> {
        let expected = |mapping: &Mapping| mapping.is_secret_memory() || mapping.is_of_the_kernel();
        self.unreadable.iter().filter(|range| !expected(&range.mapping)).collect()
    }

    /// Panics with the list of hits when there are any, or when something could not be read that is
    /// neither secret memory nor the kernel's, or when nothing was searched.
    ///
    /// # Panics
    /// In the cases named above.
    pub fn assert_clean(&self) {
        assert!(self.bytes_read > 0 && self.register_bytes > 0, "nothing was searched: {self}");
        assert!(self.hits.is_empty(), "key bytes outside secret memory: {self}");
        assert!(self.unexpectedly_unreadable().is_empty(), "unread memory: {self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} hits in {} bytes of memory and {} bytes of registers of {} threads",
            self.hits.len(),
            self.bytes_read,
            self.register_bytes,
            self.threads
        )?;
        for hit in self.hits.iter().take(40) {
            writeln!(f, "  {hit}")?;
        }
        for range in &self.unreadable {
            writeln!(f, "  unreadable: {} bytes of {}", range.bytes, range.mapping)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Memory { address, mapping } => {
                write!(f, "{} at {address:#x} in {mapping}", self.pattern)
            }
            Place::Registers { thread, set } => {
                write!(f, "{} in {set} of thread {thread}", self.pattern)
            }
        }
    }
}
