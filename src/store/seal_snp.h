/* SPDX-License-Identifier: Apache-2.0 */
/* Where the seal "snp" meets the kernel. */
#ifndef HZ_STORE_SEAL_SNP_H
#define HZ_STORE_SEAL_SNP_H

/* ioctl(2) on /dev/sev-guest. A test puts a recorded device in its place; nothing else ever writes it. */
extern int (*hz_snp_ioctl)(int fd, unsigned long request, void *arg);

#endif
