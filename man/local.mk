# SPDX-License-Identifier: Apache-2.0
dist_man_MANS += \
	man/hanzo-p11.1 \
	man/hanzo-pkcs11-policy.5 \
	man/hanzo-pkcs11.7 \
	man/libhanzo-attest.3 \
	man/hanzo-pkcs11.conf.5
