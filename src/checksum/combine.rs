//! Appending bytes to a checksum without reading them: multiplication by a power of x modulo the polynomial.
//!
//! A CRC is the remainder of a polynomial over GF(2). Appending n bytes multiplies the polynomial by x^(8n), so the
//! remainder is multiplied by x^(8n) mod P as well; the complement before and after (all ones both times) cancels
//! out. crc-fast's own combining squares a 64 × 64 matrix for each bit of the length, which costs about a second for
//! the 10,000 parts of a large upload; this costs one multiplication for each bit that is set.

/// The polynomial of CRC-64/XZ, reflected: the coefficient of x^0 is the highest bit, and x^64 is left out.
const POLYNOMIAL: u64 = 0xC96C_5795_D787_0F42;

/// x^(8·2^k) mod P at position k: what appending 2^k bytes multiplies by.
const APPEND: [u64; 64] = {
    let mut table = [0; 64];
    table[0] = 1 << (63 - 8);
    let mut k = 1;
    while k < 64 {
        table[k] = multiply(table[k - 1], table[k - 1]);
        k += 1;
    }
    table
};

/// What a checksum becomes when `len` bytes follow, before their own checksum is added.
pub(super) fn shift(crc: u64, len: u64) -> u64 {
    (0..64).filter(|k| len >> k & 1 == 1).fold(crc, |crc, k| multiply(crc, APPEND[k]))
}

/// The product of two reflected polynomials modulo P.
const fn multiply(a: u64, b: u64) -> u64 {
    let mut product = 0;
    let mut left = a;
    let mut term = b;
    while left != 0 {
        // Without branches on the bits, which are as good as random.
        product ^= term & 0_u64.wrapping_sub(left >> 63);
        term = (term >> 1) ^ (POLYNOMIAL & 0_u64.wrapping_sub(term & 1));
        left <<= 1;
    }
    product
}
