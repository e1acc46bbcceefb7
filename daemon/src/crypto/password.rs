//! Argon2id (RFC 9106, version 1.3) over secrets in secret memory. The matrix does not fit into the arena: it is
//! ordinary memory that is wiped.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use coffer_protocol::ErrorCode;
use zeroize::Zeroize;

use crate::Error;

/// What a derivation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes, computed one after the other.
    pub lanes: u32,
}

impl Costs {
    /// The parameters for an output of `length` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidValue`] for costs that Argon2 does not have.
    pub fn params(self, length: usize) -> Result<Params, Error> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(length));
        params.map_err(|_| ErrorCode::InvalidValue.into())
    }
}

/// Derives from a password without a pepper, inside the vault; says whether it could.
pub fn derive(
    password: &[u8],
    salt: &[u8],
    params: Params,
    matrix: &mut Matrix,
    out: &mut [u8],
) -> bool {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, out, matrix.blocks())
        .is_ok()
}

/// Above 32 MiB, glibc maps every allocation by itself and unmaps it when it is freed. Smaller ones raise its
/// threshold and then stay in the process as free heap. What is not used of this is never touched.
const RESERVED_BLOCKS: usize = 33 << 10;

/// The matrix of one derivation: ordinary memory, wiped before it is freed.
pub struct Matrix(Vec<Block>);

impl Matrix {
    /// A matrix of so many blocks of 1 KiB.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OutOfMemory`].
    pub fn new(blocks: usize) -> Result<Self, Error> {
        let mut matrix = Vec::new();
        matrix
            .try_reserve_exact(blocks.max(RESERVED_BLOCKS))
            .map_err(|_| ErrorCode::OutOfMemory)?;
        matrix.resize(blocks, Block::new());
        Ok(Self(matrix))
    }

    /// Its blocks.
    pub fn blocks(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        self.0.iter_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_argon2id_of_version_13() {
        // The reference implementation's test.c: argon2id, v=19, t=2, m=2^16 KiB, p=1, "password", "somesalt".
        let costs = Costs { memory: 65_536, passes: 2, lanes: 1 };
        let params = costs.params(32).unwrap();
        let mut matrix = Matrix::new(params.block_count()).unwrap();
        let mut out = [0; 32];
        assert!(derive(b"password", b"somesalt", params, &mut matrix, &mut out));
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(hex::encode(out), expected);
    }
}
