//! CRC-64/XZ of a whole from the CRCs of its pieces, by matrices over GF(2).
//!
//! Appending `n` zero bytes to a message is a linear map of its CRC register. The map of one zero bit is a matrix;
//! squaring it gives the map of two, four, eight bits and so on.

/// The reflected form of the polynomial 0x42F0E1EBA9EA3693.
const POLYNOMIAL: u64 = 0xC96C_5795_D787_0F42;

/// Row `i` is what bit `i` of the register becomes.
type Matrix = [u64; 64];

/// The CRC of two pieces in a row, from the CRC of each and the length of the second.
pub(super) fn combine(first: u64, second: u64, second_len: u64) -> u64 {
    let mut register = first;
    let mut remaining = second_len;
    let mut zeros = one_zero_byte();
    while remaining > 0 {
        if remaining & 1 == 1 {
            register = apply(&zeros, register);
        }
        remaining >>= 1;
        zeros = square(&zeros);
    }
    register ^ second
}

fn one_zero_byte() -> Matrix {
    let mut one_bit = [0; 64];
    one_bit[0] = POLYNOMIAL;
    for (bit, row) in one_bit.iter_mut().enumerate().skip(1) {
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
    use super::*;

    fn crc(bytes: &[u8]) -> u64 {
        crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, bytes)
    }

    #[test]
    fn the_check_value_is_the_published_one() {
        assert_eq!(crc(b"123456789"), 11_051_210_869_376_104_954);
        // The bodies of the documentation's samples, brackets included.
        assert_eq!(crc(b"[Object Content]"), 16_749_565_679_157_681_890);
        assert_eq!(crc(b"[Object Part]"), 4_510_578_591_875_220_731);
    }

    #[test]
    fn every_cut_combines_to_the_whole() {
        let whole: Vec<u8> = (0..1000_u32).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
        for cut in 0..=whole.len() {
            let (first, second) = whole.split_at(cut);
            assert_eq!(combine(crc(first), crc(second), second.len() as u64), crc(&whole), "cut at {cut}");
        }
    }
}
