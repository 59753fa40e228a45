# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += \
	tests/store/test_commit \
	tests/store/test_files \
	tests/store/test_kill \
	tests/store/test_powercut \
	tests/store/test_rec \
	tests/store/test_rec_fault \
	tests/store/test_rec_repair \
	tests/store/test_sodb \
	tests/store/test_store \
	tests/store/test_store_fault
endif
STORE_LIB = tests/store/store_lib.c tests/store/store_lib.h
tests_store_test_commit_SOURCES = tests/store/test_commit.c $(STORE_LIB)
tests_store_test_commit_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_files_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_kill_SOURCES = tests/store/test_kill.c $(STORE_LIB)
tests_store_test_kill_LDADD = $(UNIT) $(LIBS_STORAGE)
DISK = tests/lib/disk.c tests/lib/disk.h
tests_store_test_powercut_SOURCES = tests/store/test_powercut.c $(STORE_LIB) \
	$(DISK)
tests_store_test_powercut_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_sodb_SOURCES = tests/store/test_sodb.c $(STORE_LIB)
tests_store_test_sodb_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_store_SOURCES = tests/store/test_store.c $(STORE_LIB)
tests_store_test_store_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_store_fault_SOURCES = tests/store/test_store_fault.c \
	$(STORE_LIB) $(DISK)
tests_store_test_store_fault_LDADD = $(UNIT) $(LIBS_STORAGE)
REC_LIB = tests/store/rec_lib.c tests/store/rec_lib.h
tests_store_test_rec_SOURCES = tests/store/test_rec.c $(REC_LIB)
tests_store_test_rec_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_rec_fault_SOURCES = tests/store/test_rec_fault.c $(REC_LIB)
tests_store_test_rec_fault_LDADD = $(UNIT) $(LIBS_STORAGE)
tests_store_test_rec_repair_SOURCES = tests/store/test_rec_repair.c $(REC_LIB)
tests_store_test_rec_repair_LDADD = $(UNIT) $(LIBS_STORAGE)
