# SPDX-License-Identifier: Apache-2.0
# A PKCS#11 module for tests alone: a real one, with faults between it and us.
check_LTLIBRARIES += mock-hsm.la
mock_hsm_la_SOURCES = \
	tests/mock/functions.inc \
	tests/mock/mock_hsm.c \
	tests/mock/mock_hsm.h \
	tests/mock/mock_script.c
mock_hsm_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
mock_hsm_la_LIBADD = -ldl $(PTHREAD_LIBS)

# Stands in front of another module and hides what that one is.
check_LTLIBRARIES += mock-front.la
mock_front_la_SOURCES = tests/mock/front.c
mock_front_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
mock_front_la_LIBADD = -ldl
