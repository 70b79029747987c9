//! Keys that have the right form and are no good.

/// Whether an RSA modulus bears the fingerprint of the library that made its primes as `k * M + 65537^a mod M`, with `M`
/// a product of small primes (ROCA, CVE-2017-15361): such a modulus can be factored.
///
/// Modulo each of those primes it is a power of 65537. By chance that happens to one modulus in 2^27 or so.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    // The primes that `M` has for keys of every size.
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|&prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let generator = 65537 % prime;
        let mut power = 1;
        // The powers run in a circle that is never longer than this.
        (1..prime).any(|_| {
            power = power * generator % prime;
            power == rest
        })
    })
}

/// Whether a point of Ed25519 has a small order, or is not written in its one canonical way. With a key of small order
/// a signature that suits any message can be made without a private key; RFC 8032 leaves that to the caller.
pub(super) fn is_small_or_strange(point: &[u8; 32]) -> bool {
    // The y of the points of order 1, 2, 4 and 8, little-endian; the x's sign is in the last bit.
    const LOW: [[u8; 32]; 5] = [
        hex(b"0100000000000000000000000000000000000000000000000000000000000000"),
        hex(b"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex(b"0000000000000000000000000000000000000000000000000000000000000000"),
        hex(b"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex(b"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];
    let mut y = *point;
    y[31] &= 0x7f;
    // 2^255 - 19 and more.
    let is_above_the_field = y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) && y[0] >= 0xed;
    is_above_the_field || LOW.contains(&y)
}

/// The bytes of a text in lower-case hexadecimal.
const fn hex(text: &[u8; 64]) -> [u8; 32] {
    const fn nibble(digit: u8) -> u8 {
        if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 }
    }
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i] = nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]);
        i += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};

    #[test]
    fn keys_of_small_order_are_known() {
        // The neutral element: the empty signature, R the neutral element and S zero, suits every message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let accepted = ParsedPublicKey::new(&ED25519, neutral).map(|key| key.verify_sig(b"any message", &signature));
        assert!(matches!(accepted, Ok(Ok(()))), "then the check is not needed: {accepted:?}");
        assert!(is_small_or_strange(&neutral));
        for strange in [[0xff; 32], hex(b"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] {
            assert!(is_small_or_strange(&strange));
        }
        let mut signed = hex(b"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
        signed[31] |= 0x80;
        assert!(is_small_or_strange(&signed));
    }

    #[test]
    fn an_ordinary_key_is_not_weak() {
        for _ in 0..50 {
            let pair = Ed25519KeyPair::generate().expect("a key");
            let public: [u8; 32] = pair.public_key().as_ref().try_into().expect("32 bytes");
            assert!(!is_small_or_strange(&public));
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_powers() {
        // 65537 itself is its own first power.
        assert!(is_roca(&[1, 0, 1]));
        // 2 is not among the powers of 65537 modulo 11 (1 and 10).
        assert!(!is_roca(&[2]));
        // A multiple of 3 is no power modulo 3.
        assert!(!is_roca(&[3]));
    }
}
