# SPDX-License-Identifier: Apache-2.0
"""What a Python application does with a token: keys, signatures, ciphers, errors."""
import hashlib
import sys

import PyKCS11 as p

module, label, pin = sys.argv[1:4]
lib = p.PyKCS11Lib()
lib.load(module)
slot = next(s for s in lib.getSlotList(tokenPresent=True) if lib.getTokenInfo(s).label.strip() == label)
session = lib.openSession(slot, p.CKF_SERIAL_SESSION | p.CKF_RW_SESSION)
session.login(pin)

pub = [(p.CKA_TOKEN, True), (p.CKA_LABEL, "py"), (p.CKA_ID, (7,)), (p.CKA_VERIFY, True), (p.CKA_MODULUS_BITS, 2048),
       (p.CKA_PUBLIC_EXPONENT, (1, 0, 1))]
priv = [(p.CKA_TOKEN, True), (p.CKA_LABEL, "py"), (p.CKA_ID, (7,)), (p.CKA_SIGN, True), (p.CKA_PRIVATE, True)]
session.generateKeyPair(pub, priv)
key = session.findObjects([(p.CKA_CLASS, p.CKO_PRIVATE_KEY), (p.CKA_LABEL, "py")])[0]
verifier = session.findObjects([(p.CKA_CLASS, p.CKO_PUBLIC_KEY), (p.CKA_ID, (7,))])[0]
mechanism = p.Mechanism(p.CKM_SHA256_RSA_PKCS, None)
signature = session.sign(key, b"hello", mechanism)
assert session.verify(verifier, b"hello", signature, mechanism)
assert not session.verify(verifier, b"hullo", signature, mechanism)

aes = session.generateKey([(p.CKA_CLASS, p.CKO_SECRET_KEY), (p.CKA_KEY_TYPE, p.CKK_AES), (p.CKA_VALUE_LEN, 32), (p.CKA_TOKEN, False),
                           (p.CKA_ENCRYPT, True), (p.CKA_DECRYPT, True)])
# PyKCS11 1.5 refuses to encrypt an empty message itself, before it calls C_Encrypt: what arrives here is the first.
for text in (b"x", b"sixteen bytes ok", b"z" * 1000):
    cbc = p.Mechanism(p.CKM_AES_CBC_PAD, bytes(16))
    assert bytes(session.decrypt(aes, session.encrypt(aes, text, cbc), cbc)) == text, text
    gcm = p.AES_GCM_Mechanism(bytes(12), b"aad", 128)
    assert bytes(session.decrypt(aes, session.encrypt(aes, text, gcm), gcm)) == text, text
assert bytes(session.digest(b"abc", p.Mechanism(p.CKM_SHA256, None))) == hashlib.sha256(b"abc").digest()
assert len(session.generateRandom(32)) == 32

try:
    session.sign(key, b"x", p.Mechanism(p.CKM_ECDSA, None))
    raise SystemExit("an RSA key signs ECDSA")
except p.PyKCS11Error as e:
    assert e.value == p.CKR_KEY_TYPE_INCONSISTENT, e
try:
    session.getAttributeValue(key, [p.CKA_PRIVATE_EXPONENT])[0]
except p.PyKCS11Error as e:
    assert e.value == p.CKR_ATTRIBUTE_SENSITIVE, e
session.destroyObject(aes)
session.logout()
session.closeSession()
print("PyKCS11: keys, signatures, ciphers and errors as expected")
