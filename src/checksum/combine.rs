//! Appending bytes to a checksum without reading them: multiplication by a power of x modulo the polynomial.
//!
//! A CRC is the remainder of a polynomial over GF(2). Appending n bytes multiplies the polynomial by x^(8n), so the
//! remainder is multiplied by x^(8n) mod P as well; the complement before and after (all ones both times) cancels
//! out. crc-fast's own combining squares a 64 × 64 matrix for each bit of the length, which costs about a second for
//! the 10,000 parts of a large upload; this costs one multiplication for each bit that is set.

/// The polynomials modulo P, as an algorithm computes with them.
#[derive(Debug)]
pub(super) struct Ring {
    polynomial: u64,
    /// The degree of P: 64 or 32.
    width: u32,
    /// x^(8·2^k) mod P at position k: what appending 2^k bytes multiplies by.
    append: [u64; 64],
}

/// CRC-64/XZ.
pub(super) static CRC64_XZ: Ring = Ring::new(0xC96C_5795_D787_0F42, 64);
/// CRC-64/NVME.
pub(super) static CRC64_NVME: Ring = Ring::new(0x9A6C_9329_AC4B_C9B5, 64);
/// CRC-32C.
pub(super) static CRC32C: Ring = Ring::new(0x82F6_3B78, 32);

impl Ring {
    /// By P, reflected: the coefficient of x^0 is the highest bit, and that of x^`width` is left out.
    const fn new(polynomial: u64, width: u32) -> Self {
        let mut ring = Self { polynomial, width, append: [0; 64] };
        ring.append[0] = 1 << (width - 1 - 8);
        let mut k = 1;
        while k < 64 {
            ring.append[k] = ring.multiply(ring.append[k - 1], ring.append[k - 1]);
            k += 1;
        }
        ring
    }

    /// What a checksum becomes when `len` bytes follow, before their own checksum is added.
    pub(super) fn shift(&self, crc: u64, len: u64) -> u64 {
        (0..64).filter(|k| len >> k & 1 == 1).fold(crc, |crc, k| self.multiply(crc, self.append[k]))
    }

    /// The product of two reflected polynomials modulo P.
    const fn multiply(&self, a: u64, b: u64) -> u64 {
        let mut product = 0;
        // The coefficient of x^0 comes first.
        let mut left = a << (64 - self.width);
        let mut term = b;
        while left != 0 {
            // Without branches on the bits, which are as good as random.
            product ^= term & 0_u64.wrapping_sub(left >> 63);
            term = (term >> 1) ^ (self.polynomial & 0_u64.wrapping_sub(term & 1));
            left <<= 1;
        }
        product
    }
}
