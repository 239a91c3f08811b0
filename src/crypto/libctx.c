/* SPDX-License-Identifier: Apache-2.0 */
/* The private library context, the cache of what was fetched from it, and fast random bytes. */
#include "crypto/libctx.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fork.h"
#include "base/secmem.h"
#include "crypto/provider.h"

static pthread_once_t ctx_once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *ctx, *math;

/*
 * OPENSSL_INIT_NO_ATEXIT: where we are the first to touch libcrypto it registers no exit handler, so that threads and destructors
 * which still use the module while the process ends find it alive. No configuration is loaded: openssl.cnf may name this module.
 */
static void make_ctx(void)
{
	/*
	 * Error texts and names now and not when they are first needed: libcrypto makes them under locks of the whole process, which a
	 * fork beside that would leave taken in the child.
	 */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_ADD_ALL_CIPHERS |
				OPENSSL_INIT_ADD_ALL_DIGESTS, NULL) != 1)
		return;
	ctx = hz_provider_ctx_new(&math);
}

OSSL_LIB_CTX *hz_libctx(void)
{
	return pthread_once(&ctx_once, make_ctx) == 0 ? ctx : NULL;
}

OSSL_LIB_CTX *hz_libctx_math(void)
{
	return pthread_once(&ctx_once, make_ctx) == 0 ? math : NULL;
}

/* One kind of algorithm: names are only ever added, so a look-up is a walk over atomic pointers without a lock. */
struct entry {
	char *name;
	void *alg; /* NULL: this libcrypto lacks it, which is remembered too */
};

#define ENTRIES 64

struct cache {
	void *(*fetch)(OSSL_LIB_CTX *c, const char *name);
	void (*drop)(void *alg);
	_Atomic(struct entry *) e[ENTRIES];
};

/* A walk of the table ends at the first empty place: entries are never removed. */
static struct entry *lookup(struct cache *t, const char *name, size_t *empty)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *e = atomic_load_explicit(&t->e[i], memory_order_acquire);

		if (e == NULL) {
			*empty = i;
			return NULL;
		}
		if (strcmp(e->name, name) == 0)
			return e;
	}
	*empty = ENTRIES;
	return NULL;
}

/* What is not there is remembered; what could not be fetched, as where memory ran out, is tried again. */
static struct entry *entry_new(struct cache *t, const char *name)
{
	OSSL_LIB_CTX *c = hz_libctx();
	struct entry *e = c != NULL ? malloc(sizeof *e) : NULL;
	bool absent;

	if (e == NULL)
		return NULL;
	e->name = strdup(name);
	if (e->name == NULL) {
		free(e);
		return NULL;
	}
	ERR_set_mark();
	e->alg = t->fetch(c, name);
	absent = e->alg == NULL && ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;
	ERR_pop_to_mark();
	if (e->alg != NULL || absent)
		return e;
	free(e->name);
	free(e);
	return NULL;
}

static void entry_free(struct cache *t, struct entry *e)
{
	if (e->alg != NULL)
		t->drop(e->alg);
	free(e->name);
	free(e);
}

/* Publish a new entry at the first empty place, unless another thread was faster with the same name. */
static void *get(struct cache *t, const char *name)
{
	size_t at;
	struct entry *mine, *e = lookup(t, name, &at);

	if (e != NULL)
		return e->alg;
	mine = entry_new(t, name);
	while (mine != NULL && at < ENTRIES) {
		e = NULL;
		if (atomic_compare_exchange_strong_explicit(&t->e[at], &e, mine, memory_order_acq_rel, memory_order_acquire))
			return mine->alg;
		e = lookup(t, name, &at);
		if (e != NULL)
			break;
	}
	/* Lost the race, or the table is full: callers ask for a few dozen names that the source fixes, so the latter is a bug of ours. */
	if (mine != NULL)
		entry_free(t, mine);
	return e != NULL ? e->alg : NULL;
}

static void *fetch_md(OSSL_LIB_CTX *c, const char *name) { return EVP_MD_fetch(c, name, NULL); }
static void *fetch_cipher(OSSL_LIB_CTX *c, const char *name) { return EVP_CIPHER_fetch(c, name, NULL); }
static void *fetch_mac(OSSL_LIB_CTX *c, const char *name) { return EVP_MAC_fetch(c, name, NULL); }
static void *fetch_kdf(OSSL_LIB_CTX *c, const char *name) { return EVP_KDF_fetch(c, name, NULL); }
static void drop_md(void *p) { EVP_MD_free(p); }
static void drop_cipher(void *p) { EVP_CIPHER_free(p); }
static void drop_mac(void *p) { EVP_MAC_free(p); }
static void drop_kdf(void *p) { EVP_KDF_free(p); }

static struct cache mds = { fetch_md, drop_md, { NULL } };
static struct cache ciphers = { fetch_cipher, drop_cipher, { NULL } };
static struct cache macs = { fetch_mac, drop_mac, { NULL } };
static struct cache kdfs = { fetch_kdf, drop_kdf, { NULL } };

static void forget(struct cache *t)
{
	for (size_t i = 0; i < ENTRIES; i++)
		atomic_store(&t->e[i], NULL);
}

void hz_libctx_after_fork(void)
{
	ctx_once = (pthread_once_t)PTHREAD_ONCE_INIT;
	ctx = math = NULL;
	forget(&mds);
	forget(&ciphers);
	forget(&macs);
	forget(&kdfs);
}

EVP_MD *hz_md(const char *name)
{
	return get(&mds, name);
}

EVP_CIPHER *hz_cipher(const char *name)
{
	return get(&ciphers, name);
}

EVP_MAC *hz_mac(const char *name)
{
	return get(&macs, name);
}

EVP_KDF *hz_kdf(const char *name)
{
	return get(&kdfs, name);
}

bool hz_has_keytype(const char *name)
{
	OSSL_LIB_CTX *c = hz_libctx();
	EVP_KEYMGMT *k = NULL;

	if (c == NULL)
		return false;
	ERR_set_mark();
	k = EVP_KEYMGMT_fetch(c, name, NULL);
	ERR_pop_to_mark();
	EVP_KEYMGMT_free(k);
	return k != NULL;
}

const char *hz_ossl_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	/* An application that set a mark before it called us keeps what it had: pop our errors only and put its mark back. */
	if (ERR_pop_to_mark() == 1)
		ERR_set_mark();
	return text != NULL ? text : "no reason given by libcrypto";
}

/* A multiple of every block size. */
#define CHUNK ((size_t)1 << 30)

bool hz_evp_run(EVP_CIPHER_CTX *keyed, const uint8_t *in, size_t n, uint8_t *out)
{
	while (n > 0) {
		int part = (int)(n < CHUNK ? n : CHUNK), got = 0;

		if (EVP_CipherUpdate(keyed, out, &got, in, part) != 1 || (out != NULL && got != part))
			return false;
		in += part;
		out = out != NULL ? out + part : NULL;
		n -= (size_t)part;
	}
	return true;
}

/*
 * One block of generator output per thread, in secret memory. What is handed out is wiped, so a later look at the memory tells
 * nothing of former output; a forked child never sees its parent's rest, because its pages read as zero (left = 0) and because
 * the generation differs.
 */
#define POOL 1024
#define POOL_MAX_REQUEST 256 /* more goes to the generator directly */

struct pool {
	size_t left;
	uint8_t b[POOL];
};

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static pthread_key_t pool_key;
static bool pool_key_ok;
static _Thread_local struct pool *pool;
static _Thread_local unsigned pool_gen;

static void pool_free(void *p)
{
	/* In a child the block belongs to the parent's arena, which is gone. */
	if (pool == p && pool_gen == hz_fork_gen()) {
		hz_secmem_keep(false);
		hz_secmem_free(p);
	}
	pool = NULL;
}

static void make_pool_key(void)
{
	hz_fork_watch();
	pool_key_ok = pthread_key_create(&pool_key, pool_free) == 0;
}

static struct pool *pool_get(void)
{
	if (pool != NULL && pool_gen == hz_fork_gen())
		return pool;
	if (pthread_once(&pool_once, make_pool_key) != 0 || !pool_key_ok)
		return NULL;
	pool = hz_secmem_alloc(sizeof *pool);
	pool_gen = hz_fork_gen();
	if (pool != NULL && pthread_setspecific(pool_key, pool) != 0) {
		hz_secmem_free(pool);
		pool = NULL;
	}
	if (pool != NULL)
		hz_secmem_keep(true);
	return pool;
}

/*
 * Not RAND_priv_bytes_ex: it asks for the process-wide RAND_METHOD first, under a lock that a thread may hold while another forks, and
 * an application's method has no say in our keys.
 */
static bool generate(uint8_t *out, size_t n)
{
	OSSL_LIB_CTX *c = hz_libctx_math();
	EVP_RAND_CTX *drbg = c != NULL ? RAND_get0_private(c) : NULL;

	return drbg != NULL && EVP_RAND_generate(drbg, out, n, 0, 0, NULL, 0) == 1;
}

bool hz_random(void *out, size_t n)
{
	struct pool *p = n <= POOL_MAX_REQUEST ? pool_get() : NULL;

	if (n == 0)
		return true;
	if (p == NULL)
		return generate(out, n);
	if (p->left < n) {
		p->left = 0;
		if (!generate(p->b, POOL))
			return false;
		p->left = POOL;
	}
	p->left -= n;
	memcpy(out, p->b + p->left, n);
	hz_wipe(p->b + p->left, n);
	return true;
}

bool hz_random_add(const void *in, size_t n)
{
	OSSL_LIB_CTX *c = hz_libctx_math();
	EVP_RAND_CTX *drbg = c != NULL ? RAND_get0_private(c) : NULL;

	if (pool != NULL && pool_gen == hz_fork_gen())
		pool->left = 0;
	return drbg != NULL && EVP_RAND_reseed(drbg, 0, NULL, 0, n != 0 ? in : NULL, n) == 1;
}
