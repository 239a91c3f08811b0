/* SPDX-License-Identifier: Apache-2.0 */
/* What libhanzo-pkcs11 adds to PKCS#11: mechanisms, attributes, the attestation object and the interface "Vendor hanzo".
 *
 * Include a pkcs11.h first, this project's or any other vendor's; this file uses only types that every one of them has
 * and falls back to <pkcs11.h> where none came before. For C and C++. Numbers are never reused or changed.
 *
 * Everything the interface does can also be done with standard calls (C_Login, C_GetAttributeValue and
 * C_SetAttributeValue on the attestation object): vendor attributes travel through p11-kit's remoting, vendor functions
 * and vendor mechanisms do not. */
#ifndef HANZO_PKCS11_H
#define HANZO_PKCS11_H

#ifndef CKR_OK
#include <pkcs11.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Bit 31 marks vendor numbers; bit 30 stays clear, because in an attribute it would mean "array of attributes". Every number
 * is the base plus n. */
#define CKM_HANZO_BASE 0x80485A00UL
#define CKA_HANZO_BASE 0x80485A00UL
#define CKH_HANZO_BASE 0x80485A00UL
#define CKO_HANZO_BASE 0x80485A00UL

/* Mechanisms. The comment names the functions and the parameter ("none": pParameter NULL, ulParameterLen 0). */
#define CKM_HANZO_ECIES 0x80485A01UL             /* C_Encrypt, C_Decrypt, C_WrapKey, C_UnwrapKey; none or CK_HANZO_ECIES_PARAMS */
#define CKM_HANZO_ECIES_DELEGATE 0x80485A02UL    /* C_WrapKey; CK_HANZO_ECIES_DELEGATE_PARAMS */
#define CKM_HANZO_ECIES_PARTIAL 0x80485A03UL     /* C_WrapKey; CK_HANZO_ECIES_DELEGATE_PARAMS */
#define CKM_HANZO_SHAMIR_SHARE 0x80485A04UL      /* C_WrapKey; CK_HANZO_SHAMIR_PARAMS */
#define CKM_HANZO_SHARE_REFRESH 0x80485A05UL     /* C_UnwrapKey; CK_HANZO_SHARE_REFRESH_PARAMS */
#define CKM_HANZO_POAI 0x80485A10UL              /* C_Sign, C_Verify; none or CK_HANZO_EIP712_PARAMS */
#define CKM_HANZO_HMM_SETTLEMENT 0x80485A11UL    /* C_Sign, C_Verify; none or CK_HANZO_EIP712_PARAMS */
#define CKM_HANZO_EIP712 0x80485A12UL            /* C_Sign, C_Verify; none */
#define CKM_HANZO_ECDSA_RECOVERABLE 0x80485A13UL /* C_Sign, C_Verify; none; 32-byte digest in, r || s || v out */
#define CKM_HANZO_ECDSA_KECCAK256 0x80485A14UL   /* C_Sign, C_Verify, multi-part; none; r || s out */
#define CKM_HANZO_KECCAK256 0x80485A15UL         /* C_Digest, multi-part; none; 32 bytes out */
#define CKM_HANZO_CERT_SUBJECT 0x80485A16UL      /* C_Sign, C_Verify, multi-part; CK_HANZO_CERT_SUBJECT_PARAMS */
#define CKM_HANZO_SCHNORR_BIP340 0x80485A17UL    /* C_Sign, C_Verify; none; any message in, 64 bytes out */
#define CKM_HANZO_MODEL_WEIGHTS 0x80485A20UL     /* C_Encrypt, C_Decrypt, multi-part; none */
#define CKM_HANZO_KMS_BLOB 0x80485A21UL          /* C_Encrypt, C_Decrypt; none; AES keys held by Infisical */

/* Attributes. "Read-only": made by the module, refused in templates. */
#define CKA_HANZO_TIER 0x80485A01UL            /* CK_ULONG, read-only: tier of the slot that the object was made in */
#define CKA_HANZO_EFFECTIVE_TIER 0x80485A02UL  /* CK_ULONG, read-only: tier that really holds it */
#define CKA_HANZO_TENANT 0x80485A03UL          /* UTF-8, fixed at creation: owner */
#define CKA_HANZO_KEYSPACE 0x80485A04UL        /* UTF-8, fixed at creation: purpose:tenant:name */
#define CKA_HANZO_KEY_VERSION 0x80485A05UL     /* CK_ULONG, read-only: 1, 2, ... within a keyspace */
#define CKA_HANZO_ROTATE_DAYS 0x80485A06UL     /* CK_ULONG: days between rotations, 0 = never */
#define CKA_HANZO_RATE_LIMIT 0x80485A07UL      /* CK_ULONG: uses a minute, 0 = no limit; user tightens, SO loosens */
#define CKA_HANZO_USES_LEFT 0x80485A08UL       /* CK_ULONG: uses left, absent = unlimited; user lowers, SO raises */
#define CKA_HANZO_ADDRESS 0x80485A09UL         /* 20 bytes, read-only: Ethereum address of a secp256k1 key */
#define CKA_HANZO_LANE 0x80485A0AUL            /* 32 bytes, read-only: ledger lane of the key */
#define CKA_HANZO_SHARE_INDEX 0x80485A0BUL     /* CK_ULONG, read-only: i of a threshold share */
#define CKA_HANZO_SHARE_THRESHOLD 0x80485A0CUL /* CK_ULONG, read-only: t of a threshold share */
#define CKA_HANZO_KEY_ATTESTATION 0x80485A0DUL /* bytes, read-only: evidence bundle about the key, made when read */
#define CKA_HANZO_CHALLENGE 0x80485A10UL       /* 32 bytes, read-only, attestation object: challenge of this session */
#define CKA_HANZO_EVIDENCE 0x80485A11UL        /* bytes, write-only, attestation object: bundle for the next C_Login */

/* CKA_HW_FEATURE_TYPE of the attestation object (class CKO_HW_FEATURE), found only by searches that name the class. */
#define CKH_HANZO_ATTESTATION 0x80485A01UL

/* Bits of CK_HANZO_EIP712_PARAMS.ulFormat. */
#define CK_HANZO_FORMAT_RS 0x01UL          /* signature is r || s, 64 bytes, instead of r || s || v */
#define CK_HANZO_FORMAT_IGNORE_TTL 0x100UL /* C_Verify accepts an old timestamp */

/* CKM_HANZO_ECIES: bytes authenticated with the ciphertext. */
typedef struct CK_HANZO_ECIES_PARAMS {
	CK_BYTE *pAAD;
	CK_ULONG ulAADLen; /* bytes */
} CK_HANZO_ECIES_PARAMS;

/* CKM_HANZO_ECIES_DELEGATE, CKM_HANZO_ECIES_PARTIAL: K, the ephemeral key at the head of an ECIES blob. */
typedef struct CK_HANZO_ECIES_DELEGATE_PARAMS {
	CK_BYTE *pEphemeralKey;
	CK_ULONG ulEphemeralKeyLen; /* 33: a compressed point */
} CK_HANZO_ECIES_DELEGATE_PARAMS;

/* C_UnwrapKey(CKM_HANZO_ECIES) with CKO_PRIVATE_KEY and CKA_HANZO_SHARE_INDEX takes one share blob, or the sum of several with one
 * splitId and index: 0x00 || u16be count || count times (u32be length || blob). Keys without a dealer are made so. */

/* CKM_HANZO_SHAMIR_SHARE: share ulIndex of ulShares, any ulThreshold of which recombine. */
typedef struct CK_HANZO_SHAMIR_PARAMS {
	CK_ULONG ulIndex;     /* 1 .. ulShares */
	CK_ULONG ulThreshold; /* 2 .. ulShares */
	CK_ULONG ulShares;    /* 2 .. 255 */
	CK_BYTE splitId[16];  /* the same for all shares of one split */
} CK_HANZO_SHAMIR_PARAMS;

/* CKM_HANZO_SHARE_REFRESH: a new share from an old one, of the same key and index. What is unwrapped is 0x00 || u16be count || count
 * times (u32be length || share blob || u32be length || share blob), each pair dealt from one key: the first under the new split's
 * splitId, the second under that with every bit turned over, so that their difference is a share of zero. The object is made by the
 * rules of C_CopyObject; the old share stays as it is, and is to be destroyed. */
typedef struct CK_HANZO_SHARE_REFRESH_PARAMS {
	CK_OBJECT_HANDLE hShare;
} CK_HANZO_SHARE_REFRESH_PARAMS;

/* CKM_HANZO_POAI, CKM_HANZO_HMM_SETTLEMENT: the EIP-712 domain. */
typedef struct CK_HANZO_EIP712_PARAMS {
	CK_ULONG ulChainId;
	CK_BYTE verifyingContract[20];
	CK_BBOOL hasContract; /* CK_TRUE: verifyingContract is part of the domain */
	CK_ULONG ulFormat;    /* CK_HANZO_FORMAT_ bits */
} CK_HANZO_EIP712_PARAMS;

/* CKM_HANZO_CERT_SUBJECT. */
typedef struct CK_HANZO_CERT_SUBJECT_PARAMS {
	CK_BYTE subject[32];
} CK_HANZO_CERT_SUBJECT_PARAMS;

typedef CK_HANZO_ECIES_PARAMS *CK_HANZO_ECIES_PARAMS_PTR;
typedef CK_HANZO_ECIES_DELEGATE_PARAMS *CK_HANZO_ECIES_DELEGATE_PARAMS_PTR;
typedef CK_HANZO_SHAMIR_PARAMS *CK_HANZO_SHAMIR_PARAMS_PTR;
typedef CK_HANZO_SHARE_REFRESH_PARAMS *CK_HANZO_SHARE_REFRESH_PARAMS_PTR;
typedef CK_HANZO_EIP712_PARAMS *CK_HANZO_EIP712_PARAMS_PTR;
typedef CK_HANZO_CERT_SUBJECT_PARAMS *CK_HANZO_CERT_SUBJECT_PARAMS_PTR;

/* Name and version of the vendor interface: C_GetInterface((CK_UTF8CHAR *)CK_HANZO_INTERFACE_NAME, NULL or {1, 0}, ...). */
#define CK_HANZO_INTERFACE_NAME "Vendor hanzo"
#define CK_HANZO_INTERFACE_MAJOR 1
#define CK_HANZO_INTERFACE_MINOR 0

/* Text with the reason of the calling thread's last failure in this module, ended by NUL. buf NULL: *len is set to the
 * size needed, the NUL included; a smaller *len gives CKR_BUFFER_TOO_SMALL and the same; otherwise *len becomes the size
 * written. len NULL: CKR_ARGUMENTS_BAD. Works before C_Initialize and keeps the text. */
typedef CK_RV (*HZ_GetLastError_t)(char *buf, CK_ULONG *len);

/* The challenge (32 bytes, *len in bytes) that evidence for the session's next C_Login must answer, as reading
 * CKA_HANZO_CHALLENGE gives it: a size query makes none, a fresh one ends the last, valid 300 s and for one attempt. */
typedef CK_RV (*HZ_GetChallenge_t)(CK_SESSION_HANDLE session, CK_BYTE *buf, CK_ULONG *len);

/* Stages an evidence bundle (JSON, at most 1 MiB) for the session's next C_Login with pPin NULL or a plain PIN. */
typedef CK_RV (*HZ_StageEvidence_t)(CK_SESSION_HANDLE session, CK_BYTE *bundle, CK_ULONG len);

/* Renews the session's login from the staged bundle, else from the slot's evidence source, without ending sessions. */
typedef CK_RV (*HZ_Renew_t)(CK_SESSION_HANDLE session);

/* The function list of the interface. Later minor versions append to it. */
typedef struct CK_HANZO_FUNCTION_LIST {
	CK_VERSION version;
	HZ_GetLastError_t HZ_GetLastError;
	HZ_GetChallenge_t HZ_GetChallenge;
	HZ_StageEvidence_t HZ_StageEvidence;
	HZ_Renew_t HZ_Renew;
} CK_HANZO_FUNCTION_LIST;
typedef CK_HANZO_FUNCTION_LIST *CK_HANZO_FUNCTION_LIST_PTR;

#ifdef __cplusplus
}
#endif

#endif
