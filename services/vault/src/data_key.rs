//! One client's data key: seals, opens and digests. Two keys are derived from it, so that no key does two things.

use std::fmt;

use events::values::{ClientId, EventId, Sealed};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::VaultError;
use crate::kek::KeyEncryptionKey;

const KEY_BYTES: usize = 32;
// Words that keep the uses of one key apart. Frozen: what is sealed would not open any more.
const SALT: &[u8] = b"insights vault 1";
const FOR_SEALING: &[u8] = b"seal";
const FOR_DIGESTS: &[u8] = b"digest";
const FOR_WRAPPING: &[u8] = b"wrapped data key";

/// A client's data key, unwrapped. Lives as long as one operation.
pub struct DataKey {
    bytes: [u8; KEY_BYTES],
    client: ClientId,
    version: u32,
}

impl DataKey {
    /// A new key for the client.
    pub fn generate(client: ClientId, version: u32) -> Result<Self, VaultError> {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
        Ok(Self { bytes, client, version })
    }

    /// Which version of the client's key it is.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The key under the key-encryption key: nonce, ciphertext, tag.
    pub fn wrap(&self, kek: &KeyEncryptionKey) -> Result<Vec<u8>, VaultError> {
        encrypt(kek.cipher(), &aad(self.client, self.version, FOR_WRAPPING, &[]), &self.bytes)
    }

    /// The key that was wrapped.
    pub fn unwrap(kek: &KeyEncryptionKey, client: ClientId, version: u32, wrapped: &[u8]) -> Result<Self, VaultError> {
        let bytes = decrypt(kek.cipher(), &aad(client, version, FOR_WRAPPING, &[]), wrapped);
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(VaultError::DoesNotOpen("data key"))?;
        Ok(Self { bytes, client, version })
    }

    /// The field, sealed for this event.
    pub fn seal(&self, event: EventId, field: &'static str, clear: &[u8]) -> Result<Sealed, VaultError> {
        let aad = aad(self.client, self.version, field.as_bytes(), event.uuid().as_bytes());
        encrypt(&self.sealing_key(), &aad, clear).map(Sealed::new)
    }

    /// The field that was sealed for this event.
    pub fn open(&self, event: EventId, field: &'static str, sealed: &Sealed) -> Result<Vec<u8>, VaultError> {
        let aad = aad(self.client, self.version, field.as_bytes(), event.uuid().as_bytes());
        decrypt(&self.sealing_key(), &aad, sealed.bytes()).ok_or(VaultError::DoesNotOpen(field))
    }

    /// A digest that nobody can try guesses against who has not the key.
    pub fn digest(&self, bytes: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.derive(FOR_DIGESTS));
        hmac::sign(&key, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn sealing_key(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.derive(FOR_SEALING)).expect("32 bytes are a key of AES-256");
        LessSafeKey::new(key)
    }

    fn derive(&self, purpose: &[u8]) -> [u8; KEY_BYTES] {
        struct Bytes;
        impl KeyType for Bytes {
            fn len(&self) -> usize {
                KEY_BYTES
            }
        }
        let secret: Prk = Salt::new(HKDF_SHA256, SALT).extract(&self.bytes);
        let mut key = [0; KEY_BYTES];
        secret
            .expand(&[purpose], Bytes)
            .and_then(|material| material.fill(&mut key))
            .expect("32 bytes are within what HKDF gives");
        key
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey(client {}, version {})", self.client, self.version)
    }
}

/// What a ciphertext is bound to. The parts of fixed length stand first, so no two lists spell the same bytes.
fn aad(client: ClientId, key_version: u32, what: &[u8], event: &[u8]) -> Vec<u8> {
    let mut aad = client.uuid().as_bytes().to_vec();
    aad.extend_from_slice(&key_version.to_be_bytes());
    aad.push(u8::from(!event.is_empty()));
    aad.extend_from_slice(event);
    aad.extend_from_slice(what);
    aad
}

/// Nonce, ciphertext and tag. The nonce is random: one key seals a handful of fields, far from the 2^32 of its bound.
fn encrypt(key: &LessSafeKey, aad: &[u8], clear: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
    let mut bytes = clear.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes)
        .expect("a field is far shorter than what one call of AES-GCM takes");
    Ok([nonce.as_slice(), &bytes].concat())
}

fn decrypt(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut bytes = ciphertext.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    Some(key.open_in_place(nonce, Aad::from(aad), &mut bytes).ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use events::values::{ClientId, CommandId, EventId, Sealed};

    use super::DataKey;
    use crate::VaultError;
    use crate::kek::KeyEncryptionKey;

    fn client(word: &str) -> ClientId {
        ClientId::created_by(CommandId::of(&[word]))
    }

    fn event(word: &str) -> EventId {
        EventId::of(CommandId::of(&[word]))
    }

    #[test]
    fn a_sealed_field_opens_only_for_its_event_its_field_and_its_client() {
        let key = DataKey { bytes: [3; 32], client: client("ana"), version: 1 };
        let sealed = key.seal(event("e"), "name", b"Ana").unwrap();
        assert_eq!(key.open(event("e"), "name", &sealed).unwrap(), b"Ana");

        let of_another = DataKey { client: client("rui"), ..key };
        let newer = DataKey { bytes: [3; 32], client: client("ana"), version: 2 };
        for (what, opened) in [
            ("another event", key.open(event("f"), "name", &sealed)),
            ("another field", key.open(event("e"), "email", &sealed)),
            ("another client", of_another.open(event("e"), "name", &sealed)),
            ("another version", newer.open(event("e"), "name", &sealed)),
        ] {
            assert!(matches!(opened, Err(VaultError::DoesNotOpen(_))), "{what}");
        }
    }

    #[test]
    fn no_bit_of_a_sealed_field_can_be_turned_and_no_byte_taken_off() {
        let key = DataKey::generate(client("ana"), 1).unwrap();
        let sealed = key.seal(event("e"), "name", b"Ana").unwrap();
        for bit in 0..sealed.bytes().len() * 8 {
            let mut bytes = sealed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(event("e"), "name", &Sealed::new(bytes)).is_err(), "bit {bit}");
        }
        for len in 0..sealed.bytes().len() {
            assert!(key.open(event("e"), "name", &Sealed::new(sealed.bytes()[..len].to_vec())).is_err(), "{len}");
        }
    }

    #[test]
    fn sealing_twice_gives_two_ciphertexts_and_digesting_twice_one_digest() {
        let key = DataKey::generate(client("ana"), 1).unwrap();
        assert_ne!(key.seal(event("e"), "name", b"Ana").unwrap(), key.seal(event("e"), "name", b"Ana").unwrap());
        assert_eq!(key.digest(b"body"), key.digest(b"body"));
        assert_ne!(key.digest(b"body"), key.digest(b"other"));
        let other = DataKey::generate(client("ana"), 1).unwrap();
        assert_ne!(key.digest(b"body"), other.digest(b"body"), "a digest needs the key");
    }

    #[test]
    fn what_is_sealed_today_opens_for_ever() {
        // Written down once: a change of salt, purpose or binding would leave every identity unreadable.
        let client = ClientId::parse("1de44776-fcf6-5175-b615-e6829eedd301").unwrap();
        let event = EventId::parse("bcd87619-0eb1-5d61-8358-6f93adf106b3").unwrap();
        let kek = KeyEncryptionKey::from_bytes([1; 32]);
        let key = DataKey::unwrap(&kek, client, 1, &unhex(GOLDEN_WRAPPED)).unwrap();
        let opened = key.open(event, "name", &Sealed::new(unhex(GOLDEN_SEALED))).unwrap();
        assert_eq!(opened, "José da Silva".as_bytes());
        assert_eq!(key.digest(b"body"), GOLDEN_DIGEST);
    }

    const GOLDEN_WRAPPED: &str = "07bbda256e1cfc8602923cfc304341a598b2b897a1a36377eed0f7de9dc9a6dcfd01e7039c419ab6a69ea0e361358351a264764b00666e063e4db863";
    const GOLDEN_SEALED: &str = "1fac324e948f7dd8278f5530f397e06cb34c75b878165f8c1512f6fa63569bee455b6ea8bf7857ae985f";
    const GOLDEN_DIGEST: &str = "beee540b2875cfbace1c87c0424b3850aebaf9150c64923377c792b57bd5444b";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_wrapped_key_opens_only_under_its_kek_and_for_its_client_and_version() {
        let (kek, other) = (KeyEncryptionKey::from_bytes([1; 32]), KeyEncryptionKey::from_bytes([2; 32]));
        let key = DataKey::generate(client("ana"), 1).unwrap();
        let wrapped = key.wrap(&kek).unwrap();
        assert_eq!(DataKey::unwrap(&kek, client("ana"), 1, &wrapped).unwrap().bytes, key.bytes);
        assert!(DataKey::unwrap(&other, client("ana"), 1, &wrapped).is_err());
        assert!(DataKey::unwrap(&kek, client("rui"), 1, &wrapped).is_err());
        assert!(DataKey::unwrap(&kek, client("ana"), 2, &wrapped).is_err());
    }
}
