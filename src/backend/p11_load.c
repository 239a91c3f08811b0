/* SPDX-License-Identifier: Apache-2.0 */
/* Loading another module through p11-kit. The only file that sees p11-kit's own PKCS#11 header. */
#include "backend/p11_load.h"

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *hz_p11_load(const char *path)
{
	return p11_kit_module_load(path, 0);
}

const char *hz_p11_load_reason(void)
{
	const char *text = p11_kit_message();

	return text != NULL ? text : "unknown reason";
}

/* NSS has one more field in front of pReserved, which it wants as NULL after it. */
struct init_args {
	CK_C_INITIALIZE_ARGS args;
	void *end;
};

unsigned long hz_p11_start(void *module, const char *reserved)
{
	struct init_args a = { { NULL, NULL, NULL, NULL, CKF_OS_LOCKING_OK, (void *)(uintptr_t)reserved }, NULL };
	CK_FUNCTION_LIST *f = module;

	return reserved != NULL ? f->C_Initialize(&a.args) : p11_kit_module_initialize(module);
}

unsigned long hz_p11_stop(void *module)
{
	return p11_kit_module_finalize(module);
}

void hz_p11_unload(void *module)
{
	p11_kit_module_release(module);
}

/* Start of the library that a symbol of the handle lies in; symbols of what it depends on are found too, and have another start. */
static const void *base_of(void *handle, const char *symbol)
{
	void *p = dlsym(handle, symbol);
	Dl_info info;

	return p != NULL && dladdr(p, &info) != 0 ? info.dli_fbase : NULL;
}

/* C_GetInterface as 3.0 has it; p11-kit 0.24 knows 2.40 only. */
struct interface {
	char *name;
	void *list;
	unsigned long flags;
};
typedef unsigned long (*get_interface)(unsigned char *name, void *version, struct interface **out, unsigned long flags);

/* A copy of this module under another name would load itself for ever: the vendor interface tells it. */
static bool speaks_hanzo(void *handle, const void *base)
{
	unsigned char name[] = "Vendor hanzo";
	struct interface *i = NULL;
	get_interface get;

	if (base_of(handle, "C_GetInterface") != base)
		return false;
	*(void **)&get = dlsym(handle, "C_GetInterface");
	return get(name, NULL, &i, 0) == 0 && i != NULL;
}

enum hz_p11_identity hz_p11_identify(const char *path)
{
	static const char here;
	void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
	enum hz_p11_identity id = HZ_P11_FOREIGN;
	const void *base;
	Dl_info own;

	if (handle == NULL)
		return HZ_P11_FOREIGN;
	base = base_of(handle, "C_GetFunctionList");
	if (base != NULL && base_of(handle, "p11_kit_module_load") == base)
		id = HZ_P11_PROXY;
	else if (base != NULL && ((dladdr(&here, &own) != 0 && own.dli_fbase == base) || speaks_hanzo(handle, base)))
		id = HZ_P11_OURSELVES;
	(void)dlclose(handle);
	return id;
}
