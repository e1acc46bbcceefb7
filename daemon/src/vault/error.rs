//! What can go wrong in the vault.
use nix::errno::Errno;
use std::fmt;

/// Why the vault refused. No variant carries secret bytes, nor text made inside [`run`](fn@super::run).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A system call failed: which step, and why.
    Os(&'static str, Errno),
    /// The kernel gives no `memfd_secret` memory, and the configuration requires it.
    NoSecretMemory(Errno),
    /// The fallback memory could not be locked (`RLIMIT_MEMLOCK`).
    NotLocked(Errno),
    /// A size in [`Config`](super::Config) is outside of its limits.
    Size(&'static str),
    /// The vault is initialised twice, or not at all.
    State,
    /// `run` was called inside `run`.
    Nested,
    /// The closure panicked.
    Panicked,
    /// The arena has no room.
    Full,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Os(step, errno) => write!(f, "{step}: {}", errno.desc()),
            Error::NoSecretMemory(Errno::ENOSYS) => f.write_str(
                "the kernel has no memfd_secret(2): Linux 5.14 to 6.4, as in Debian 12, needs \
                 secretmem.enable=1 on its command line; or set secret_memory = \"locked\"",
            ),
            Error::NoSecretMemory(errno @ (Errno::EAGAIN | Errno::ENOMEM)) => write!(
                f,
                "no room for memfd_secret(2) memory: {}; raise LimitMEMLOCK= to at least 8M",
                errno.desc()
            ),
            Error::NoSecretMemory(errno) => write!(
                f,
                "memfd_secret(2) is refused: {}; a system call filter, or a kernel older than 6.5 \
                 without secretmem.enable=1",
                errno.desc()
            ),
            Error::NotLocked(errno) => write!(
                f,
                "secret memory could not be locked: {}; raise LimitMEMLOCK= to at least 8M",
                errno.desc()
            ),
            Error::Size(what) => write!(f, "the vault's {what} is outside of its limits"),
            Error::State => f.write_str("the vault is initialised twice or not at all"),
            Error::Nested => f.write_str("already inside the vault"),
            Error::Panicked => f.write_str("an operation inside the vault panicked"),
            Error::Full => f.write_str("no room in secret memory"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_secret_memory_is_told_how_to_get_it() {
        let text = Error::NoSecretMemory(Errno::ENOSYS).to_string();
        assert!(text.contains("secretmem.enable=1") && text.contains("Debian 12"), "{text}");
        let text = Error::NoSecretMemory(Errno::EAGAIN).to_string();
        assert!(text.contains("LimitMEMLOCK"), "{text}");
    }
}
