//! Functions by address, with words: for calls that are wrong on purpose.

use cryptoki_sys::CK_RV;

macro_rules! arities {
    ($address:ident $arguments:ident: $( $count:literal ( $($at:literal)* ) )*) => {
        match $arguments.len() {
            $( $count => {
                type Function = unsafe extern "C" fn($( arities!(@word $at) ),*) -> CK_RV;
                // SAFETY: the address is that of a function with so many arguments, each of which travels as a word:
                // numbers and pointers, and one byte of which the callee looks at no more.
                let function = unsafe { std::mem::transmute::<usize, Function>($address) };
                // SAFETY: pointers are null or lead to memory that lives during the call and is as long as the lengths
                // beside them say, or the lengths are such that nothing can be so long.
                unsafe { function($( $arguments[$at] ),*) }
            } )*
            other => panic!("no function has {other} arguments"),
        }
    };
    (@word $at:literal) => { usize };
}

/// Calls the function at an address, which is one of the module's, with what it takes and what it must refuse.
///
/// # Panics
///
/// Where no function has so many arguments.
pub fn call(address: usize, arguments: &[usize]) -> CK_RV {
    arities! {
        address arguments:
        1 (0)
        2 (0 1)
        3 (0 1 2)
        4 (0 1 2 3)
        5 (0 1 2 3 4)
        6 (0 1 2 3 4 5)
        7 (0 1 2 3 4 5 6)
        8 (0 1 2 3 4 5 6 7)
        9 (0 1 2 3 4 5 6 7 8)
        10 (0 1 2 3 4 5 6 7 8 9)
    }
}
