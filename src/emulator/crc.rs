//! The CRC of a whole from the CRCs of its pieces, by matrices over GF(2).
//!
//! Appending `n` zero bytes to a message is a linear map of its CRC register. The map of one zero bit is a matrix;
//! squaring it gives the map of two, four, eight bits and so on.

/// A reflected CRC, whose register begins and ends inverted, so that both inversions cancel out in a combination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crc {
    bits: usize,
    /// In its reflected form.
    polynomial: u64,
}

/// CRC-64/XZ, which COS calls CRC64ECMA: 0x42F0E1EBA9EA3693.
pub(super) const XZ: Crc = Crc { bits: 64, polynomial: 0xC96C_5795_D787_0F42 };
/// CRC-64/NVME: 0xAD93D23594C93659.
pub(super) const NVME: Crc = Crc { bits: 64, polynomial: 0x9A6C_9329_AC4B_C9B5 };
/// CRC-32/ISO-HDLC: 0x04C11DB7.
pub(super) const CRC32: Crc = Crc { bits: 32, polynomial: 0xEDB8_8320 };
/// CRC-32/ISCSI, or Castagnoli's: 0x1EDC6F41.
pub(super) const CRC32C: Crc = Crc { bits: 32, polynomial: 0x82F6_3B78 };

/// Row `i` is what bit `i` of the register becomes.
type Matrix = [u64; 64];

/// The CRC of two pieces in a row, from the CRC of each and the length of the second.
pub(super) fn combine(crc: Crc, first: u64, second: u64, second_len: u64) -> u64 {
    let mut register = first;
    let mut remaining = second_len;
    let mut zeros = one_zero_byte(crc);
    while remaining > 0 {
        if remaining & 1 == 1 {
            register = apply(&zeros, register);
        }
        remaining >>= 1;
        zeros = square(&zeros);
    }
    register ^ second
}

fn one_zero_byte(crc: Crc) -> Matrix {
    let mut one_bit = [0; 64];
    one_bit[0] = crc.polynomial;
    for (bit, row) in one_bit.iter_mut().enumerate().take(crc.bits).skip(1) {
        *row = 1 << (bit - 1);
    }
    square(&square(&square(&one_bit)))
}

fn apply(matrix: &Matrix, mut register: u64) -> u64 {
    let mut sum = 0;
    while register != 0 {
        sum ^= matrix[register.trailing_zeros() as usize];
        register &= register - 1;
    }
    sum
}

fn square(matrix: &Matrix) -> Matrix {
    let mut squared = [0; 64];
    for (row, &image) in squared.iter_mut().zip(matrix) {
        *row = apply(matrix, image);
    }
    squared
}

#[cfg(test)]
mod tests {
    use crc_fast::CrcAlgorithm;

    use super::*;

    #[test]
    fn the_check_value_is_the_published_one() {
        let crc = |bytes| crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes);
        assert_eq!(crc(b"123456789"), 11_051_210_869_376_104_954);
        // The bodies of the documentation's samples, brackets included.
        assert_eq!(crc(b"[Object Content]"), 16_749_565_679_157_681_890);
        assert_eq!(crc(b"[Object Part]"), 4_510_578_591_875_220_731);
    }

    #[test]
    fn every_cut_combines_to_the_whole() {
        let whole: Vec<u8> = (0..1000_u32).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
        for (ours, theirs) in [
            (XZ, CrcAlgorithm::Crc64Xz),
            (NVME, CrcAlgorithm::Crc64Nvme),
            (CRC32, CrcAlgorithm::Crc32IsoHdlc),
            (CRC32C, CrcAlgorithm::Crc32Iscsi),
        ] {
            let crc = |bytes| crc_fast::checksum(theirs, bytes);
            for cut in 0..=whole.len() {
                let (first, second) = whole.split_at(cut);
                let combined = combine(ours, crc(first), crc(second), second.len() as u64);
                assert_eq!(combined, crc(&whole), "{theirs:?} cut at {cut}");
            }
        }
    }
}
