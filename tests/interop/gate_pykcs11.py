# SPDX-License-Identifier: Apache-2.0
"""What a caller with nothing but a PIN string does at a slot that asks for evidence.

gate_pykcs11.py MODULE LABEL sign PIN KEY             logs in with the string, finds the key by class and label, signs a digest
gate_pykcs11.py MODULE LABEL elsewhere TOOL SOURCE    asks for a challenge, has TOOL answer it on this machine, logs in with the answer
gate_pykcs11.py MODULE LABEL key PIN KEY OUT          makes a PoAI key and writes its attestation (OUT.json) and public key (OUT.der)
"""
import hashlib
import subprocess
import sys

import PyKCS11 as p

CKO_HW_FEATURE = 5
CHALLENGE, KEY_ATTESTATION = 0x80485A10, 0x80485A0D
SECP256K1 = bytes.fromhex("06052b8104000a")

module, label, what = sys.argv[1:4]
lib = p.PyKCS11Lib()
lib.load(module)
slot = next(s for s in lib.getSlotList(tokenPresent=True) if lib.getTokenInfo(s).label.strip() == label)


def opened():
    return lib.openSession(slot, p.CKF_SERIAL_SESSION | p.CKF_RW_SESSION)


def refused(session, pin):
    try:
        session.login(pin)
    except p.PyKCS11Error as e:
        assert e.value == p.CKR_PIN_INCORRECT, e
        return
    raise SystemExit("accepted: %.40s" % pin)


def sign(pin, name):
    session = opened()
    session.login(pin)
    key = session.findObjects([(p.CKA_CLASS, p.CKO_PRIVATE_KEY), (p.CKA_LABEL, name)])[0]
    pub = session.findObjects([(p.CKA_CLASS, p.CKO_PUBLIC_KEY), (p.CKA_LABEL, name)])[0]
    digest = hashlib.sha256(b"attack at dawn").digest()
    signature = session.sign(key, digest, p.Mechanism(p.CKM_ECDSA, None))
    assert len(signature) == 64 and session.verify(pub, digest, signature, p.Mechanism(p.CKM_ECDSA, None))
    session.logout()
    for wrong in ("1234", "attest", "attest:@nobody", "{}"):
        refused(session, wrong)
    session.closeSession()


def elsewhere(tool, source):
    session = opened()
    feature = session.findObjects([(p.CKA_CLASS, CKO_HW_FEATURE)])[0]

    def answer():
        challenge = bytes(session.getAttributeValue(feature, [CHALLENGE], True)[0])
        assert len(challenge) == 32
        return subprocess.run([tool, "attest", "collect", "--challenge", challenge.hex(), "--source", source], check=True,
                              stdout=subprocess.PIPE).stdout.decode().strip()

    stale = answer()
    bundle = answer()  # its challenge ends the last one
    refused(session, stale)
    bundle = answer()  # and an attempt ends the challenge
    session.login(bundle)
    assert session.getSessionInfo().state == p.CKS_RW_USER_FUNCTIONS
    session.logout()
    refused(session, bundle)
    # Blanks between the tokens of JSON: a bundle with long certificate chains is as long as this one.
    bundle = answer().replace(",", "," + " " * 100000, 1)
    session.login(bundle)
    session.logout()
    session.closeSession()


def make_key(pin, name, out):
    session = opened()
    session.login(pin)
    pub = [(p.CKA_TOKEN, True), (p.CKA_LABEL, name), (p.CKA_EC_PARAMS, SECP256K1), (p.CKA_VERIFY, True)]
    priv = [(p.CKA_TOKEN, True), (p.CKA_LABEL, name), (p.CKA_SIGN, True), (p.CKA_PRIVATE, True), (p.CKA_SENSITIVE, True)]
    _, key = session.generateKeyPair(pub, priv, p.MechanismECGENERATEKEYPAIR)
    bundle, spki = session.getAttributeValue(key, [KEY_ATTESTATION, p.CKA_PUBLIC_KEY_INFO], True)
    with open(out + ".json", "wb") as f:
        f.write(bytes(bundle))
    with open(out + ".der", "wb") as f:
        f.write(bytes(spki))
    session.closeSession()


{"sign": sign, "elsewhere": elsewhere, "key": make_key}[what](*sys.argv[4:])
