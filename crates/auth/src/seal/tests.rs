use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const NEW: &str = "2026:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OLD: &str = "2025:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

fn read(keys: &str) -> Result<Aes256GcmSeal, SealKeysError> {
    Aes256GcmSeal::from_keys(&keys.into())
}

fn of(keys: &str) -> Aes256GcmSeal {
    read(keys).expect("good keys")
}

#[test]
fn what_is_sealed_opens_in_its_place_only() {
    let seal = of(NEW);
    for text in ["", "Why?", "hält, 輪 🪢", &"long ".repeat(10_000)] {
        let sealed = seal.seal(b"message 1", text).expect("sealed");
        assert_eq!(sealed.key, "2026");
        assert_eq!(sealed.text.len(), (text.len() + 12 + 16).div_ceil(3) * 4);
        assert_eq!(seal.open(b"message 1", &sealed).expect("opened"), text);
        for place in [b"message 2".as_slice(), b"", b"message 1 "] {
            assert!(matches!(seal.open(place, &sealed), Err(SealError::Damaged)));
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let seal = of(NEW);
    let sealed = seal.seal(b"here", "Nobody changes this.").expect("sealed");
    let bytes = STANDARD.decode(&sealed.text).expect("base64");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let changed = Sealed { text: STANDARD.encode(changed), ..sealed.clone() };
            assert!(matches!(seal.open(b"here", &changed), Err(SealError::Damaged)), "byte {at}, bit {bit}");
        }
    }
    for length in 0..bytes.len() {
        let shorter = Sealed { text: STANDARD.encode(&bytes[..length]), ..sealed.clone() };
        assert!(matches!(seal.open(b"here", &shorter), Err(SealError::Damaged)), "{length} bytes");
    }
    for text in ["", "no base64!", &format!("{}=", sealed.text)] {
        let odd = Sealed { text: text.to_owned(), ..sealed.clone() };
        assert!(matches!(seal.open(b"here", &odd), Err(SealError::Damaged)), "{text}");
    }
}

#[test]
fn the_same_text_is_never_sealed_alike() {
    let seal = of(NEW);
    let nonce = |_| STANDARD.decode(seal.seal(b"", "x").expect("sealed").text).expect("base64")[..12].to_vec();
    assert_eq!((0..2_000).map(nonce).collect::<HashSet<_>>().len(), 2_000);
}

#[test]
fn the_first_key_seals_and_all_open() {
    let (before, between, after) = (of(OLD), of(&format!(" {NEW} , {OLD},")), of(NEW));
    let old = before.seal(b"here", "old").expect("sealed");
    let new = between.seal(b"here", "new").expect("sealed");
    assert_eq!((between.key(), old.key.as_str(), new.key.as_str()), ("2026", "2025", "2026"));
    assert_eq!(between.open(b"here", &old).expect("opened"), "old");
    assert_eq!(after.open(b"here", &new).expect("opened"), "new");
    assert!(matches!(after.open(b"here", &old), Err(SealError::UnknownKey(key)) if key == "2025"));
    // Another key under a name that is known.
    let other = Sealed { key: "2026".to_owned(), ..old };
    assert!(matches!(after.open(b"here", &other), Err(SealError::Damaged)));
}

#[test]
fn each_fault_is_named_and_no_key_shown() {
    use SealKeysError::{Base64, Empty, Length, Name, SameName, Unnamed, Weak};
    let key = NEW.split_once(':').expect("a name").1;
    let zeros = STANDARD.encode([0; 32]);
    for (keys, fault) in [
        (String::new(), Empty),
        (" , ".to_owned(), Empty),
        (key.to_owned(), Unnamed { number: 1 }),
        (format!("{OLD},{key}"), Unnamed { number: 2 }),
        (format!(":{key}"), Name { number: 1 }),
        (format!("a b:{key}"), Name { number: 1 }),
        (format!("{key}:2026"), Name { number: 1 }),
        (format!("{NEW},{NEW}"), SameName { number: 2 }),
        ("a:no+base64!".to_owned(), Base64 { number: 1 }),
        (format!("a:{}", &key[..43]), Base64 { number: 1 }),
        (format!("a:{}", STANDARD.encode([1; 31])), Length { number: 1 }),
        (format!("a:{}", STANDARD.encode([1; 33])), Length { number: 1 }),
        (format!("a:{}", STANDARD.encode([1; 64])), Length { number: 1 }),
        ("a:".to_owned(), Length { number: 1 }),
        (format!("{NEW},b:{zeros}"), Weak { number: 2 }),
    ] {
        let found = read(&keys).expect_err("a fault");
        assert_eq!(found, fault, "{keys}");
        assert!(!found.to_string().contains("AAEC") && !found.to_string().contains("2026"), "{found}");
    }
}

#[test]
fn debug_shows_names_only() {
    assert_eq!(format!("{:?}", of(&format!("{NEW},{OLD}"))), r#"Aes256GcmSeal { keys: ["2026", "2025"], .. }"#);
}

/// Test case 16 of the submission of GCM to NIST (2004).
#[test]
fn a_known_answer_opens() {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte")).collect()
    };
    let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let nonce = bytes("cafebabefacedbaddecaf888");
    let place = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let text = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let ciphertext = bytes(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    );
    let tag = bytes("76fc6ece0f4e1768cddf8853bb2d551b");
    let seal = of(&format!("case-16:{}", STANDARD.encode(key)));
    let sealed = Sealed { key: "case-16".to_owned(), text: STANDARD.encode([nonce, ciphertext, tag].concat()) };
    assert_eq!(seal.open_bytes(&place, &sealed).expect("opened"), text);
    assert!(matches!(seal.open(&place, &sealed), Err(SealError::Damaged)), "it is no text");
}

proptest! {
    #[test]
    fn a_round_trip_is_the_text(
        place in proptest::collection::vec(any::<u8>(), 0..40),
        other in proptest::collection::vec(any::<u8>(), 0..40),
        text in "\\PC{0,300}",
    ) {
        let seal = of(NEW);
        let sealed = seal.seal(&place, &text).expect("sealed");
        prop_assert_eq!(seal.open(&place, &sealed).expect("opened"), text);
        prop_assert_eq!(seal.open(&other, &sealed).is_ok(), other == place);
    }

    #[test]
    fn nothing_that_was_not_sealed_opens(text in "\\PC{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let seal = of(NEW);
        for text in [text, STANDARD.encode(bytes)] {
            let never_sealed = Sealed { key: "2026".to_owned(), text };
            prop_assert!(seal.open(b"", &never_sealed).is_err());
        }
    }
}
