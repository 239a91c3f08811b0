/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in of NVIDIA's management library with two GPUs, to test the collector's side of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A name of nvml.h each. */
int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *n);
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d);
int nvmlDeviceGetArchitecture(void *d, unsigned *arch);
int nvmlDeviceGetConfComputeGpuCertificate(void *d, uint32_t *c);
int nvmlDeviceGetConfComputeGpuAttestationReport(void *d, uint32_t *r);

int nvmlSystemGetConfComputeState(unsigned *s);

/* environment, feature, development tools: production, on, off, unless the test says otherwise. */
int nvmlSystemGetConfComputeState(unsigned *s)
{
	const char *mode = getenv("FAKE_NVML_MODE");

	s[0] = 2;
	s[1] = mode == NULL || strcmp(mode, "off") != 0;
	s[2] = mode != NULL && strcmp(mode, "devtools") == 0;
	return mode != NULL && strcmp(mode, "untold") == 0 ? 3 : 0;
}

int nvmlInit_v2(void)
{
	return getenv("FAKE_NVML_DOWN") != NULL ? 9 : 0;
}

int nvmlShutdown(void)
{
	return 0;
}

int nvmlDeviceGetCount_v2(unsigned *n)
{
	*n = 2;
	return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d)
{
	*d = (void *)(uintptr_t)(i + 1);
	return 0;
}

int nvmlDeviceGetArchitecture(void *d, unsigned *arch)
{
	(void)d;
	*arch = getenv("FAKE_NVML_ARCH") != NULL ? 7 : 9;
	return 0;
}

/* The chain that the test gives; sizes at 0 and 4, chains at 8 and 4104. */
int nvmlDeviceGetConfComputeGpuCertificate(void *d, uint32_t *c)
{
	const char *pem = getenv("FAKE_NVML_PEM");

	(void)d;
	c[1] = (uint32_t)strlen(pem);
	memcpy((uint8_t *)c + 4104, pem, strlen(pem));
	return 0;
}

/* A report that repeats the nonce (at 12) behind the device's number; size at 4, report at 44. */
int nvmlDeviceGetConfComputeGpuAttestationReport(void *d, uint32_t *r)
{
	uint8_t *p = (uint8_t *)r;

	if (getenv("FAKE_NVML_NO_CC") != NULL)
		return 3; /* NVML_ERROR_NOT_SUPPORTED */
	r[1] = 33;
	p[44] = (uint8_t)(uintptr_t)d;
	memcpy(p + 45, p + 12, 32);
	return 0;
}
