//! Registers of x86-64: all vector and mask registers and those integer ones that a call may change.
use std::arch::asm;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

const SSE: u8 = 0;
const AVX: u8 = 1;
/// Without VL, an unusual processor: 512-bit forms only.
const AVX512: u8 = 2;
const AVX512_VL: u8 = 3;

static LEVEL: AtomicU8 = AtomicU8::new(SSE);

/// Finds out which registers there are. Called by `init`.
pub(in crate::vault) fn detect() {
    let level = if std::is_x86_feature_detected!("avx512vl") {
        AVX512_VL
    } else if std::is_x86_feature_detected!("avx512f") {
        AVX512
    } else if std::is_x86_feature_detected!("avx") {
        AVX
    } else {
        SSE
    };
    LEVEL.store(level, Relaxed);
}

/// Writes zero to all vector, mask and caller-saved integer registers. The callee-saved ones hold the
/// caller's own values again.
#[inline]
pub(in crate::vault) fn wipe() {
    let level = LEVEL.load(Relaxed);
    if level == SSE {
        wipe_sse();
    } else {
        // SAFETY: `detect` found AVX, which every higher level implies.
        unsafe { wipe_avx() };
    }
    if level == AVX512_VL {
        // SAFETY: `detect` found AVX-512 with VL.
        unsafe { wipe_upper_vl() };
    } else if level == AVX512 {
        // SAFETY: `detect` found AVX-512F.
        unsafe { wipe_upper() };
    }
    wipe_integers();
}

/// Instructions that change xmm0 to xmm15, or the wider registers these are part of.
macro_rules! low_vectors {
    ($($line:tt)*) => {
        asm!(
            $($line)*
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _,
            out("xmm5") _, out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _,
            out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _,
            out("xmm15") _, options(nostack)
        )
    };
}

#[inline]
fn wipe_sse() {
    // SAFETY: SSE is part of x86-64; all written registers are declared.
    unsafe {
        low_vectors!(
            "xorps xmm0, xmm0",
            "xorps xmm1, xmm1",
            "xorps xmm2, xmm2",
            "xorps xmm3, xmm3",
            "xorps xmm4, xmm4",
            "xorps xmm5, xmm5",
            "xorps xmm6, xmm6",
            "xorps xmm7, xmm7",
            "xorps xmm8, xmm8",
            "xorps xmm9, xmm9",
            "xorps xmm10, xmm10",
            "xorps xmm11, xmm11",
            "xorps xmm12, xmm12",
            "xorps xmm13, xmm13",
            "xorps xmm14, xmm14",
            "xorps xmm15, xmm15",
        );
    }
}

/// Registers 0 to 15 in their full width.
///
/// # Safety
/// The processor has AVX.
#[inline]
unsafe fn wipe_avx() {
    // SAFETY: the caller knows that the instruction exists; all written registers are declared.
    unsafe { low_vectors!("vzeroall",) };
}

/// Instructions that clear registers 16 to 31, named by their width, and the masks. The 128-bit form
/// clears a whole register as well, without making the processor ready for 512-bit work.
macro_rules! clear_upper {
    ($width:literal) => {
        clear_upper!($width:
            16 "xmm16" 17 "xmm17" 18 "xmm18" 19 "xmm19" 20 "xmm20" 21 "xmm21"
            22 "xmm22" 23 "xmm23" 24 "xmm24" 25 "xmm25" 26 "xmm26" 27 "xmm27"
            28 "xmm28" 29 "xmm29" 30 "xmm30" 31 "xmm31")
    };
    ($width:literal: $($number:literal $register:tt)*) => {
        asm!(
            $(concat!("vpxord ", $width, $number, ", ", $width, $number, ", ", $width, $number),)*
            "kxorw k0, k0, k0", "kxorw k1, k1, k1", "kxorw k2, k2, k2", "kxorw k3, k3, k3",
            "kxorw k4, k4, k4", "kxorw k5, k5, k5", "kxorw k6, k6, k6", "kxorw k7, k7, k7",
            $(out($register) _,)*
            out("k0") _, out("k1") _, out("k2") _, out("k3") _, out("k4") _, out("k5") _,
            out("k6") _, out("k7") _, options(nostack)
        )
    };
}

/// # Safety
/// The processor has AVX-512F and VL.
#[inline]
unsafe fn wipe_upper_vl() {
    // SAFETY: the caller knows that the instructions exist; all written registers are declared.
    unsafe { clear_upper!("xmm") };
}

/// # Safety
/// The processor has AVX-512F.
#[inline]
unsafe fn wipe_upper() {
    // SAFETY: the caller knows that the instructions exist; all written registers are declared.
    unsafe { clear_upper!("zmm") };
}

#[inline]
fn wipe_integers() {
    // SAFETY: writes only registers that are declared as outputs.
    unsafe {
        asm!(
            "xor eax, eax", "xor ecx, ecx", "xor edx, edx", "xor esi, esi", "xor edi, edi",
            "xor r8d, r8d", "xor r9d, r9d", "xor r10d, r10d", "xor r11d, r11d",
            out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _,
            out("r9") _, out("r10") _, out("r11") _, options(nostack)
        );
    }
}
