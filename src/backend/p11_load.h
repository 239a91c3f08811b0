/* SPDX-License-Identifier: Apache-2.0 */
/* Other modules through p11-kit, which shares one copy of a module among all of its users in a process. */
#ifndef HZ_BACKEND_P11_LOAD_H
#define HZ_BACKEND_P11_LOAD_H

/*
 * p11-kit's header brings its own definitions of PKCS#11, so its types stay on the other side of this file: `module` is a
 * CK_FUNCTION_LIST of version 2.40 (whatever it says of itself), codes are CK_RV. p11-kit counts C_Initialize and C_Finalize of its
 * users, takes CKR_CRYPTOKI_ALREADY_INITIALIZED for success when the application itself uses the module, and closes only our sessions.
 */

/* NULL: not loaded, hz_p11_load_reason says why. */
void *hz_p11_load(const char *path);
const char *hz_p11_load_reason(void);
/* C_Initialize, or one more user of it. `reserved`: the string that some modules want in pReserved, or NULL. */
unsigned long hz_p11_start(void *module, const char *reserved);
unsigned long hz_p11_stop(void *module);
void hz_p11_unload(void *module);

/* What a file turned out to be, once it is loaded. */
enum hz_p11_identity { HZ_P11_FOREIGN, HZ_P11_OURSELVES, HZ_P11_PROXY };

/* Is the library at `path` this very module (or a copy of it), or p11-kit's proxy, which may lead back to us? */
enum hz_p11_identity hz_p11_identify(const char *path);

#endif
