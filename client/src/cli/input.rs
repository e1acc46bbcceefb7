//! Standard input and files without a buffer of the standard library, which would keep what it read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use zeroize::Zeroizing;

/// Standard input, unbuffered.
pub(crate) fn standard() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Reads to the end or to `most` bytes, into a buffer that never moves.
pub(crate) fn read_up_to(mut input: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; most]);
    let mut length = 0;
    while length < most {
        match input.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads one line of at most `most` bytes, its end left out, and nothing after it.
pub(crate) fn read_line(mut input: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    while line.len() < most {
        let byte = read_up_to(&mut input, 1)?;
        match byte.first() {
            None | Some(b'\n') => break,
            Some(byte) => line.push(*byte),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_asked_for() {
        for (length, read) in [(0, 0), (1, 1), (4096, 4096), (4097, 4096)] {
            assert_eq!(read_up_to(&vec![7; length][..], 4096).unwrap().len(), read);
        }
    }

    #[test]
    fn lines_come_one_by_one_without_their_ends() {
        let mut input = "one\r\ntwo\n\nlast".as_bytes();
        for line in ["one", "two", "", "last", ""] {
            assert_eq!(*read_line(&mut input, 100).unwrap(), line.as_bytes());
        }
        assert_eq!(read_line("12345".as_bytes(), 3).unwrap().len(), 3);
    }
}
