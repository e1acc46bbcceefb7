//! Registers of 64-bit Arm: v0 to v31 and those integer ones that a call may change.
use std::arch::asm;

/// There is nothing to find out: Advanced SIMD is always present.
pub(in crate::vault) fn detect() {}

/// Writes zero to all vector registers and to the caller-saved integer ones; of the callee-saved ones
/// the compiler keeps what belongs to the caller.
#[inline]
pub(in crate::vault) fn wipe() {
    macro_rules! clear {
        ($($vector:tt)*) => {
            // SAFETY: writes only registers that are declared as outputs; Advanced SIMD is part of
            // the base architecture of this target.
            unsafe {
                asm!(
                    $(concat!("movi ", $vector, ".2d, #0"),)*
                    $(out($vector) _,)*
                    options(nostack, preserves_flags)
                );
            }
        };
    }
    clear!("v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v8" "v9" "v10" "v11" "v12" "v13" "v14" "v15"
        "v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23" "v24" "v25" "v26" "v27" "v28" "v29" "v30"
        "v31");
    macro_rules! clear_integers {
        ($($register:tt)*) => {
            // SAFETY: writes only registers that are declared as outputs.
            unsafe {
                asm!(
                    $(concat!("mov ", $register, ", xzr"),)*
                    $(out($register) _,)*
                    options(nostack, preserves_flags)
                );
            }
        };
    }
    clear_integers!("x0" "x1" "x2" "x3" "x4" "x5" "x6" "x7" "x8" "x9" "x10" "x11" "x12" "x13" "x14"
        "x15" "x16" "x17");
}
