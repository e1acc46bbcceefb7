//! Descriptors that a forked child has from its parent: it may have closed them, and opened something else in their
//! place, before it gives them up.

use std::fs::read_link;
use std::os::fd::RawFd;

/// A descriptor, and which socket it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    descriptor: RawFd,
    inode: Option<u64>,
}

impl Noted {
    /// Notes a descriptor.
    pub(crate) fn of(descriptor: RawFd) -> Self {
        Self { descriptor, inode: inode(descriptor) }
    }

    /// The descriptor.
    pub(crate) fn descriptor(self) -> RawFd {
        self.descriptor
    }

    /// Whether it is that socket still; where nobody said which one it was, it is taken to be.
    pub(crate) fn is_same(self) -> bool {
        self.inode.is_none() || inode(self.descriptor) == self.inode
    }
}

/// The inode of a socket, which no two have at a time; `None` where there is no such socket, or no /proc.
fn inode(descriptor: RawFd) -> Option<u64> {
    let link = read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn another_socket_in_the_place_of_one_is_not_the_same() {
        let (one, other) = UnixStream::pair().unwrap();
        let (noted, another) = (Noted::of(one.as_raw_fd()), Noted::of(other.as_raw_fd()));
        assert!(noted.is_same() && another.is_same() && noted.inode.is_some());
        assert!(!Noted { descriptor: other.as_raw_fd(), ..noted }.is_same());
        assert!(!Noted { descriptor: -1, ..noted }.is_same());
    }
}
