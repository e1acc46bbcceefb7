//! The mappings of a process, as `/proc/PID/maps` lists them (proc(5)).

use std::{fmt, fs, io};

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The first address behind it.
    pub end: u64,
    /// The protection, as `rw-p`.
    pub protection: String,
    /// The file or pseudo-path; empty for anonymous memory.
    pub path: String,
}

/// Reads the mappings of a process.
pub(super) fn of(process: i32) -> io::Result<Vec<Mapping>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    maps.lines()
        .map(|line| Mapping::parse(line).ok_or_else(|| io::Error::other(line.to_owned())))
        .collect()
}

impl Mapping {
    /// Parses a line: `start-end protection offset device inode path`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let protection = fields.next()?.to_owned();
        let path = fields.nth(3)?.trim_start().to_owned();
        Some(Self {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            protection,
            path,
        })
    }

    /// Tells whether this is memory of `memfd_secret(2)`.
    pub fn is_secret_memory(&self) -> bool {
        self.path == "/secretmem (deleted)"
    }

    /// Tells whether this is one of the kernel's own pages, which hold the clock and no data of the
    /// process.
    pub fn is_of_the_kernel(&self) -> bool {
        self.path.starts_with("[vvar") || self.path == "[vsyscall]"
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "anonymous" } else { &self.path };
        write!(f, "{:x}-{:x} {} {path}", self.start, self.end, self.protection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_secret_memory_is_parsed() {
        let line = "7f0000000000-7f0000400000 rw-s 00000000 00:0f 1041      \
                    /secretmem (deleted)";
        let mapping = Mapping::parse(line).unwrap();
        assert_eq!((mapping.start, mapping.end), (0x7f00_0000_0000, 0x7f00_0040_0000));
        assert!(mapping.is_secret_memory());
    }

    #[test]
    fn the_line_of_anonymous_memory_is_parsed() {
        let mapping = Mapping::parse("55d0-55e0 ---p 00000000 00:00 0 ").unwrap();
        assert_eq!(mapping.path, "");
        assert_eq!(mapping.protection, "---p");
    }

    #[test]
    fn a_file_with_secretmem_in_its_name_is_not_secret_memory() {
        let mapping = Mapping::parse("1000-2000 rw-s 00000000 00:0f 7 /home/secretmem").unwrap();
        assert!(!mapping.is_secret_memory());
    }
}
