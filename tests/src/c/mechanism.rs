//! Mechanisms with their parameters.

use std::marker::PhantomData;
use std::ptr::{from_ref, null_mut};

use cryptoki_sys::{CK_MECHANISM, CK_MECHANISM_TYPE, CK_ULONG};

use super::{input, length};

/// A mechanism with its parameter, which lives as long.
#[derive(Clone, Copy, Debug)]
pub struct Mechanism<'a>(pub(super) CK_MECHANISM, PhantomData<&'a ()>);

/// A mechanism without a parameter.
#[must_use]
pub const fn plain(kind: CK_MECHANISM_TYPE) -> Mechanism<'static> {
    let raw = CK_MECHANISM { mechanism: kind, pParameter: null_mut(), ulParameterLen: 0 };
    Mechanism(raw, PhantomData)
}

/// A mechanism with a structure, a number or an array. What the module is to write stands behind pointers in it, made
/// of what is mutable.
pub const fn with<T>(kind: CK_MECHANISM_TYPE, parameter: &T) -> Mechanism<'_> {
    let raw = CK_MECHANISM {
        mechanism: kind,
        pParameter: from_ref(parameter).cast_mut().cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    };
    Mechanism(raw, PhantomData)
}

/// A mechanism with so many bytes.
#[must_use]
pub const fn with_bytes(kind: CK_MECHANISM_TYPE, parameter: &[u8]) -> Mechanism<'_> {
    let raw = CK_MECHANISM {
        mechanism: kind,
        pParameter: input(parameter).cast(),
        ulParameterLen: length(parameter),
    };
    Mechanism(raw, PhantomData)
}
