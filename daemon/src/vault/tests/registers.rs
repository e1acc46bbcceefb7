//! Are the vector registers clean? They are filled, and stored to memory, by instructions of our own.
#![cfg(target_arch = "x86_64")]
use crate::vault::{Depth, init_for_tests, registers, run};
use std::arch::asm;
use std::hint::black_box;

const MARK: u8 = 0x5A;
/// Bytes stored: 32 registers of 64 bytes.
const ROOM: usize = 32 * 64;

/// Instructions over the first 16 registers, 256 bits wide.
macro_rules! avx {
    ($($line:literal),*; $memory:expr) => {
        asm!($($line,)* at = in(reg) $memory,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _,
            out("xmm5") _, out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _,
            out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _,
            out("xmm15") _, options(nostack))
    };
}

/// Fills xmm and ymm registers, and the upper ones where there are any, with the mark.
#[inline]
fn fill(from: &[u8; ROOM]) {
    let memory = from.as_ptr();
    // SAFETY: reads `from`; the caller checked for AVX; written registers are declared.
    unsafe {
        avx!("vmovdqu ymm0, [{at}]", "vmovdqu ymm1, [{at}]", "vmovdqu ymm5, [{at}]",
             "vmovdqu ymm7, [{at}]", "vmovdqu ymm8, [{at}]", "vmovdqu ymm15, [{at}]"; memory);
    }
    if std::is_x86_feature_detected!("avx512f") {
        // SAFETY: as above, with AVX-512F.
        unsafe {
            asm!("vmovdqu32 zmm16, [{at}]", "vmovdqu32 zmm23, [{at}]", "vmovdqu32 zmm31, [{at}]",
                at = in(reg) memory, out("xmm16") _, out("xmm23") _, out("xmm31") _,
                options(nostack));
        }
    }
}

/// Stores the same registers and counts the marks.
#[inline]
fn marks(into: &mut [u8; ROOM]) -> usize {
    let memory = into.as_mut_ptr();
    // SAFETY: writes within `into`.
    unsafe {
        avx!("vmovdqu [{at}], ymm0", "vmovdqu [{at} + 32], ymm1", "vmovdqu [{at} + 64], ymm5",
             "vmovdqu [{at} + 96], ymm7", "vmovdqu [{at} + 128], ymm8",
             "vmovdqu [{at} + 160], ymm15"; memory);
    }
    if std::is_x86_feature_detected!("avx512f") {
        // SAFETY: as above, with AVX-512F.
        unsafe {
            asm!("vmovdqu32 [{at} + 192], zmm16", "vmovdqu32 [{at} + 256], zmm23",
                "vmovdqu32 [{at} + 320], zmm31", at = in(reg) memory, options(nostack));
        }
    }
    into.chunks(1).filter(|byte| byte == &[MARK]).count()
}

#[test]
fn no_vector_register_survives_the_wipe() {
    init_for_tests();
    if !std::is_x86_feature_detected!("avx") {
        return println!("skipped: no AVX");
    }
    let source = black_box([MARK; ROOM]);
    let mut found = black_box([0; ROOM]);
    fill(&source);
    assert!(marks(&mut found) >= 64, "the control must find what was put there");
    fill(&source);
    registers::wipe();
    assert_eq!(marks(&mut found), 0);
}

#[test]
fn no_vector_register_survives_a_run() {
    init_for_tests();
    if !std::is_x86_feature_detected!("avx") {
        return println!("skipped: no AVX");
    }
    let source = black_box([MARK; ROOM]);
    let mut found = black_box([0; ROOM]);
    run(Depth::Small, |_| fill(&source)).unwrap();
    assert_eq!(marks(&mut found), 0);
}
