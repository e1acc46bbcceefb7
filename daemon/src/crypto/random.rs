//! Random bytes from the kernel, `getrandom(2)`.

use getrandom::SysRng;
use rand_core::UnwrapErr;

use super::Error;

/// Fills `bytes` with random bytes.
pub fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    Ok(getrandom::fill(bytes)?)
}

/// An array of random bytes.
pub fn array<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// The kernel's generator for libraries that expect it never to fail.
///
/// It is tried first. `getrandom(2)` fails only before the kernel's pool is seeded or where it is
/// forbidden, and neither begins later; should it happen, the panic ends the call without a key.
pub(super) fn tested() -> Result<UnwrapErr<SysRng>, Error> {
    fill(&mut [0; 16])?;
    Ok(UnwrapErr(SysRng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(array::<32>().unwrap(), array::<32>().unwrap());
    }

    #[test]
    fn a_long_buffer_is_filled_to_its_end() {
        let mut bytes = vec![0; 1 << 16];
        fill(&mut bytes).unwrap();
        assert!(bytes.rchunks(32).next().unwrap().iter().any(|byte| *byte != 0));
    }
}
